"""Takes a feed in: read, compare with what its supplier said last, send only what is news."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import msgspec

from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.errors import (
    AlreadyExists,
    FeedUnreadable,
    InternalError,
    NotFound,
    QueueFull,
    RuleBroken,
    ShopwireError,
    StorageUnavailable,
)
from shopwire.kernel.ids import DEFAULT_TENANT, partition_of
from shopwire.kernel.names import slug_of
from shopwire.kernel.queries import Reads
from shopwire.kernel.write_path import WritePath
from shopwire.modules.catalog.api import PutProducts
from shopwire.modules.feeds.api import BadRow, Counts, Digest, FinishRun, NoteChunk, StartRun
from shopwire.modules.feeds.limits import QUARANTINED_ROWS_MAX, SEND_WAIT_MS_MAX, SENDS_MAX
from shopwire.modules.feeds.mapping import Group, Offered
from shopwire.modules.feeds.opening import OpenFeed, open_feed
from shopwire.modules.feeds.profile import Profile
from shopwire.modules.feeds.reading import Detected, RawRow
from shopwire.modules.feeds.store import get_run, list_runs, said_last
from shopwire.modules.inventory.api import Count
from shopwire.modules.inventory.store import skus_with_open_sales
from shopwire.modules.suppliers.api import RegisterSupplier
from shopwire.services.feed_formats import FORMATS
from shopwire.services.import_news import (
    News,
    chunks,
    news_of,
    offer_commands,
    refused_row,
    stock_commands,
)
from shopwire.services.matching import Matched, SkuMatching

T = TypeVar("T")
_LOG: Final = logging.getLogger(__name__)
SHOWN_BAD_ROWS_MAX: Final = 20
"""Bad rows that a summary shows; all are in quarantine."""


class ImportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which feed, of whom, read how."""

    run: str
    """The run's id: the same run again has no second effect."""
    supplier: str
    source: str
    """Where the feed came from: a file's name."""
    profile: Profile | str | None = None
    encoding: str | None = None
    """Goes before the profile's."""
    currency: str = "EUR"
    as_of_ms: int | None = None
    """The moment the feed's counts speak of."""
    folder: Path | None = None
    """Where files lie that a mapping looks things up in."""
    dry_run: bool = False
    afresh: bool = False
    """Compare with the shop itself instead of with what the supplier said last."""
    principal: str = "import"
    tenant: str = DEFAULT_TENANT


class Tally(msgspec.Struct, kw_only=True):
    """What became of things of one kind."""

    applied: int = 0
    unchanged: int = 0
    refused: int = 0


class Summary(msgspec.Struct, kw_only=True):
    """What came of an import; `rows` is the sum of changed, unchanged and quarantined."""

    id: str
    supplier: str
    profile: str
    source: str
    status: str
    dry_run: bool
    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    products: Tally
    offers: Tally
    stock: Tally
    detected: Detected
    notes: list[str] = []
    bad_rows: list[BadRow] = []
    error: str | None = None


Progress = Callable[[Counts, int], None]
"""Told after each chunk: the rows so far, and the place in the file in bytes."""


