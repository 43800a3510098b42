"""Folders in which suppliers put their answers: looked at, read, and put away."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from shopwire.adapters.suppliers.depots import FILES_MAX, Depot, DepotAway
from shopwire.adapters.suppliers.files import STAGING, DepotOf
from shopwire.adapters.x12 import Envelope as X12Envelope
from shopwire.adapters.x12 import Group, acknowledge, write_interchange
from shopwire.adapters.x12.syntax import INTERCHANGE_BYTES_MAX
from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Command, Envelope
from shopwire.kernel.errors import ShopwireError, StorageUnavailable
from shopwire.kernel.ids import new_id
from shopwire.kernel.queries import Reads
from shopwire.kernel.write_path import WritePath
from shopwire.modules.channels.api import KeepMessage, NoteInbox, SettleMessage, X12Way
from shopwire.modules.channels.events import MessageMended
from shopwire.modules.channels.store import DUE, Reached, to_way, ways_to_read
from shopwire.services.activities import Leader
from shopwire.services.exchange_pruning import DONE, PRUNE_EVERY_MS, prune_files
from shopwire.services.x12_answers import PRINCIPAL, Outcome, X12Answers

LOOK_MS: Final = 1_000
"""How often it is looked which inbox is due; each has its own pace."""
LOOKS_MAX: Final = 8
"""Inboxes that are read at once; the others wait for their turn."""
CUT_OFF_LOOKS_MAX: Final = 5
"""Looks at a file that ends too early until it counts as broken: it may still be written."""

_log: Final = structlog.get_logger()


class Inbox:
    """Looks at all inboxes, in the one process that is elected to."""

    def __init__(
        self,
        write_path: WritePath,
        reads: Reads,
        answers: X12Answers,
        depot_of: DepotOf,
        clock: Clock,
    ) -> None:
        self._write_path, self._reads, self._answers = write_path, reads, answers
        self._depot_of, self._clock = depot_of, clock
        self._due_ms: dict[tuple[str, str], float] = {}
        self._prune_ms: dict[tuple[str, str], float] = {}
        self._short: dict[tuple[str, str], int] = {}
        self._noted: dict[str, str] = {}

    async def run(self, leader: Leader) -> None:
        """Looks until it is cancelled."""
        while True:
            try:
                async with leader.elected() as lost:
                    while not lost.is_set():
                        await self.look()
                        await asyncio.sleep(LOOK_MS / 1_000)
            except StorageUnavailable as problem:
                _log.info("inbox.rests", reason=problem.detail)
                await asyncio.sleep(LOOK_MS / 1_000)

    async def look(self) -> int:
        """Reads what is due and says how many files were put away."""
        now, due = self._clock.monotonic_ms(), list[Reached]()
        for reached in await ways_to_read(self._reads):
            key = (reached.tenant, reached.supplier)
            if isinstance(reached.way, X12Way) and self._due_ms.get(key, 0) <= now:
                self._due_ms[key] = now + reached.way.poll_ms
                due.append(reached)
        # One that is away must not keep the others waiting.
        looks = asyncio.Semaphore(LOOKS_MAX)
        done = await asyncio.gather(
            *(self._look_or_note(one, looks) for one in due), return_exceptions=True
        )
        for outcome in done:
            if isinstance(outcome, BaseException):
                raise outcome
        return sum(outcome for outcome in done if isinstance(outcome, int))

    async def _look_or_note(self, reached: Reached, looks: asyncio.Semaphore) -> int:
        assert isinstance(reached.way, X12Way), "only such ways have an inbox"
        try:
            async with looks:
                done = await self._look_at(reached, reached.way)
                await self._prune(reached, reached.way)
        except StorageUnavailable:
            self._due_ms.pop((reached.tenant, reached.supplier))
            raise
        except (DepotAway, ShopwireError) as problem:
            await self._note(reached.supplier, str(problem))
            return 0
        await self._note(reached.supplier, "")
        return done

    async def _note(self, supplier: str, reason: str) -> None:
        """Shows what changed; what this process has not said so far, its rows may know."""
        if self._noted.get(supplier) == reason:
            return
        if reason:
            _log.warning("inbox.away", supplier=supplier, reason=reason)
        outcome = await self._write_path.submit(
            Envelope(
                command=NoteInbox(supplier=supplier, reason=reason),
                key=new_id(),
                principal=PRINCIPAL,
            )
        )
        if outcome.ok:
            self._noted[supplier] = reason

    async def _look_at(self, reached: Reached, way: X12Way) -> int:
        depot, done = self._depot_of(way), 0
        for name in (await depot.names(way.inbox))[:FILES_MAX]:
            done += await self._take(depot, reached.supplier, way, name)
        return done

    async def _prune(self, reached: Reached, way: X12Way) -> None:
        """Erases files that are over, now and then."""
        key, now = (reached.tenant, reached.supplier), self._clock.monotonic_ms()
        if self._prune_ms.get(key, 0) > now:
            return
        self._prune_ms[key] = now + PRUNE_EVERY_MS
        gone = await prune_files(self._reads, reached, self._depot_of(way), self._clock.now_ms())
        if gone:
            _log.info("inbox.pruned", supplier=reached.supplier, files=gone)

    async def _take(self, depot: Depot, supplier: str, way: X12Way, name: str) -> bool:
        path = f"{way.inbox}/{name}"
        data = await depot.read(path, INTERCHANGE_BYTES_MAX)
        if data is None:
            reason = f"it has more than {INTERCHANGE_BYTES_MAX} bytes"
            await self._keep(supplier, name, name.encode(), reason)
            await depot.move(path, f"{DONE}/{_stamp(self._clock)}-{name}")
            return True
        outcome = await self._answers.take(supplier, way, data)
        looks = self._short.get((supplier, name), 0) + 1
        if outcome.cut_off and looks < CUT_OFF_LOOKS_MAX:
            self._short[supplier, name] = looks
            return False
        self._short.pop((supplier, name), None)
        if outcome.reasons:
            await self._keep(supplier, name, data, outcome.reason)
        await self._answer(depot, way, data, outcome)
        await depot.move(path, f"{DONE}/{_stamp(self._clock)}-{name}")
        return True

    async def _keep(self, supplier: str, name: str, data: bytes, reason: str) -> None:
        digest = hashlib.sha256(data).hexdigest()[:32]
        command = KeepMessage(
            supplier=supplier,
            id=digest,
            name=name,
            text=data.decode("utf-8", errors="replace"),
            reason=reason or "it cannot be used",
        )
        outcome = await self._write_path.submit(
            Envelope(command=command, key=f"keep {supplier} {digest}", principal=PRINCIPAL)
        )
        if not outcome.ok:
            raise StorageUnavailable(outcome.body.decode()[:200], retry_ms=LOOK_MS)

    async def _answer(self, depot: Depot, way: X12Way, data: bytes, outcome: Outcome) -> None:
        """The 997 for what came: told again it is the same file."""
        if outcome.interchange is None or not outcome.groups:
            return
        digest = hashlib.sha256(data).hexdigest()
        name = f"997-{digest[:16]}.x12"
        body = receipt_of(way, outcome, int(digest[:12], 16), self._clock)
        await depot.put(f"{STAGING}/{name}", body)
        await depot.move(f"{STAGING}/{name}", f"{way.outbox}/{name}")


def receipt_of(way: X12Way, outcome: Outcome, seed: int, clock: Clock) -> bytes:
    """A 997 a group that came, in one interchange."""
    now = datetime.fromtimestamp(clock.now_ms() / 1_000, UTC)
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M")
    control = seed % 999_999_999 + 1
    sets = tuple(
        acknowledge(group, faults, control=f"{number:04}")
        for number, (group, faults) in enumerate(outcome.groups, 1)
    )
    group = Group(
        functional_id="FA",
        sender=way.sender,
        receiver=way.receiver,
        date=date,
        time=time,
        control=str(control),
        sets=sets,
    )
    envelope = X12Envelope(
        sender=way.sender,
        receiver=way.receiver,
        sender_kind=way.sender_kind,
        receiver_kind=way.receiver_kind,
        control=control,
        date=date,
        time=time,
        test=way.test,
        element_sign=way.element_sign,
        component_sign=way.component_sign,
        terminator=way.terminator,
        newline=way.newline,
    )
    return write_interchange(envelope.interchange([group]), newline=way.newline)


def mending(answers: X12Answers) -> Activity:
    """Reads kept texts again, as a person mended them."""

    async def read_again(job: Job) -> Sequence[Command]:
        payload = job.payload
        supplier, own_id, way = payload["supplier"], payload["id"], to_way(payload["way"])
        if not isinstance(way, X12Way):
            reason = "the supplier is not reached by X12 any more"
            return [SettleMessage(supplier=supplier, id=own_id, reason=reason)]
        outcome = await answers.take(supplier, way, payload["text"].encode())
        return [SettleMessage(supplier=supplier, id=own_id, reason=outcome.reason)]

    return Activity(
        name="channels.read_message",
        wakes_on=frozenset({MessageMended.event_type}),
        due=DUE["mend"],
        perform=read_again,
    )


def _stamp(clock: Clock) -> str:
    return datetime.fromtimestamp(clock.now_ms() / 1_000, UTC).strftime("%Y%m%dT%H%M%S%f")[:18]
