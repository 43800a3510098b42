"""Puts back what a run changed, newest first, as far as nothing newer changed it."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.each import LINES_A_COMMAND_MAX
from shopwire.kernel.errors import InternalError
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.modules.catalog.api import ProductBefore, RestoreProducts
from shopwire.modules.feeds.api import Altered, AlteredGroup, BeginUndo, Kept, NoteUndone
from shopwire.modules.feeds.limits import UNDO_GROUPS_MAX
from shopwire.modules.feeds.store import changes_down, counts_since, get_run, reading_of
from shopwire.modules.inventory.api import CountBefore, RestoreCounts
from shopwire.modules.suppliers.api import OfferBefore, RestoreOffers
from shopwire.services.import_mend import recover_mends
from shopwire.services.import_request import ImportRequest

if TYPE_CHECKING:
    from shopwire.services.importing import Importer

T = TypeVar("T")
COUNT_TRIES_MAX: Final = 5
"""Times that a count is looked up again because something moved in between."""


async def undo_run(
    importer: "Importer", run: str, *, principal: str, tenant: str = DEFAULT_TENANT
) -> dict[str, Any]:
    """Undoes a run and returns it as it is then; one that is undone already stays as it is.

    One that was cut off goes on. Raises NotFound, and RuleBroken for a run that goes on, waits or
    was rejected.
    """
    await importer.decide(BeginUndo(run=run, by=principal), principal, tenant)
    await recover_mends(importer, run, principal=principal, tenant=tenant)
    while True:
        found = await reading_of(importer.reads, tenant, run)
        if found.status != "undoing":
            return await get_run(importer.reads, tenant, run)
        limit = importer.pacing.rows_max(UNDO_GROUPS_MAX)
        page = await changes_down(importer.reads, tenant, run, before=found.undone_to, limit=limit)
        if not page:
            if found.altered:
                raise InternalError(f"import {run}: its changes are not there")
            await importer.decide(NoteUndone(run=run, down_to=0), principal, tenant)
            continue
        part = _Part(importer, run, principal, tenant)
        down_to = await part.restore(page)
        note = NoteUndone(
            run=run,
            down_to=down_to,
            said=tuple(group for seq, group in page if seq >= down_to),
            restored=part.restored,
            kept=tuple(part.kept),
        )
        await importer.decide(note, principal, tenant)


class _Part:
    """Some of a run's changes, each thing of them once."""

    def __init__(self, importer: "Importer", run: str, principal: str, tenant: str) -> None:
        self._importer, self._run, self._tenant = importer, run, tenant
        # What was put back before a crash is found as it was: its commands need no old keys.
        self._request = ImportRequest(
            run=new_id(), supplier="", source="undo", principal=principal, tenant=tenant
        )
        self.restored = 0
        self.kept: list[Kept] = []

    async def restore(self, page: Sequence[tuple[int, AlteredGroup]]) -> int:
        """Puts back entries from the newest on; returns the number of the last that it took.

        It stops before an entry about something that a newer one of this part is about as well.
        """
        seen: set[tuple[str, str, str]] = set()
        taken: list[Altered] = []
        down_to = page[0][0]
        for seq, group in page:
            names = {(one.what, one.id, one.supplier) for one in group.altered}
            if names & seen:
                break
            seen |= names
            taken += group.altered
            down_to = seq
        await self._offers([one for one in taken if one.what == "offer"])
        await self._counts([one for one in taken if one.what == "stock"])
        await self._products([one for one in taken if one.what == "product"])
        return down_to

    async def _offers(self, found: Sequence[Altered]) -> None:
        lines = [
            OfferBefore(
                sku=one.id,
                supplier=one.supplier,
                was=None if one.was is None else dict(one.was),
                now={name: value for name, value in one.now.items() if name != "supplier"},
            )
            for one in found
        ]
        sent: list[tuple[str, Command]] = [
            (f"offers/{number}", RestoreOffers(offers=tuple(part)))
            for number, part in enumerate(self._by_place(lines, lambda line: line.sku))
        ]
        for result in await self._send(sent):
            for name, fields in result["stayed"].items():
                sku, _, supplier = name.rpartition("/")
                self._keep("offer", sku, supplier, fields)

    async def _counts(self, found: Sequence[Altered]) -> None:
        waiting = {(one.id, one.supplier): one for one in found}
        for number in range(COUNT_TRIES_MAX):
            lines = await self._count_lines(waiting)
            sent: list[tuple[str, Command]] = [
                (f"counts/{number}/{place}", RestoreCounts(counts=part, reference=self._back))
                for place, part in enumerate(self._by_place(lines, lambda line: line.sku))
            ]
            moved: set[str] = set()
            for result in await self._send(sent):
                moved.update(result["moved"])
                for sku in result["stayed"]:
                    self._keep("stock", sku, _supplier_of(sku, waiting), ("reported",))
            waiting = {pair: one for pair, one in waiting.items() if pair[0] in moved}
            if not waiting:
                return
        for sku, supplier in waiting:
            self._keep("stock", sku, supplier, ("reported",))

    async def _count_lines(self, waiting: Mapping[tuple[str, str], Altered]) -> list[CountBefore]:
        """The counts to put back; those that a newer count followed are kept."""
        lines: list[CountBefore] = []
        for supplier in sorted({supplier for _, supplier in waiting}):
            own = [one for (_, by), one in waiting.items() if by == supplier]
            since = await counts_since(
                self._importer.reads,
                self._tenant,
                supplier,
                {one.id: int(one.now["reported"]) for one in own},
                run_id=self._run,
            )
            for one in own:
                known, was = since.get(one.id), one.was or {}
                if known is None or known.newer:
                    self._keep("stock", one.id, supplier, ("reported",))
                    continue
                released = max(0, int(was.get("withheld", 0)) - known.withheld)
                lines.append(
                    CountBefore(
                        sku=one.id,
                        supplier=supplier,
                        reported=int(was.get("reported", 0)),
                        as_of_ms=was.get("as_of_ms"),
                        sequence=was.get("sequence"),
                        doubtful=bool(was.get("doubtful", False)),
                        now=int(one.now["reported"]) + known.net,
                        taken_in=max(0, known.taken_in) + released,
                        reports=known.reports,
                    )
                )
        return lines

    async def _products(self, found: Sequence[Altered]) -> None:
        lines = [ProductBefore(id=one.id, was=one.was, now=one.now) for one in found]
        sent: list[tuple[str, Command]] = [
            (f"products/{number}", RestoreProducts(products=tuple(part)))
            for number, part in enumerate(_cut(lines))
        ]
        for result in await self._send(sent):
            for product_id, fields in result["stayed"].items():
                self._keep("product", product_id, "", fields)

    async def _send(self, sent: Sequence[tuple[str, Command]]) -> list[dict[str, Any]]:
        results = [
            msgspec.json.decode(outcome.body)["result"]
            for outcome in await self._importer.send(self._request, sent)
        ]
        self.restored += sum(len(result["applied"]) for result in results)
        return results

    def _keep(self, what: Any, name: str, supplier: str, fields: Iterable[str]) -> None:
        self.kept.append(Kept(what=what, id=name, supplier=supplier, fields=tuple(fields)))

    def _by_place(self, lines: Iterable[T], sku_of: Any) -> Iterator[tuple[T, ...]]:
        """Lines of one partition together, and as many as one command takes."""
        places: dict[Hashable, list[T]] = defaultdict(list)
        for line in lines:
            places[self._importer.partition(self._tenant, sku_of(line))].append(line)
        for found in places.values():
            yield from _cut(found)

    @property
    def _back(self) -> str:
        return f"undo {self._run}"


def _cut(lines: Sequence[T]) -> Iterator[tuple[T, ...]]:
    for start in range(0, len(lines), LINES_A_COMMAND_MAX):
        yield tuple(lines[start : start + LINES_A_COMMAND_MAX])


def _supplier_of(sku: str, waiting: Mapping[tuple[str, str], Altered]) -> str:
    return next(supplier for known, supplier in waiting if known == sku)
