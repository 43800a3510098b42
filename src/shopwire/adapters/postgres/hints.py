"""Hints between processes: NOTIFY with what a commit added, where that is little."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from shopwire.adapters.hints import Growth, Hints
from shopwire.adapters.limits import (
    CONNECT_MS_MAX,
    HINT_BYTES_MAX,
    HINT_COMMITS_MAX,
    HINT_RETRY_MS,
    HOLDER_WAIT_MS_MAX,
    NOTIFY_BYTES_MAX,
    NOTIFY_LOOK_MS,
    NOTIFY_QUEUE_SHARE_MAX,
    NOTIFY_SPACING_MS_MAX,
    NOTIFY_SPACING_MS_MIN,
)
from shopwire.adapters.postgres.pool import driver, to_shopwire
from shopwire.adapters.postgres.sealed import BEGIN, Seal, weight_of
from shopwire.kernel.events import NewEvent
from shopwire.kernel.queries import load_queries

_CHANNEL: Final = "shopwire_log"
_SQL: Final = load_queries("shopwire.adapters.postgres")
_NAME: Final = "shopwire-hints"
"""What the connections that listen are called."""
_HELLO: Final = "hello"
"""Said by who begins to listen: whoever hears it tells from now on, and once of everything."""
_LOG: Final = logging.getLogger(__name__)


def next_spacing_ms(spacing_ms: float, given: int) -> float:
    """The pause behind a hint that joined so many commits, after one of `spacing_ms`.

    One commit a hint: readers of other processes are to know at once. Several: it pays to join
    more, up to what a screen does not notice.
    """
    wanted_ms = spacing_ms * 2 if given > 1 else spacing_ms / 2
    return min(max(wanted_ms, NOTIFY_SPACING_MS_MIN), NOTIFY_SPACING_MS_MAX)


class PostgresHints:
    """Carries hints from and to other processes.

    Local readers are woken at once. Others get a NOTIFY, in one of two ways. A commit that is alone
    in this process carries its own: its readers know of it as soon as its writer. Notifying commits
    go one after the other through the whole database, though; so where several are under way, or
    one comes soon after the other, a statement behind them joins what they added. While the
    connection is away readers fall back on their slow look-again.

    What a hint carries is committed: it is part of the commit, or it was noted after the commit was
    confirmed. What was noted while there was no connection is never sent with its events: the
    database behind the next connection may be a restored one.
    """

    def __init__(self, dsn: str, local: Hints, partitions: int, seal: Seal) -> None:
        self._dsn = dsn
        self._local = local
        self._partitions = partitions
        self._seal = seal
        self._mark = f"@{os.urandom(6).hex()}"
        """Tells what this process said itself, which it need not hear."""
        self._growths: list[Growth] = []
        self._weight = 0
        self._told: set[int] = set()
        """Partitions whose last growth its own commit has told."""
        self._writing = 0
        self._room = False
        """Whether the queue of notifications is known to be far from full."""
        self._heard_by_others = True
        """Whether another process may listen; a shop of one process tells nobody."""
        self._hellos = 0
        self._rest_until_s = 0.0
        self._grown: set[int] = set()
        self._given = 0
        self._stir = asyncio.Event()
        self._closing = asyncio.Event()
        self._here = asyncio.Event()
        """Set while this process's lock is held, by which others know that it lives."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to listen and to tell."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stops; hints that were not yet told are dropped."""
        self._closing.set()
        self._stir.set()
        if self._task is not None:
            await self._task

    async def holder(self) -> str:
        """The name under which this process is known to live; blank where nobody could tell."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HOLDER_WAIT_MS_MAX / 1_000):
                await self._here.wait()
        return self._mark if self._here.is_set() else ""

    # -- telling ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Counts who writes at this moment, from the first statement to the commit."""
        self._writing += 1
        try:
            yield
        finally:
            self._writing -= 1

    def told_by_commit(self, epoch: int, partition: int, events: Sequence[NewEvent]) -> str | None:
        """The hint that this commit is to carry; None where one behind it is better."""
        if (
            self._writing > 1
            or self._growths
            or not (self._room and self._heard_by_others)
            or asyncio.get_running_loop().time() < self._rest_until_s
            or weight_of(events) > HINT_BYTES_MAX
        ):
            return None
        sealed = self._seal.close_unplaced(epoch, partition, events)
        return f"{partition},{self._mark}{BEGIN}{sealed}"

    def note(self, growth: Growth, *, told: bool = False) -> None:
        """Keeps what a commit has added, for this process's readers and for the next hint.

        Only what is confirmed to be committed may be noted. Args: `told` where the commit did.
        """
        self._local.note(growth)
        if not self._heard_by_others:
            return
        if told:
            self._told.add(growth.partition)
            self._rest(NOTIFY_SPACING_MS_MIN)
            return
        self._told.discard(growth.partition)
        weight = self._weight + weight_of(growth.events)
        if weight > HINT_BYTES_MAX:
            growth = msgspec.structs.replace(growth, events=())
        else:
            self._weight = weight
        if len(self._growths) < HINT_COMMITS_MAX:
            self._growths.append(growth)

    def give(self, partitions: Iterable[int]) -> None:
        """Wakes this process's readers now and the others' soon, behind what was noted."""
        grown = set(partitions)
        self._local.wake(grown)
        untold = grown - self._told
        self._told -= grown
        if untold and self._heard_by_others:
            self._grown |= untold
            self._given += 1
            self._stir.set()

    def _take(self) -> list[Growth]:
        growths, self._growths, self._weight = self._growths, [], 0
        return growths

    def _text(self, grown: set[int], growths: list[Growth]) -> str:
        """Partitions, which is all that processes of a former release read; then what is sealed."""
        names = ",".join([*map(str, sorted(grown)), self._mark])
        if not growths or len(growths) == HINT_COMMITS_MAX:
            return names
        text = f"{names}{BEGIN}{self._seal.close(growths)}"
        return text if len(text) <= NOTIFY_BYTES_MAX else names

    def _rest(self, rest_ms: float) -> None:
        self._rest_until_s = asyncio.get_running_loop().time() + rest_ms / 1_000

    # -- the connection -----------------------------------------------------------------------

    async def _run(self) -> None:
        while not self._closing.is_set():
            try:
                await self._serve()
            except Exception as problem:
                if to_shopwire(problem) is None:
                    raise
                _LOG.warning("hints to other processes are off: %s", problem)
                await self._pause(HINT_RETRY_MS)

    async def _serve(self) -> None:
        con = await driver.connect(
            self._dsn,
            timeout=CONNECT_MS_MAX / 1_000,
            command_timeout=CONNECT_MS_MAX / 1_000,
            # A hint may be lost, so its commit need not wait for the disk.
            server_settings={"application_name": _NAME, "synchronous_commit": "off"},
        )
        await self._serve_on(con)

    async def _serve_on(self, con: Any) -> None:
        try:
            con.add_termination_listener(lambda _: self._stir.set())
            if await con.fetchval(_SQL["take_office"], f"process/{self._mark}"):
                self._here.set()
            await con.add_listener(_CHANNEL, self._heard)
            await con.execute(_SQL["notify"], f"{self._mark},{_HELLO}")
            # What was said while nobody listened was missed; what was noted is of the time before.
            self._local.forget(self._local.epoch)
            self._local.give(range(self._partitions))
            self._take()
            await self._tell(con)
        finally:
            self._room = False
            self._here.clear()
            con.terminate()

    async def _tell(self, con: Any) -> None:
        spacing_ms = NOTIFY_SPACING_MS_MIN
        look_at_s = 0.0
        while not self._closing.is_set() and not con.is_closed():
            now_s = asyncio.get_running_loop().time()
            if now_s >= look_at_s:
                hellos = self._hellos
                queued, heard = await con.fetchrow(_SQL["hearing"], _NAME)
                self._room = queued < NOTIFY_QUEUE_SHARE_MAX
                # Who said hello while the question was on its way is not in its answer.
                self._heard_by_others = heard or self._hellos != hellos
                look_at_s = now_s + NOTIFY_LOOK_MS / 1_000
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, look_at_s - now_s)):
                    await self._stir.wait()
            self._stir.clear()
            grown, self._grown = self._grown, set()
            given, self._given = self._given, 0
            if grown and not con.is_closed():
                await con.execute(_SQL["notify"], self._text(grown, self._take()))
                spacing_ms = next_spacing_ms(spacing_ms, given)
                self._rest(spacing_ms)
                await self._pause(spacing_ms)

    def _heard(self, _con: Any, _pid: int, _channel: str, payload: str) -> None:
        names, _, sealed = payload.partition(BEGIN)
        told = names.split(",")
        if self._mark in told:
            return
        if _HELLO in told:
            # What was committed before this was heard is told now.
            self._heard_by_others = True
            self._hellos += 1
            self._grown.update(range(self._partitions))
            self._stir.set()
            return
        growths: Sequence[Growth] | None = ()
        if sealed:
            growths = self._seal.open_placed(payload) if ":" in sealed else self._seal.open(sealed)
        known = set()
        for growth in growths or ():
            if growth.partition < self._partitions:
                self._local.note(growth)
                known.add(growth.partition)
        grown = {int(part) for part in told if part.isdecimal() and int(part) < self._partitions}
        self._local.wake(grown & known)
        self._local.give(grown - known)

    async def _pause(self, wait_ms: float) -> None:
        with contextlib.suppress(TimeoutError):
            # Not wait_for, which makes a task of it: this is done up to 200 times a second.
            async with asyncio.timeout(wait_ms / 1_000):
                await self._closing.wait()
