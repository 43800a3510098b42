"""Runs sources: takes the lease, fetches, imports, writes down what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, BinaryIO, Final, Protocol

import msgspec

from shopwire.kernel.activities import Job
from shopwire.kernel.batch import defect
from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Command, Envelope
from shopwire.kernel.errors import (
    FeedUnreadable,
    QueueFull,
    ShopwireError,
    ShuttingDown,
    StorageUnavailable,
)
from shopwire.kernel.fetching import FeedSource, Fetched, Marks, Place
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.kernel.names import slug_of
from shopwire.kernel.queries import Reads
from shopwire.kernel.source_errors import SourceBusy
from shopwire.kernel.write_path import WritePath
from shopwire.modules.sources.api import BeginFetch, FinishFetch, Outcome, RenewFetch, Trigger
from shopwire.modules.sources.limits import LEASE_MS
from shopwire.modules.sources.running import Begun
from shopwire.modules.sources.store import name_of_supplier, one_source
from shopwire.services.import_request import ImportRequest, Summary, error_of
from shopwire.services.leases import alone

RUNNING: Final = "sources.run"
"""What the process of a run holds a lease for, under the source's name and the run's fence."""
PRINCIPAL: Final = "sources"
"""Who begins and ends runs."""
_PASSING: Final = (StorageUnavailable, QueueFull, ShuttingDown)
"""What says nothing of the source: the run is left, and begun again by whoever comes."""


class Imports(Protocol):
    """What takes a feed in."""

    async def run(self, request: ImportRequest, stream: BinaryIO) -> Summary:
        """See `services.importing.Importer`."""
        ...


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has to know of its source."""

    supplier: str
    name: str
    place: Place
    profile: str | None
    encoding: str | None
    currency: str
    feed: Any
    as_of: str
    marks: Marks


class Came(msgspec.Struct, kw_only=True):
    """What a run came to."""

    outcome: Outcome
    bytes: int = 0
    rows: int = 0
    run: str | None = None
    file: str = ""
    error: str = ""
    reason: str = ""
    temporary: bool = False
    retry_ms: int = 0
    marks: Marks | None = None
    more: bool = False


