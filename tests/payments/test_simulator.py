"""The simulated provider: repeatable, as misbehaved as it was told to be, with books of its own."""

import asyncio
import base64
import multiprocessing
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shopwire.adapters.payments import FileBook, MemoryBook, Simulator
from shopwire.adapters.payments.courier import AGAIN_MS_MIN, DELIVERIES_MAX
from shopwire.adapters.payments.scripts import SCRIPTS, Chaos, script_of
from shopwire.adapters.payments.simulator import LATE_MS, PENDING_MS
from shopwire.kernel.payments import Charge, ProviderEvent
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.testing.conformance.payments import AMOUNT

pytestmark = pytest.mark.anyio

SECRET = "whsec_" + base64.b64encode(b"the simulated provider's secret").decode()
NOW_MS = 1_800_000_000_000


class Clock:
    def now_ms(self) -> int:
        return NOW_MS

    def monotonic_ms(self) -> float:
        return 0.0


class Shop:
    """Takes webhooks, and remembers in which order they and the waits came."""

    def __init__(self, **told: Any) -> None:
        self.statuses: list[int] = []
        """What the next deliveries are answered; then all is well."""
        self.heard: list[ProviderEvent] = []
        self.waits: list[float] = []
        self.simulator = Simulator(
            [SECRET], deliver=self._take, clock=Clock(), sleep=self._sleep, **told
        )

    async def _take(self, headers: Mapping[str, str], body: bytes) -> int:
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0:
            raise ConnectionError
        if status == 200:
            self.heard.append(self.simulator.read_webhook(headers, body, NOW_MS))
        return status

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def kinds(self) -> list[str]:
        await self.simulator.courier.settled()
        return [event.kind for event in self.heard]


def charge(method: str = "card", number: int = 1) -> Charge:
    return Charge(id=f"cart-{number:08d}.1", amount_minor=AMOUNT, currency="EUR", method=method)


def test_the_same_seed_throws_the_same_dice_in_whichever_order():
    chaos = Chaos(declined=0.2, away=0.2, lost=0.2, pending=0.2, misled=0.5, slow=0.2)
    ids = [f"cart-{number}.1" for number in range(500)]
    first = {one: script_of("card", one, 7, chaos) for one in ids}
    again = {one: script_of("card", one, 7, chaos) for one in reversed(ids)}
    assert first == again
    assert first != {one: script_of("card", one, 8, chaos) for one in ids}
    declined = sum(bool(script.decline) for script in first.values())
    assert 60 < declined < 140
    told = Counter(script.telling for script in first.values())
    assert set(told) == {"after", "before", "twice", "reversed", "late", "never"}


def test_a_card_with_a_part_of_its_own_is_left_alone_by_chance():
    chaos = Chaos(declined=1.0, away=1.0)
    assert script_of("card_lost", "x", 0, chaos) == SCRIPTS["card_lost"]
    assert script_of("card_of_nobody", "x", 0, chaos).decline == "unknown_card"


async def test_a_slow_answer_is_slow_and_a_too_slow_one_is_given_up():
    shop = Shop()
    await shop.simulator.authorise(charge("card_slow"))
    assert shop.waits == [0.8]
    with pytest.raises(ProviderUnavailable):
        await shop.simulator.authorise(charge("card_too_slow", 2))
    assert shop.waits[1:] == [10.0]
    assert [entry.verdict for entry in shop.simulator.book.entries()] == ["approved"] * 2


@pytest.mark.parametrize(
    ("card", "kinds"),
    [
        ("card", ["authorised", "captured"]),
        ("card_told_first", ["authorised", "captured"]),
        ("card_told_twice", ["authorised", "authorised", "captured", "captured"]),
        ("card_told_reversed", ["captured", "authorised"]),
        ("card_never_told", []),
        ("card_charged_back", ["authorised", "captured", "charged_back"]),
    ],
)
async def test_webhooks_come_as_the_card_says(card, kinds):
    shop = Shop()
    await shop.simulator.authorise(charge(card))
    if card == "card_told_first":
        assert [event.kind for event in shop.heard] == ["authorised"]
    await shop.kinds()
    await shop.simulator.capture(charge(card), "c1", AMOUNT)
    assert await shop.kinds() == kinds
    assert len({event.id for event in shop.heard}) == len(set(kinds))


