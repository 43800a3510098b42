"""Sends what is new in a part of a feed, and writes down what it changed."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.errors import AlreadyExists
from shopwire.kernel.names import slug_of
from shopwire.modules.catalog.api import PutProducts
from shopwire.modules.feeds.api import AlteredGroup, BadRow
from shopwire.modules.feeds.groups import Group, Offered
from shopwire.modules.feeds.reading import RawRow
from shopwire.modules.inventory.api import Count, ReportStocks
from shopwire.modules.suppliers.api import PutOffers, RegisterSupplier
from shopwire.services.import_effect import Applied, altered, before, groups_of, intended
from shopwire.services.import_news import News, offer_commands, refused_row, stock_commands
from shopwire.services.import_plan import Compared
from shopwire.services.import_request import ImportRequest, Tally
from shopwire.services.import_same import without_known

if TYPE_CHECKING:
    from shopwire.services.importing import Importer

Refusals = dict[str, dict[str, BadRow]]
"""By group and SKU."""


class Meant(msgspec.Struct, frozen=True):
    """The news of a part that are none to the shop yet, and what they may change."""

    news: News
    about: tuple[AlteredGroup, ...]
    """To be written down before any of it is sent."""


class Sender:
    """Puts news of one supplier into effect under one run."""

    def __init__(self, importer: "Importer", request: ImportRequest, supplier: str) -> None:
        self._importer, self._request, self._supplier = importer, request, supplier
        self._names = {supplier: request.supplier}
        self._registering = asyncio.Lock()
        self.products, self.offers, self.stock = Tally(), Tally(), Tally()
        self.foreign = 0
        """Products whose SKUs belong to another product of the shop."""

    async def meant(self, news: News) -> Meant:
        """What a part is about to change, beside the shop as it is; nothing is changed yet."""
        was = await before(self._importer.reads, self._request.tenant, self._supplier, news)
        told, news = news, without_known(news, was, self._request.as_of_ms)
        self.offers.unchanged += len(told.offers) - len(news.offers)
        self.stock.unchanged += len(told.counts) - len(news.counts)
        return Meant(news, intended(news, was, self._supplier))

    async def put(
        self, key: str, part: Compared | None, meant: Meant, refused: Refusals
    ) -> tuple[AlteredGroup, ...]:
        """Sends the news of a part; returns what they changed, adds to `refused`.

        What may change has to be written down before it, so that a crash can be undone. Without
        the part nothing is told of what its supplier said.
        """
        applied = Applied(set(), set(), set())
        news = meant.news
        await self._send(key, news, refused, applied)
        reads, tenant = self._importer.reads, self._request.tenant
        found = await altered(reads, tenant, meant.about, applied)
        if part is None:
            return groups_of(news, found, {}, ())
        kept = [
            part.digests[group.key]
            for group in news.groups
            if group.key in part.digests and group.key not in refused
        ]
        return groups_of(news, found, part.known, kept)

    async def _send(self, key: str, news: News, refused: Refusals, applied: Applied) -> None:
        """Sends what is new; adds the rows of which something was refused to `refused`.

        Products go first: one that is refused takes its offers and counts with it.
        """
        if news.products:
            put = PutProducts(source=self._supplier, products=tuple(news.products), partial=True)
            fresh: Refusals = {}
            sent: list[tuple[str, Command]] = [(f"{key}/products", put)]
            await self._deliver("products", sent, news, fresh, applied)
            news = news.without(fresh)
            for group_key, rows in fresh.items():
                refused.setdefault(group_key, {}).update(rows)
        await self._register(key, news.offers)
        for kind, commands in (
            ("offers", offer_commands(news.offers)),
            ("stock", self._stock(news.counts)),
        ):
            sent = [(f"{key}/{name}", command) for name, command in commands]
            await self._deliver(kind, sent, news, refused, applied)

    async def _deliver(
        self,
        kind: str,
        commands: Sequence[tuple[str, Command]],
        news: News,
        refused: Refusals,
        applied: Applied,
    ) -> None:
        """Sends commands of one kind, counts what came of them, adds to `refused`."""
        tally: Tally = getattr(self, kind)
        outcomes = await self._importer.send(self._request, commands)
        for (_, command), outcome in zip(commands, outcomes, strict=True):
            result = msgspec.json.decode(outcome.body)["result"]
            tally.applied += len(result["applied"])
            tally.unchanged += len(result["unchanged"])
            _add(applied, command, result["applied"])
            if not result["refused"]:
                continue
            rows = _rows_by(kind, news)
            for item in result["refused"]:
                if kind == "products" and item["error"]["code"] == AlreadyExists.code:
                    self.foreign += 1
                    continue
                tally.refused += 1
                for group, sku, row in rows[item["id"]]:
                    refused.setdefault(group.key, {})[sku] = refused_row(row, item["error"])

    async def _register(self, key: str, offers: Sequence[Offered]) -> None:
        """Makes suppliers known that the feed names itself."""
        named = {slug_of(offered.supplier): offered.supplier for offered in offers}
        async with self._registering:  # whose part comes second waits until it is there, too
            fresh = {one: name for one, name in named.items() if one not in self._names}
            await self._importer.send(
                self._request,
                [
                    (f"{key}/supplier/{number}", RegisterSupplier(id=one, name=name))
                    for number, (one, name) in enumerate(fresh.items())
                ],
            )
            self._names |= fresh

    def _stock(self, counts: Sequence[Count]) -> list[tuple[str, Command]]:
        return stock_commands(
            counts,
            supplier=self._supplier,
            as_of_ms=self._request.as_of_ms,
            reference=f"import {self._request.run}",
        )


def _rows_by(kind: str, news: News) -> dict[str, list[tuple[Group, str, RawRow]]]:
    """The rows that told of each product, or of each SKU."""
    rows: dict[str, list[tuple[Group, str, RawRow]]] = defaultdict(list)
    for group in news.groups:
        for sku, row in group.lines.items():
            rows[_product_id(group) if kind == "products" else sku].append((group, sku, row))
    return rows


def _add(applied: Applied, command: Command, names: Sequence[str]) -> None:
    if isinstance(command, PutProducts):
        applied.products.update(names)
    elif isinstance(command, PutOffers):
        applied.offers.update((sku, command.supplier) for sku in names)
    elif isinstance(command, ReportStocks):
        applied.counts.update(names)


def _product_id(group: Group) -> str:
    return group.product.id if group.product is not None else ""
