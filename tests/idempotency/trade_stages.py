"""Stages of carts, orders and payments; see `stages`."""

from msgspec.structs import replace
from tests.idempotency.stages import STAGES, accepted, cost, stage

from shopwire.kernel.payments import ProviderEvent
from shopwire.modules.carts.api import (
    AcceptPrices,
    CloseCart,
    ClosedLine,
    FinishCart,
    PutLine,
    ReopenCart,
)
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.orders.api import (
    Address,
    AnswerLater,
    AskAgain,
    CancelOrder,
    CompleteOrder,
    FailCheckout,
    NoteAllocation,
    NotePayment,
    NotePurchaseOrder,
    NoteReturn,
    NoteShipment,
    OpenConflict,
    OrderAgain,
    OrderLine,
    Returned,
    SettleConflict,
    Share,
    StartCheckout,
    UnitsNow,
)
from shopwire.modules.payments.api import (
    BookPayable,
    OpenPayment,
    RecordAuthorisation,
    RecordCapture,
    RecordDecline,
    RecordFailure,
    RecordProviderEvent,
    RecordRefund,
    RecordVoid,
    ReplayWebhook,
    RequestCapture,
    RequestRefund,
    RequestVoid,
)

__all__ = ["STAGES"]

CART = "cart-12345678"
ORDER = f"{CART}.1"
SKUS = ("MUG",)
WHERE = Address(name="A. Person", lines=("Street 1",), postal_code="1", city="C", country="NL")

# -- carts --------------------------------------------------------------------------------------


async def shelves(bench):
    """Two suppliers have mugs, and there is a price."""
    await bench.do(
        cost(),
        ReportStock(sku="MUG", supplier="acme", quantity=10),
        ReportStock(sku="MUG", supplier="best", quantity=5),
    )


async def put_line(bench, quantity=2):
    price = await accepted(bench, "MUG")
    return PutLine(
        cart_id=CART,
        shopper="shopper-1",
        sku="MUG",
        quantity=quantity,
        accepted_minor=price.amount_minor,
        currency=price.currency,
    )


async def cart(bench):
    await shelves(bench)
    await bench.do(await put_line(bench))


async def close_cart(bench):
    price = await accepted(bench, "MUG")
    line = ClosedLine(sku="MUG", quantity=2, accepted_minor=price.amount_minor)
    return CloseCart(cart_id=CART, order_id=ORDER, lines=(line,))


@stage
async def carts__put_line(bench):
    await shelves(bench)
    return await put_line(bench)


@stage
async def carts__accept_prices(bench):
    await cart(bench)
    await bench.do(cost(cost_minor=700))
    return AcceptPrices(cart_id=CART, lines=(await accepted(bench, "MUG"),))


@stage
async def carts__close_cart(bench):
    await cart(bench)
    return await close_cart(bench)


@stage
async def carts__reopen_cart(bench):
    await cart(bench)
    await bench.do(await close_cart(bench))
    return ReopenCart(cart_id=CART, order_id=ORDER)


@stage
async def carts__finish_cart(bench):
    await cart(bench)
    await bench.do(await close_cart(bench))
    return FinishCart(cart_id=CART, order_id=ORDER)


# -- orders -------------------------------------------------------------------------------------


async def start(bench):
    await cart(bench)
    price = await accepted(bench, "MUG")
    line = OrderLine(sku="MUG", title="Mug", quantity=2, price_minor=price.amount_minor)
    return StartCheckout(
        order_id=ORDER,
        cart_id=CART,
        shopper="shopper-1",
        lines=(line,),
        currency="EUR",
        email="person@example.org",
        address=WHERE,
        method="token",
        provider="simulator",
    )


async def started(bench):
    await bench.do(await start(bench))


async def complete(bench):
    total = bench.document(f"order:{ORDER}")["total_minor"]
    return CompleteOrder(
        order_id=ORDER, skus=SKUS, reference="pay-1", amount_minor=total, currency="EUR"
    )


async def placed(bench):
    await started(bench)
    await bench.do(await complete(bench))


PURCHASE_ORDER = f"{ORDER}/acme"


def noted(**units: int):
    names = ("ordered", "accepted", "refused", "cancelling", "cancelled", "shipped", "delivered")
    counts = dict.fromkeys(names, 0) | {"ordered": 2} | units
    return NotePurchaseOrder(
        order_id=ORDER,
        plan=ORDER,
        supplier="acme",
        purchase_order=PURCHASE_ORDER,
        version=3,
        sent=True,
        units=(UnitsNow(sku="MUG", **counts),),
    )


@stage
async def orders__start_checkout(bench):
    return await start(bench)


@stage
async def orders__complete_order(bench):
    await started(bench)
    return await complete(bench)


@stage
async def orders__fail_checkout(bench):
    await started(bench)
    return FailCheckout(order_id=ORDER, skus=SKUS, reason="declined", detail="insufficient_funds")


@stage
async def orders__ask_again(bench):
    await started(bench)
    return AskAgain(order_id=ORDER)


@stage
async def orders__answer_later(bench):
    await started(bench)
    return AnswerLater(order_id=ORDER, next_url="https://bank.example/confirm")