async def test_a_late_webhook_waits_and_a_pending_charge_takes_its_time():
    shop = Shop()
    await shop.simulator.authorise(charge("card_told_late"))
    assert await shop.kinds() == ["authorised"]
    assert shop.waits == [LATE_MS / 1_000]
    await shop.simulator.authorise(charge("card_pending", 2))
    await shop.simulator.authorise(charge("card_pending_declined", 3))
    assert await shop.kinds() == ["authorised", "authorised", "declined"]
    assert shop.waits[1:] == [PENDING_MS / 1_000] * 2


async def test_a_webhook_is_sent_again_until_it_is_taken_with_growing_waits():
    shop = Shop()
    shop.statuses = [500, 0, 404, 302]
    await shop.simulator.authorise(charge())
    assert await shop.kinds() == ["authorised"]
    assert shop.waits == [AGAIN_MS_MIN * 2**number / 1_000 for number in range(4)]


async def test_a_webhook_that_nobody_takes_is_given_up():
    shop = Shop()
    shop.statuses = [503] * DELIVERIES_MAX
    await shop.simulator.authorise(charge())
    assert await shop.kinds() == []
    assert len(shop.waits) == DELIVERIES_MAX


async def test_a_closed_door_does_not_hold_the_provider_up_for_ever():
    shut = asyncio.Event()

    async def never(_headers: Mapping[str, str], _body: bytes) -> int:
        await shut.wait()
        return 200

    simulator = Simulator([SECRET], deliver=never, answer_ms_max=10)
    with pytest.raises(ProviderUnavailable):
        await simulator.authorise(charge("card_told_first"))
    await simulator.close()


async def test_a_refund_that_returns_and_a_dispute_that_is_won_are_told_and_booked():
    shop = Shop()
    simulator = shop.simulator
    await simulator.authorise(charge("card_refund_returns"))
    await simulator.capture(charge("card_refund_returns"), "c1", AMOUNT)
    assert (await simulator.refund(charge("card_refund_returns"), "r1", 100)).state == "done"
    assert (await simulator.refund(charge("card_refund_returns"), "r1", 100)).state == "refused"
    assert simulator.book.entries()[0].refunded_minor == 0
    await simulator.authorise(charge("card_charged_back", 2))
    await simulator.capture(charge("card_charged_back", 2), "c1", AMOUNT)
    simulator.win_dispute(charge("card", 2).id, "c1")
    assert (await shop.kinds())[-2:] == ["charged_back", "charge_returned"]
    assert simulator.book.entries()[1].disputed == {}


async def test_one_id_stands_for_one_charge():
    shop = Shop()
    await shop.simulator.authorise(charge())
    for other in ({"amount_minor": 1}, {"currency": "USD"}, {"method": "card_lost"}):
        fields = {"id": charge().id, "amount_minor": AMOUNT, "currency": "EUR", "method": "card"}
        with pytest.raises(ValueError, match="other terms"):
            await shop.simulator.authorise(Charge(**(fields | other)))


async def test_what_is_in_the_file_outlives_the_process(tmp_path):
    path = tmp_path / "book.sqlite"
    first = Shop(book=FileBook(path))
    approved = await first.simulator.authorise(charge())
    await first.simulator.close()
    second = Shop(book=FileBook(path))
    assert await second.simulator.authorise(charge()) == approved
    await second.simulator.capture(charge(), "c1", AMOUNT)
    assert second.simulator.book.entries()[0].captures == {"c1": AMOUNT}
    await second.simulator.close()


def test_several_processes_write_in_one_book_and_none_overwrites_another(tmp_path):
    path = tmp_path / "book.sqlite"
    FileBook(path).close()
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(3) as pool:
        pool.starmap(take_many, [(str(path), worker) for worker in range(3)])
    (entry,) = FileBook(path).entries()
    assert entry.captured_minor == 3 * 50
    assert len(entry.captures) == 150


def take_many(path: str, worker: int) -> None:
    book = FileBook(Path(path))
    for number in range(50):
        with book.open("one") as entry:
            entry.captures[f"{worker}/{number}"] = 1
    book.close()


def test_what_fails_inside_an_entry_leaves_no_trace(tmp_path):
    book = FileBook(tmp_path / "book.sqlite")

    def fail() -> None:
        with book.open("one") as entry:
            entry.captures["c"] = 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with book.open("one") as entry:
        assert entry.captures == {}
    book.close()


def test_a_book_in_memory_is_one_process_s():
    book = MemoryBook()
    with book.open("one") as entry:
        entry.captures["c"] = 1
    assert [one.captured_minor for one in book.entries()] == [1]
