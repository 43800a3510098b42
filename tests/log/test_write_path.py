"""The one way in, on the memory twin and on PostgreSQL alike."""

import asyncio
import logging
from collections import Counter as Tally
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from typing_extensions import override

from shopwire.kernel.batch import WRITE_AHEAD_COMMANDS
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Answer, Command, Envelope, Outcome
from shopwire.kernel.errors import (
    ErrorBody,
    Fenced,
    InternalError,
    KeyInFlight,
    KeyMalformed,
    KeyReused,
    LeaseLost,
    PositionMoved,
    QueueFull,
    ShuttingDown,
    StorageUnavailable,
    UnknownOperation,
)
from shopwire.kernel.ids import partition_of
from shopwire.kernel.limits import CLAIM_LEASE_MS, IDEMPOTENCY_KEPT_MS
from shopwire.kernel.storage import Lease, Storage
from shopwire.kernel.write_path import WritePath
from shopwire.testing.conformance.sample import COUNT_MAX, COUNT_UP, CountUp, count_up, new_event
from shopwire.testing.conformance.storage import claim_of, load

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def running(storage: Storage, **options: int) -> AsyncIterator[WritePath]:
    path = WritePath(storage, [COUNT_UP], SystemClock(), **options)
    await path.start()
    try:
        yield path
    finally:
        await path.stop()


@pytest.fixture
async def opened(harness):
    return await harness.open()


@pytest.fixture
async def path(opened):
    async with running(opened.storage) as path:
        yield path


def error_of(outcome: Outcome) -> ErrorBody:
    assert not outcome.ok
    return msgspec.json.decode(outcome.body, type=ErrorBody)


def answer_of(outcome: Outcome) -> Answer:
    assert outcome.ok, outcome
    return msgspec.json.decode(outcome.body, type=Answer)


async def counts(opened, *shelves: str) -> dict[str, int]:
    rows = await load(opened.storage, *(("main", shelf) for shelf in shelves))
    return {f"{row.shelf}/{row.id}": row.count for row in rows}


async def events(opened) -> int:
    return sum((await opened.log.heads()).next)


async def test_a_command_leaves_rows_events_documents_and_an_answer(path, opened):
    answer = answer_of(await path.submit(count_up("k", by=3)))
    assert answer.versions == {"counter:shelf/a": 1}
    assert answer.result == {"count": 3}
    assert await counts(opened, "shelf") == {"shelf/a": 3}
    (document,) = await opened.log.documents("main", ["counter:shelf/a"])
    assert (document.version, document.body) == (1, b'{"count":3}')
    partition = partition_of("main", "shelf", 4)
    (event,) = await opened.log.read(partition, 0, 9)
    assert event.command_id == count_up("k").command_id


async def test_later_commands_of_a_batch_see_earlier_ones(path, opened):
    outcomes = await path.submit_many([count_up(f"k{n}") for n in range(300)])
    assert [answer_of(one).result["count"] for one in outcomes] == list(range(1, 301))
    assert [answer_of(one).versions["counter:shelf/a"] for one in outcomes] == list(range(1, 301))
    assert path.stats.batches < 50


async def test_a_replay_is_the_same_to_the_byte_and_does_nothing(path, opened):
    first = await path.submit(count_up("k"))
    await path.submit(count_up("other"))
    again = await path.submit(count_up("k"))
    assert (again.status, again.body) == (first.status, first.body)
    assert (first.replayed, again.replayed) == (False, True)
    assert await counts(opened, "shelf") == {"shelf/a": 2}


async def test_one_key_a_hundred_times_at_once_takes_effect_once(path, opened):
    outcomes = await asyncio.gather(*(path.submit(count_up("k")) for _ in range(100)))
    assert Tally(one.replayed for one in outcomes) == {False: 1, True: 99}
    assert len({one.body for one in outcomes}) == 1
    assert await counts(opened, "shelf") == {"shelf/a": 1}