@stage
async def orders__note_allocation(bench):
    """Of a replacement: the completion tells an order its first suppliers itself."""
    await placed(bench)
    await bench.do(CONFLICT, settle("replace"))
    return NoteAllocation(
        order_id=ORDER,
        plan=f"{ORDER}/C1",
        sku="MUG",
        shares=(Share(supplier="best", quantity=1),),
    )


@stage
async def orders__note_payment(bench):
    await placed(bench)
    return NotePayment(order_id=ORDER, state="captured", refunded_minor=0)


@stage
async def orders__note_purchase_order(bench):
    await placed(bench)
    return noted(accepted=2)


@stage
async def orders__note_shipment(bench):
    await placed(bench)
    return NoteShipment(
        order_id=ORDER,
        shipment=f"{ORDER}/S1",
        version=1,
        carrier="dhl",
        tracking="T1",
        status="in_transit",
    )


@stage
async def orders__note_return(bench):
    await placed(bench)
    await bench.do(noted(accepted=2, shipped=2))
    units = (Returned(sku="MUG", quantity=1, supplier="acme", reference=ORDER),)
    return NoteReturn(order_id=ORDER, receipt=f"{ORDER}/R1/1", units=units)


CONFLICT = OpenConflict(order_id=ORDER, plan=ORDER, sku="MUG", supplier="acme", quantity=1)


@stage
async def orders__open_conflict(bench):
    await placed(bench)
    return CONFLICT


def settle(choice):
    return SettleConflict(conflict_id=f"{ORDER}/C1", sku="MUG", supplier="acme", choice=choice)


@stage
async def orders__settle_conflict(bench):
    await placed(bench)
    await bench.do(CONFLICT)
    return settle("replace")


@stage
async def orders__order_again(bench):
    await placed(bench)
    await bench.do(noted(refused=2), settle("wait"))
    await bench.later(25 * 3_600_000)
    return OrderAgain(conflict_id=f"{ORDER}/C1")


@stage
async def orders__cancel_order(bench):
    await placed(bench)
    return CancelOrder(order_id=ORDER, skus=SKUS)


# -- payments -----------------------------------------------------------------------------------

OPEN = OpenPayment(
    order_id=ORDER, amount_minor=1_000, currency="EUR", provider="simulator", method="token"
)
PROMISED = RecordAuthorisation(
    order_id=ORDER, reference="pay-1", amount_minor=1_000, currency="EUR"
)
TAKE = RequestCapture(order_id=ORDER, capture_id="c1")
TAKEN = RecordCapture(order_id=ORDER, capture_id="c1", amount_minor=1_000, reference="r-1")
BACK = RequestRefund(order_id=ORDER, refund_id="back-1", amount_minor=400, reason="returned")


@stage
async def payments__open_payment(bench):
    return OPEN


@stage
async def payments__record_authorisation(bench):
    await bench.do(OPEN)
    return PROMISED


@stage
async def payments__record_decline(bench):
    await bench.do(OPEN)
    return RecordDecline(order_id=ORDER, reason="insufficient_funds")


@stage
async def payments__request_capture(bench):
    await bench.do(OPEN, PROMISED)
    return RequestCapture(order_id=ORDER)


@stage
async def payments__record_capture(bench):
    part = RequestCapture(order_id=ORDER, capture_id="c1", amount_minor=400, final=False)
    await bench.do(OPEN, PROMISED, part)
    return RecordCapture(order_id=ORDER, capture_id="c1", amount_minor=400, reference="r-1")


@stage
async def payments__request_void(bench):
    await bench.do(OPEN, PROMISED)
    return RequestVoid(order_id=ORDER, reason="cancelled")


@stage
async def payments__record_void(bench):
    await bench.do(OPEN, PROMISED, RequestVoid(order_id=ORDER, reason="cancelled"))
    return RecordVoid(order_id=ORDER)


@stage
async def payments__request_refund(bench):
    await bench.do(OPEN, PROMISED, TAKE, TAKEN)
    return BACK


@stage
async def payments__record_refund(bench):
    await bench.do(OPEN, PROMISED, TAKE, TAKEN, BACK)
    return RecordRefund(order_id=ORDER, refund_id="back-1", amount_minor=400, reference="r-2")


@stage
async def payments__record_failure(bench):
    await bench.do(OPEN, PROMISED, TAKE)
    return RecordFailure(order_id=ORDER, kind="capture", movement_id="c1", reason="expired")


@stage
async def payments__book_payable(bench):
    await bench.do(OPEN, PROMISED)
    return BookPayable(
        order_id=ORDER, payable_id="acme/3/EUR", supplier="acme", amount_minor=800, currency="EUR"
    )


TOLD = RecordProviderEvent(
    provider="simulator",
    order_id=ORDER,
    event=ProviderEvent(
        id="hook-1",
        kind="authorised",
        name="payment.authorised",
        charge_id=ORDER,
        reference="pay-1",
        amount_minor=1_000,
        currency="EUR",
    ),
    raw="{}",
)


@stage
async def payments__record_provider_event(bench):
    await bench.do(OPEN)
    return TOLD


@stage
async def payments__replay_webhook(bench):
    await bench.do(replace(TOLD, refused="ConstraintRefused"), OPEN)
    return ReplayWebhook(provider="simulator", webhook_id="hook-1", order_id=ORDER)
