"""Takes a feed in: read, compare with what its supplier said last, send only what is news."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.errors import AlreadyExists, FeedUnreadable, InternalError, ShopwireError
from shopwire.kernel.ids import DEFAULT_TENANT, partition_of
from shopwire.kernel.names import slug_of
from shopwire.kernel.queries import Reads
from shopwire.kernel.write_path import WritePath
from shopwire.modules.catalog.api import PutProducts
from shopwire.modules.feeds.api import BadRow, Counts, Digest, FinishRun, NoteChunk, StartRun
from shopwire.modules.feeds.limits import CHUNK_ROWS_MAX, QUARANTINED_ROWS_MAX, RAW_CHARS_MAX
from shopwire.modules.feeds.mapping import Group, Offered
from shopwire.modules.feeds.opening import OpenFeed, open_feed
from shopwire.modules.feeds.profile import Profile
from shopwire.modules.feeds.reading import Detected
from shopwire.modules.feeds.store import list_runs, said_last
from shopwire.modules.inventory.api import Count, ReportStocks
from shopwire.modules.inventory.store import skus_with_open_sales
from shopwire.modules.suppliers.api import PutOffers, RegisterSupplier, Terms

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
    currency: str = "EUR"
    as_of_ms: int | None = None
    """The moment the feed's counts speak of."""
    folder: Path | None = None
    """Where files lie that a mapping looks things up in."""
    dry_run: bool = False
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

    def __init__(self, write_path: WritePath, reads: Reads, *, partitions: int) -> None:
        self._write_path = write_path
        self._reads = reads
        self._partitions = partitions

    async def run(
        self, request: ImportRequest, stream: BinaryIO, progress: Progress | None = None
    ) -> Summary:
        """Imports a feed from a seekable stream.

        A feed that cannot be read at all raises and leaves nothing. One that breaks off later
        ends as `failed`, with what came before in effect. Raises StorageUnavailable and QueueFull
        with the run still open: the same run again goes on from there.
        """
        feed = await asyncio.to_thread(
            open_feed,
            stream,
            supplier=request.supplier,
            currency=request.currency,
            profile=request.profile,
            folder=request.folder,
        )
        job = _Job(self, request, feed)
        return await job.run(stream, progress)

    async def send(
        self, request: ImportRequest, commands: Sequence[tuple[str, Command]]
    ) -> list[Outcome]:
        """Sends commands under keys of their own; raises where one was refused as a whole."""
        envelopes = [
            Envelope(
                command=command,
                key=f"{request.run}/{key}",
                principal=request.principal,
                tenant=request.tenant,
            )
            for key, command in commands
        ]
        outcomes = await self._write_path.submit_many(envelopes)
        for outcome, envelope in zip(outcomes, envelopes, strict=True):
            if not outcome.ok:
                raise InternalError(f"{envelope.command.operation}: {outcome.body.decode()}")
        return outcomes

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
        return await skus_with_open_sales(self._reads, request.tenant, supplier, skus)

    async def said_last(
        self, request: ImportRequest, supplier: str, keys: Sequence[str]
    ) -> dict[str, Digest]:
        """What the supplier said last."""
        return await said_last(self._reads, request.tenant, supplier, keys)

    def by_partition(self, tenant: str, skus: Iterable[str]) -> dict[int, list[str]]:
        """SKUs by the partition that they belong to."""
        found: dict[int, list[str]] = defaultdict(list)
        for sku in skus:
            found[partition_of(tenant, sku, self._partitions)].append(sku)
        return found


