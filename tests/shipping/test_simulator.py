"""Simulated suppliers keep the laws of the port, and misbehave the same way for the same seed."""

import asyncio

import msgspec
import pytest

from shopwire.adapters.suppliers import Habits, SimulatedSuppliers
from shopwire.adapters.suppliers.books import FileBook, MemoryBook
from shopwire.adapters.suppliers.habits import script_of, words_of
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.testing.conformance.purchasing import (
    SupplierChannelConformance,
    order_of,
    units,
)

pytestmark = pytest.mark.anyio


async def never(_seconds: float) -> None:
    """Nothing happens by itself."""
    await asyncio.Event().wait()


async def at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


class Outside:
    """The simulator's books, and a hand to move its supplier with."""

    def __init__(self, book) -> None:
        self.channel = SimulatedSuppliers(book=book, sleep=never)

    async def taken(self, order_id):
        return sum(one.taken for one in self.channel.book.entries() if one.id == order_id)

    async def address(self, order_id):
        return any(one.addressed for one in self.channel.book.entries() if one.id == order_id)

    async def lose(self, _order_id, what):
        share = {f"{what}_lost": 1.0}
        self.channel._habits = Habits(**share)

    async def ship(self, order_id):
        habits, script = self.channel._script(order_of(order_id))
        self.channel._ship(order_id, habits, script)


class TestInMemory(SupplierChannelConformance):
    @pytest.fixture
    async def outside(self):
        it = Outside(MemoryBook())
        yield it
        await it.channel.close()


class TestInAFile(SupplierChannelConformance):
    @pytest.fixture
    async def outside(self, tmp_path):
        it = Outside(FileBook(tmp_path / "book.sqlite"))
        yield it
        await it.channel.close()
        it.channel.book.close()


class Doors:
    """Writes down what is posted to the shop."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str, dict]] = []

    async def __call__(self, path, headers, body) -> int:
        self.posted.append((path, headers["webhook-id"], msgspec.json.decode(body)))
        return 200

    def told(self) -> list[str]:
        return [
            message["data"].get("status", message["type"].partition(".")[2])
            for _, _, message in self.posted
        ]


def suppliers(doors: Doors, habits: Habits, seed: int = 1, book=None) -> SimulatedSuppliers:
    return SimulatedSuppliers(
        seed=seed,
        habits=habits,
        deliver=doors,
        secret_of=lambda _: "whsec_" + "A" * 32,
        sleep=at_once,
        book=book,
    )


async def test_an_order_lives_from_its_acknowledgement_to_its_delivery():
    doors = Doors()
    channel = suppliers(doors, Habits())
    await channel.send(order_of(A=2))
    await channel.settled()
    assert doors.told() == [
        "acknowledged",
        "shipped",
        "picked_up",
        "in_transit",
        "out_for_delivery",
        "delivered",
    ]
    assert doors.posted[0][0] == "/api/webhooks/suppliers/acme"
    assert doors.posted[-1][0] == "/api/webhooks/carriers/swiftpost"


async def test_what_is_told_twice_or_again_has_names_that_tell_it_apart():
    doors = Doors()
    channel = suppliers(doors, Habits(twice=1.0, shuffles=1.0))
    await channel.send(order_of(A=2))
    await channel.settled()
    told = doors.told()
    assert told.count("acknowledged") == told.count("shipped") == 2
    acknowledged = [name for _, name, one in doors.posted if one["type"].endswith("acknowledged")]
    assert len(set(acknowledged)) == 2
    carried = [(name, one) for _, name, one in doors.posted if "status" in one["data"]]
    assert len(carried) == 6
    assert len({name for name, _ in carried}) == 4, "a carrier's word again is the same webhook"


async def test_what_is_cancelled_in_time_is_never_shipped():
    doors = Doors()
    channel = suppliers(doors, Habits())
    await channel.send(order_of(A=2))
    await channel.cancel("acme", order_of().id, units(A=2))
    await channel.settled()
    assert "shipped" not in doors.told()


async def test_another_process_goes_on_with_the_book(tmp_path):
    first, second = Doors(), Doors()
    book = FileBook(tmp_path / "book.sqlite")
    one = SimulatedSuppliers(book=book, sleep=never)
    await one.send(order_of(A=1))
    await one.close()
    other = suppliers(second, Habits(), book=book)
    other.resume()
    await other.settled()
    assert first.told() == []
    assert second.told()[-1] == "delivered"
    again = suppliers(first, Habits(), book=book)
    again.resume()
    await again.settled()
    assert first.told() == [], "it is over"
    book.close()


async def test_one_that_is_away_answers_the_second_time():
    channel = suppliers(Doors(), Habits(away=1.0))
    await channel.send(order_of())
    for call in (
        lambda: channel.fetch("acme", order_of().id),
        lambda: channel.cancel("acme", order_of().id, units(A=1)),
    ):
        with pytest.raises(ProviderUnavailable):
            await call()
        assert await call() is not None
    await channel.close()


async def test_an_order_that_is_taken_after_the_caller_gave_up_is_taken_once():
    channel = suppliers(Doors(), Habits(delayed=1.0, keeps=1.0))
    order = order_of()
    with pytest.raises(ProviderUnavailable):
        await channel.send(order)
    assert await channel.fetch("acme", order.id) is None
    await channel.send(order)
    await channel.settled()
    assert [entry.taken for entry in channel.book.entries()] == [1]


def test_the_same_seed_is_the_same_story():
    habits = Habits(refuses=0.3, partial=0.5, answer_lost=0.3, splits=0.5, shuffles=0.5)
    lines = order_of(A=5, B=3).lines
    stories = [
        [script_of(f"cart.{n}/acme", lines, seed, habits) for n in range(50)] for seed in (1, 1, 2)
    ]
    assert stories[0] == stories[1] != stories[2]
    assert words_of(stories[0][0], 1) == words_of(stories[1][0], 1)
    assert 0 < sum(script.refuses for script in stories[0]) < 50
