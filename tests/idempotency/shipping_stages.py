"""Stages of shipping; see `stages`. Importing it gives the stages of all modules."""

import tests.idempotency.channel_stages
import tests.idempotency.feed_stages
import tests.idempotency.pricing_stages
import tests.idempotency.routing_stages
import tests.idempotency.source_stages  # noqa: F401 - makes its stages known
from tests.idempotency.stages import STAGES, stage
from tests.idempotency.trade_stages import ORDER, PURCHASE_ORDER

from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    Allocation,
    ApplyNotice,
    ApplyOffer,
    BeginSending,
    CancelPurchaseOrders,
    CloseReturn,
    DismissNotice,
    KeepNotice,
    OpenReturn,
    PlanPurchaseOrders,
    ReceiveReturn,
    RecordCancellation,
    RecordSending,
    RecordShipment,
    RecordTracking,
    RefusePurchaseOrder,
    ReplayNotice,
    SetSupplierRules,
    TrackingNotice,
    Units,
)

__all__ = ["STAGES"]

PLAN = PlanPurchaseOrders(
    order_id=ORDER,
    allocations=(Allocation(sku="MUG", supplier="acme", quantity=2, price_minor=1_295),),
    currency="EUR",
)
BEGIN = BeginSending(purchase_order=PURCHASE_ORDER)
SENT = RecordSending(purchase_order=PURCHASE_ORDER, outcome="received", supplier_reference="A-1")
MUGS = (Units(sku="MUG", quantity=2),)
AGREED = AcknowledgePurchaseOrder(purchase_order=PURCHASE_ORDER, lines=MUGS, sequence=4)
SHIPPED = RecordShipment(
    purchase_order=PURCHASE_ORDER, reference="parcel-1", carrier="dhl", tracking="T1", lines=MUGS
)
PARCEL = f"{ORDER}/S1"
DELIVERED = RecordTracking(shipment=PARCEL, event="e1", status="delivered", at_ms=1)
SEND_BACK = OpenReturn(order_id=ORDER, lines=(Units(sku="MUG", quantity=1),), reason="unwanted")
RETURN = f"{ORDER}/R1"


async def sent(bench):
    await bench.do(PLAN, BEGIN, SENT)


async def delivered(bench):
    await sent(bench)
    await bench.do(AGREED, SHIPPED, DELIVERED)


@stage
async def shipping__plan_purchase_orders(bench):
    return PLAN


@stage
async def shipping__begin_sending(bench):
    await bench.do(PLAN)
    return BEGIN


@stage
async def shipping__record_sending(bench):
    await bench.do(PLAN, BEGIN)
    return SENT


@stage
async def shipping__acknowledge_purchase_order(bench):
    await sent(bench)
    return AGREED


@stage
async def shipping__refuse_purchase_order(bench):
    await sent(bench)
    return RefusePurchaseOrder(purchase_order=PURCHASE_ORDER, reason="discontinued")


@stage
async def shipping__set_supplier_rules(bench):
    return SetSupplierRules(supplier="acme", send_after_ms=60_000)


@stage
async def shipping__apply_offer(bench):
    return ApplyOffer(sku="MUG", supplier="acme", cost_minor=500, currency="EUR")


@stage
async def shipping__cancel_purchase_orders(bench):
    await sent(bench)
    return CancelPurchaseOrders(order_id=ORDER, wish="order", reason="shopper")


@stage
async def shipping__record_cancellation(bench):
    await sent(bench)
    await bench.do(CancelPurchaseOrders(order_id=ORDER, wish="order", reason="shopper"))
    return RecordCancellation(purchase_order=PURCHASE_ORDER, asked=MUGS, cancelled=MUGS)


@stage
async def shipping__record_shipment(bench):
    await sent(bench)
    await bench.do(AGREED)
    return SHIPPED


@stage
async def shipping__record_tracking(bench):
    await sent(bench)
    await bench.do(AGREED, SHIPPED)
    return DELIVERED


@stage
async def shipping__open_return(bench):
    await delivered(bench)
    return SEND_BACK


@stage
async def shipping__receive_return(bench):
    await delivered(bench)
    await bench.do(SEND_BACK)
    return ReceiveReturn(return_id=RETURN)


@stage
async def shipping__close_return(bench):
    await delivered(bench)
    await bench.do(SEND_BACK)
    return CloseReturn(return_id=RETURN)


KEPT = KeepNotice(
    source="carrier:dhl",
    id="msg-1",
    notice=TrackingNotice(carrier="dhl", tracking="T1", event="e9", status="in_transit", at_ms=5),
    because="NotFound",
)


@stage
async def shipping__keep_notice(bench):
    return KEPT


@stage
async def shipping__apply_notice(bench):
    await sent(bench)
    await bench.do(KEPT, AGREED, SHIPPED)
    return ApplyNotice(source=KEPT.source, id=KEPT.id, notice=KEPT.notice, shipments=(PARCEL,))


@stage
async def shipping__replay_notice(bench):
    await bench.do(KEPT)
    return ReplayNotice(source=KEPT.source, id=KEPT.id)


@stage
async def shipping__dismiss_notice(bench):
    await bench.do(KEPT)
    return DismissNotice(source=KEPT.source, id=KEPT.id)
