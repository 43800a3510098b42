"""What a full feed no longer names: its supplier has it no more."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.modules.feeds.api import Altered, AlteredGroup, BadRow, Digest, NoteIntent
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.limits import CHUNK_ROWS_MAX
from shopwire.modules.feeds.marks import Quiet
from shopwire.modules.feeds.profile import Field
from shopwire.modules.feeds.store import (
    counts_before,
    keys_said,
    offered_skus,
    offers_before,
    said_last,
    skus_held,
    stocked_skus,
)
from shopwire.modules.feeds.transforms import value_of
from shopwire.modules.feeds.values import Refused
from shopwire.modules.inventory.api import Count
from shopwire.modules.suppliers.api import WithdrawOffer
from shopwire.services.import_effect import count_altered, offer_altered
from shopwire.services.import_news import stock_commands
from shopwire.services.import_plan import Seen
from shopwire.services.import_request import ImportRequest
from shopwire.services.import_weight import Weight
from shopwire.services.matching import DOUBTFUL

if TYPE_CHECKING:
    from shopwire.services.importing import Importer

PAGE_SKUS_MAX: Final = 20_000
"""SKUs of a supplier, or keys of its products, that are looked through at once."""

Part = tuple[tuple[AlteredGroup, ...], int, tuple[Digest, ...]]
"""What changed, how many SKUs were ended, and what the supplier says of some products now."""


class Gone:
    """Remembers what a full feed names, and ends the rest of what its supplier has.

    A row that names no SKU may be any of those that are missing, and a feed that broke off may
    have named all of them: in both cases nothing is ended.
    """

    def __init__(self, importer: "Importer", request: ImportRequest, supplier: str) -> None:
        self._importer, self._request, self._supplier = importer, request, supplier
        self._skus, self._keys = Seen(), Seen()
        self._unreadable = 0
        self._missing: int | None = None
        self.broken = False

    def see_quiet(self, quiet: Quiet) -> None:
        """Takes down what rows name that are known by their marks."""
        self._keys.add_hashes(quiet.keys)
        self._skus.add_hashes(quiet.skus)

    def see(self, groups: Sequence[Group], sku_of_bad: Callable[[BadRow], str]) -> None:
        """Takes down what a part of the feed names, whether it can be used or not."""
        self._keys.add(group.key for group in groups)
        for group in groups:
            self._skus.add(group.lines)
            for bad in group.bad:
                if sku := sku_of_bad(bad):
                    self._skus.add((sku,))
                elif bad.code != DOUBTFUL:  # what is doubtful is none of the shop's articles yet
                    self._unreadable += 1

    @property
    def _sure(self) -> bool:
        return not (self.broken or self._unreadable)

    async def weigh(self, weight: Weight) -> None:
        """Puts what is missing on the scales."""
        self._missing = 0
        async for page in self._pages():
            self._missing += len(page)
            if self._sure:
                for one in page:
                    weight.breaker.misses(one["sku"], one["reported"])

    async def count(self) -> int:
        """How many SKUs would be ended."""
        if not self._sure:
            return 0
        if self._missing is None:
            self._missing = sum([len(page) async for page in self._pages()])
        return self._missing

    def notes(self) -> list[str]:
        """Why nothing was ended, where that is so."""
        if self.broken:
            return ["the feed broke off: nothing that it does not name was discontinued"]
        if self._unreadable and self._missing != 0:
            why = "so that nothing was discontinued: what is missing may be one of them"
            return [f"{self._unreadable} rows name no SKU that can be read, {why}"]
        return []

    async def parts(self) -> AsyncIterator[Part]:
        """Ends what is missing, part by part."""
        if not self._sure:
            return
        number = 0
        if self._missing != 0:
            async for page in self._pages():
                for part in self._importer.pacing.cut(page, CHUNK_ROWS_MAX):
                    number += 1
                    yield await self._end(number, {one["sku"]: one for one in part}), len(part), ()
        async for said in self._unsaid():
            changes = tuple(
                AlteredGroup(key=one.key, said_was=one, said_now=Digest(key=one.key))
                for one in said
            )
            yield changes, 0, tuple(Digest(key=one.key) for one in said)

    async def _end(
        self, number: int, found: Mapping[str, Mapping[str, Any]]
    ) -> tuple[AlteredGroup, ...]:
        importer, request = self._importer, self._request
        reads, tenant, supplier = importer.reads, request.tenant, self._supplier
        offers = await offers_before(reads, tenant, [(sku, supplier) for sku in found])
        counts = await counts_before(reads, tenant, supplier, list(found))
        withdrawn: list[tuple[str, Command]] = [
            (f"gone/{number}/offer/{place}", WithdrawOffer(sku=sku, supplier=supplier))
            for place, sku in enumerate(found)
            if found[sku]["offered"]
        ]
        none_left = [Count(sku=sku, quantity=0) for sku in found if found[sku]["reported"]]
        stock = stock_commands(
            none_left,
            supplier=supplier,
            as_of_ms=request.as_of_ms,
            reference=f"import {request.run}",
        )
        about = tuple(
            AlteredGroup(key=sku, altered=_meant(sku, supplier, one, offers, counts))
            for sku, one in found.items()
        )
        note = NoteIntent(run=request.run, groups=about)
        await importer.record(request, f"gone/{number}/intent", note)
        altered: dict[str, list[Altered]] = {sku: [] for sku in found}
        outcomes = await importer.send(request, withdrawn)
        for (_, command), outcome in zip(withdrawn, outcomes, strict=True):
            assert isinstance(command, WithdrawOffer)
            if msgspec.json.decode(outcome.body)["result"]["applied"]:
                pair = command.sku, supplier
                was = offers.get(pair)
                now = {**(was or {}), "active": False}
                altered[command.sku].append(offer_altered(pair, was, now))
        sent = [(f"gone/{number}/{key}", command) for key, command in stock]
        for outcome in await importer.send(request, sent):
            for sku in msgspec.json.decode(outcome.body)["result"]["applied"]:
                altered[sku].append(count_altered(sku, supplier, counts.get(sku), 0))
        return tuple(
            AlteredGroup(key=sku, altered=tuple(one)) for sku, one in altered.items() if one
        )

    async def _pages(self) -> AsyncIterator[list[dict[str, Any]]]:
        """SKUs that the supplier has and the feed did not name.

        Only names are read of all that it has, since of most there is nothing more to know.
        """
        reads, tenant, supplier = self._importer.reads, self._request.tenant, self._supplier
        for names_of, offered in ((offered_skus, True), (stocked_skus, False)):
            after, full = "", True
            while full:
                page = await names_of(reads, tenant, supplier, after=after, limit=PAGE_SKUS_MAX)
                full = len(page) >= PAGE_SKUS_MAX
                if missing := self._skus.without(page):
                    held = await skus_held(reads, tenant, supplier, missing)
                    # What is offered and in stock was among the offers.
                    if found := [one for one in held if one["offered"] == offered]:
                        yield found
                after = page[-1] if page else ""

    async def _unsaid(self) -> AsyncIterator[list[Digest]]:
        """Products of which something was said before, and nothing now."""
        reads, tenant, supplier = self._importer.reads, self._request.tenant, self._supplier
        after, full = "", True
        while full:
            page = await keys_said(reads, tenant, supplier, after=after, limit=PAGE_SKUS_MAX)
            full = len(page) >= PAGE_SKUS_MAX
            unsaid = self._keys.without(page)
            for keys in self._importer.pacing.cut(unsaid, CHUNK_ROWS_MAX):
                said = await said_last(reads, tenant, supplier, keys)
                if said:
                    yield [said[key] for key in keys if key in said]
            after = page[-1] if page else ""


def _meant(
    sku: str,
    supplier: str,
    found: Mapping[str, Any],
    offers: Mapping[tuple[str, str], Mapping[str, Any]],
    counts: Mapping[str, Mapping[str, Any]],
) -> tuple[Altered, ...]:
    """What the end of a SKU changes."""
    meant: list[Altered] = []
    if found["offered"]:
        was = offers.get((sku, supplier))
        meant.append(offer_altered((sku, supplier), was, {**(was or {}), "active": False}))
    if found["reported"]:
        meant.append(count_altered(sku, supplier, counts.get(sku), 0))
    return tuple(meant)


def sku_of(bad: BadRow, field: Field) -> str:
    """The SKU that a row names that cannot be used; blank where it cannot be told."""
    if not bad.cells or field.lookup:
        return ""
    try:
        return value_of(field, bad.cells, {})
    except Refused:
        return ""
