"""One run of an import: read, compared, looked at as a whole, and then put into effect."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import msgspec
from msgspec.structs import replace

from shopwire.kernel.errors import FeedUnreadable, RuleBroken, ShopwireError
from shopwire.kernel.names import slug_of
from shopwire.modules.feeds.api import (
    AlteredGroup,
    Counts,
    Digest,
    FinishRun,
    HoldRun,
    KeepTexts,
    NoteChunk,
    Reading,
    StartRun,
)
from shopwire.modules.feeds.events import FeedKind
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.limits import CHUNK_ROWS_MAX, OPEN_SALES_MAX, QUARANTINED_ROWS_MAX
from shopwire.modules.feeds.marks import Marks, Quiet
from shopwire.modules.feeds.opening import OpenFeed
from shopwire.modules.matching.api import NoteMatches
from shopwire.modules.suppliers.api import RegisterSupplier
from shopwire.services.import_gone import Gone, sku_of
from shopwire.services.import_held import keep_feed, keep_sent
from shopwire.services.import_lanes import Lanes, UnderWay
from shopwire.services.import_news import Chunk, News, chunks
from shopwire.services.import_plan import Compared, Spool, compared, names_of
from shopwire.services.import_request import ImportRequest, Progress, Summary
from shopwire.services.import_send import Sender
from shopwire.services.import_texts import Texts
from shopwire.services.import_weight import Weight

if TYPE_CHECKING:
    from shopwire.services.importing import Importer

SHOWN_BAD_ROWS_MAX = 20
"""Bad rows that a summary shows; all are in quarantine."""


class Job:
    """One run."""

    def __init__(self, importer: "Importer", request: ImportRequest, feed: OpenFeed) -> None:
        self._importer, self._request, self._feed = importer, request, feed
        self._supplier = slug_of(request.supplier)
        self._sender = Sender(importer, request, self._supplier)
        self._matches = 0
        self._lanes = Lanes(
            importer, request.run, self._sender, partial(importer.record, request), self._settled
        )
        self._approved = False
        self._before = ""
        self._texts: Texts | None = None
        self._known_bad: frozenset[tuple[int, str]] = frozenset()
        self._offers_in: Counter[str] = Counter()
        self._kept_before = 0
        self._kept: tuple[int, bool] | None = None
        self._matching = importer.matching(request)
        said: FeedKind = "partial" if feed.profile.partial else "full"
        kind: FeedKind = request.kind or said
        self._gone = Gone(importer, request, self._supplier) if kind == "full" else None
        self.summary = Summary(
            id=request.run,
            supplier=request.supplier,
            profile=feed.profile.name,
            source=request.source,
            status="finished",
            dry_run=request.dry_run,
            kind=kind,
            products=self._sender.products,
            offers=self._sender.offers,
            stock=self._sender.stock,
            detected=feed.detected,
        )

    async def run(
        self, stream: BinaryIO, progress: Progress | None, *, again: bool = False
    ) -> Summary:
        """Takes the feed in; `again`: its run is there already, and was approved."""
        request, summary = self._request, self.summary
        self._approved = again
        if not (request.dry_run or again):
            await self._start()
            if request.keep:
                self._kept = await keep_sent(self._importer, request, stream)
        try:
            held = await self._whole(stream, progress)
        except FeedUnreadable as problem:
            held = False
            summary.status, summary.error = "failed", _where(problem)
        except ShopwireError as problem:
            if problem.temporary:
                raise
            held = False
            summary.status, summary.error = "failed", problem.detail
            await self._recover(problem)
        finally:
            await self._lanes.stop()
        if not held:
            await self._note()
            if not request.dry_run:
                if self._texts is not None:
                    await self._texts.end()
                await self._finish(stream)
        return summary

    async def _recover(self, problem: ShopwireError) -> None:
        """Writes down what parts had put into effect that were under way when it failed."""
        await self._lanes.stop()
        request = self._request
        if not (request.dry_run or isinstance(problem, RuleBroken)):
            await self._importer.recover(request, request.run, self.counts(), key="failed")

    def goes_on(self, known_bad: Collection[tuple[int, str]], *, before: str) -> None:
        """Says that a part of it was in effect before it was cut off; to be called before `run`.

        Args: the lines that are in quarantine, with their codes, and a note of what happened.
        """
        self._known_bad, self._kept_before = frozenset(known_bad), len(known_bad)
        self._before = before

    async def _start(self) -> None:
        request, summary = self._request, self.summary
        await self._importer.close_interrupted(request)
        start = StartRun(
            run=request.run,
            supplier=request.supplier,
            profile=summary.profile,
            source=request.source,
            kind=summary.kind,
            reading=self._reading(),
        )
        register = RegisterSupplier(id=self._supplier, name=request.supplier)
        outcomes = await self._importer.send(request, [("start", start), ("supplier", register)])
        if outcomes[0].replayed:
            await self._importer.refuse_used(request)

    def _reading(self) -> Reading:
        request, found = self._request, self._feed.detected
        return Reading(
            name=request.supplier,
            profile=msgspec.to_builtins(self._feed.profile),
            encoding=request.encoding,
            currency=request.currency,
            decimal=found.decimal,
            delimiter=found.delimiter,
            format=found.format,
            columns=found.columns,
            as_of_ms=request.as_of_ms,
            afresh=request.afresh,
            folder=str(request.folder or ""),
            force=request.force,
        )

    async def _whole(self, stream: BinaryIO, progress: Progress | None) -> bool:
        """Puts the feed into effect, or holds it; True where it is held."""
        weight = None
        if not self._request.force:
            weight = await Weight.of(self._importer, self._request, self._supplier)
        if weight is None:  # nothing is there that it could harm: each part takes effect at once
            await self._walk(stream, progress, None, None)
        else:
            spool = Spool()
            try:
                if await self._planned(stream, progress, weight, spool):
                    return True
            finally:
                spool.close()
        if self._gone is not None:
            await self._discontinue(self._gone)
        return False

    async def _planned(
        self, stream: BinaryIO, progress: Progress | None, weight: Weight, spool: Spool
    ) -> bool:
        """Looks at the whole feed first; True where it is held."""
        broken: FeedUnreadable | None = None
        try:
            await self._walk(stream, progress, weight, spool)
        except FeedUnreadable as problem:
            broken = problem
        if self._gone is not None and broken is None:
            await self._gone.weigh(weight)
        if weight.reasons() and await self._held(stream, weight):
            return True
        self.summary.rows += weight.quiet
        self.summary.unchanged += weight.quiet
        for part in spool.parts():
            await self._take(part, part.news())
            if progress is not None:
                progress(self.counts(), stream.tell())
        await self._lanes.drain()
        if broken is not None:
            raise broken
        return False

    async def _held(self, stream: BinaryIO, weight: Weight) -> bool:
        """Keeps the feed and waits for a person; a dry run only tells that it would."""
        request, summary = self._request, self.summary
        if request.dry_run:
            summary.hold = weight.hold(kept=True)
            return False
        parts, kept = self._kept or await keep_feed(self._importer, request, stream)
        summary.status, summary.hold = "held", weight.hold(kept=kept)
        summary.rows, summary.changed = weight.rows, weight.changed
        summary.quarantined = weight.bad
        summary.unchanged = weight.rows - weight.changed - weight.bad
        summary.bad_rows = weight.bad_rows
        await self._note()
        hold = HoldRun(
            run=request.run,
            counts=self.counts(),
            hold=summary.hold,
            parts=parts,
            notes=tuple(summary.notes),
        )
        full = summary.kind == "full"
        await self._importer.supersede(request, rows=summary.rows, full=full)
        await self._importer.record(request, "hold", hold)
        return True

    async def _walk(
        self,
        stream: BinaryIO,
        progress: Progress | None,
        weight: Weight | None,
        spool: Spool | None,
    ) -> None:
        """Reads the next chunk in a thread while the one before is compared, or takes effect."""
        pieces = chunks(await self._groups(), self._importer.pacing.rows_max)
        reading = asyncio.create_task(self._next(pieces))
        broken: FeedUnreadable | None = None
        while True:
            try:
                chunk = await reading
            except FeedUnreadable as problem:
                broken, chunk = problem, None
            if chunk is None:
                break
            broken = chunk.broken
            if broken is None:
                reading = asyncio.create_task(self._next(pieces))
            try:
                part, news, groups = await self._compare(chunk, waits=weight is not None)
                offers = sum(one.offers for one in chunk.quiet)
                if weight is None or spool is None:
                    await self._take(part, news)
                elif await weight.add(part, news, groups, offers):
                    await asyncio.to_thread(spool.put, part)
            except BaseException:
                # The thread is still at the stream, which the caller closes next.
                await asyncio.gather(reading, return_exceptions=True)
                raise
            if progress is not None:
                progress(weight.so_far() if weight else self.counts(), stream.tell())
            if broken is not None:
                break
        await self._lanes.drain()
        if broken is not None:
            if self._gone is not None:
                self._gone.broken = True
            raise broken

    async def _next(self, pieces: Iterator[Chunk]) -> Chunk | None:
        async with self._importer.pacing.piece():
            return await asyncio.to_thread(next, pieces, None)

    async def _groups(self) -> Iterator[Group | Quiet]:
        """The feed, with what is known by its marks apart.

        Nothing is where SKUs are matched, since what a row is hangs on the shop then, nor where
        the feed is to be compared with the shop itself: there its marks are made anew.
        """
        importer, request, supplier = self._importer, self._request, self._supplier
        if await self._matching.matches():
            return self._feed.groups
        if request.afresh:
            return self._feed.marked_groups(Marks(), frozenset())
        never = await importer.all_open_sales(request, supplier)
        if len(never) > OPEN_SALES_MAX:
            return self._feed.groups
        marks = await importer.marks_said(request, supplier)
        keep = KeepTexts(
            run=request.run,
            supplier=supplier,
            kind=self.summary.kind,
            reading=self._feed.reads_by,
            first=0,
            pieces=(),
        )
        self._texts = texts = await Texts.of(importer, request, keep)
        if texts is None:
            return self._feed.marked_groups(marks, never)
        return self._feed.marked_groups(marks, never, texts.blocks, texts.fresh)

    async def _compare(
        self, chunk: Chunk, *, waits: bool
    ) -> tuple[Compared, News, Sequence[Group]]:
        """A chunk beside what is known, and its groups under the shop's SKUs.

        `waits`: the feed may be held, so nothing is remembered yet.
        """
        request = self._request
        if not waits and await self._matching.matches():
            await self._lanes.drain()  # what a row is hangs on what those before it brought
        groups, match_note = await self._matched(chunk.groups, waits=waits)
        known: dict[str, Digest] = {}
        if not request.afresh:
            keys = [group.key for group in groups if group.key]
            known = await self._importer.said_last(request, self._supplier, keys)
        groups = [self._sure(group, known.get(group.key)) for group in groups]
        digests = {group.key: group.digest(known.get(group.key)) for group in groups if group.key}
        skus = [count.sku for group in groups for count in group.counts]
        open_skus = await self._importer.open_sales(request, self._supplier, skus)
        if self._gone is not None:
            field = self._feed.profile.fields["sku"]
            self._gone.see(groups, lambda bad: sku_of(bad, field))
            for one in chunk.quiet:
                self._gone.see_quiet(one)
        part, news = compared(groups, digests, known, open_skus, quiet_rows=chunk.quiet_rows)
        part.note = match_note
        return part, news, groups

    def _sure(self, group: Group, before: Digest | None) -> Group:
        """A group, mapped whole where its rest is not what was said last after all."""
        if not group.counts_only or (before is not None and before.rest == group.rest):
            return group
        return self._feed.mapped(group)

    async def _matched(
        self, groups: Sequence[Group], *, waits: bool
    ) -> tuple[Sequence[Group], NoteMatches | None]:
        """A chunk under the shop's SKUs, and what is to be remembered of it later on."""
        matched = await self._importer.match(self._matching, groups)
        if matched.note is None or self._request.dry_run:
            return matched.groups, None
        if waits:
            return matched.groups, matched.note
        return matched.without(await self._remembered(matched.note)), None

    async def _remembered(self, note: NoteMatches) -> Collection[str]:
        """Writes down what rows were found to be; the supplier's SKUs that it is refused for."""
        self._matches += 1
        sent = [(f"match/{self._matches}", note)]
        (outcome,) = await self._importer.send(self._request, sent)
        refused: list[str] = msgspec.json.decode(outcome.body)["result"]["refused"]
        return refused

    async def _take(self, part: Compared, news: News) -> None:
        """Sends the news of a part, at once or by pieces; what came of it is written down later."""
        if part.note is not None:
            await self._lanes.drain()
            part.doubt(await self._remembered(part.note))
        rows_max = self._importer.pacing.rows_max(CHUNK_ROWS_MAX)
        for piece in part.pieces(rows_max):
            await self._take_piece(piece, news if piece is part else piece.news())

    async def _take_piece(self, part: Compared, news: News) -> None:
        news = news.without_variants(part.doubted)
        refused = part.refused()
        news = news.without_skus({sku for rows in refused.values() for sku in rows})
        self._offers_in.update(offered.terms.currency for offered in news.offers)
        if self._request.dry_run:
            self._count_unsent(news)
            self._settled(UnderWay(0, part, news, refused, frozenset()), ())
        else:
            await self._lanes.add(part, news, refused, names_of(part.groups))

    def _settled(self, one: UnderWay, changes: tuple[AlteredGroup, ...]) -> NoteChunk | None:
        """Counts a part whose effect is over; what is to be written down of it."""
        summary, part, news, refused = self.summary, one.part, one.news, one.refused
        bad = one.bad()
        changed = sum(
            group.rows - len(group.bad) - len(refused.get(group.key, ())) for group in news.groups
        )
        summary.rows += part.rows
        summary.quarantined += len(bad)
        summary.changed += changed
        summary.unchanged += part.rows - len(bad) - changed
        room = SHOWN_BAD_ROWS_MAX - len(summary.bad_rows)
        summary.bad_rows += [replace(row, cells={}) for row in bad[:room]]
        if not (news.groups or bad or part.marks):
            return None
        # A group of which something was refused is compared anew the next time.
        digests = {group.key: part.digests[group.key] for group in news.groups}
        return NoteChunk(
            run=summary.id,
            supplier=self._supplier,
            counts=self.counts(),
            digests=tuple(one for key, one in digests.items() if key not in refused),
            bad_rows=tuple(row for row in bad if (row.line, row.code) not in self._known_bad),
            altered=changes,
            marks=tuple(part.marks),
        )

    async def _discontinue(self, gone: Gone) -> None:
        """Ends what a full feed no longer names."""
        summary = self.summary
        if self._request.dry_run:
            summary.discontinued = await gone.count()
            return
        number = 0
        async for changes, skus, said in gone.parts():
            number += 1
            summary.discontinued += skus
            note = NoteChunk(
                run=self._request.run,
                supplier=self._supplier,
                counts=self.counts(),
                digests=said,
                altered=changes,
                discontinued=skus,
                lane=0,
            )
            await self._importer.record(self._request, f"gone/{number}/note", note)

    async def _tables_kept(self, stream: BinaryIO) -> bool:
        """Whether the file is kept on: bad rows are mended with the tables that came in it."""
        if not (self._feed.tables_inside and self.summary.quarantined):
            return False
        if self._kept is None and not self._approved:
            self._kept = await keep_sent(self._importer, self._request, stream)
        return self._kept is None or self._kept[1]

    async def _finish(self, stream: BinaryIO) -> None:
        summary = self.summary
        tables = await self._tables_kept(stream)
        finish = FinishRun(
            run=summary.id,
            counts=self.counts(),
            notes=tuple(summary.notes),
            error=summary.error,
            keep=tables or (self._approved and summary.error is not None),
        )
        try:
            await self._importer.record(self._request, "finish", finish)
        except RuleBroken as problem:
            summary.status, summary.error = "failed", problem.detail
            return
        if summary.status == "finished" and summary.rows:
            full = summary.kind == "full"
            await self._importer.supersede(self._request, rows=summary.rows, full=full)

    async def _note(self) -> None:
        summary = self.summary
        summary.notes = [*self._feed.notes, *([self._before] if self._before else [])]
        if self._sender.foreign:
            summary.notes.append(
                f"{self._sender.foreign} products have SKUs that belong to another product of the"
                " shop: their offers and stock were taken, their texts were not"
            )
        if summary.quarantined > QUARANTINED_ROWS_MAX:
            summary.notes.append(f"only the first {QUARANTINED_ROWS_MAX} bad rows are kept")
        if self._gone is not None:
            summary.notes += self._gone.notes()
        summary.notes += await self._unpriced()

    async def _unpriced(self) -> list[str]:
        """Says of whose currency the shop knows no rate: such offers give no price."""
        if not self._offers_in:
            return []
        wanted, own = await self._importer.rates_wanted(self._request, self._offers_in)
        return [
            f"{self._offers_in[one]} offers are in {one}, and the shop has no rate from {one} to"
            f" {own}: they have no price until you tell one, in the console under Prices or with"
            " `shopwire send pricing.put_rates`"
            for one in wanted
        ]

    def counts(self) -> Counts:
        """The rows so far; what was in quarantine when it went on is there all the while."""
        summary = self.summary
        ahead = max(0, self._kept_before - summary.quarantined)
        return Counts(
            rows=summary.rows + ahead,
            changed=summary.changed,
            unchanged=summary.unchanged,
            quarantined=summary.quarantined + ahead,
        )

    def _count_unsent(self, news: News) -> None:
        """A dry run: what would be sent; of some of it the shop may know already."""
        summary = self.summary
        summary.products.applied += len(news.products)
        summary.offers.applied += len(news.offers)
        summary.stock.applied += len(news.counts)


def _where(problem: FeedUnreadable) -> str:
    line = problem.data.get("line")
    return f"line {line}: {problem.detail}" if line else problem.detail
