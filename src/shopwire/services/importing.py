"""Takes a feed in: read, compare with what its supplier said last, send only what is news."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import BinaryIO, Final, Protocol, TypeVar

from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.errors import (
    AlreadyExists,
    InternalError,
    NotFound,
    QueueFull,
    RuleBroken,
    StorageUnavailable,
)
from shopwire.kernel.ids import DEFAULT_TENANT, new_id, partition_of
from shopwire.kernel.names import slug_of
from shopwire.kernel.queries import Reads
from shopwire.modules.feeds.api import (
    AlteredGroup,
    BadRow,
    Counts,
    Digest,
    FinishRun,
    NoteChunk,
    RejectRun,
)
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.limits import (
    OPEN_SALES_MAX,
    SEND_WAIT_MS_MAX,
    SENDS_MAX,
)
from shopwire.modules.feeds.marks import Marks
from shopwire.modules.feeds.opening import open_feed
from shopwire.modules.feeds.saved import profile_by_name
from shopwire.modules.feeds.store import (
    get_run,
    intent_of,
    marks_said,
    open_runs,
    said_last,
)
from shopwire.modules.inventory.store import all_open_sales, skus_with_open_sales
from shopwire.modules.pricing.reading import rates_wanted
from shopwire.services.feed_formats import FORMATS
from shopwire.services.import_approve import RUNNING, approve_run, go_on
from shopwire.services.import_effect import took_effect
from shopwire.services.import_job import Job
from shopwire.services.import_news import news_of
from shopwire.services.import_request import ImportRequest, Progress, Summary, error_of, origin_of
from shopwire.services.import_send import Refusals, Sender
from shopwire.services.leases import Leases, alone
from shopwire.services.matching import Matched, SkuMatching
from shopwire.services.pacing import Pacing

__all__ = ["ImportRequest", "Importer", "Progress", "Summary"]

T = TypeVar("T")
_LOG: Final = logging.getLogger(__name__)


class Submits(Leases, Protocol):
    """The write path, or what stands for it in another process."""

    @property
    def bulk_ms(self) -> Sequence[float]:
        """What commands of feeds took so far, by lane."""
        ...

    async def submit(self, envelope: Envelope) -> Outcome:
        """One command; see `WritePath`."""
        ...

    async def submit_many(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Many commands; see `WritePath`."""
        ...


