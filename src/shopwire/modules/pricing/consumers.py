"""Prices follow offers, products, rules, rates, promotions, and what becomes of orders."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.module import Consumer
from shopwire.kernel.queries import Reads
from shopwire.modules.catalog.events import ProductDocument, ProductEdited, ProductPut
from shopwire.modules.orders.events import (
    CheckoutFailed,
    OrderCancelled,
    OrderChanged,
    OrderDocument,
    OrderFacts,
)
from shopwire.modules.pricing.api import (
    ApplyCost,
    DescribeProduct,
    EnterSales,
    Keep,
    NotePromotion,
    Reprice,
    RepriceMany,
    SettleSale,
)
from shopwire.modules.pricing.events import (
    PromotionDocument,
    PromotionEnded,
    PromotionFacts,
    PromotionPut,
    RatesChanged,
    RatesFacts,
    RulesPut,
    RulesUndone,
    SaleSoldOut,
)
from shopwire.modules.pricing.store import SQL, Part, split, walk
from shopwire.modules.suppliers.events import OfferDocument, OfferPut, OfferWithdrawn

_offer: Final = msgspec.json.Decoder(OfferDocument).decode
_product: Final = msgspec.json.Decoder(ProductDocument).decode
_order: Final = msgspec.json.Decoder(OrderDocument).decode
_order_facts: Final = msgspec.json.Decoder(OrderFacts).decode
_promotion: Final = msgspec.json.Decoder(PromotionDocument).decode
_promotion_facts: Final = msgspec.json.Decoder(PromotionFacts).decode
_rates: Final = msgspec.json.Decoder(RatesFacts).decode


def follow_offer(recorded: Recorded) -> Iterable[Command]:
    """An offer's terms become the cost that its SKU's price follows from."""
    offer = _offer(recorded.document)
    return (
        ApplyCost(
            sku=offer.sku,
            supplier=offer.supplier,
            cost_minor=offer.cost_minor,
            currency=offer.currency,
            lead_time_days=offer.lead_time_days,
            map_minor=offer.map_minor,
            msrp_minor=offer.msrp_minor,
            active=offer.active,
        ),
    )


def follow_product(recorded: Recorded) -> Iterable[Command]:
    """What rules may ask of a product's SKUs; one without SKUs is of no concern."""
    product = _product(recorded.document)
    if not product.variants:
        return ()
    return (
        DescribeProduct(
            product=product.id,
            skus=tuple(variant.sku for variant in product.variants),
            categories=product.categories,
            brand=product.brand,
        ),
    )


def follow_sold_out(recorded: Recorded) -> Iterable[Command]:
    """Another promotion may have waited behind the one whose quota is gone."""
    return (Reprice(sku=recorded.topic.partition(":")[2]),)


