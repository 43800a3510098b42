"""Early copies: whatever becomes of hints, a reader gets exactly the log, once and in order."""

import asyncio
import random

import msgspec
import pytest

from shopwire.adapters.hints import Growth, Hints
from shopwire.adapters.limits import EARLY_EVENTS_MAX, HINT_BYTES_MAX, HINT_EVENTS_MAX
from shopwire.adapters.postgres.hints import PostgresHints
from shopwire.adapters.postgres.log import PostgresLog
from shopwire.adapters.postgres.sealed import Seal, weight_of
from shopwire.kernel.events import NewEvent, Position, Recorded
from shopwire.kernel.limits import READ_EVENTS_MAX
from shopwire.kernel.log import Heads

pytestmark = pytest.mark.anyio

NEVER_MS = 3_600_000
KEY = bytes(range(32))


def events_of(count, text="true", command="c"):
    return tuple(
        NewEvent("main", f"t:{at}", 1, "test.changed", text.encode(), b'{"cost":1}', command)
        for at in range(count)
    )


class Line(PostgresLog):
    """The reader as it is, in front of a log that is a list."""

    def __init__(self, hints, remote) -> None:
        super().__init__(None, hints, remote, partitions=1, epoch=1, tail_poll_ms=NEVER_MS)
        self.epoch, self.held, self.reads = 1, [], 0
        self._pools = self

    async def read(self, *asked: object):
        """Stands for the pool as well, whose queries are told apart by their arguments."""
        if len(asked) == 1:
            return [{"epoch": self.epoch, "next": len(self.held)}]
        if asked[0] == 0:
            return await super().read(*asked)
        self.reads += 1
        _, _, offset, limit = asked
        await asyncio.sleep(0)
        return [
            (e.position.offset, e.position.epoch, *msgspec.structs.astuple(e)[1:])
            for e in self.held[offset : offset + limit]
        ]

    def commit(self, count, text="true"):
        first = len(self.held)
        growth = Growth(self.epoch, 0, first, count, 7, events_of(count, text, f"c{first}"))
        self.held += [
            Recorded(Position(self.epoch, 0, at), *msgspec.structs.astuple(event), 7)
            for at, event in enumerate(growth.events, first)
        ]
        return growth


class World:
    """A log, a process that wrote, and one that reads."""

    def __init__(self) -> None:
        self.hints = Hints(1, epoch=1)
        self.remote = PostgresHints("", self.hints, 1, Seal(KEY))
        self.writer = PostgresHints("", Hints(1, epoch=1), 1, Seal(KEY))
        self.log = Line(self.hints, self.remote)
        self.taken = []
        self.batches = []
        self.task = asyncio.create_task(self.follow())

    async def follow(self, offset=0):
        async for batch in self.log.tail(0, offset):
            self.taken += batch
            self.batches.append([event.position.offset for event in batch])

    def payload(self, *growths: Growth):
        for growth in growths:
            self.writer.note(growth)
        return self.writer._text({0}, self.writer._take())

    def hear(self, payload):
        self.remote._heard(None, 0, "", payload)

    async def rest(self):
        for _ in range(30):
            await asyncio.sleep(0)
        if self.task.done():
            self.task.result()

    def check(self):
        assert self.taken == self.log.held


@pytest.fixture
async def world():
    world = World()
    await world.rest()
    yield world
    world.task.cancel()
    await asyncio.gather(world.task, return_exceptions=True)


async def test_what_follows_is_taken_from_the_hint_and_the_log_is_left_alone(world):
    before = world.log.reads
    for count in (1, 3, 1):
        world.hear(world.payload(world.log.commit(count)))
        await world.rest()
    world.check()
    assert world.log.reads == before
    assert world.batches == [[0], [1, 2, 3], [4]]


async def test_with_a_hole_in_front_the_log_is_read(world):
    world.payload(world.log.commit(2))
    world.hear(world.payload(world.log.commit(1)))
    await world.rest()
    world.check()
    assert world.batches == [[0, 1, 2]]


@pytest.mark.parametrize("count", [1, EARLY_EVENTS_MAX + 1])
async def test_a_commit_that_is_too_large_is_read_from_the_log(world, count):
    before = world.log.reads
    world.hear(world.payload(world.log.commit(count, text='"' + "x" * HINT_BYTES_MAX + '"')))
    await world.rest()
    world.check()
    assert world.log.reads == before + 1


async def test_a_hint_of_a_former_release_makes_its_reader_ask_the_log(world):
    world.log.commit(2)
    world.hear("0")
    await world.rest()
    world.check()


