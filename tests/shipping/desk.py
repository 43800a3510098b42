"""What tests of shipping do again and again, on any shop."""

from typing import Any

import msgspec
from tests.modules.shop import Shop

from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    Allocation,
    BeginSending,
    PlanPurchaseOrders,
    RecordSending,
    RecordShipment,
    Units,
)

ORDER = "cart-0000-abc.1"


def po(supplier: str, order_id: str = ORDER) -> str:
    """The id of the first purchase order of a supplier."""
    return f"{order_id}/{supplier}"


def units(**of: int) -> tuple[Units, ...]:
    return tuple(Units(sku=sku, quantity=quantity) for sku, quantity in of.items())


def plan_of(
    shares: dict[str, dict[str, int]], *, price_minor: int = 500, **more: Any
) -> PlanPurchaseOrders:
    """Units by supplier and SKU."""
    allocations = tuple(
        Allocation(sku=sku, supplier=supplier, quantity=quantity, price_minor=price_minor)
        for supplier, skus in shares.items()
        for sku, quantity in skus.items()
    )
    fields = {"order_id": ORDER, "currency": "EUR", "allocations": allocations}
    return PlanPurchaseOrders(**(fields | more))


async def send(shop: Shop, supplier: str, order_id: str = ORDER) -> str:
    """Hands a planned purchase order over; the supplier has it afterwards."""
    own = po(supplier, order_id)
    await shop.do(BeginSending(purchase_order=own))
    await shop.do(RecordSending(purchase_order=own, outcome="received"))
    return own


async def accept(shop: Shop, supplier: str, order_id: str = ORDER, **of: int) -> str:
    """Sends it, and the supplier accepts these units."""
    own = await send(shop, supplier, order_id)
    await shop.do(AcknowledgePurchaseOrder(purchase_order=own, lines=units(**of)))
    return own


async def ship(shop: Shop, own: str, reference: str = "P1", **of: int) -> Any:
    """One parcel; the tracking number is its name."""
    return await shop.do(
        RecordShipment(
            purchase_order=own,
            reference=reference,
            carrier="dhl",
            tracking=f"{own} {reference}",
            lines=units(**of),
        )
    )


async def facts_of(shop: Shop, event_type: str) -> list[Any]:
    """The facts of all events of a kind."""
    return [
        msgspec.json.decode(one.facts)
        for one in await shop.events()
        if one.event_type == event_type
    ]