class _Job:
    """One run."""

    def __init__(self, importer: Importer, request: ImportRequest, feed: OpenFeed) -> None:
        self._importer, self._request, self._feed = importer, request, feed
        self._supplier = slug_of(request.supplier)
        self._names = {self._supplier: request.supplier}
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
            await self._importer.send(request, [("start", start), ("supplier", register)])
        try:
            await self._walk(stream, progress)
        except FeedUnreadable as problem:
            summary.status, summary.error = "failed", self._where(problem)
        except ShopwireError as problem:
            if problem.temporary:
                raise
            summary.status, summary.error = "failed", str(problem)
        summary.notes = self._feed.notes
        if self._foreign:
            summary.notes.append(
                f"{self._foreign} products have SKUs that belong to another product of the shop:"
                " their offers and stock were taken, their texts were not"
            )
        if summary.quarantined > QUARANTINED_ROWS_MAX:
            summary.notes.append(f"only the first {QUARANTINED_ROWS_MAX} bad rows are kept")
        if not request.dry_run:
            finish = FinishRun(
                run=request.run,
                counts=self._counts(),
                notes=tuple(summary.notes),
                error=summary.error,
            )
            await self._importer.send(request, [("finish", finish)])
        return summary

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
        chunks = _chunks(self._feed.groups)
        reading = asyncio.create_task(asyncio.to_thread(next, chunks, None))
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
                reading = asyncio.create_task(asyncio.to_thread(next, chunks, None))
            try:
                await self._take(groups)
            except BaseException:
                reading.cancel()
                raise
            if progress is not None:
                progress(self._counts(), stream.tell())
            if broken is not None:
                break
        if broken is not None:
            raise broken

    async def _take(self, groups: Sequence[Group]) -> None:
        """Compares a chunk with what is known, sends the news, writes down what came of it."""
        request = self._request
        merged = _joined(groups)
        digests = {group.key: group.digest() for group in merged if group.key}
        known = await self._importer.said_last(request, self._supplier, list(digests))
        skus = [count.sku for group in merged for count in group.counts]
        open_skus = await self._importer.open_sales(request, self._supplier, skus)
        news = [
            group
            for group in merged
            if group.key
            and (
                digests[group.key] != known.get(group.key) or not open_skus.isdisjoint(group.lines)
            )
        ]
        refused: list[BadRow] = []
        if not request.dry_run:
            refused = await self._send(news, digests, known, open_skus)
        bad = [row for group in groups for row in group.bad] + refused
        summary = self.summary
        rows = sum(group.rows for group in groups)
        changed = sum(group.rows - len(_bad_lines(group, bad)) for group in news)
        summary.rows += rows
        summary.quarantined += len(bad)
        summary.changed += changed
        summary.unchanged += rows - len(bad) - changed
        room = SHOWN_BAD_ROWS_MAX - len(summary.bad_rows)
        summary.bad_rows += bad[:room]
        self._chunk += 1
        if request.dry_run or not (news or bad):
            return
        # A group of which something was refused is compared anew the next time.
        kept = [digests[group.key] for group in news if not _bad_lines(group, refused)]
        note = NoteChunk(
            run=request.run,
            supplier=self._supplier,
            counts=self._counts(),
            digests=tuple(kept),
            bad_rows=tuple(bad),
        )
        await self._importer.send(request, [(f"{self._chunk}/note", note)])

    async def _send(
        self,
        news: Sequence[Group],
        digests: dict[str, Digest],
        known: dict[str, Digest],
        open_skus: set[str],
    ) -> list[BadRow]:
        """The commands for what is new; returns the rows whose commands were refused."""
        products, offers, counts = [], [], []
        for group in news:
            before, now = known.get(group.key, Digest(key=group.key)), digests[group.key]
            if group.product is not None and now.product != before.product:
                products.append(group.product)
            if now.offers != before.offers:
                offers += group.offers
            if now.stock != before.stock:
                counts += group.counts
            else:
                counts += [count for count in group.counts if count.sku in open_skus]
        commands: list[tuple[str, Command]] = []
        if products:
            put = PutProducts(source=self._supplier, products=tuple(products), partial=True)
            commands.append(("products", put))
        commands += await self._offers(offers)
        commands += self._stock(counts)
        numbered = [(f"{self._chunk}/{key}", command) for key, command in commands]
        outcomes = await self._importer.send(self._request, numbered)
        bad: dict[int, BadRow] = {}
        for (key, _), outcome in zip(commands, outcomes, strict=True):
            self._tell(key.split("/")[0], outcome, news, bad)
        return list(bad.values())

    def _tell(
        self, kind: str, outcome: Outcome, news: Sequence[Group], bad: dict[int, BadRow]
    ) -> None:
        """Counts what came of a command; rows whose part of it was refused go into `bad`."""
        result = msgspec.json.decode(outcome.body)["result"]
        tally: Tally = getattr(self.summary, kind)
        tally.applied += len(result["applied"])
        tally.unchanged += len(result["unchanged"])
        tally.refused += len(result["refused"])
        for refused in result["refused"]:
            if kind == "products" and refused["error"]["code"] == AlreadyExists.code:
                self._foreign += 1
                continue
            for group in news:
                row = group.lines.get(refused["id"])
                if kind == "products" and group.product and group.product.id == refused["id"]:
                    row = next(iter(group.lines.values()))
                if row is not None:
                    bad[row.line] = _refused(row.line, row.raw, refused["error"])

    async def _offers(self, offers: Sequence[Offered]) -> list[tuple[str, Command]]:
        by_supplier: dict[str, dict[str, Terms]] = defaultdict(dict)
        for offered in offers:
            by_supplier[offered.supplier][offered.terms.sku] = offered.terms
        fresh = {slug_of(name): name for name in by_supplier if slug_of(name) not in self._names}
        if fresh:
            self._names |= fresh
            register = [
                (f"supplier/{one}", RegisterSupplier(id=one, name=name))
                for one, name in fresh.items()
            ]
            await self._importer.send(self._request, register)
        commands: list[tuple[str, Command]] = []
        for name, terms in by_supplier.items():
            parts = self._importer.by_partition(self._request.tenant, terms)
            commands += [
                (
                    f"offers/{slug_of(name)}/{partition}",
                    PutOffers(supplier=slug_of(name), offers=tuple(terms[sku] for sku in skus)),
                )
                for partition, skus in parts.items()
            ]
        return commands

    def _stock(self, counts: Sequence[Count]) -> list[tuple[str, Command]]:
        by_sku = {count.sku: count for count in counts}
        parts = self._importer.by_partition(self._request.tenant, by_sku)
        return [
            (
                f"stock/{partition}",
                ReportStocks(
                    supplier=self._supplier,
                    counts=tuple(by_sku[sku] for sku in skus),
                    as_of_ms=self._request.as_of_ms,
                    reference=f"import {self._request.run}",
                ),
            )
            for partition, skus in parts.items()
        ]