async def test_a_former_release_reads_the_partitions_of_ours(world):
    payload = world.payload(world.log.commit(1))
    told = [int(part) for part in payload.split(",") if part.isdecimal()]
    assert told == [0]


async def test_a_part_of_a_commit_is_not_taken(world):
    whole = world.log.commit(3)
    world.hints.note(msgspec.structs.replace(whole, events=whole.events[:2]))
    assert world.hints.early(0, 0) == []
    world.hints.wake([0])
    await world.rest()
    world.check()
    assert world.batches == [[0, 1, 2]]


async def test_what_no_reader_can_use_changes_nothing(world):
    seen = world.hints.seen(0)
    growth = world.log.commit(1)
    world.remote.note(growth)
    world.hear(world.remote._text({0}, world.remote._take()))  # its own
    elsewhere = msgspec.structs.replace(growth, partition=7)
    world.hear(f"7,@other#{Seal(KEY).close([elsewhere])}")
    assert world.hints.seen(0) == seen


async def test_a_hint_that_names_too_many_partitions_names_them_alone(world):
    text = '"' + "x" * (HINT_BYTES_MAX - 200) + '"'
    world.writer.note(world.log.commit(1, text))
    assert "#" in world.writer._text({0}, list(world.writer._growths))
    assert "#" not in world.writer._text(set(range(1_000)), world.writer._take())


def forged(growth):
    return msgspec.structs.replace(growth, events=events_of(growth.count, '"forged"'))


async def test_only_who_has_the_key_can_say_what_happened(world):
    true = world.log.commit(1)
    world.writer._seal = Seal(bytes(32))
    world.hear(world.payload(forged(true)))
    await world.rest()
    world.check()


async def test_events_of_another_epoch_are_not_believed(world):
    world.hear(world.payload(world.log.commit(2)))
    await world.rest()
    stale = forged(world.log.commit(1))
    world.log.held[2:] = []  # restored: the event is not there any more
    world.log.epoch = 2
    assert (await world.log.heads()).epoch == 2
    world.hear(world.payload(stale))
    await world.rest()
    world.check()
    world.hear(world.payload(world.log.commit(1)))
    await world.rest()
    world.check()


async def test_a_newer_epoch_is_first_read_from_the_log(world):
    world.log.epoch = 2
    world.hear(world.payload(forged(world.log.commit(1))))
    await world.rest()
    world.check()
    reads = world.log.reads
    world.hear(world.payload(world.log.commit(1)))
    await world.rest()
    world.check()
    assert world.log.reads == reads


async def test_a_log_that_went_back_without_a_new_epoch_leaves_no_copies(world):
    lost = forged(world.log.commit(2))
    world.hints.note(lost)  # known here before it is followed on
    world.log.held[:] = []
    assert await world.log.heads() == Heads(1, (0,))
    world.hints.wake([0])
    await world.rest()
    world.check()


async def test_what_was_noted_before_a_connection_is_not_sent_on_it():
    """The next database may be a restored one: its readers would take what it never had."""
    hints = PostgresHints("", Hints(1, epoch=1), 1, Seal(KEY))
    sent = []

    class Connection:
        async def add_listener(self, *_: object):
            return None

        def add_termination_listener(self, _):
            return None

        def is_closed(self):
            return hints._closing.is_set()

        async def fetchrow(self, *_: object):
            return 0.0, True

        async def fetchval(self, *_: object):
            return True

        async def execute(self, _sql, text):
            sent.append(text)
            if "hello" not in text:
                hints._closing.set()

        def terminate(self):
            hints._closing.set()

    with hints._local.followed(0):
        hints.note(Growth(1, 0, 0, 1, 7, events_of(1)))
        hints.give([0])
        await hints._serve_on(Connection())
        assert [text.partition("#")[2] for text in sent] == ["", ""]
        assert hints._local.early(0, 0) == []
        assert hints._local.asks(0) == 1


async def test_a_commit_carries_its_own_hint_only_where_it_is_alone():
    hints = PostgresHints("", Hints(1, epoch=1), 1, Seal(KEY))
    hints._room = True
    with hints.writing():
        assert hints.told_by_commit(1, 0, events_of(1))
        assert hints.told_by_commit(1, 0, events_of(1_000)) is None
        with hints.writing():
            assert hints.told_by_commit(1, 0, events_of(1)) is None
        hints._room = False
        assert hints.told_by_commit(1, 0, events_of(1)) is None
        hints._room, hints._heard_by_others = True, False
        assert hints.told_by_commit(1, 0, events_of(1)) is None
        hints._heard_by_others = True
        hints.note(Growth(1, 0, 0, 1, 7, events_of(1)))
        assert hints.told_by_commit(1, 0, events_of(1)) is None