async def test_a_key_with_another_body_is_refused_without_the_first_answer(path, opened):
    first = await path.submit(count_up("k", by=41))
    late = await path.submit(count_up("k", by=2))
    together = await path.submit_many([count_up("j", by=41), count_up("j", by=2)])
    for refused in (late, together[1]):
        assert (refused.status, error_of(refused).name) == (422, "KeyReused")
        assert b"41" not in refused.body
    assert first.ok
    assert together[0].ok
    assert await counts(opened, "shelf") == {"shelf/a": 82}


async def test_a_key_whose_other_body_belongs_elsewhere_takes_effect_once(path, opened):
    shelves = [f"s{n}" for n in range(20)]
    outcomes = await asyncio.gather(*(path.submit(count_up("k", shelf)) for shelf in shelves))
    assert Tally(one.status for one in outcomes) == {200: 1, 422: 19}
    assert sum((await counts(opened, *shelves)).values()) == 1


async def test_a_refusal_of_the_domain_is_stored_and_leaves_nothing(path, opened):
    outcomes = await path.submit_many([count_up("a"), count_up("b", how="rule"), count_up("c")])
    assert [one.status for one in outcomes] == [200, 422, 200]
    assert error_of(outcomes[1]).data == {"rule": "asked", "reason": "rule"}
    again = await path.submit(count_up("b", how="rule"))
    assert again.replayed
    assert again.body == outcomes[1].body
    assert await counts(opened, "shelf") == {"shelf/a": 2}
    assert await events(opened) == 2


@pytest.mark.parametrize(
    ("how", "name"), [("field", "InvalidField"), ("away", "StorageUnavailable")]
)
async def test_a_refusal_of_the_request_or_of_the_moment_is_not_stored(path, opened, how, name):
    assert error_of(await path.submit(count_up("k", how=how))).name == name
    again = await path.submit(count_up("k", how=how))
    assert not again.replayed
    corrected = await path.submit(count_up("k"))
    assert corrected.ok
    assert not corrected.replayed


async def test_followers_of_an_unstored_refusal_get_their_own_turn(path, opened):
    outcomes = await path.submit_many(
        [count_up("k", how="field"), count_up("k", how="field"), count_up("k")]
    )
    assert [one.status for one in outcomes] == [422, 422, 200]
    assert [one.replayed for one in outcomes] == [False] * 3


@pytest.mark.parametrize("how", ["defect", "skip"])
async def test_a_defect_takes_nobody_else_down(path, opened, caplog, how):
    with caplog.at_level(logging.CRITICAL):
        outcomes = await path.submit_many(
            [count_up("a"), count_up("b", how=how), count_up("c"), count_up("d", "elsewhere")]
        )
    assert [one.status for one in outcomes] == [200, 500, 200, 200]
    assert error_of(outcomes[1]).data["incident"]
    assert b"asked" not in outcomes[1].body
    assert not (await path.submit(count_up("b", how=how))).replayed
    assert await counts(opened, "shelf") == {"shelf/a": 2}


async def test_a_version_that_only_the_log_can_refuse_refuses_one_command(path, opened):
    async with opened.storage.transaction([partition_of("main", "odd", 4)]) as tx:
        # Somebody wrote an event without the row: the handler's next version is then wrong.
        await tx.append(partition_of("main", "odd", 4), [new_event("counter:odd/a", 1)])
    shelves = [f"s{n}" for n in range(12)]
    same = [s for s in shelves if partition_of("main", s, 4) == partition_of("main", "odd", 4)]
    outcomes = await path.submit_many(
        [*(count_up(f"k{s}", s) for s in same), count_up("k", "odd"), count_up("x", same[0])]
    )
    assert [one.status for one in outcomes] == [200] * len(same) + [500, 200]


async def test_what_the_schema_refuses_refuses_that_command_only(path, opened):
    wishes = [count_up(f"k{n}", id=f"c{n}", by=COUNT_MAX + 1 if n == 13 else 1) for n in range(40)]
    outcomes = await path.submit_many(wishes)
    assert [n for n, one in enumerate(outcomes) if not one.ok] == [13]
    assert error_of(outcomes[13]).data == {"constraint": "sample_counter_limit"}
    again = await path.submit(wishes[13])
    assert again.replayed
    assert again.body == outcomes[13].body
    assert await events(opened) == 39


