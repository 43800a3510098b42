"""A checkout killed between any two of its steps: finished or given up, with exactly one effect."""

import asyncio
from typing import Any

import pytest
from tests.modules.shop import drifts
from tests.orders.paying import Till, decline, leave_open, nothing, till
from tests.orders.world import CART, ORDER

from shopwire.kernel.commands import Envelope, Outcome
from shopwire.kernel.errors import KeyInFlight
from shopwire.modules.inventory.api import ExpireHolds, HoldRef, VoidHold
from shopwire.modules.orders.domain import ANSWER_MS

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


class Killed(BaseException):
    """The process is gone at this point: nothing after it happens, nothing before is undone."""


class Mortal:
    """A write path whose process dies before or after one of its submissions."""

    def __init__(self, write_path: Any, operation: str, moment: str) -> None:
        self._write_path = write_path
        self._operation, self._moment = operation, moment

    async def submit(self, envelope: Envelope) -> Outcome:
        mine = envelope.command.operation == self._operation
        if mine and self._moment == "before":
            raise Killed
        outcome = await self._write_path.submit(envelope)
        if mine:
            raise Killed
        return outcome


async def killed(charge: Any) -> None:
    raise Killed


def mortal(shop: Till, operation: str, moment: str) -> None:
    """From now on the door's process dies there."""
    write_path = Mortal(shop.shop.write_path, operation, moment)
    shop.door._write_path = write_path
    shop.completion._write_path = write_path


def immortal(shop: Till) -> None:
    """Another process, which lives."""
    shop.door._write_path = shop.completion._write_path = shop.shop.write_path
    shop.provider.before = shop.provider.after = shop.provider.fetches = nothing


async def die(shop: Till) -> None:
    """The request that does not survive."""
    with pytest.raises(Killed):
        await shop.buy()
    immortal(shop)


def approves(shop: Till) -> None:
    """The provider's default."""


def declines(shop: Till) -> None:
    shop.provider.decides = decline


def says_nothing(shop: Till) -> None:
    shop.provider.decides = leave_open


def dies_in(operation: str, moment: str) -> Any:
    return lambda shop: mortal(shop, operation, moment)


def dies_before_the_call(shop: Till) -> None:
    shop.provider.before = killed


def dies_before_its_answer(shop: Till) -> None:
    shop.provider.after = killed


POINTS: dict[str, tuple[Any, Any, str]] = {
    "before the start": (approves, dies_in("orders.start_checkout", "before"), "nothing"),
    "after the start": (approves, dies_in("orders.start_checkout", "after"), "failed"),
    "before the provider is asked": (approves, dies_before_the_call, "failed"),
    "after the provider approved": (approves, dies_before_its_answer, "placed"),
    "before the completion": (approves, dies_in("orders.complete_order", "before"), "placed"),
    "after the completion": (approves, dies_in("orders.complete_order", "after"), "placed"),
    "after the provider declined": (declines, dies_before_its_answer, "failed"),
    "before the failure": (declines, dies_in("orders.fail_checkout", "before"), "failed"),
    "after the failure": (declines, dies_in("orders.fail_checkout", "after"), "failed"),
    "before the answer is put off": (
        says_nothing,
        dies_in("orders.answer_later", "before"),
        "failed",
    ),
    "after the answer is put off": (
        says_nothing,
        dies_in("orders.answer_later", "after"),
        "failed",
    ),
}


@pytest.mark.parametrize("point", POINTS)
async def test_the_sweep_alone_decides_what_was_left(database_url, point):
    provides, dies, end = POINTS[point]
    async with till(database_url) as shop:
        await prepared(shop)
        provides(shop)
        dies(shop)
        await die(shop)
        await shop.sweep_until_decided()
        await settled(shop, end)
        if end != "nothing":
            answer = await shop.buy()
            assert (await shop.buy()).body == answer.body
            await settled(shop, end)