def _chunks(groups: Iterator[Group]) -> Iterator[tuple[list[Group], FeedUnreadable | None]]:
    """Groups of about CHUNK_ROWS_MAX rows; a feed that breaks off still gives what it had."""
    held: list[Group] = []
    rows = 0
    try:
        for group in groups:
            held.append(group)
            rows += group.rows
            if rows >= CHUNK_ROWS_MAX:
                yield held, None
                held, rows = [], 0
    except FeedUnreadable as problem:
        yield held, problem
        return
    if held:
        yield held, None


def _joined(groups: Sequence[Group]) -> list[Group]:
    """Groups of one product that stand apart in the chunk become one."""
    by_key: dict[str, Group] = {}
    for group in groups:
        known = by_key.get(group.key)
        if known is None or not group.key:
            by_key[group.key] = group
            continue
        by_key[group.key] = _both(known, group)
    return list(by_key.values())


def _both(one: Group, other: Group) -> Group:
    product: Any = one.product or other.product
    if one.product is not None and other.product is not None:
        product = msgspec.structs.replace(
            one.product,
            variants=(*one.product.variants, *other.product.variants),
            images=tuple(dict.fromkeys((*one.product.images, *other.product.images))),
        )
    return Group(
        key=one.key,
        rows=one.rows + other.rows,
        lines=one.lines | other.lines,
        product=product,
        offers=[*one.offers, *other.offers],
        counts=[*one.counts, *other.counts],
        count_supplier=one.count_supplier,
        bad=[*one.bad, *other.bad],
    )


def _bad_lines(group: Group, bad: Sequence[BadRow]) -> set[int]:
    """Which of the bad rows are of this group."""
    lines = {row.line for row in group.lines.values()} | {row.line for row in group.bad}
    return lines & {row.line for row in bad}


def _refused(line: int, raw: str, error: dict[str, Any]) -> BadRow:
    return BadRow(
        line=line,
        column=str(error.get("data", {}).get("field", "")),
        code="refused",
        reason=error["message"],
        remedy=error["remedy"],
        raw=raw[:RAW_CHARS_MAX],
    )