class Importer:
    """Imports feeds through the write path; several may run at once."""

    def __init__(
        self,
        write_path: Submits,
        reads: Reads,
        *,
        partitions: int,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        pacing: Pacing | None = None,
    ) -> None:
        """Args: `pacing` knows of the shoppers who buy meanwhile, where there are any."""
        self.pacing = pacing or Pacing()
        self._write_path = write_path
        self.reads = reads
        self._partitions = partitions
        self.pause = pause
        """Waits so many seconds."""

    async def run(
        self, request: ImportRequest, stream: BinaryIO, progress: Progress | None = None
    ) -> Summary:
        """Imports a feed from a seekable stream.

        A feed that cannot be read at all raises and leaves nothing. One that breaks off later
        ends as `failed`, with what came before in effect. A database that is away for a moment is
        waited for; StorageUnavailable and QueueFull after SENDS_MAX tries leave the run open. The
        feed's next import closes it and sends what is missing. Raises AlreadyExists for a run's
        id that was used before. A feed that would do too much at once is held, and waits.
        """
        job = await self.opened(request, stream)
        if request.dry_run:
            return await job.run(stream, progress)
        # Where this process ends before the run does, the lease tells.
        async with self.alone(RUNNING, request.run, request.tenant):
            return await job.run(stream, progress)

    async def opened(self, request: ImportRequest, stream: BinaryIO) -> Job:
        """A run over a feed, whose first rows were read; raises what cannot be read at all."""
        profile = request.profile
        if isinstance(profile, str):
            profile = await profile_by_name(self.reads, request.tenant, profile)
        feed = await asyncio.to_thread(
            open_feed,
            stream,
            supplier=request.supplier,
            currency=request.currency,
            profile=profile,
            folder=request.folder,
            encoding=request.encoding,
            formats=FORMATS,
        )
        return Job(self, request, feed)

    async def approve(
        self,
        run: str,
        *,
        principal: str = "import",
        tenant: str = DEFAULT_TENANT,
        progress: Progress | None = None,
    ) -> Summary:
        """Takes a held feed in from its kept bytes: see `import_approve.approve_run`."""
        return await approve_run(self, run, principal, tenant, progress)

    def alone(
        self, operation: str, key: str, tenant: str = DEFAULT_TENANT
    ) -> AbstractAsyncContextManager[None]:
        """One worker at a time at something: see `leases.alone`."""
        return alone(self._write_path, operation, key, tenant=tenant)

    async def decide(
        self, command: Command, principal: str, tenant: str = DEFAULT_TENANT
    ) -> Outcome:
        """Sends a person's decision once; raises what it is refused with."""
        envelope = Envelope(command=command, key=new_id(), principal=principal, tenant=tenant)
        outcome = await self._patiently(lambda: self._write_path.submit(envelope))
        if not outcome.ok:
            raise error_of(outcome)
        return outcome

    async def take_group(
        self,
        request: ImportRequest,
        key: str,
        group: Group,
        intend: Callable[[tuple[AlteredGroup, ...]], Command],
    ) -> tuple[tuple[AlteredGroup, ...], list[BadRow]]:
        """Puts one group into effect whatever was said before: what changed, and what is refused.

        The next feed is compared with what its supplier said before that. `intend` makes of what
        it may change the command that is sent before.
        """
        matched = await self.match(self.matching(request), [group])
        (group,) = matched.groups
        if group.bad:
            return (), group.bad
        if matched.note is not None:
            await self.send(request, [(f"{key}/match", matched.note)])
        supplier = slug_of(request.supplier)
        news = news_of([group], {group.key: group.digest()}, {}, ())
        refused: Refusals = {}
        sender = Sender(self, request, supplier)
        meant = await sender.meant(news)
        await self.decide(intend(meant.about), request.principal, request.tenant)
        changes = await sender.put(key, None, meant, refused)
        return changes, [row for rows in refused.values() for row in rows.values()]

    async def send(
        self, request: ImportRequest, commands: Sequence[tuple[str, Command]]
    ) -> list[Outcome]:
        """Sends commands under keys of their own; raises where one was refused as a whole."""
        if not commands:
            return []
        envelopes = [
            Envelope(
                command=command,
                key=f"{request.run}/{request.turn}{key}",
                principal=request.principal,
                tenant=request.tenant,
            )
            for key, command in commands
        ]
        outcomes = await self._patiently(lambda: self._write_path.submit_many(envelopes))
        for outcome, envelope in zip(outcomes, envelopes, strict=True):
            if not outcome.ok:
                raise InternalError(f"{envelope.command.operation}: {outcome.body.decode()}")
        return outcomes

    async def record(self, request: ImportRequest, key: str, command: Command) -> None:
        """Writes down how far a run is; raises RuleBroken where a newer run has closed it."""
        envelope = Envelope(
            command=command,
            key=f"{request.run}/{request.turn}{key}",
            principal=request.principal,
            tenant=request.tenant,
        )
        (outcome,) = await self._patiently(lambda: self._write_path.submit_many([envelope]))
        if outcome.status == NotFound.status:
            raise RuleBroken(
                "A newer import of this supplier began.",
                rule="one import of a supplier at a time",
                reason="the newer one goes on",
            )
        if not outcome.ok:
            raise InternalError(f"{command.operation}: {outcome.body.decode()}")

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Asks again while the answer is that it may work later: under the same keys, once.

        Each try is a piece of its own, so `call` is to be no more than one.
        """
        for number in range(1, SENDS_MAX):
            try:
                async with self.pacing.piece(self._bulk_ms):
                    return await call()
            except (QueueFull, StorageUnavailable) as problem:
                wait_ms = min(SEND_WAIT_MS_MAX, 100 * 2**number)
                _LOG.warning("an import waits %d ms: %s", wait_ms, problem)
                await self.pause(wait_ms / 1_000)
        return await call()

    def _bulk_ms(self) -> Sequence[float]:
        return self._write_path.bulk_ms

    async def match(self, matching: SkuMatching, groups: Sequence[Group]) -> Matched:
        """A chunk under the shop's SKUs."""
        return await self._patiently(lambda: matching.match(groups))

    def matching(self, request: ImportRequest) -> SkuMatching:
        """What finds out which of the shop's SKUs a feed's are."""
        return SkuMatching(
            self.reads,
            tenant=request.tenant,
            supplier=request.supplier,
            run=request.run,
            as_of_ms=request.as_of_ms,
        )

    async def refuse_used(self, request: ImportRequest) -> None:
        """Raises AlreadyExists for the id of an earlier run; a repeated start is no such run."""
        run = await get_run(self.reads, request.tenant, request.run)
        if run["status"] != "running" or run["rows"]:
            raise AlreadyExists(what="import", id=request.run)

    async def close_interrupted(self, request: ImportRequest) -> None:
        """Closes runs of this supplier that never ended: a newer one begins."""
        for run in await open_runs(self.reads, request.tenant, request.supplier):
            if run["id"] == request.run:
                continue
            if run["status"] == "running" and run["held_parts"]:
                # Its file is kept: it is the older feed, and goes first.
                await go_on(self, run["id"], request.tenant)
            elif run["status"] == "running":
                counts = Counts(**{name: run[name] for name in Counts.__struct_fields__})
                await self.recover(request, run["id"], counts)
                error = "It was interrupted: a newer import of this supplier began."
                finish = FinishRun(run=run["id"], counts=counts, error=error, interrupted=True)
                with suppress(RuleBroken):  # somebody else has closed it in between
                    await self.record(request, f"close/{run['id']}", finish)

    async def recover(
        self, request: ImportRequest, run: str, counts: Counts, *, key: str = "recover"
    ) -> None:
        """Writes down what an interrupted run had put into effect and not told any more."""
        groups = await intent_of(self.reads, request.tenant, run)
        supplier = slug_of(request.supplier)
        found = await took_effect(self.reads, request.tenant, supplier, run, groups)
        if found:
            note = NoteChunk(run=run, supplier=supplier, counts=counts, altered=found)
            await self.send(request, [(f"{key}/{run}", note)])

    async def supersede(self, request: ImportRequest, *, rows: int, full: bool) -> None:
        """Rejects older held feeds of the same source whose place this one takes.

        It does where it is full or has as many rows at least; a smaller delta says nothing of what
        the held one brought, which goes on waiting.
        """
        waiting = [
            run
            for run in await open_runs(self.reads, request.tenant, request.supplier)
            if run["status"] == "held" and run["id"] != request.run
            and origin_of(run["source"]) == origin_of(request.source)
            and (full or rows >= run["rows"])
        ]  # fmt: skip
        if not waiting:
            return
        own = await get_run(self.reads, request.tenant, request.run)
        for run in waiting:
            if run["started_at_ms"] <= own["started_at_ms"]:
                reason = f"a newer feed of the same source came: {request.run}"
                reject = RejectRun(run=run["id"], reason=reason)
                await self.send(request, [(f"supersede/{run['id']}", reject)])

    async def open_sales(self, request: ImportRequest, supplier: str, skus: list[str]) -> set[str]:
        """SKUs for which even the same count at a later moment is news."""
        if request.as_of_ms is None:
            return set()
        return await self._patiently(
            lambda: skus_with_open_sales(self.reads, request.tenant, supplier, skus)
        )

    async def said_last(
        self, request: ImportRequest, supplier: str, keys: Sequence[str]
    ) -> dict[str, Digest]:
        """What the supplier said last."""
        return await self._patiently(lambda: said_last(self.reads, request.tenant, supplier, keys))

    async def marks_said(self, request: ImportRequest, supplier: str) -> Marks:
        """Marks of what the supplier said last."""
        return await self._patiently(lambda: marks_said(self.reads, request.tenant, supplier))

    async def rates_wanted(
        self, request: ImportRequest, currencies: Iterable[str]
    ) -> tuple[list[str], str]:
        """Of some currencies those that the shop has no rate from, and the shop's own."""
        return await self._patiently(lambda: rates_wanted(self.reads, request.tenant, currencies))

    async def all_open_sales(self, request: ImportRequest, supplier: str) -> frozenset[str]:
        """As `open_sales`, of all that the supplier has; a little more than OPEN_SALES_MAX."""
        if request.as_of_ms is None:
            return frozenset()
        limit = OPEN_SALES_MAX + 1
        return await self._patiently(
            lambda: all_open_sales(self.reads, request.tenant, supplier, limit=limit)
        )

    def partition(self, tenant: str, sku: str) -> int:
        """Where a SKU lies."""
        return partition_of(tenant, sku, self._partitions)
