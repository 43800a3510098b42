"""One read for all who ask at the same time: never an older one, and none who is forgotten."""

import asyncio
from collections.abc import Sequence

import pytest

from shopwire.services.gathering import Gathered

pytestmark = pytest.mark.anyio


class Reading:
    """A read that goes on when it is let."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.ends: list[asyncio.Future[str]] = []
        self._changed = asyncio.Condition()

    async def __call__(self, keys: Sequence[str]) -> str:
        async with self._changed:
            self.asked.append(list(keys))
            self.ends.append(asyncio.get_running_loop().create_future())
            self._changed.notify_all()
        return await self.ends[-1]

    async def began(self, count: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.asked) >= count)


def asks(gathered: Gathered[str], *names: str) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(gathered.of(name)) for name in names]


async def test_one_alone_waits_for_nobody():
    read = Reading()
    (one,) = asks(Gathered(read), "ba")
    await read.began(1)
    assert read.asked == [["a", "b"]]
    read.ends[0].set_result("found")
    assert await one == "found"


async def test_who_comes_during_a_read_is_not_told_what_was_true_before_and_shares_the_next():
    read = Reading()
    gathered = Gathered(read)
    (first,) = asks(gathered, "a")
    await read.began(1)
    others = asks(gathered, "ab", "c")
    read.ends[0].set_result("old")
    assert await first == "old"
    await read.began(2)
    assert not any(one.done() for one in others)
    assert read.asked[1] == ["a", "b", "c"]
    read.ends[1].set_result("new")
    assert [await one for one in others] == ["new", "new"]
    assert len(read.asked) == 2


async def test_a_failure_is_told_to_all_whom_it_concerns_and_the_next_ask_anew():
    read = Reading()
    gathered = Gathered(read)
    failing = asks(gathered, "a", "b")
    await read.began(1)
    (later,) = asks(gathered, "c")
    read.ends[0].set_exception(OSError("away"))
    for one in failing:
        with pytest.raises(OSError, match="away"):
            await one
    await read.began(2)
    read.ends[1].set_result("there")
    assert await later == "there"


async def test_a_caller_that_leaves_takes_nobody_along():
    read = Reading()
    gathered = Gathered(read)
    left, stayed = asks(gathered, "a", "b")
    await read.began(1)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    read.ends[0].set_result("found")
    assert await stayed == "found"


async def test_a_read_has_a_largest_size_and_everybody_a_turn():
    read = Reading()
    gathered = Gathered(read, keys_max=2)
    tasks = asks(gathered, "abc", "d", "e", "f")
    for number, keys in enumerate(("abc", "de", "f")):
        await read.began(number + 1)
        assert read.asked[number] == list(keys)
        read.ends[number].set_result(keys)
    assert [await one for one in tasks] == ["abc", "de", "de", "f"]
