"""What every Storage does."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pytest

from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import (
    ConstraintRefused,
    Fenced,
    KeyInFlight,
    LeaseLost,
    LogCorrupt,
    PositionMoved,
)
from shopwire.kernel.limits import IDEMPOTENCY_KEPT_MS
from shopwire.kernel.rows import Row
from shopwire.kernel.storage import (
    Claim,
    Claimed,
    Lease,
    Look,
    Move,
    Storage,
    TurnMoved,
    Writing,
)
from shopwire.testing.conformance.harness import Harness
from shopwire.testing.conformance.log import WAIT_S
from shopwire.testing.conformance.sample import Counter, Line, new_event

LEASE_MS = 600_000
COMMON_AFTER = 20
"""Looks after which a storage has learned that this one comes often."""
DONE = Outcome(status=200, body=b'{"versions":{},"result":1}')
OTHER = Outcome(status=409, body=b'{"code":2000}')


def claim_of(key: str, **fields: Any) -> Claim:
    """A claim by one principal for one operation."""
    names: dict[str, Any] = {"tenant": "main", "principal": "p", "operation": "sample.count_up"}
    return Claim(**{"fingerprint": b"f" * 16, "key": key} | names | fields)


def counter(shelf: str, name: str, count: int = 1, **fields: Any) -> Counter:
    """A counter's row."""
    names: dict[str, Any] = {"tenant": "main", "version": 1} | fields
    return Counter(shelf=shelf, id=name, count=count, **names)


async def load(storage: Storage, *groups: tuple[str, str]) -> list[Counter]:
    """What is committed, in the order of keys."""
    async with storage.transaction([0]) as tx:
        return sorted(await tx.load(Counter, groups), key=lambda row: row.key)