def follow_order(recorded: Recorded) -> Iterable[Command]:
    """Units that an order no longer stands for go back into the quota of their sale."""
    order = _order(recorded.document)
    changed = recorded.event_type == OrderChanged.event_type
    if changed and not _order_facts(recorded.facts).released:
        return ()
    keeps = []
    for line in order.lines:
        units = sum(line.units.values())
        cancelled = line.units.get("cancelled", 0)
        # Of a set whose parts are cut apart only whole ones come back.
        a_piece = max(1, -(-units // line.quantity))
        if back := min(line.quantity, cancelled // a_piece):
            keeps.append(Keep(sku=line.sku, units=line.quantity - back))
    return (SettleSale(order=order.id, keeps=tuple(keeps)),) if keeps else ()


async def follow_rules(recorded: Recorded, reads: Reads) -> AsyncIterator[Sequence[Command]]:
    """Other rules: every SKU that has a cost is priced again."""
    async for parts in walk(reads, recorded.tenant, SQL["skus_after"]):
        yield [RepriceMany(skus=part.skus) for part in parts]


async def follow_rates(recorded: Recorded, reads: Reads) -> AsyncIterator[Sequence[Command]]:
    """Other exchange rates: every SKU with a cost in one of their currencies is priced again."""
    currencies = list(_rates(recorded.facts).currencies)
    if not currencies:
        return
    query = SQL["skus_in_currencies_after"]
    async for parts in walk(reads, recorded.tenant, query, currencies):
        yield [RepriceMany(skus=part.skus) for part in parts]


async def follow_promotion(recorded: Recorded, reads: Reads) -> AsyncIterator[Sequence[Command]]:
    """A promotion's terms reach its SKUs, and leave those that it is no longer for.

    Afterwards it is noted how many they are, which is also when the clock looks at them.
    """
    promotion, tenant = _promotion(recorded.document), recorded.tenant
    version = _promotion_facts(recorded.facts).terms_version
    if promotion.status == "ended":
        async for parts in walk(reads, tenant, SQL["skus_of_promotion_after"], promotion.id):
            yield [_entering(promotion, version, part, ended=True) for part in parts]
        yield [NotePromotion(id=promotion.id, of_version=version, skus_count=0)]
        return
    reached: set[str] = set()
    async for parts in _skus_of(reads, tenant, promotion):
        reached.update(sku for part in parts for sku in part.skus)
        yield [_entering(promotion, version, part) for part in parts]
    async for parts in walk(reads, tenant, SQL["skus_of_promotion_after"], promotion.id):
        left = [
            msgspec.structs.replace(part, skus=tuple(set(part.skus) - reached)) for part in parts
        ]
        yield [_entering(promotion, version, part, ended=True) for part in left if part.skus]
    yield [NotePromotion(id=promotion.id, of_version=version, skus_count=len(reached))]


async def _skus_of(
    reads: Reads, tenant: str, promotion: PromotionDocument
) -> AsyncIterator[Sequence[Part]]:
    if promotion.category is not None:
        query = SQL["skus_of_category_after"]
        async for parts in walk(reads, tenant, query, promotion.category):
            yield parts
        return
    partitions = (await reads.fetch(SQL["partitions"]))[0]["partitions"]
    yield split(tenant, promotion.skus, partitions)


def _entering(
    promotion: PromotionDocument, version: int, part: Part, *, ended: bool = False
) -> EnterSales:
    return EnterSales(
        promotion=promotion.id,
        terms_version=version,
        skus=tuple(sorted(part.skus)),
        kind=promotion.kind,
        value=promotion.value,
        currency=promotion.currency,
        starts_at_ms=promotion.starts_at_ms,
        ends_at_ms=promotion.ends_at_ms,
        quota=promotion.quota,
        bucket=part.number,
        ended=ended,
    )


CONSUMERS: Final = (
    Consumer(
        name="pricing.offers",
        event_types=frozenset({OfferPut.event_type, OfferWithdrawn.event_type}),
        react=follow_offer,
    ),
    Consumer(
        name="pricing.products",
        event_types=frozenset({ProductPut.event_type, ProductEdited.event_type}),
        react=follow_product,
    ),
    Consumer(
        name="pricing.sold_out",
        event_types=frozenset({SaleSoldOut.event_type}),
        react=follow_sold_out,
    ),
    Consumer(
        name="pricing.orders",
        event_types=frozenset(
            {CheckoutFailed.event_type, OrderCancelled.event_type, OrderChanged.event_type}
        ),
        react=follow_order,
    ),
    Consumer(
        name="pricing.rules",
        event_types=frozenset({RulesPut.event_type, RulesUndone.event_type}),
        expand=follow_rules,
    ),
    Consumer(
        name="pricing.rates",
        event_types=frozenset({RatesChanged.event_type}),
        expand=follow_rates,
    ),
    Consumer(
        name="pricing.promotions",
        event_types=frozenset({PromotionPut.event_type, PromotionEnded.event_type}),
        expand=follow_promotion,
    ),
)