class Sourcing:
    """Runs sources one at a time each; several sources may run at once."""

    def __init__(
        self,
        write_path: WritePath,
        reads: Reads,
        imports: Imports,
        places: Mapping[str, FeedSource],
        clock: Clock,
        *,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Args: `places` are the adapters, by the kind of place that they fetch from."""
        self._write_path, self._reads, self._imports = write_path, reads, imports
        self._places, self._clock, self._pause = places, clock, pause

    async def fetch(self, job: Job) -> Sequence[Command]:
        """Runs a source that is due; what came of it is written down by then.

        Raises what says nothing of the source: the database is away, or the process ends.
        """
        supplier, name = job.payload["supplier"], job.payload["name"]
        begun = await self._begin(supplier, name, gone=job.payload.get("gone"))
        if begun.began:
            known = await self._known(supplier, name)
            await self._held(known, begun, lambda: self._look(known, begun))
        return ()

    async def take(self, supplier: str, name: str, file: BinaryIO, size: int) -> Came:
        """Takes a pushed feed in; raises SourceBusy while a run is under way."""
        begun = await self._begin(supplier, name, "push")
        if not begun.began:
            raise SourceBusy(supplier=supplier, retry_ms=begun.retry_ms)
        known = await self._known(supplier, name)
        pushed = Fetched(file=file, marks=Marks(name="push", bytes=size), bytes=size)
        return await self._held(known, begun, lambda: self._imported(known, begun, pushed))

    async def carry(
        self, supplier: str, name: str, size: int, bring: Callable[[], Awaitable[Summary]]
    ) -> Summary:
        """Lets an import of the caller's own count as a run of a source that is pushed.

        Where a run is under way, or there is no such source, it is brought all the same.
        """
        begun = await self._begin(supplier, name, "push")
        if not begun.began:
            return await bring()
        known = await self._known(supplier, name)
        summaries: list[Summary] = []

        async def work() -> Came:
            summaries.append(await bring())
            came = Came(outcome="taken", bytes=size, file=summaries[0].source)
            _sum_up(came, summaries[0], Marks())
            return came

        await self._held(known, begun, work)
        if not summaries:
            raise SourceBusy(supplier=supplier, retry_ms=LEASE_MS)
        return summaries[0]

    # -- the lease ------------------------------------------------------------------------------

    async def _begin(
        self, supplier: str, name: str, trigger: Trigger | None = None, *, gone: int | None = None
    ) -> Begun:
        begin = BeginFetch(
            supplier=supplier, name=name, at_ms=self._clock.now_ms(), trigger=trigger, gone=gone
        )
        return msgspec.convert(await self._do(begin), Begun)

    async def _held(self, known: Known, begun: Begun, work: Callable[[], Awaitable[Came]]) -> Came:
        """Does the work while its lease is renewed, and writes down what came of it.

        A run whose lease went to another ends without a word: that one writes it down as lost.
        """
        # By this one others know at once that the process is gone, where it is.
        place = f"{known.supplier}/{known.name}/{begun.fence}"
        async with alone(self._write_path, RUNNING, place):
            return await self._worked(known, begun, work())

    async def _worked(self, known: Known, begun: Begun, work: Awaitable[Came]) -> Came:
        working = asyncio.ensure_future(work)
        renewing = asyncio.create_task(self._renew(known, begun))
        try:
            await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                renewing.result()  # raises where the database is away
                reason = "another process took the run over"
                return Came(outcome="lost", reason=reason)
            came = working.result()
        finally:
            for task in (working, renewing):
                task.cancel()
            await asyncio.gather(working, renewing, return_exceptions=True)
        finish = FinishFetch(
            supplier=known.supplier,
            name=known.name,
            fence=begun.fence,
            at_ms=self._clock.now_ms(),
            **msgspec.structs.asdict(came),
        )
        await self._do(finish)
        return came

    async def _renew(self, known: Known, begun: Begun) -> None:
        """Returns when the lease is another's."""
        while True:
            await self._pause(LEASE_MS / 3_000)
            renew = RenewFetch(
                supplier=known.supplier,
                name=known.name,
                fence=begun.fence,
                at_ms=self._clock.now_ms(),
            )
            try:
                renewed = await self._do(renew)
            except (StorageUnavailable, QueueFull):
                continue  # nobody else can take it over by the same database either
            if not renewed["applied"]:
                return

    # -- the work -------------------------------------------------------------------------------

    async def _look(self, known: Known, begun: Begun) -> Came:
        """Fetches and imports; whatever goes wrong with the source is what came of it."""
        # Who asks for a look wants the feed itself, and so does who counts by when it was fetched.
        afresh = begun.asked or known.as_of == "fetched"
        marks = Marks() if afresh else known.marks
        try:
            async with self._places[known.place.kind].open(known.place, marks) as fetched:
                if fetched.file is None:
                    return _no_file(known, fetched)
                return await self._imported(known, begun, fetched)
        except _PASSING:
            raise
        except ShopwireError as problem:
            return _failed(problem)
        except Exception as caught:  # noqa: BLE001 - one source's defect is not the others'
            return _failed(defect(caught, f"source {known.supplier}/{known.name}"))

    async def _imported(self, known: Known, begun: Begun, fetched: Fetched) -> Came:
        assert fetched.file is not None
        marks, before = fetched.marks, known.marks
        came = Came(
            outcome="unchanged", bytes=fetched.bytes, file=marks.name, more=fetched.more,
            marks=marks,
        )  # fmt: skip
        same = bool(marks.digest) and marks.digest == before.digest
        if same and known.as_of == "none" and not begun.asked:
            if not before.good:
                came.outcome = "held"
                came.marks = msgspec.structs.replace(marks, good=False, run=before.run)
        else:
            try:
                summary = await self._imports.run(
                    await self._request(known, begun, marks), fetched.file
                )
            except _PASSING:
                raise
            except ShopwireError as problem:
                came = _with(came, problem)
            else:
                _sum_up(came, summary, marks)
        await _settled(fetched, came)
        return came

    async def _request(self, known: Known, begun: Begun, marks: Marks) -> ImportRequest:
        named = await name_of_supplier(self._reads, DEFAULT_TENANT, known.supplier)
        now_ms = self._clock.now_ms()
        moments = {"modified": marks.modified_ms or None, "fetched": now_ms}
        as_of_ms = moments.get(known.as_of)
        return ImportRequest(
            run=begun.run,
            # The import names the supplier by the words it is given.
            supplier=named if slug_of(named) == known.supplier else known.supplier,
            source=f"{known.name}: {marks.name}"[:200] if marks.name else known.name,
            profile=known.profile,
            kind=known.feed,
            encoding=known.encoding,
            currency=known.currency,
            as_of_ms=None if as_of_ms is None else min(as_of_ms, now_ms),
            principal=f"source:{known.supplier}/{known.name}",
        )

    async def _known(self, supplier: str, name: str) -> Known:
        row = await one_source(self._reads, DEFAULT_TENANT, supplier, name)
        return msgspec.convert(row, Known)

    async def _do(self, command: Command) -> Any:
        """What a command came to; each is a new one, since rows say what was done before."""
        outcome = await self._write_path.submit(
            Envelope(command=command, key=new_id(), principal=PRINCIPAL)
        )
        if not outcome.ok:
            raise error_of(outcome)
        return msgspec.json.decode(outcome.body)["result"]


def _no_file(known: Known, fetched: Fetched) -> Came:
    """Nothing new: the source says so, or there is no newer file."""
    if not fetched.confirmed:
        return Came(outcome="nothing_new")
    return Came(outcome="unchanged" if known.marks.good else "held")


def _sum_up(came: Came, summary: Summary, marks: Marks) -> None:
    came.run, came.rows = summary.id, summary.rows
    if summary.status == "finished":
        came.outcome = "taken"
    elif summary.status == "failed":
        came.outcome, came.marks = "failed", None
        came.error, came.reason = FeedUnreadable.__name__, summary.error or "it broke off"
    else:
        # Held, or whatever else waits for a person: the same feed need not come again.
        came.outcome = "held"
        came.reason = f"the import is {summary.status}"
        came.marks = msgspec.structs.replace(marks, good=False, run=summary.id)


def _failed(problem: ShopwireError) -> Came:
    return _with(Came(outcome="failed"), problem)


def _with(came: Came, problem: ShopwireError) -> Came:
    """A run that ended by an error of the table."""
    return msgspec.structs.replace(
        came,
        outcome="failed",
        error=type(problem).__name__,
        reason=_because(problem),
        temporary=problem.temporary,
        retry_ms=int(problem.data.get("retry_ms") or 0),
        marks=None,
    )


def _because(problem: ShopwireError) -> str:
    reason = str(problem.data.get("reason") or "")
    return problem.detail if reason in problem.detail else f"{problem.detail[:-1]}: {reason}."


async def _settled(fetched: Fetched, came: Came) -> None:
    """Puts the file where it does not come again; where that fails the run says so."""
    if fetched.settle is None or (came.outcome == "failed" and came.temporary):
        return
    try:
        await fetched.settle(came.outcome != "failed")
    except (OSError, ShopwireError) as problem:
        came.reason = f"{came.reason} The file could not be put away: {problem}".strip()
