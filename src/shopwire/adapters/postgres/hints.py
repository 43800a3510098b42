"""Hints between processes: NOTIFY after the commit, on a connection of its own."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Any, Final

from shopwire.adapters.hints import Hints
from shopwire.adapters.limits import (
    CONNECT_MS_MAX,
    HINT_RETRY_MS,
    NOTIFY_SPACING_MS_MAX,
    NOTIFY_SPACING_MS_MIN,
)
from shopwire.adapters.postgres.pool import driver, to_shopwire
from shopwire.kernel.queries import load_queries

_CHANNEL: Final = "shopwire_log"
_SQL: Final = load_queries("shopwire.adapters.postgres")
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

    Local readers are woken at once. Others get a NOTIFY that joins all partitions which grew since
    the last one; it is never part of a domain transaction, whose commits it would put in a row.
    While the connection is away readers fall back on their slow look-again.
    """

    def __init__(self, dsn: str, local: Hints, partitions: int) -> None:
        self._dsn = dsn
        self._local = local
        self._partitions = partitions
        self._grown: set[int] = set()
        self._given = 0
        self._stir = asyncio.Event()
        self._closing = asyncio.Event()
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

    def give(self, partitions: Iterable[int]) -> None:
        """Wakes this process's readers now and the others' soon."""
        grown = tuple(partitions)
        self._local.give(grown)
        self._grown.update(grown)
        self._given += 1
        self._stir.set()

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
            server_settings={"application_name": "shopwire-hints", "synchronous_commit": "off"},
        )
        try:
            con.add_termination_listener(lambda _: self._stir.set())
            await con.add_listener(_CHANNEL, self._heard)
            self._local.give(range(self._partitions))
            spacing_ms = NOTIFY_SPACING_MS_MIN
            while not self._closing.is_set() and not con.is_closed():
                await self._stir.wait()
                self._stir.clear()
                grown, self._grown = self._grown, set()
                given, self._given = self._given, 0
                if grown and not con.is_closed():
                    await con.execute(_SQL["notify"], ",".join(map(str, sorted(grown))))
                    spacing_ms = next_spacing_ms(spacing_ms, given)
                    await self._pause(spacing_ms)
        finally:
            con.terminate()

    def _heard(self, con: Any, pid: int, _channel: str, payload: str) -> None:
        if pid != con.get_server_pid():
            self._local.give(
                int(part)
                for part in payload.split(",")
                if part.isdecimal() and int(part) < self._partitions
            )

    async def _pause(self, wait_ms: float) -> None:
        with contextlib.suppress(TimeoutError):
            # Not wait_for, which makes a task of it: this is done up to 200 times a second.
            async with asyncio.timeout(wait_ms / 1_000):
                await self._closing.wait()
