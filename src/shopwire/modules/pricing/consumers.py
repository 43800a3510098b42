"""Prices follow suppliers' offers and the shop's rules."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.module import Consumer
from shopwire.kernel.queries import Reads
from shopwire.modules.pricing.api import ApplyCost, Reprice
from shopwire.modules.pricing.events import RulesPut
from shopwire.modules.pricing.store import every_sku
from shopwire.modules.suppliers.events import OfferDocument, OfferPut, OfferWithdrawn

_decode_offer: Final = msgspec.json.Decoder(OfferDocument).decode


def follow_offer(recorded: Recorded) -> Iterable[Command]:
    """An offer's terms become the cost that its SKU's price follows from."""
    offer = _decode_offer(recorded.document)
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


async def follow_rules(recorded: Recorded, reads: Reads) -> AsyncIterator[Sequence[Command]]:
    """Other rules: every SKU that has a cost is priced again."""
    async for skus in every_sku(reads, recorded.tenant):
        yield [Reprice(sku=sku) for sku in skus]


CONSUMERS: Final = (
    Consumer(
        name="pricing.offers",
        event_types=frozenset({OfferPut.event_type, OfferWithdrawn.event_type}),
        react=follow_offer,
    ),
    Consumer(
        name="pricing.rules",
        event_types=frozenset({RulesPut.event_type}),
        expand=follow_rules,
    ),
)
