"""Background work that ends without being told to is never ignored."""

import asyncio

import pytest

from shopwire.services.steps import in_background

pytestmark = pytest.mark.anyio


async def test_work_whose_wait_was_cancelled_by_somebody_else_is_reported():
    problems: list[BaseException] = []
    waited = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await waited

    async with in_background(work(), problems.append):
        await asyncio.sleep(0)
        waited.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert [type(problem) for problem in problems] == [asyncio.CancelledError]


async def test_work_that_is_told_to_end_is_no_failure():
    problems: list[BaseException] = []
    async with in_background(asyncio.Event().wait(), problems.append):  # type: ignore[arg-type]
        await asyncio.sleep(0)
    assert problems == []
