"""The port of the bus: it carries the log's events to processes that only read.

The bus is a shortcut, never the truth. Whoever takes from it counts offsets; what does not follow
is read from the log. So a bus may lose, double, reorder and forget, and readers miss nothing.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from shopwire.kernel.events import Position, Recorded

RUN_EVENTS_MAX: Final = 500
"""Events of one run; a longer batch is carried as several."""
RUN_BYTES_MAX: Final = 512 * 1024
"""Bytes of one run, half of what brokers take at most unless told otherwise.

An event that alone is larger is not carried: the run that follows it leaves a hole on purpose, and
readers get it from the log.
"""
EVENT_BYTES: Final = 200
"""What an event weighs beside its document: names, ids, numbers; an upper estimate."""
NO_FACTS: Final = b"null"
"""Facts stay with the database: they hold costs and ledgers, and no screen needs them."""


class Carried(msgspec.Struct, frozen=True, array_like=True):
    """An event on the bus, without its offset, which the run tells, and without its facts."""

    epoch: int
    tenant: str
    topic: str
    version: int
    event_type: str
    document: bytes
    command_id: str
    recorded_at_ms: int


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive events of one partition, from offset `first` on.

    `epoch` is the log's when it was read. An empty run says that the log goes up to `first`, and
    that something before it was not carried. With `more` the last event's command goes on in the
    next run.
    """

    epoch: int
    partition: int
    first: int
    events: tuple[Carried, ...] = ()
    more: bool = False

    @property
    def next(self) -> int:
        """The offset behind the last event."""
        return self.first + len(self.events)


class Subscription(Protocol):
    """What arrives of one partition: bounded; what does not fit is dropped, the oldest first."""

    async def next(self, timeout_ms: float) -> Run | None:
        """The next run; None when time is up, or when the bus went away or came back."""
        ...

    def wake(self) -> None:
        """Makes a waiting `next` return None."""
        ...

    async def close(self) -> None:
        """No more runs."""
        ...


Hear = Callable[[str, int, bytes], None]
"""Is told a topic, a version, a document: what is in no log and only the last value counts."""


class Bus(Protocol):
    """Carries runs of the log, and states that are in no log.

    None of its methods waits longer than it says, and all of them may be used while the broker is
    away: publishing raises BusUnavailable then, the rest is silent.
    """

    @property
    def up(self) -> bool:
        """Whether the broker is connected."""
        ...

    async def start(self) -> None:
        """Begins to connect; returns at once, whether the broker is there or not."""
        ...

    async def close(self) -> None:
        """Ends all subscriptions and the connection."""
        ...

    async def last(self, epoch: int, partition: int) -> int | None:
        """The offset behind the newest event that the bus has kept; None where it has none.

        Raises BusUnavailable.
        """
        ...

    async def publish(self, run: Run) -> None:
        """Adds a run behind the one that was kept last, and only there.

        Raises BusUnavailable: the broker is away, or another publisher was faster, or `last` was
        not asked since the broker came or since a failure. Then it is asked, and gone on from
        there. Success is no proof of anything.
        """
        ...

    async def follow(self, partition: int) -> Subscription:
        """Runs of a partition from now on, of every epoch."""
        ...

    def tell(self, topic: str, version: int, document: bytes) -> None:
        """Publishes a state; lost while the broker is away, so it is told again and again."""
        ...

    def hear(self, hear: Hear) -> None:
        """Hears of all states, the last known ones at once where their publisher lives."""
        ...

    def watch(self, turned: Callable[[bool], None]) -> None:
        """Is told when the broker went away (False) and when it is there (True)."""
        ...


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Run).decode


def encode_run(run: Run) -> bytes:
    """A run as the bus carries it."""
    return _encode(run)


def decode_run(data: bytes) -> Run | None:
    """The run, None where it is not one: then its offsets are missing, which readers notice."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def carried(event: Recorded) -> Carried:
    """What the bus carries of an event."""
    return Carried(
        event.position.epoch,
        event.tenant,
        event.topic,
        event.version,
        event.event_type,
        event.document,
        event.command_id,
        event.recorded_at_ms,
    )


def recorded(run: Run, since: int) -> list[Recorded]:
    """The events of a run from offset `since` on."""
    return [
        Recorded(
            Position(event.epoch, run.partition, offset),
            event.tenant,
            event.topic,
            event.version,
            event.event_type,
            event.document,
            NO_FACTS,
            event.command_id,
            event.recorded_at_ms,
        )
        for offset, event in enumerate(run.events, run.first)
        if offset >= since
    ]


def runs_of(
    epoch: int,
    partition: int,
    events: Sequence[Recorded],
    *,
    more: bool = False,
    events_max: int = RUN_EVENTS_MAX,
    bytes_max: int = RUN_BYTES_MAX,
) -> list[Run]:
    """Consecutive events as runs within the limits; `more` is what the last run says.

    One that is too large is left out; where it is the last, an empty run behind it tells of it.
    """
    runs: list[Run] = []
    taken: list[Carried] = []
    first = size = 0

    def close(upto: int) -> None:
        nonlocal taken, size
        if taken:
            goes_on = upto < len(events) and events[upto].command_id == taken[-1].command_id
            runs.append(
                Run(
                    epoch, partition, first, tuple(taken), goes_on or (more and upto == len(events))
                )
            )
        taken, size = [], 0

    for at, event in enumerate(events):
        weight = weight_of(event)
        if weight > bytes_max or size + weight > bytes_max or len(taken) == events_max:
            close(at)
        if weight > bytes_max:
            continue
        if not taken:
            first = event.position.offset
        taken.append(carried(event))
        size += weight
    close(len(events))
    if events and (not runs or runs[-1].next <= events[-1].position.offset):
        runs.append(Run(epoch, partition, events[-1].position.offset + 1, (), more))
    return runs


def weight_of(event: Recorded) -> int:
    """How many bytes an event takes on the bus, at most."""
    return len(event.document) + len(event.topic.encode()) + EVENT_BYTES