class StorageConformance:
    """Subclass it and provide the fixture `harness`."""

    async def test_an_answered_key_tells_its_answer_and_an_unanswered_one_stays_free(
        self, harness: Harness
    ) -> None:
        """Claim and answer become visible with the commit."""
        storage = (await harness.open()).storage
        async with storage.transaction([0]) as tx:
            assert [c.mine for c in await tx.claim([claim_of("a"), claim_of("b")])] == [True, True]
            await tx.answer([(claim_of("a"), DONE)])
        async with storage.transaction([1]) as tx:
            told = await tx.claim([claim_of("b"), claim_of("a", fingerprint=b"g" * 16)])
            assert told[0].mine
            assert (told[1].mine, told[1].fingerprint, told[1].outcome) == (False, b"f" * 16, DONE)

    async def test_keys_of_other_shops_principals_and_operations_never_meet(
        self, harness: Harness
    ) -> None:
        """The scope is part of the key."""
        storage = (await harness.open()).storage
        scopes = [{}, {"tenant": "t2"}, {"principal": "q"}, {"operation": "sample.other"}]
        async with storage.transaction([0]) as tx:
            await tx.answer([(claim_of("a"), DONE)])
        async with storage.transaction([0]) as tx:
            told = await tx.claim([claim_of("a", **scope) for scope in scopes])
            assert [claimed.mine for claimed in told] == [False, True, True, True]
            await tx.answer([(claim_of("a", **scope), OTHER) for scope in scopes[1:]])
        async with storage.transaction([0]) as tx:
            told = await tx.claim([claim_of("a", **scope) for scope in scopes])
            assert [claimed.outcome for claimed in told] == [DONE, OTHER, OTHER, OTHER]

    async def test_a_rollback_leaves_nothing(self, harness: Harness) -> None:
        """Neither rows, events, documents, answers nor positions."""
        opened = await harness.open()
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - a body that fails
            async with opened.storage.transaction([0]) as tx:
                await tx.save({Counter: [counter("s", "a")]})
                await tx.append(0, [new_event("a:1", 1)])
                await tx.answer([(claim_of("a"), DONE)])
                await tx.advance("c", 0, 0, 5)
                raise ZeroDivisionError
        assert await load(opened.storage, ("main", "s")) == []
        assert (await opened.log.heads()).next[0] == 0
        assert await opened.log.documents("main", ["a:1"]) == []
        assert await opened.log.position("c", 0) == 0
        async with opened.storage.transaction([0]) as tx:
            assert (await tx.claim([claim_of("a")]))[0].mine

    async def test_rows_come_back_by_group_as_they_were_put(self, harness: Harness) -> None:
        """With nulls, JSON fields and odd characters; other groups and shops stay out."""
        storage = (await harness.open()).storage
        odd = counter("s", "ü'\"\\", 3, label="a\tb", tags=("x", "ю"))
        rows = [
            counter("s", "a"), odd, counter("other", "a"), counter("s", "a", 9, tenant="t2"),
        ]  # fmt: skip
        async with storage.transaction([0]) as tx:
            await tx.save({Counter: rows, Line: [line("s", "1"), line("s", "2")]})
        assert await load(storage, ("main", "s")) == sorted([rows[0], odd], key=lambda row: row.key)
        both = await load(storage, ("t2", "s"), ("main", "other"), ("main", "none"))
        assert both == [rows[2], rows[3]]
        replaced = counter("s", "a", 7, version=2)
        async with storage.transaction([0]) as tx:
            await tx.save({Counter: [replaced]})
            assert replaced in await tx.load(Counter, [("main", "s")])
            assert len(await tx.load(Line, [("main", "s")])) == 2

    async def test_what_the_schema_refuses_is_refused_and_leaves_nothing(
        self, harness: Harness
    ) -> None:
        """The constraint's name is told."""
        storage = (await harness.open()).storage
        with pytest.raises(ConstraintRefused) as refused:
            async with storage.transaction([0]) as tx:
                await tx.save({Counter: [counter("s", "a"), counter("s", "b", -1)]})
        assert refused.value.data == {"constraint": "sample_counter_limit"}
        assert await load(storage, ("main", "s")) == []

    async def test_a_new_row_of_a_kind_that_is_often_new_replaces_none(
        self, harness: Harness
    ) -> None:
        """Whoever did not look stands on it: nothing is written, neither row nor event."""
        storage = (await harness.open()).storage
        kept, other = counter("s", "a", 1), counter("s", "a", 2)
        async with storage.transaction([0]) as tx:
            await tx.write({Counter: [kept]}, {}, [], born=[Counter])
        rows: dict[type[Row], list[Row]] = {Counter: [counter("s", "b", 1), other]}
        events = {0: [new_event("counter:s/a", 1)]}
        with pytest.raises(ConstraintRefused):
            async with storage.transaction([0]) as tx:
                await tx.write(rows, events, [], born=[Counter])
        async with storage.transaction([0]) as tx:
            assert await tx.load(Counter, [("main", "s")]) == [kept]

    async def test_a_position_moves_only_from_where_it_is(self, harness: Harness) -> None:
        """Of two instances that take the same step one is refused."""
        here, there = await harness.open(), await harness.open()
        async with here.storage.transaction([]) as tx:
            await tx.advance("c", 1, 0, 5)
        for expected in (0, 4, 6):
            with pytest.raises(PositionMoved):
                async with there.storage.transaction([1]) as tx:
                    await tx.advance("c", 1, expected, 9)
        with pytest.raises(PositionMoved):
            async with there.storage.transaction([1]) as tx:
                await tx.advance("never", 1, 3, 9)

        async def step(storage: Storage, partition: int) -> bool:
            try:
                async with storage.transaction([partition]) as tx:
                    await tx.advance("c", 1, 5, 7)
            except PositionMoved:
                return False
            return True

        won = await asyncio.gather(step(here.storage, 1), step(there.storage, 2))
        assert sorted(won) == [False, True]
        assert await here.log.position("c", 1) == 7

    async def test_several_positions_move_at_once_each_from_where_it_is(
        self, harness: Harness
    ) -> None:
        """Those that are elsewhere stay; what moved may be moved back in the same transaction."""
        opened = await harness.open()
        async with opened.storage.transaction([]) as tx:
            await tx.advance("a", 0, 0, 3)
        moves = [Move("b", 0, 0, 4), Move("a", 0, 3, 5), Move("a", 1, 2, 9), Move("c", 0, 0, 6)]
        async with opened.storage.transaction([0]) as tx:
            assert await tx.advance_all(moves) == [True, True, False, True]
            assert await tx.advance_all([Move("c", 0, 6, 0), Move("a", 0, 5, 3)]) == [True, True]
            assert await tx.advance_all([Move("b", 0, 0, 7)]) == [False]
        found = [await opened.log.position(name, 0) for name in "abc"]
        assert found == [3, 4, 0]

    async def test_a_partition_has_one_writer_and_partitions_do_not_wait_for_each_other(
        self, harness: Harness
    ) -> None:
        """The head is the lock."""
        here, there = await harness.open(), await harness.open()
        order: list[str] = []

        async def second() -> None:
            async with there.storage.transaction([0]):
                order.append("second")

        async with asyncio.timeout(WAIT_S):
            async with here.storage.transaction([0]):
                waiting = asyncio.create_task(second())
                async with there.storage.transaction([1, 3]):
                    order.append("elsewhere")
                order.append("first")
            await waiting
        assert order == ["elsewhere", "first", "second"]

    async def test_transactions_over_several_partitions_do_not_deadlock(
        self, harness: Harness
    ) -> None:
        """Heads are taken in ascending order, whatever order was asked for."""
        opened = [await harness.open() for _ in range(2)]

        async def run(storage: Storage, partitions: list[int], name: str) -> None:
            for version in range(1, 21):
                async with storage.transaction(partitions) as tx:
                    for partition in partitions:
                        await tx.append(partition, [new_event(f"{name}:{partition}", version)])

        async with asyncio.timeout(WAIT_S):
            await asyncio.gather(
                run(opened[0].storage, [2, 0], "x"),
                run(opened[1].storage, [0, 2], "y"),
                run(opened[1].storage, [2, 1, 0], "z"),
            )
        assert (await opened[0].log.heads()).next == (60, 20, 60, 0)

    async def test_one_key_in_two_partitions_at_once_is_answered_once(
        self, harness: Harness
    ) -> None:
        """Different bodies may lead to different partitions; the key is one all the same."""
        here, there = await harness.open(), await harness.open()
        both_claimed = asyncio.Barrier(2)

        async def take(storage: Storage, partition: int, outcome: Outcome) -> bool:
            try:
                async with storage.transaction([partition]) as tx:
                    assert (await tx.claim([claim_of("a")]))[0].mine
                    await both_claimed.wait()
                    await tx.answer([(claim_of("a"), outcome)])
            except KeyInFlight:
                return False
            return True

        async with asyncio.timeout(WAIT_S):
            won = await asyncio.gather(take(here.storage, 0, DONE), take(there.storage, 1, OTHER))
        assert sorted(won) == [False, True]
        async with here.storage.transaction([2]) as tx:
            (told,) = await tx.claim([claim_of("a")])
        assert told.outcome == (DONE if won[0] else OTHER)

    async def test_a_leased_key_is_held_until_it_is_answered(self, harness: Harness) -> None:
        """Others are told how long the lease still runs."""
        here, there = await harness.open(), await harness.open()
        lease = await here.storage.take_lease(claim_of("a"), LEASE_MS)
        assert isinstance(lease, Lease)
        held = await there.storage.take_lease(claim_of("a"), LEASE_MS)
        assert isinstance(held, Claimed)
        assert held.outcome is None
        assert 0 < held.retry_ms <= LEASE_MS
        async with there.storage.transaction([0]) as tx:
            assert not (await tx.claim([claim_of("a")]))[0].mine
        longer = await here.storage.renew_lease(lease, 2 * LEASE_MS)
        assert longer.until_ms > lease.until_ms
        await here.storage.finish_lease(longer, DONE)
        told = await there.storage.take_lease(claim_of("a"), LEASE_MS)
        assert isinstance(told, Claimed)
        assert told.outcome == DONE
        with pytest.raises(LeaseLost):
            await here.storage.finish_lease(longer, OTHER)

    async def test_a_lease_that_ran_out_is_taken_over_and_the_former_holder_fenced(
        self, harness: Harness
    ) -> None:
        """A paused worker that wakes up can no longer answer."""
        here, there = await harness.open(), await harness.open()
        old = await here.storage.take_lease(claim_of("a"), LEASE_MS)
        assert isinstance(old, Lease)
        await harness.age_answers(LEASE_MS + 1)
        assert await here.storage.sweep(100) == 0
        new = await there.storage.take_lease(claim_of("a"), LEASE_MS)
        assert isinstance(new, Lease)
        assert new.fence > old.fence
        for late in (
            here.storage.finish_lease(old, OTHER),
            here.storage.renew_lease(old, LEASE_MS),
            here.storage.drop_lease(old),
        ):
            with pytest.raises(LeaseLost):
                await late
        await there.storage.finish_lease(new, DONE)
        async with here.storage.transaction([0]) as tx:
            assert (await tx.claim([claim_of("a")]))[0].outcome == DONE

    async def test_a_dropped_lease_is_free_at_once(self, harness: Harness) -> None:
        """For a failure that may pass."""
        storage = (await harness.open()).storage
        lease = await storage.take_lease(claim_of("a"), LEASE_MS)
        assert isinstance(lease, Lease)
        await storage.drop_lease(lease)
        async with storage.transaction([0]) as tx:
            assert (await tx.claim([claim_of("a")]))[0].mine
            await tx.answer([(claim_of("a"), DONE)])
        with pytest.raises(LeaseLost):
            await storage.finish_lease(lease, OTHER)

    async def test_answers_are_forgotten_after_their_time(self, harness: Harness) -> None:
        """A key is free from that moment on, swept or not."""
        storage = (await harness.open()).storage
        async with storage.transaction([0]) as tx:
            await tx.answer([(claim_of(f"k{n}"), DONE) for n in range(5)])
        assert await storage.sweep(10) == 0
        await harness.age_answers(IDEMPOTENCY_KEPT_MS)
        async with storage.transaction([0]) as tx:
            assert (await tx.claim([claim_of("k0")]))[0].mine
            await tx.answer([(claim_of("k0"), OTHER)])
        assert await storage.sweep(3) == 3
        assert await storage.sweep(3) == 1
        async with storage.transaction([0]) as tx:
            told = await tx.claim([claim_of("k0"), claim_of("k1")])
        assert [claimed.outcome for claimed in told] == [OTHER, None]

    async def test_one_time_for_all_that_a_transaction_writes(self, harness: Harness) -> None:
        """And it never goes back from one transaction of a partition to the next."""
        opened = await harness.open()
        times = []
        for version in range(1, 6):
            async with opened.storage.transaction([0]) as tx:
                times.append(tx.now_ms)
                await tx.append(0, [new_event("a:1", version)])
        assert times == sorted(times)
        assert [event.recorded_at_ms for event in await opened.log.read(0, 0, 9)] == times

    async def test_what_was_decided_on_a_look_is_written_at_its_turn_alone(
        self, harness: Harness
    ) -> None:
        """A turn is over as soon as anybody who held the head has committed, whatever it wrote."""
        here, there = await harness.open(), await harness.open()
        first, second = writing_of("a", 1), writing_of("b", 2)
        look = await look_at(here.storage, "a", "b")
        assert (look.rows, [one.mine for one in look.claimed]) == ({Counter: []}, [True, True])
        await here.storage.write_at(look, look.turns, first)
        await here.storage.write_at(look, {0: look.turns[0] + 1}, second)
        seen = await look_at(there.storage, "a", "c")
        assert seen.turns == {0: look.turns[0] + 2}
        assert seen.now_ms >= look.now_ms
        assert seen.rows == {Counter: [counter("s", "a", 2, version=2)]}
        assert [one.outcome for one in seen.claimed] == [DONE, None]
        assert (await there.log.heads()).next[0] == 2
        for turn in (seen.turns[0] - 1, seen.turns[0] + 1):
            with pytest.raises(TurnMoved):
                await here.storage.write_at(seen, {0: turn}, writing_of("c", 3))
        async with there.storage.transaction([0]):
            pass
        with pytest.raises(TurnMoved):
            await here.storage.write_at(seen, seen.turns, writing_of("c", 3))
        with pytest.raises(ZeroDivisionError):
            async with there.storage.transaction([0]):
                raise ZeroDivisionError
        assert await load(here.storage, ("main", "s")) == [counter("s", "a", 2, version=2)]
        async with there.storage.transaction([1]):
            pass
        last = await look_at(here.storage, "c")
        assert last.turns == {0: seen.turns[0] + 2}  # the one above, and `load`

    async def test_what_was_decided_on_a_look_is_written_whole_or_not(
        self, harness: Harness
    ) -> None:
        """A key that another took, the schema, and an epoch refuse all of it."""
        here, there = await harness.open(), await harness.open()
        look = await look_at(here.storage, "a")
        async with there.storage.transaction([1]) as tx:
            await tx.answer([(claim_of("a"), OTHER)])
        with pytest.raises(KeyInFlight):
            await here.storage.write_at(look, look.turns, writing_of("a", 1))
        with pytest.raises(ConstraintRefused):
            await here.storage.write_at(look, look.turns, writing_of("b", -1))
        await harness.new_epoch()
        assert await here.storage.look([0], [claim_of("b")], {Counter: [("main", "s")]}) is None
        with pytest.raises((TurnMoved, Fenced)):
            await here.storage.write_at(look, look.turns, writing_of("b", 1))
        fresh = (await harness.open()).storage
        found = await look_at(fresh, "a", "b")
        assert found.rows == {Counter: []}
        assert [one.outcome for one in found.claimed] == [OTHER, None]

    async def test_what_was_decided_on_a_look_at_several_heads_needs_all_their_turns(
        self, harness: Harness
    ) -> None:
        """And a head that gets no events counts a turn as well."""
        here, there = await harness.open(), await harness.open()
        look = await look_at(here.storage, "a", heads=(0, 1, 3))
        async with there.storage.transaction([2]):
            pass
        both = {0: [new_event("s:a", 1), new_event("s:b", 1)], 3: [new_event("t:a", 1)]}
        first = msgspec.structs.replace(writing_of("a", 1), events=both)
        await here.storage.write_at(look, look.turns, first)
        seen = await look_at(here.storage, "a", heads=(0, 1, 2, 3))
        after = {partition: turn + 1 for partition, turn in look.turns.items()}
        assert seen.turns == after | {2: seen.turns[2]}
        assert seen.rows == {Counter: [counter("s", "a", 1)]}
        assert (await there.log.heads()).next == (2, 0, 0, 1)
        more = {0: [new_event("s:b", 2)], 3: [new_event("t:a", 2), new_event("t:b", 1)]}
        second = msgspec.structs.replace(writing_of("b", 2), events=more)
        async with there.storage.transaction([1]):
            pass
        with pytest.raises(TurnMoved):
            await here.storage.write_at(seen, after, second)
        await here.storage.write_at(seen, after | {1: after[1] + 1}, second)
        topics = [(event.topic, event.version) for event in await there.log.read(3, 0, 9)]
        assert topics == [("t:a", 1), ("t:a", 2), ("t:b", 1)]
        last = await look_at(here.storage, "b", heads=(0, 3))
        skips = msgspec.structs.replace(writing_of("c", 3), events={3: [new_event("t:a", 9)]})
        with pytest.raises(LogCorrupt):
            await here.storage.write_at(last, last.turns, skips)
        assert (await there.log.heads()).next == (3, 0, 0, 3)

    async def test_what_was_decided_on_a_look_needs_its_positions_too(
        self, harness: Harness
    ) -> None:
        """One that is elsewhere refuses all of it."""
        opened = await harness.open()
        for heads in ((0,), (0, 1)):
            look = await look_at(opened.storage, "a", heads=heads)
            name = f"c{len(heads)}"
            moves = (Move(name, 0, 0, 3), Move(name, 1, 0, 4))
            moving = msgspec.structs.replace(EMPTY, moves=moves)
            await opened.storage.write_at(look, look.turns, moving)
            look = await look_at(opened.storage, "a", heads=heads)
            for wrong in (Move(name, 1, 0, 5), Move(name, 1, 3, 5), Move(name, 2, 1, 5)):
                late = msgspec.structs.replace(
                    writing_of("a", 1), moves=(Move(name, 0, 3, 9), wrong)
                )
                with pytest.raises(TurnMoved):
                    await opened.storage.write_at(look, look.turns, late)
            assert [await opened.log.position(name, at) for at in (0, 1, 2)] == [3, 4, 0]
            again = msgspec.structs.replace(EMPTY, moves=(Move(name, 0, 3, 9),))
            await opened.storage.write_at(look, look.turns, again)
            assert await opened.log.position(name, 0) == 9
        assert await load(opened.storage, ("main", "s")) == []


EMPTY: Final = Writing(rows={}, events={}, answers=())


async def look_at(storage: Storage, *keys: str, heads: Sequence[int] = (0,)) -> Look:
    """What is committed of one shelf, and of some keys, with the turns of these heads."""
    for _ in range(COMMON_AFTER):
        look = await storage.look(
            heads, [claim_of(key) for key in keys], {Counter: [("main", "s")]}
        )
        if look is not None:
            return look
    raise AssertionError("there was no look")


def writing_of(key: str, count: int) -> Writing:
    """One counter, its event and the answer of a key."""
    return Writing(
        rows={Counter: [counter("s", "a", count, version=max(count, 1))]},
        events={0: [new_event("s:a", max(count, 1))]},
        answers=[(claim_of(key), DONE)],
    )


def line(shelf: str, name: str) -> Line:
    """A line's row."""
    return Line(tenant="main", shelf=shelf, line=name, amount=1)
