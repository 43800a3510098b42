"""Commands that come over a connection: carried out beside the hub, answered when they are done."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import InternalError, ShopwireError
from shopwire.kernel.identity import Caller
from shopwire.kernel.ids import new_id
from shopwire.sync.limits import COMMANDS_DRAIN_MS
from shopwire.sync.protocol import Cmd, error_frame, outcome_frame
from shopwire.sync.session import Session

Take = Callable[[Caller, str, str | None, bytes], Awaitable[Outcome]]
"""Carries out a command by caller, operation, idempotency key and body as they came.

The same that HTTP calls: it refuses what it cannot read, knows who asks, and raises ShopwireError.
"""

_LOG: Final = logging.getLogger(__name__)


class Commands:
    """Runs the commands of all connections. None of them ends with its connection."""

    def __init__(self, take: Take, settle: Callable[[Session, bytes], None]) -> None:
        self._take = take
        self._settle = settle
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, session: Session, message: Cmd) -> None:
        """Begins a command; those of one connection reach the write path in their order."""
        task = asyncio.create_task(self._run(session, session.caller, message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Waits for what is under way, so that nothing is cut off while it takes effect."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=COMMANDS_DRAIN_MS / 1_000)
        for task in self._tasks:
            task.cancel()

    async def _run(self, session: Session, caller: Caller, message: Cmd) -> None:
        self._settle(session, await self._answer(caller, message))

    async def _answer(self, caller: Caller, message: Cmd) -> bytes:
        try:
            outcome = await self._take(caller, message.op, message.key, bytes(message.body))
        except ShopwireError as problem:
            return error_frame(problem, message.id)
        except Exception:  # noqa: BLE001 - a defect is answered like any other refusal
            incident = new_id()
            _LOG.exception("incident %s in command %r", incident, message.op[:80])
            return error_frame(InternalError(incident=incident), message.id)
        return outcome_frame(message.id, outcome)