@pytest.mark.parametrize("point", POINTS)
async def test_the_client_that_asks_again_goes_on_with_it(database_url, point):
    provides, dies, end = POINTS[point]
    async with till(database_url) as shop:
        await prepared(shop)
        provides(shop)
        dies(shop)
        await die(shop)
        shop.clock.ahead_ms = ANSWER_MS
        answer = await shop.buy()
        assert (await shop.buy()).body == answer.body
        if answer.status == 202:
            await shop.sweep_until_decided()
        ends = {200: "placed", 202: "failed", 402: "failed"}
        await settled(shop, ends[answer.status])
        if end == "placed":
            assert answer.status == 200


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_hold_that_ran_out_is_made_anew_also_after_a_crash(database_url, moment):
    async with till(database_url) as shop:
        await prepared(shop)

        async def void(charge):
            await shop.do(VoidHold(hold_id=ORDER, skus=("A",)))

        shop.provider.after = void
        counted = Counting(shop.shop.write_path, "orders.complete_order", 2, moment)
        shop.door._write_path = shop.completion._write_path = counted
        await die(shop)
        await shop.sweep_until_decided()
        await settled(shop, "placed")


class Counting(Mortal):
    """Dies at the given one of equal submissions."""

    def __init__(self, write_path: Any, operation: str, at: int, moment: str) -> None:
        super().__init__(write_path, operation, moment)
        self._left = at

    async def submit(self, envelope: Envelope) -> Outcome:
        if envelope.command.operation == self._operation:
            self._left -= 1
            if self._left:
                return await self._write_path.submit(envelope)
        return await super().submit(envelope)


@pytest.mark.parametrize(
    "point",
    [
        ("orders.complete_order", "before", approves),
        ("orders.complete_order", "after", approves),
        ("orders.fail_checkout", "before", declines),
        ("orders.fail_checkout", "after", declines),
    ],
)
async def test_a_sweep_that_dies_is_followed_by_another(database_url, point):
    operation, moment, provides = point
    async with till(database_url) as shop:
        await prepared(shop)
        provides(shop)
        shop.provider.after = killed
        await die(shop)
        mortal(shop, operation, moment)
        with pytest.raises(Killed):
            await shop.sweep_until_decided()
        immortal(shop)
        await shop.sweep_until_decided()
        await settled(shop, "placed" if provides is approves else "failed")


async def test_nobody_has_to_wait_for_the_sweep_and_both_may_finish_at_once(database_url):
    async with till(database_url) as shop:
        await prepared(shop)
        shop.provider.after = killed
        await die(shop)
        with pytest.raises(KeyInFlight):
            await shop.buy()
        shop.clock.ahead_ms = ANSWER_MS
        answer, _ = await asyncio.gather(shop.buy(), shop.sweep())
        assert answer.status == 200
        await settled(shop, "placed")


async def prepared(shop: Till) -> None:
    await shop.article("A", acme=5)
    await shop.put("A", 2)


async def settled(shop: Till, end: str) -> None:
    """Nothing is half-done: order, cart, stock, money and holds agree, and the books prove it."""
    await shop.pump()
    assert shop.refused == []
    order, cart = await shop.order(), await shop.shop.document(f"cart:{CART}")
    stock = await shop.stock()
    if end == "nothing":
        assert (order, cart["status"], stock) == (None, "open", 5)
    elif end == "placed":
        assert (order["status"], cart["status"], stock) == ("placed", "ordered", 3)
        payment = await shop.shop.document(f"payment:{ORDER}")
        assert payment["authorised_minor"] == order["total_minor"]
    else:
        assert (order["status"], cart["status"], stock) == ("failed", "open", 5)
        assert cart["attempt"] == 2
        payment = await shop.shop.document(f"payment:{ORDER}")
        assert payment["voiding"] or payment["state"] in ("declined", "voided")
    posted = [
        event for event in await shop.shop.events() if event.event_type == "inventory.hold_posted"
    ]
    assert len(posted) == (1 if end == "placed" else 0)
    assert await drifts(shop.shop) == []


async def test_a_hold_is_free_when_its_time_is_over(database_url):
    async with till(database_url) as shop:
        await prepared(shop)
        mortal(shop, "orders.start_checkout", "after")
        await die(shop)
        held = HoldRef(hold_id=ORDER, skus=("A",))
        result = await shop.do(ExpireHolds(holds=(held,)))
        assert result == {"expired": []}
        await shop.sweep_until_decided()
        assert await shop.stock() == 5
