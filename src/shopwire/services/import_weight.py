"""What a feed would do as a whole, counted while it is compared: whether it is held."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Optional

from msgspec.structs import replace

from shopwire.kernel.money import Money
from shopwire.kernel.names import slug_of
from shopwire.modules.feeds.api import BadRow, Counts
from shopwire.modules.feeds.breaker import Breaker
from shopwire.modules.feeds.events import Hold, HoldReason
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.store import counts_before, limits_of, offers_before, size_of_supplier
from shopwire.services.import_news import News
from shopwire.services.import_plan import Compared
from shopwire.services.import_request import ImportRequest

if TYPE_CHECKING:
    from shopwire.services.importing import Importer

_SHOWN_MAX = 20
"""Bad rows that a held feed's summary shows."""


class Weight:
    """A feed on the scales."""

    def __init__(
        self, importer: "Importer", request: ImportRequest, supplier: str, breaker: Breaker
    ) -> None:
        self._importer, self._request, self._supplier = importer, request, supplier
        self.breaker = breaker
        self.rows = self.changed = self.bad = 0
        self.quiet = 0
        """Rows of parts that say nothing new."""
        self.bad_rows: list[BadRow] = []
        self._products = self._offers = self._counts = 0

    @classmethod
    async def of(
        cls, importer: "Importer", request: ImportRequest, supplier: str
    ) -> Optional["Weight"]:
        """The scales for a supplier; None for one that has nothing in the shop yet."""
        size = await size_of_supplier(importer.reads, request.tenant, supplier)
        if not size.either:
            return None
        limits = await limits_of(importer.reads, request.tenant, supplier)
        breaker = Breaker(limits, stocked=size.stocked, either=size.either)
        return cls(importer, request, supplier, breaker)

    async def add(
        self, part: Compared, news: News, groups: Sequence[Group], quiet_offers: int = 0
    ) -> bool:
        """Weighs a part, and marks its poisoned costs; False where it says nothing new."""
        self.rows += part.rows
        # Of offers that are news it is asked one by one whether they were known before.
        offers = sum(len(one.offers) + one.offers_known for one in groups)
        self.breaker.named += quiet_offers + offers - len(news.offers)
        if not (news.groups or part.bad or part.marks or part.note):
            self.quiet += part.rows
            return False
        await self._weigh_offers(part, news)
        await self._weigh_counts(news)
        bad = [*part.bad, *(one for rows in part.refused().values() for one in rows.values())]
        self.changed += sum(group.rows - len(group.bad) for group in news.groups)
        self.changed -= len(bad) - len(part.bad)
        self.bad += len(bad)
        room = _SHOWN_MAX - len(self.bad_rows)
        self.bad_rows += [replace(row, cells={}) for row in bad[:room]]
        self._products += len(news.products)
        self._offers += len(news.offers)
        self._counts += len(news.counts)
        return True

    async def _weigh_offers(self, part: Compared, news: News) -> None:
        pairs = [(one.terms.sku, slug_of(one.supplier)) for one in news.offers]
        if not pairs:
            return
        known = await offers_before(self._importer.reads, self._request.tenant, pairs)
        for pair, offered in zip(pairs, news.offers, strict=True):
            was = known.get(pair)
            if self.breaker.poisons(offered.terms, was) and was is not None:
                before = Money(was["cost_minor"], was["currency"])
                now = Money(offered.terms.cost_minor, offered.terms.currency)
                part.poisoned[pair[0]] = f"the cost was {before} and would be {now}"

    async def _weigh_counts(self, news: News) -> None:
        none_left = [count.sku for count in news.counts if count.quantity == 0]
        if not none_left:
            return
        reads, tenant = self._importer.reads, self._request.tenant
        known = await counts_before(reads, tenant, self._supplier, none_left)
        for sku in none_left:
            self.breaker.counts(sku, known[sku]["reported"] if sku in known else 0, 0)

    def so_far(self) -> Counts:
        """The rows so far."""
        unchanged = self.rows - self.changed - self.bad
        return Counts(
            rows=self.rows, changed=self.changed, unchanged=unchanged, quarantined=self.bad
        )

    def reasons(self) -> tuple[HoldReason, ...]:
        """The limits that the feed is over."""
        return self.breaker.reasons()

    def hold(self, *, kept: bool) -> Hold:
        """What it would do."""
        return self.breaker.hold(
            products=self._products, offers=self._offers, counts=self._counts, kept=kept
        )