class Importer:
    """Imports feeds through the write path; several may run at once."""

    def __init__(
        self,
        write_path: WritePath,
        reads: Reads,
        *,
        partitions: int,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._write_path = write_path
        self._reads = reads
        self._partitions = partitions
        self._pause = pause

    async def run(
        self, request: ImportRequest, stream: BinaryIO, progress: Progress | None = None
    ) -> Summary:
        """Imports a feed from a seekable stream.

        A feed that cannot be read at all raises and leaves nothing. One that breaks off later
        ends as `failed`, with what came before in effect. A database that is away for a moment is
        waited for; StorageUnavailable and QueueFull after SENDS_MAX tries leave the run open. The
        feed's next import closes it and sends what is missing. Raises AlreadyExists for a run's
        id that was used before.
        """
        feed = await asyncio.to_thread(
            open_feed,
            stream,
            supplier=request.supplier,
            currency=request.currency,
            profile=request.profile,
            folder=request.folder,
            encoding=request.encoding,
            formats=FORMATS,
        )
        job = _Job(self, request, feed)
        return await job.run(stream, progress)

    async def send(
        self, request: ImportRequest, commands: Sequence[tuple[str, Command]]
    ) -> list[Outcome]:
        """Sends commands under keys of their own; raises where one was refused as a whole."""
        if not commands:
            return []
        envelopes = [
            Envelope(
                command=command,
                key=f"{request.run}/{key}",
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
            key=f"{request.run}/{key}",
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
        """Asks again while the answer is that it may work later: under the same keys, once."""
        for number in range(1, SENDS_MAX):
            try:
                return await call()
            except (QueueFull, StorageUnavailable) as problem:
                wait_ms = min(SEND_WAIT_MS_MAX, 100 * 2**number)
                _LOG.warning("an import waits %d ms: %s", wait_ms, problem)
                await self._pause(wait_ms / 1_000)
        return await call()

    async def match(self, matching: SkuMatching, groups: Sequence[Group]) -> Matched:
        """A chunk under the shop's SKUs."""
        return await self._patiently(lambda: matching.match(groups))

    def matching(self, request: ImportRequest) -> SkuMatching:
        """What finds out which of the shop's SKUs a feed's are."""
        return SkuMatching(
            self._reads,
            tenant=request.tenant,
            supplier=request.supplier,
            run=request.run,
            as_of_ms=request.as_of_ms,
        )

    async def refuse_used(self, request: ImportRequest) -> None:
        """Raises AlreadyExists for the id of an earlier run; a repeated start is no such run."""
        run = await get_run(self._reads, request.tenant, request.run)
        if run["status"] != "running" or run["rows"]:
            raise AlreadyExists(what="import", id=request.run)

    async def close_interrupted(self, request: ImportRequest) -> None:
        """Closes runs of this supplier that never ended: a newer one begins."""
        for run in await list_runs(self._reads, request.tenant, supplier=request.supplier):
            if run["status"] == "running" and run["id"] != request.run:
                counts = Counts(**{name: run[name] for name in Counts.__struct_fields__})
                error = "it was interrupted; a newer run began"
                finish = FinishRun(run=run["id"], counts=counts, error=error)
                await self.send(request, [(f"close/{run['id']}", finish)])

    async def open_sales(self, request: ImportRequest, supplier: str, skus: list[str]) -> set[str]:
        """SKUs for which even the same count at a later moment is news."""
        if request.as_of_ms is None:
            return set()
        return await self._patiently(
            lambda: skus_with_open_sales(self._reads, request.tenant, supplier, skus)
        )

    async def said_last(
        self, request: ImportRequest, supplier: str, keys: Sequence[str]
    ) -> dict[str, Digest]:
        """What the supplier said last."""
        return await self._patiently(lambda: said_last(self._reads, request.tenant, supplier, keys))

    def partition(self, tenant: str, sku: str) -> int:
        """Where a SKU lies."""
        return partition_of(tenant, sku, self._partitions)


class _Job:
    """One run."""

    def __init__(self, importer: Importer, request: ImportRequest, feed: OpenFeed) -> None:
        self._importer, self._request, self._feed = importer, request, feed
        self._supplier = slug_of(request.supplier)
        self._names = {self._supplier: request.supplier}
        self._matching = importer.matching(request)
        self._chunk = 0
        self._foreign = 0
        """Products whose SKUs belong to another product of the shop."""
        self.summary = Summary(
            id=request.run,
            supplier=request.supplier,
            profile=feed.profile.name,
            source=request.source,
            status="finished",
            dry_run=request.dry_run,
            products=Tally(),
            offers=Tally(),
            stock=Tally(),
            detected=feed.detected,
        )

    async def run(self, stream: BinaryIO, progress: Progress | None) -> Summary:
        request, summary = self._request, self.summary
        if not request.dry_run:
            await self._importer.close_interrupted(request)
            start = StartRun(
                run=request.run,
                supplier=request.supplier,
                profile=summary.profile,
                source=request.source,
            )
            register = RegisterSupplier(id=self._supplier, name=request.supplier)
            outcomes = await self._importer.send(
                request, [("start", start), ("supplier", register)]
            )
            if outcomes[0].replayed:
                await self._importer.refuse_used(request)
        try:
            await self._walk(stream, progress)
        except FeedUnreadable as problem:
            summary.status, summary.error = "failed", self._where(problem)
        except ShopwireError as problem:
            if problem.temporary:
                raise
            summary.status, summary.error = "failed", problem.detail
        self._note()
        if not request.dry_run:
            await self._finish()
        return summary

    async def _finish(self) -> None:
        summary = self.summary
        finish = FinishRun(
            run=summary.id,
            counts=self._counts(),
            notes=tuple(summary.notes),
            error=summary.error,
        )
        try:
            await self._importer.record(self._request, "finish", finish)
        except RuleBroken as problem:
            summary.status, summary.error = "failed", problem.detail

    def _note(self) -> None:
        summary = self.summary
        summary.notes = self._feed.notes
        if self._foreign:
            summary.notes.append(
                f"{self._foreign} products have SKUs that belong to another product of the shop:"
                " their offers and stock were taken, their texts were not"
            )
        if summary.quarantined > QUARANTINED_ROWS_MAX:
            summary.notes.append(f"only the first {QUARANTINED_ROWS_MAX} bad rows are kept")

    def _where(self, problem: FeedUnreadable) -> str:
        line = problem.data.get("line")
        return f"line {line}: {problem.detail}" if line else problem.detail

    def _counts(self) -> Counts:
        summary = self.summary
        return Counts(
            rows=summary.rows,
            changed=summary.changed,
            unchanged=summary.unchanged,
            quarantined=summary.quarantined,
        )

    async def _walk(self, stream: BinaryIO, progress: Progress | None) -> None:
        """Reads the next chunk in a thread while the one before takes effect."""
        pieces = chunks(self._feed.groups)
        reading = asyncio.create_task(asyncio.to_thread(next, pieces, None))
        broken: FeedUnreadable | None = None
        while True:
            try:
                chunk = await reading
            except FeedUnreadable as problem:
                broken, chunk = problem, None
            if chunk is None:
                break
            groups, broken = chunk
            if broken is None:
                reading = asyncio.create_task(asyncio.to_thread(next, pieces, None))
            try:
                await self._take(groups)
            except BaseException:
                # The thread is still at the stream, which the caller closes next.
                await asyncio.gather(reading, return_exceptions=True)
                raise
            if progress is not None:
                progress(self._counts(), stream.tell())
            if broken is not None:
                break
        if broken is not None:
            raise broken

    async def _take(self, groups: Sequence[Group]) -> None:
        """Compares a chunk with what is known, sends the news, writes down what came of it."""
        request, summary = self._request, self.summary
        groups = await self._matched(groups)
        digests = {group.key: group.digest() for group in groups if group.key}
        known: dict[str, Digest] = {}
        if not request.afresh:
            known = await self._importer.said_last(request, self._supplier, list(digests))
        skus = [count.sku for group in groups for count in group.counts]
        open_skus = await self._importer.open_sales(request, self._supplier, skus)
        news = news_of(groups, digests, known, open_skus)
        refused: _Refusals = {}
        if request.dry_run:
            self._count_unsent(news)
        else:
            refused = await self._send(news)
        bad = [row for group in groups for row in group.bad]
        bad += [row for rows in refused.values() for row in rows.values()]
        rows = sum(group.rows for group in groups)
        changed = sum(
            group.rows - len(group.bad) - len(refused.get(group.key, ())) for group in news.groups
        )
        summary.rows += rows
        summary.quarantined += len(bad)
        summary.changed += changed
        summary.unchanged += rows - len(bad) - changed
        room = SHOWN_BAD_ROWS_MAX - len(summary.bad_rows)
        summary.bad_rows += bad[:room]
        self._chunk += 1
        if request.dry_run or not (news.groups or bad):
            return
        # A group of which something was refused is compared anew the next time.
        kept = [digests[group.key] for group in news.groups if group.key not in refused]
        note = NoteChunk(
            run=request.run,
            supplier=self._supplier,
            counts=self._counts(),
            digests=tuple(kept),
            bad_rows=tuple(bad),
        )
        await self._importer.record(request, f"{self._chunk}/note", note)

    async def _matched(self, groups: Sequence[Group]) -> Sequence[Group]:
        """The chunk under the shop's SKUs; what was found is remembered before it takes effect."""
        matched = await self._importer.match(self._matching, groups)
        if matched.note is None or self._request.dry_run:
            return matched.groups
        sent = await self._importer.send(self._request, [(f"{self._chunk}/matches", matched.note)])
        return matched.without(msgspec.json.decode(sent[0].body)["result"]["refused"])

    def _count_unsent(self, news: News) -> None:
        """A dry run: what would be sent; of some of it the shop may know already."""
        summary = self.summary
        summary.products.applied += len(news.products)
        summary.offers.applied += len(news.offers)
        summary.stock.applied += len(news.counts)

    async def _send(self, news: News) -> "_Refusals":
        """Sends what is new; returns the rows of which something was refused, by group and SKU.

        Products go first: one that is refused takes its offers and counts with it.
        """
        refused: _Refusals = {}
        if news.products:
            put = PutProducts(source=self._supplier, products=tuple(news.products), partial=True)
            await self._deliver("products", [("products", put)], news, refused)
            news = news.without(refused)
        await self._register(news.offers)
        for kind, commands in (
            ("offers", offer_commands(news.offers, self._partition)),
            ("stock", self._stock(news.counts)),
        ):
            await self._deliver(kind, commands, news, refused)
        return refused

    async def _deliver(
        self,
        kind: str,
        commands: Sequence[tuple[str, Command]],
        news: News,
        refused: "_Refusals",
    ) -> None:
        """Sends commands of one kind, counts what came of them, adds to `refused`."""
        tally: Tally = getattr(self.summary, kind)
        rows: dict[str, list[tuple[Group, str, RawRow]]] = defaultdict(list)
        for group in news.groups:
            for sku, row in group.lines.items():
                rows[_product_id(group) if kind == "products" else sku].append((group, sku, row))
        numbered = [(f"{self._chunk}/{key}", command) for key, command in commands]
        for outcome in await self._importer.send(self._request, numbered):
            result = msgspec.json.decode(outcome.body)["result"]
            tally.applied += len(result["applied"])
            tally.unchanged += len(result["unchanged"])
            for item in result["refused"]:
                if kind == "products" and item["error"]["code"] == AlreadyExists.code:
                    self._foreign += 1
                    continue
                tally.refused += 1
                for group, sku, row in rows[item["id"]]:
                    refused.setdefault(group.key, {})[sku] = refused_row(row, item["error"])

    async def _register(self, offers: Sequence[Offered]) -> None:
        """Makes suppliers known that the feed names itself."""
        named = {slug_of(offered.supplier): offered.supplier for offered in offers}
        fresh = {one: name for one, name in named.items() if one not in self._names}
        self._names |= fresh
        await self._importer.send(
            self._request,
            [
                (f"{self._chunk}/supplier/{number}", RegisterSupplier(id=one, name=name))
                for number, (one, name) in enumerate(fresh.items())
            ],
        )

    def _stock(self, counts: Sequence[Count]) -> list[tuple[str, Command]]:
        return stock_commands(
            counts,
            self._partition,
            supplier=self._supplier,
            as_of_ms=self._request.as_of_ms,
            reference=f"import {self._request.run}",
        )

    def _partition(self, sku: str) -> int:
        return self._importer.partition(self._request.tenant, sku)


_Refusals = dict[str, dict[str, BadRow]]
"""By group and SKU."""


def _product_id(group: Group) -> str:
    return group.product.id if group.product is not None else ""
