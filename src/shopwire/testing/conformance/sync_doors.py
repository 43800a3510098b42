"""What every door of a server does, whichever it is: the same topics, cursors, rights, numbers.

Subclass `DoorsConformance`, name the `door`, and provide the fixture `target`, as for
`RightsConformance`; it also knows the addresses of all doors.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final, Protocol

from shopwire.sync.reducer import Held, Replica
from shopwire.testing.conformance.doors import (
    Door,
    Doors,
    EventsDoor,
    GraphqlDoor,
    Message,
    PollDoor,
    WebSocketDoor,
    items_of,
)
from shopwire.testing.conformance.sync_rights import HIDDEN, AccessTarget

REVOKED_MS_MAX: Final = 2_000
"""How long a topic may still be heard of after the right to it was taken back."""
BEAT_MS_MAX: Final = 5_000
"""How long a door may be silent, and how old its proof may be where nothing is wrong."""
RACING: Final = 60
"""Changes made while a client subscribes."""
TEXT: Final = "the same in every version, so that a change is smaller " * 3


class DoorsTarget(AccessTarget, Doors, Protocol):
    """The server under test."""


class DoorsConformance:
    """The rules that hold at each door, one by one."""

    door: ClassVar[type[Door]]

    @asynccontextmanager
    async def _at(
        self, target: DoorsTarget, role: str = "", subject: str = ""
    ) -> AsyncIterator[Door]:
        token = await target.token(role, subject, 3_600_000) if role else ""
        door = self.door(target, token)
        try:
            yield door
        finally:
            await door.close()

    def _named(self, *names: str) -> list[str]:
        """Topics that nobody else touches, this rule's next run included."""
        mark = os.urandom(4).hex()
        return [f"{name}-{mark}" for name in names]

    async def test_a_snapshot_then_changes(self, target: DoorsTarget) -> None:
        """What is there, what never was, and then what changes, as a change."""
        there, never = self._named("stock:there", "price:never")
        await target.change([(there, _document(1))])
        async with self._at(target) as door:
            await door.subscribe([there, never])
            heard = await door.until("live")
            assert {item["topic"]: (item["t"], item["v"]) for item in items_of(heard)} == {
                there: ("snap", 1),
                never: ("snap", 0),
            }
            await target.change([(there, _document(2))])
            await door.until_held(there, 2)
            (item,) = items_of(door.heard)[2:]
            assert item["v"] == 2
            if door.stays or item["t"] == "patch":
                assert (item["t"], item["from"], item["set"]) == ("patch", 1, {"n": 2})
            assert door.replica.docs == {there: Held(2, _document(2)), never: Held(0, None)}

    async def test_nothing_falls_between_snapshot_and_changes(self, target: DoorsTarget) -> None:
        """Writes race with the subscription: no gap, no double, the end is the database's."""
        topics = self._named("stock:race-a", "price:race-b", "product:race-c")
        await target.change([(topic, _document(0)) for topic in topics])

        async def keep_changing() -> None:
            for number in range(1, RACING):
                await target.change([(topics[number % 3], _document(number))])

        writing = asyncio.create_task(keep_changing())
        async with self._at(target) as door:
            await door.subscribe(topics)
            await writing
            await _until_equal(door, target, topics)
            assert door.missed == []
            assert door.doubled == []
            for topic in topics:
                taken = [version for name, version in door.told if name == topic]
                assert taken == sorted(set(taken))

    async def test_topics_of_one_command_come_together(self, target: DoorsTarget) -> None:
        """One message, also over kinds."""
        topics = self._named("stock:pair", "price:pair", "product:pair")
        await target.change([(topic, _document(0)) for topic in topics])
        async with self._at(target) as door:
            await door.subscribe(topics)
            await door.until("live")
            await target.change([(topic, _document(1)) for topic in topics])
            (*_, batch) = await door.until("batch")
            assert sorted(item["topic"] for item in batch["items"]) == sorted(topics)
            assert {item["v"] for item in batch["items"]} == {2}

    async def test_who_comes_back_gets_what_it_lacks(self, target: DoorsTarget) -> None:
        """By version: nothing for what is current."""
        same, moved = self._named("stock:same", "stock:moved")
        await target.change([(same, _document(0)), (moved, _document(0))])
        async with self._at(target) as door:
            await door.subscribe([same, moved])
            await door.until("live")
            before = door.replica
        for number in (1, 2):
            await target.change([(moved, _document(number))])
        async with self._at(target) as door:
            door.replica = Replica(before.epoch, before.docs)
            await door.subscribe([same, moved])
            await door.until_held(moved, 3)
            assert {item["topic"] for item in items_of(door.heard)} == {moved}
            assert door.doubled == []
            assert door.replica.docs[moved] == Held(3, _document(2))

    async def test_another_epoch_is_a_new_snapshot(self, target: DoorsTarget) -> None:
        """Never a guess: `reset`, and everything again."""
        (topic,) = self._named("stock:foreign")
        await target.change([(topic, _document(0))])
        async with self._at(target) as door:
            await door.subscribe([topic], have={topic: 1}, epoch=999_999)
            await door.until("live")
            kinds = [message["t"] for message in door.heard if message["t"] != "beat"]
            assert kinds == ["welcome", "reset", "snap", "live"]
            assert door.heard[1]["reason"] == "epoch_changed"
            assert door.replica.docs == {topic: Held(1, _document(0))}

    async def test_a_version_that_never_was_is_a_new_snapshot(self, target: DoorsTarget) -> None:
        """Within the epoch that is."""
        (topic,) = self._named("stock:future")
        await target.change([(topic, _document(0))])
        epoch = await self._epoch(target)
        async with self._at(target) as door:
            await door.subscribe([topic], have={topic: 9}, epoch=epoch)
            (*_, reset) = await door.until("reset")
            assert reset["reason"] == "cursor_unknown"
            await door.until_held(topic, 1)
            assert door.replica.docs == {topic: Held(1, _document(0))}

    async def test_a_new_epoch_reaches_who_is_there(self, target: DoorsTarget) -> None:
        """Every topic starts again, without being asked for."""
        topics = self._named("stock:epoch-a", "price:epoch-b")
        await target.change([(topic, _document(0)) for topic in topics])
        async with self._at(target) as door:
            await door.subscribe(topics)
            before = (await door.until("live"))[0]["epoch"]
            await target.new_epoch()
            await door.until("reset")
            await door.until("live")
            assert door.replica.epoch != before
            assert door.replica.versions == dict.fromkeys(topics, 1)

    async def test_facts_come_version_by_version(self, target: DoorsTarget) -> None:
        """In order, none left out, also those that were missed; a burst changes nothing."""
        (topic,) = self._named("payment:story")
        told: list[tuple[str, int]] = []
        await target.change([(topic, _document(0))])
        async with self._at(target, "operator", "conforming") as door:
            await door.subscribe([topic])
            await door.until("live")
            for number in range(1, 10):
                await target.change([(topic, _document(number))])
            await door.until_held(topic, 10)
            told, before = door.told, door.replica
        for number in range(10, 15):
            await target.change([(topic, _document(number))])
        async with self._at(target, "operator", "conforming") as door:
            door.replica = Replica(before.epoch, before.docs)
            await door.subscribe([topic])
            await door.until_held(topic, 15)
            told += door.told
            assert door.replica.docs[topic] == Held(15, _document(14))
        assert told == [(topic, version) for version in range(1, 16)]

    async def test_caught_up_is_said_behind_what_it_speaks_of(self, target: DoorsTarget) -> None:
        """At `live` nothing is missing of what was asked for, however long it took to read."""
        topics = self._named(*(f"product:many-{number}" for number in range(40)))
        for first in range(0, 40, 8):
            await target.change([(topic, _document(0)) for topic in topics[first : first + 8]])
        async with self._at(target) as door:
            for some in (topics[:15], topics[15:]):
                await door.subscribe(some)
                await door.until("live")
                assert door.replica.versions == dict.fromkeys(door.topics, 1)

    async def test_a_topic_that_is_left_is_quiet(self, target: DoorsTarget) -> None:
        """A later change of another one comes alone."""
        off, on = self._named("stock:off", "stock:on")
        await target.change([(off, _document(0)), (on, _document(0))])
        async with self._at(target) as door:
            await door.subscribe([off, on])
            await door.until("live")
            await door.unsubscribe([off])
            so_far = len(door.heard)
            await target.change([(off, _document(1)), (on, _document(1))])
            await door.until_held(on, 2)
            assert {item["topic"] for item in items_of(door.heard[so_far:])} == {on}

    async def test_what_is_not_allowed_is_refused_by_number(self, target: DoorsTarget) -> None:
        """1010, and nothing of it; where the door goes on, the other topics come."""
        secret, public = self._named("payment:secret", "stock:public")
        await target.change([(secret, {"n": HIDDEN}), (public, _document(0))])
        async with self._at(target, "shopper", "sh_conforming") as door:
            error = await self._refused(door, [secret, public], secret, "not_allowed")
            assert HIDDEN not in str(door.heard)
            assert error["status"] == 404
            if not door.whole:
                await door.until("live")
                assert door.replica.docs == {public: Held(1, _document(0))}

    async def test_an_unknown_kind_is_refused_by_number(self, target: DoorsTarget) -> None:
        """As are names that are none."""
        for topic, reason in (("sparkle:x", "unknown_kind"), ("nonsense", "malformed")):
            async with self._at(target) as door:
                await self._refused(door, [topic], topic, reason)

    async def test_too_many_topics_are_refused_whole(self, target: DoorsTarget) -> None:
        """1011."""
        async with self._at(target) as door:
            await door.subscribe([f"stock:t{n}" for n in range(door.topics_max + 1)])
            (*_, error) = await door.until("error")
            assert error["code"] == 1011
            assert items_of(door.heard) == []

    async def test_what_is_withdrawn_is_taken_back_soon(self, target: DoorsTarget) -> None:
        """Within a bounded time; what is public goes on."""
        mine, public = self._named("payment:mine", "stock:rest")
        account = self._named("leaving")[0]
        await target.change([(mine, {"n": 1}), (public, _document(0))])
        async with self._at(target, "operator", account) as door:
            await door.subscribe([mine, public])
            await door.until("live")
            assert door.replica.versions == {mine: 1, public: 1}
            began = time.monotonic()
            await target.withdraw("operator", account)
            taken = await door.until_taken(mine)
            assert taken.get("reason", "withdrawn") == "withdrawn"
            assert mine not in door.replica.docs
            assert (time.monotonic() - began) * 1_000 <= REVOKED_MS_MAX
            so_far = len(door.heard)
            await target.change([(mine, {"n": HIDDEN}), (public, _document(1))])
            await door.until_held(public, 2)
            assert {item["topic"] for item in items_of(door.heard[so_far:])} == {public}
            assert HIDDEN not in str(door.heard)

    async def test_beats_say_how_old_the_knowledge_is(self, target: DoorsTarget) -> None:
        """Also where nothing changes."""
        (topic,) = self._named("stock:beat")
        async with self._at(target) as door:
            await door.subscribe([topic])
            welcome = (await door.until("live"))[0]
            began = time.monotonic()
            (*_, beat) = await door.until("beat")
            assert (time.monotonic() - began) * 1_000 <= BEAT_MS_MAX
            assert 0 <= beat["lag_ms"] <= BEAT_MS_MAX
            assert len(beat["head"]) == len(welcome["head"])

    async def test_what_was_heard_makes_what_is_there(self, target: DoorsTarget) -> None:
        """The messages alone, applied by the rules from nothing, are the database's documents."""
        topics = self._named("stock:vector", "product:vector", "payment:vector")
        async with self._at(target, "operator", "conforming") as door:
            await door.subscribe(topics)
            await door.until("live")
            for number in range(12):
                gone = number == 5
                await target.change([(topics[number % 3], None if gone else _document(number))])
            await _until_equal(door, target, topics)
            fresh = Replica()
            for message in door.heard:
                fresh.apply(message)
            assert fresh.docs == door.replica.docs

    async def _refused(self, door: Door, topics: Sequence[str], topic: str, reason: str) -> Message:
        await door.subscribe(topics)
        (*_, error) = await door.until("error")
        assert error["code"] == 1010
        assert (error["data"]["topic"], error["data"]["reason"]) == (topic, reason)
        assert topic not in door.replica.docs
        return error

    async def _epoch(self, target: DoorsTarget) -> int:
        async with self._at(target) as door:
            await door.subscribe(self._named("stock:epoch-now"))
            epoch: int = (await door.until("welcome"))[-1]["epoch"]
        return epoch


class OverWebSocket(DoorsConformance):
    """At `/sync`."""

    door = WebSocketDoor


class OverEvents(DoorsConformance):
    """At `/sync/sse`."""

    door = EventsDoor


class OverPoll(DoorsConformance):
    """At `/sync/poll`."""

    door = PollDoor


class OverGraphql(DoorsConformance):
    """At `/graphql`."""

    door = GraphqlDoor


async def _until_equal(door: Door, target: DoorsTarget, topics: Sequence[str]) -> None:
    for topic in topics:
        version, document = await target.newest(topic)
        await door.until_held(topic, version)
        assert door.replica.docs[topic] == Held(version, document)


def _document(number: int) -> dict[str, Any]:
    return {"n": number, "text": TEXT}