async def test_a_long_batch_is_written_while_it_is_decided(opened):
    many, writes = 2 * WRITE_AHEAD_COMMANDS, []
    async with running(Counting(opened.storage, writes)) as path:
        outcomes = await path.submit_many([count_up(f"k{n}") for n in range(many)])
        assert [answer_of(one).result["count"] for one in outcomes] == list(range(1, many + 1))
        assert writes == [[WRITE_AHEAD_COMMANDS, WRITE_AHEAD_COMMANDS]]
        # What the schema refuses behind the first write takes that write back, too.
        last = count_up("last", by=COUNT_MAX)
        *good, refused = await path.submit_many([*(count_up(f"l{n}") for n in range(many)), last])
    assert all(one.ok for one in good)
    assert error_of(refused).data == {"constraint": "sample_counter_limit"}
    assert await counts(opened, "shelf") == {"shelf/a": 2 * many}
    assert await events(opened) == 2 * many


async def test_a_command_with_too_many_events_is_refused(path, opened):
    assert error_of(await path.submit(count_up("k", how="many"))).name == "CommandTooLarge"
    assert await events(opened) == 0


async def test_a_full_queue_refuses_the_whole_call_and_does_nothing(opened):
    async with running(opened.storage, queue_max=10) as path:
        async with opened.storage.transaction([partition_of("main", "shelf", 4)]):
            taken = [asyncio.create_task(path.submit(count_up(f"t{n}"))) for n in range(5)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert path.queued <= 5
            more = asyncio.create_task(path.submit_many([count_up(f"m{n}") for n in range(10)]))
            await asyncio.sleep(0)
            with pytest.raises(QueueFull) as full:
                await path.submit_many([count_up("x"), *(count_up(f"f{n}") for n in range(10))])
            assert full.value.data["retry_ms"] >= 50
        done = await asyncio.gather(*taken, more, return_exceptions=True)
    landed = sum(len(one) if isinstance(one, list) else isinstance(one, Outcome) for one in done)
    assert (await counts(opened, "shelf"))["shelf/a"] == landed


async def test_stopping_finishes_what_was_taken_and_refuses_the_rest(opened):
    path = WritePath(opened.storage, [COUNT_UP], SystemClock())
    with pytest.raises(ShuttingDown):
        await path.submit(count_up("early"))
    await path.start()
    taken = [asyncio.create_task(path.submit(count_up(f"k{n}"))) for n in range(50)]
    await asyncio.sleep(0)
    await path.stop()
    assert all(one.ok for one in await asyncio.gather(*taken))
    with pytest.raises(ShuttingDown):
        await path.submit(count_up("late"))
    with pytest.raises(ShuttingDown):
        await path.react("c", 0, 0, 1, [])


async def test_a_caller_that_goes_away_does_not_stop_the_others(path, opened):
    tasks = [asyncio.create_task(path.submit(count_up(f"k{n}"))) for n in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(one, Outcome) for one in done) == 9
    assert (await path.submit(count_up("k3"))).ok
    assert await counts(opened, "shelf") == {"shelf/a": 10}


async def test_unknown_commands_and_bad_keys_are_refused_at_the_door(path):
    class Unheard(Command, frozen=True, kw_only=True):
        operation = "sample.unheard"

    with pytest.raises(UnknownOperation):
        await path.submit(Envelope(command=Unheard(), key="k"))
    for key in ("", "x" * 256, "ü", "a\nb"):
        with pytest.raises(KeyMalformed):
            await path.submit(count_up(key))


async def test_two_processes_count_every_command_once(harness, opened):
    other = await harness.open()
    async with running(opened.storage) as here, running(other.storage) as there:
        wishes = [count_up(f"k{n % 200}", f"s{n % 7}", id="a") for n in range(400)]
        # The same 200 keys through both processes at once.
        keys = {wish.key: wish for wish in wishes}
        both = await asyncio.gather(
            *(path.submit(wish) for wish in keys.values() for path in (here, there))
        )
    assert Tally(one.replayed for one in both) == {False: 200, True: 200}
    assert sum((await counts(opened, *(f"s{n}" for n in range(7)))).values()) == 200
    assert await events(opened) == 200


async def test_a_fenced_writer_says_so_and_changes_nothing(harness, path, opened):
    await path.submit(count_up("a"))
    await harness.new_epoch()
    with pytest.raises(Fenced):
        await path.submit(count_up("b"))
    with pytest.raises(Fenced):
        await path.react("c", 0, 0, 1, [count_up("c")])
    assert await events(opened) == 1


async def test_effect_and_position_of_a_consumer_move_together(path, opened):
    outcomes = await path.react("c", 2, 0, 5, [count_up("a"), count_up("b", "other")])
    assert [one.ok for one in outcomes] == [True, True]
    assert await opened.log.position("c", 2) == 5
    with pytest.raises(PositionMoved):
        await path.react("c", 2, 0, 5, [count_up("again")])
    await path.react("c", 2, 5, 9, [])
    assert await opened.log.position("c", 2) == 9
    assert await counts(opened, "shelf", "other") == {"shelf/a": 1, "other/a": 1}


async def test_a_consumer_goes_on_over_refusals_but_never_over_defects(path, opened, caplog):
    outcomes = await path.react("c", 0, 0, 3, [count_up("a", how="rule"), count_up("b")])
    assert [one.status for one in outcomes] == [422, 200]
    with caplog.at_level(logging.CRITICAL):
        for how, error in (("defect", InternalError), ("away", StorageUnavailable)):
            with pytest.raises(error):
                await path.react("c", 0, 3, 4, [count_up(f"x{how}"), count_up(how, how=how)])
    assert await opened.log.position("c", 0) == 3
    assert await counts(opened, "shelf") == {"shelf/a": 1}


async def test_a_consumer_step_with_a_row_that_the_schema_refuses_still_happens_once(path, opened):
    step = [count_up("a"), count_up("b", by=COUNT_MAX + 1), count_up("c")]
    outcomes = await path.react("c", 0, 0, 3, step)
    assert [one.status for one in outcomes] == [200, 409, 200]
    assert await opened.log.position("c", 0) == 3
    assert await counts(opened, "shelf") == {"shelf/a": 2}
    assert await events(opened) == 2


async def test_a_consumer_is_exactly_once_through_two_instances(harness, opened):
    other = await harness.open()
    done: list[int] = []

    async def consume(path: WritePath, log) -> None:
        while (at := await log.position("c", 1)) < 60:
            try:
                await path.react("c", 1, at, at + 1, [count_up(f"{path!r}-{at}")])
                done.append(at)
            except PositionMoved:
                continue

    async with running(opened.storage) as here, running(other.storage) as there:
        await asyncio.gather(consume(here, opened.log), consume(there, other.log))
    assert sorted(done) == list(range(60))
    assert await counts(opened, "shelf") == {"shelf/a": 60}


class Counting(Storage):
    """Notes how many answers each write of each transaction stores."""

    def __init__(self, inner: Storage, writes: list[list[int]]) -> None:
        self._inner, self._writes = inner, writes

    @property
    @override
    def partitions(self) -> int:
        return self._inner.partitions

    @override
    @asynccontextmanager
    async def transaction(self, partitions):
        async with self._inner.transaction(partitions) as tx:
            mine, write = [], tx.write

            async def counted(rows, events, answers, born):
                mine.append(len(answers))
                await write(rows, events, answers, born)

            tx.write = counted
            yield tx
        self._writes.append(mine)

    @override
    def committed(self, partitions):
        self._inner.committed(partitions)

    @override
    async def sweep(self, limit):
        return await self._inner.sweep(limit)


class Breaking(Storage):
    """Loses the connection during a commit: before it happened, or after."""

    def __init__(self, inner: Storage, *, after: bool) -> None:
        self._inner = inner
        self._after = after
        self.broken = True

    @property
    @override
    def partitions(self) -> int:
        return self._inner.partitions

    @override
    @asynccontextmanager
    async def transaction(self, partitions):
        async with self._inner.transaction(partitions) as tx:
            yield tx
            if self.broken and not self._after:
                raise StorageUnavailable(retry_ms=1)
        if self.broken:
            raise StorageUnavailable(retry_ms=1)

    @override
    def committed(self, partitions):
        self._inner.committed(partitions)

    @override
    async def sweep(self, limit):
        return 0


@pytest.mark.parametrize("after", [False, True], ids=["not committed", "committed"])
async def test_a_commit_of_unknown_outcome_is_settled_by_the_same_key(opened, after):
    storage = Breaking(opened.storage, after=after)
    async with running(storage) as path:
        with pytest.raises(StorageUnavailable):
            await path.submit(count_up("k"))
        with pytest.raises(StorageUnavailable):
            await path.react("c", 0, 0, 5, [count_up("r")])
        storage.broken = False
        assert (await path.submit(count_up("k"))).replayed == after
        if after:
            with pytest.raises(PositionMoved):
                await path.react("c", 0, 0, 5, [count_up("r")])
        else:
            await path.react("c", 0, 0, 5, [count_up("r")])
    assert await counts(opened, "shelf") == {"shelf/a": 2}
    assert await opened.log.position("c", 0) == 5


async def test_work_of_several_phases_is_leased_answered_and_replayed(harness, path, opened):
    claim = claim_of("import-1")
    lease = await path.claim_lease(claim)
    assert isinstance(lease, Lease)
    with pytest.raises(KeyInFlight) as busy:
        await path.claim_lease(claim)
    assert 0 < busy.value.data["retry_ms"] <= CLAIM_LEASE_MS
    with pytest.raises(KeyReused):
        await path.claim_lease(claim_of("import-1", fingerprint=b"x" * 16))
    await harness.age_answers(CLAIM_LEASE_MS + 1)
    successor = await path.claim_lease(claim)
    assert isinstance(successor, Lease)
    with pytest.raises(LeaseLost):
        await path.finish_lease(lease, Outcome(status=200, body=b"{}"))
    await path.finish_lease(successor, Outcome(status=200, body=b"{}"))
    told = await path.claim_lease(claim)
    assert told == Outcome(status=200, body=b"{}", replayed=True)


async def test_a_key_leased_elsewhere_answers_in_flight_and_is_not_stored(path, opened):
    lease = await path.claim_lease(
        claim_of("k", principal="system", fingerprint=count_up("k").fingerprint)
    )
    busy = await path.submit(count_up("k"))
    assert (busy.status, error_of(busy).name, busy.replayed) == (409, "KeyInFlight", False)
    await path.drop_lease(lease)
    assert (await path.submit(count_up("k"))).ok


async def test_an_expired_key_is_forgotten_by_the_sweep(harness, opened):
    async with running(opened.storage) as path:
        await path.submit(count_up("k"))
    await harness.age_answers(IDEMPOTENCY_KEPT_MS)
    async with running(opened.storage) as path:
        assert not (await path.submit(count_up("k"))).replayed


async def test_a_handler_must_name_what_it_puts(opened, caplog):
    blind = msgspec.structs.replace(COUNT_UP, needs=lambda command: ())
    path = WritePath(opened.storage, [blind], SystemClock())
    await path.start()
    with caplog.at_level(logging.CRITICAL):
        assert (await path.submit(count_up("k"))).status == 500
    await path.stop()


async def test_one_handler_a_command(opened):
    double = msgspec.structs.replace(COUNT_UP, needs=lambda command: ())
    with pytest.raises(ValueError, match="two handlers"):
        WritePath(opened.storage, [COUNT_UP, double], SystemClock())
    assert CountUp.operation == "sample.count_up"