async def test_a_process_alone_tells_nobody_until_another_one_says_hello(world):
    world.writer._heard_by_others = False
    assert "#" not in world.payload(world.log.commit(1))
    world.writer.give([0])
    assert not world.writer._stir.is_set()
    world.writer._heard(None, 0, "", f"{world.remote._mark},hello")
    assert world.writer._stir.is_set()
    assert world.writer._grown == {0}
    assert "#" in world.payload(world.log.commit(1))


async def test_a_hello_during_the_look_is_not_forgotten():
    hints = PostgresHints("", Hints(1, epoch=1), 1, Seal(KEY))

    class Connection:
        async def fetchrow(self, *_: object):
            hints._heard(None, 0, "", "@other,hello")
            hints._closing.set()
            return 0.0, False

        async def execute(self, *_: object):
            return None

        def is_closed(self):
            return False

    await hints._tell(Connection())
    assert hints._heard_by_others


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_happens_each_event_comes_once_and_in_order(world, seed):
    """Hints lost, doubled, late, cut, of another epoch or of nobody; the log restored."""
    chance = random.Random(seed)
    waiting = []
    for _ in range(60):
        what = chance.random()
        if what < 0.5:
            growth = world.log.commit(chance.choice([1, 1, 2, 3, 60]))
            if chance.random() < 0.3:
                world.hints.note(growth)  # this process wrote it itself
                world.hints.wake([0])
            else:
                waiting.append(world.payload(growth))
        elif what < 0.85 and waiting:
            at = chance.randrange(len(waiting))
            payload = waiting[at] if chance.random() < 0.3 else waiting.pop(at)
            fault = chance.random()
            if fault < 0.1:
                payload = payload[: chance.randrange(len(payload))]
            elif fault < 0.2:
                other = World.payload
                world.writer._seal = Seal(bytes(32))
                payload = other(world, Growth(1, 0, len(world.taken), 1, 7, events_of(1, '"no"')))
                world.writer._seal = Seal(KEY)
            elif fault < 0.25:
                payload = ""
            world.hear(payload)
        elif what < 0.9:
            stale = Growth(world.log.epoch - 1, 0, len(world.taken), 1, 7, events_of(1, '"old"'))
            world.hear(world.payload(stale))
        elif what < 0.93:
            await world.rest()
            world.log.epoch += 1
            await world.log.heads()
        elif what < 0.96:
            world.hints.forget(world.log.epoch)
            world.hints.give([0])
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        here = len(world.taken)
        assert world.taken == world.log.held[:here]
    world.hints.give([0])  # what the slow look-again does
    await world.rest()
    world.check()


@pytest.mark.parametrize("seed", range(5))
def test_a_hint_that_was_touched_says_nothing(seed):
    chance = random.Random(seed)
    seal = Seal(KEY)
    text = seal.close([Growth(1, 0, 5, 2, 7, events_of(2))])
    assert seal.open(text)[0].events == events_of(2)
    for _ in range(200):
        at = chance.randrange(len(text))
        other = text[:at] + chance.choice("Aaz09+/=#:,é") + text[at + 1 :]
        # The last letter has bits that mean nothing.
        assert seal.open(other) in (None, seal.open(text))
        assert seal.open(text[:at]) is None


def test_of_a_hint_whose_place_the_database_tells_no_word_can_be_changed():
    seal = Seal(KEY)
    head = f"0,@x#{seal.close_unplaced(1, 0, events_of(1))}"
    told = f"{head}:41:7"
    proof = seal.proof(told)
    (growth,) = seal.open_placed(f"{told}:{proof}")
    assert (growth.first, growth.at_ms, growth.events) == (41, 7, events_of(1))
    assert seal.open_placed(f"{head}:42:7:{proof}") is None
    assert seal.open_placed(f"{head}:41:8:{proof}") is None
    assert seal.open_placed(f"{told}:{Seal(bytes(32)).proof(told)}") is None
    assert seal.open(head.partition("#")[2]) is None
    whole = f"0,@x#{seal.close([Growth(1, 0, 5, 1, 7, events_of(1))])}:41:7"
    assert seal.open_placed(f"{whole}:{seal.proof(whole)}") == ()


def test_what_is_weighed_fits():
    text = '"' + "é" * 20 + '"'
    for count in (1, 2, 8, HINT_EVENTS_MAX):
        events = events_of(count, text)
        assert len(Seal(KEY).close([Growth(1, 0, 2**40, count, 2**41, events)])) <= (
            (weight_of(events) + 28) * 4 // 3 + 4
        )
    assert weight_of(events_of(READ_EVENTS_MAX)) > HINT_BYTES_MAX
