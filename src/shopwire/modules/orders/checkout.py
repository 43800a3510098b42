"""How a checkout is decided: start, completion, failure. Each step again has no effect."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context, Decision
from shopwire.kernel.errors import AlreadyExists, InvalidField, NotFound
from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import View
from shopwire.kernel.trade_errors import CartClosed, OrderState
from shopwire.kernel.validation import check_amount, check_name, check_quantity, check_text
from shopwire.modules.carts.api import (
    CloseCart,
    ClosedLine,
    FinishCart,
    ReopenCart,
    check_insider,
)
from shopwire.modules.inventory.api import (
    HoldLine,
    HoldStock,
    Part,
    PostHold,
    Preferred,
    VoidHold,
)
from shopwire.modules.orders.api import (
    Address,
    AnswerLater,
    AskAgain,
    CancelOrder,
    CompleteOrder,
    FailCheckout,
    OrderLine,
    StartCheckout,
)
from shopwire.modules.orders.domain import (
    ANSWER_MS,
    ASK_MS_MAX,
    ASK_MS_MIN,
    CHECKOUT_MS_MAX,
    CHECKOUT_MS_MIN,
    HOLD_GRACE_MS,
    ORDER_LINES_MAX,
    TITLE_CHARS_MAX,
    Line,
    Order,
    OrderContact,
    answered,
    awaited_of,
    cart_of,
    checkout_result,
    failed_answer,
    hold_anew,
    number_of,
    placed_answer,
)
from shopwire.modules.orders.events import (
    CheckoutFailed,
    CheckoutStarted,
    OrderCancelled,
    OrderPlaced,
)
from shopwire.modules.orders.folder import Folder
from shopwire.modules.payments.api import (
    OpenPayment,
    RecordAuthorisation,
    RecordDecline,
    RequestCapture,
    RequestVoid,
)
from shopwire.modules.pricing.api import Accepted, ConfirmPrices
from shopwire.modules.routing.api import RecordChoice, RouteChoice

PARTS_MAX: Final = 50
"""SKUs that a set is made of."""
ADDRESS_LINES_MAX: Final = 6
"""Lines of an address between the name and the postal code."""
PREFERRED_MAX: Final = 1_000
"""Suppliers of SKUs that a hold is asked to prefer; of more only the first."""
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_Answer = Callable[[Order], Order]
C = TypeVar("C", bound=CompleteOrder | FailCheckout | AskAgain | AnswerLater | CancelOrder)


# -- start ------------------------------------------------------------------------------------


def do_start_checkout(command: StartCheckout, view: View, context: Context) -> Decision:
    """Makes the order, if prices, stock, payment and cart agree; refused as a whole if not."""
    check_insider(context.principal, command.operation)
    lines = _checked(command)
    known = view.one(Order, command.order_id)
    if known is not None:
        return _started_before(known, lines, command)
    total = sum(line.quantity * line.price_minor for line in lines)
    if total > MONEY_MINOR_MAX:
        raise InvalidField("The sum is out of range.", field="lines", reason="out of range")
    expires_at_ms = context.now_ms + command.checkout_ms
    order = Order(
        tenant=context.tenant,
        order_id=command.order_id,
        cart_id=command.cart_id,
        number=number_of(command.order_id),
        shopper=command.shopper,
        provider=command.provider,
        has_cart=command.has_cart,
        currency=command.currency,
        lines=lines,
        awaited=awaited_of(command.order_id, lines),
        skus=_skus(lines),
        total_minor=total,
        started_at_ms=context.now_ms,
        expires_at_ms=expires_at_ms,
        ask_at_ms=min(context.now_ms + ANSWER_MS, expires_at_ms),
        origin=command.origin,
    )
    contact = OrderContact(
        tenant=context.tenant,
        order_id=command.order_id,
        email=command.email,
        address=command.address,
        method=command.method,
    )
    folder = Folder(order, (), context)
    folder.then += opening(command, lines, total)
    return folder.decision(CheckoutStarted, put=[contact], result=checkout_result(order))


def _started_before(known: Order, lines: tuple[Line, ...], command: StartCheckout) -> Decision:
    """The order's id is the natural key: it holds after every idempotency key has expired."""
    same = [replace(line, cut=0) for line in known.lines] == list(lines)
    if same and (known.origin, known.currency) == (command.origin, command.currency):
        return Decision(result=checkout_result(known))
    if known.has_cart and command.has_cart:
        raise CartClosed(cart=known.cart_id, order=known.order_id, state=known.status)
    raise AlreadyExists(what="order", id=known.order_id)


def opening(
    command: StartCheckout, lines: Iterable[Line | OrderLine], total_minor: int
) -> list[Command]:
    """What belongs to the start, in one transaction with it."""
    lines = list(lines)
    skus = sorted({sku for line in lines for sku in (line.sku, *(p.sku for p in line.parts))})
    found: list[Command] = [
        ConfirmPrices(
            lines=tuple(
                Accepted(
                    sku=line.sku,
                    amount_minor=line.price_minor,
                    currency=command.currency,
                    quantity=line.quantity,
                )
                for line in lines
            ),
            order=command.order_id,
        ),
        HoldStock(
            hold_id=command.order_id,
            lines=hold_lines(lines),
            ttl_ms=command.checkout_ms + HOLD_GRACE_MS,
            shopper=command.shopper,
            prefer=_preferred(command.route),
        ),
        OpenPayment(
            order_id=command.order_id,
            amount_minor=total_minor,
            currency=command.currency,
            provider=command.provider,
            method=command.method,
            context={"skus": skus},
        ),
    ]
    if command.has_cart:
        closed = tuple(
            ClosedLine(sku=line.sku, quantity=line.quantity, accepted_minor=line.price_minor)
            for line in lines
        )
        found.append(CloseCart(cart_id=command.cart_id, order_id=command.order_id, lines=closed))
    if command.route is not None:
        found.append(
            RecordChoice(order_id=command.order_id, currency=command.currency, choice=command.route)
        )
    return found


def _preferred(route: RouteChoice | None) -> tuple[Preferred, ...]:
    """The chosen suppliers, and who takes over where their units are gone meanwhile."""
    if route is None:
        return ()
    chosen = [
        Preferred(sku=pick.sku, supplier=pick.supplier, quantity=pick.quantity)
        for pick in route.picks
    ]
    others = [Preferred(sku=sku, supplier=supplier) for sku, supplier in route.next_best]
    return (*chosen, *others)[:PREFERRED_MAX]


def hold_lines(lines: Iterable[Line | OrderLine]) -> tuple[HoldLine, ...]:
    """What the inventory is asked to hold."""
    return tuple(
        HoldLine(
            sku=line.sku,
            quantity=line.quantity,
            parts=tuple(Part(sku=part.sku, quantity=part.quantity) for part in line.parts),
        )
        for line in lines
    )


def _skus(lines: Iterable[Line]) -> tuple[str, ...]:
    return tuple(sorted({sku for line in lines for sku in (line.sku, *line.units)}))


def _checked(command: StartCheckout) -> tuple[Line, ...]:
    """The lines, those of one SKU as one; raises InvalidField, which names nothing personal."""
    if cart_of(command.order_id) != command.cart_id:
        reason = "it is not the cart's id, a point and the number of an attempt"
        raise InvalidField(f"order_id: {reason}.", field="order_id", reason=reason)
    check_name(command.shopper, "shopper")
    check_name(command.provider, "provider")
    if command.origin:
        check_name(command.origin, "origin")
    check_quantity(command.checkout_ms, least=CHECKOUT_MS_MIN, field="checkout_ms")
    if command.checkout_ms > CHECKOUT_MS_MAX:
        reason = f"at most {CHECKOUT_MS_MAX}"
        raise InvalidField(field="checkout_ms", reason=reason, value=command.checkout_ms)
    exponent_of(command.currency)
    _check_contact(command.email, command.address)
    _unnamed(command.method, "method")
    if not 1 <= len(command.lines) <= ORDER_LINES_MAX:
        reason = f"1 to {ORDER_LINES_MAX} lines"
        raise InvalidField(f"An order has {reason}.", field="lines", reason=reason)
    lines: dict[str, Line] = {}
    for told in command.lines:
        line = _line(told)
        known = lines.setdefault(line.sku, line)
        if known is line:
            continue
        if (known.price_minor, known.parts) != (line.price_minor, line.parts):
            reason = f"{line.sku!r} has two prices, or is a set in two ways"
            raise InvalidField(f"{reason}.", field="lines", reason=reason)
        quantity = check_quantity(known.quantity + line.quantity, least=1)
        lines[line.sku] = replace(known, quantity=quantity)
    return tuple(lines.values())


def _line(told: OrderLine) -> Line:
    if len(told.parts) > PARTS_MAX:
        reason = f"at most {PARTS_MAX}"
        raise InvalidField(f"A set has {reason} parts.", field="parts", reason=reason)
    for part in told.parts:
        check_name(part.sku, "parts.sku")
        check_quantity(part.quantity, least=1, field="parts.quantity")
    return Line(
        sku=check_name(told.sku, "sku"),
        title=check_text(told.title, "title", chars_max=TITLE_CHARS_MAX),
        quantity=check_quantity(told.quantity, least=1),
        price_minor=check_amount(told.price_minor, "price_minor", least=1),
        parts=told.parts,
    )


def _check_contact(email: str, address: Address) -> None:
    """What is refused here is answered without its value: an answer is kept, a person is not."""
    if not _EMAIL.fullmatch(email) or not email.isprintable():
        raise InvalidField("email is no address.", field="email", reason="it is no address")
    if not _COUNTRY.fullmatch(address.country):
        reason = "two capital letters"
        raise InvalidField(f"country takes {reason}.", field="address.country", reason=reason)
    if not 1 <= len(address.lines) <= ADDRESS_LINES_MAX:
        reason = f"1 to {ADDRESS_LINES_MAX} lines"
        raise InvalidField(f"An address has {reason}.", field="address.lines", reason=reason)
    for field in ("name", "city"):
        _unnamed(getattr(address, field), f"address.{field}")
    for text in address.lines:
        _unnamed(text, "address.lines")
    for field in ("postal_code", "region", "phone"):
        _unnamed(getattr(address, field), f"address.{field}", least=0)


def _unnamed(value: str, field: str, *, least: int = 1) -> None:
    if not least <= len(value) <= 200 or not value.isprintable():
        reason = f"{least} to 200 printable characters"
        raise InvalidField(f"{field} takes {reason}.", field=field, reason=reason)


# -- completion -------------------------------------------------------------------------------


def do_complete_order(command: CompleteOrder, view: View, context: Context) -> Decision:
    """Places the order: the promise is recorded and the held units are sold, or nothing is."""
    check_insider(context.principal, command.operation)
    order = _order(command, view)
    promise = RecordAuthorisation(
        order_id=order.order_id,
        reference=command.reference,
        amount_minor=command.amount_minor,
        currency=command.currency,
    )
    if order.placed_at_ms is not None:
        return Decision(result=checkout_result(order))
    if order.status != "checking_out":
        # Too late: the shopper's money is not kept.
        late = RequestVoid(order_id=order.order_id, reason="late")
        return Decision(result=checkout_result(order), then=[promise, late])
    placed = replace(
        order, status="placed", placed_at_ms=context.now_ms, payment="authorised", reason=None
    )
    told = replace(placed, version=placed.version + 1)
    placed = replace(answered(told, 200, placed_answer(told)), version=placed.version)
    folder = Folder(order, (), context)
    folder.order = placed
    folder.capture = True
    # The policy: all that was promised is taken as soon as the order stands.
    folder.then += [
        promise,
        *selling(command, hold_lines(order.lines), order.shopper),
        RequestCapture(order_id=order.order_id),
    ]
    if order.has_cart:
        folder.then.append(FinishCart(cart_id=order.cart_id, order_id=order.order_id))
    decision = folder.decision(OrderPlaced, cause=command.reference)
    return replace(decision, result=checkout_result(folder.order))


def selling(command: CompleteOrder, lines: tuple[HoldLine, ...], shopper: str) -> Iterable[Command]:
    """The held units become sold; where their time was over they are held again before."""
    if not command.anew:
        return (_posting(command, command.order_id),)
    hold_id = hold_anew(command.order_id)
    again = HoldStock(hold_id=hold_id, lines=lines, ttl_ms=HOLD_GRACE_MS, shopper=shopper)
    return (again, _posting(command, hold_id))


def _posting(command: CompleteOrder, hold_id: str) -> PostHold:
    """The sale, which tells the order at once who sends its units."""
    return PostHold(
        hold_id=hold_id,
        skus=command.skus,
        order_id=command.order_id,
        suppliers=command.suppliers,
    )


# -- failure ----------------------------------------------------------------------------------


def do_fail_checkout(command: FailCheckout, view: View, context: Context) -> Decision:
    """Gives a checkout up; one that was decided already stays as it is."""
    check_insider(context.principal, command.operation)
    order = _order(command, view)
    if order.status != "checking_out":
        return Decision(result=checkout_result(order))
    detail = command.detail or command.reason
    money: list[Command] = []
    if command.authorised_minor is not None:
        money.append(
            RecordAuthorisation(
                order_id=order.order_id,
                reference=command.reference,
                amount_minor=command.authorised_minor,
                currency=order.currency,
            )
        )
    if command.reason == "declined":
        declined = RecordDecline(
            order_id=order.order_id, reason=detail[:200], reference=command.reference
        )
        money.append(declined)
    # Whatever was said before: no promise outlives the order.
    money.append(RequestVoid(order_id=order.order_id, reason=command.reason))
    failed = replace(
        order,
        status="failed",
        reason=command.reason,
        payment="declined" if command.reason == "declined" else "voided",
    )
    status, body = failed_answer(failed, command.reason, detail)
    folder = Folder(order, (), context)
    folder.order = answered(failed, status, body)
    folder.then += [*money, *given_back(order, command.skus)]
    decision = folder.decision(CheckoutFailed, cause=detail)
    return replace(decision, result=checkout_result(folder.order))


def given_back(order: Order, skus: tuple[str, ...]) -> list[Command]:
    """The units are free and the cart is the shopper's again."""
    found: list[Command] = [VoidHold(hold_id=order.order_id, skus=skus)]
    if order.has_cart:
        found.append(ReopenCart(cart_id=order.cart_id, order_id=order.order_id))
    return found


def cancelled_checkout(order: Order, command: CancelOrder, context: Context) -> Decision:
    """The shopper turns back while it is being paid for."""
    cancelled = replace(order, status="cancelled", reason=command.by, payment="voided")
    status, body = failed_answer(cancelled, "cancelled", "")
    folder = Folder(order, (), context)
    folder.order = answered(cancelled, status, body)
    folder.then += [
        RequestVoid(order_id=order.order_id, reason="cancelled"),
        *given_back(order, command.skus),
    ]
    return folder.decision(OrderCancelled, cause=command.by)


# -- waiting ----------------------------------------------------------------------------------


def do_ask_again(command: AskAgain, view: View, context: Context) -> Decision:
    """Sets when the sweep asks next. The deadline is always one of the moments."""
    check_insider(context.principal, command.operation)
    order = _order(command, view)
    if order.status != "checking_out":
        return Decision(result=checkout_result(order))
    wait_ms = min(ASK_MS_MIN << min(order.asks, 20), ASK_MS_MAX)
    ask_at_ms = context.now_ms + wait_ms
    if context.now_ms < order.expires_at_ms:
        ask_at_ms = min(ask_at_ms, order.expires_at_ms)
    again = replace(order, asks=order.asks + 1, ask_at_ms=ask_at_ms)
    return Decision(put=[again], result=checkout_result(again))


def do_answer_later(command: AnswerLater, view: View, context: Context) -> Decision:
    """Notes that the checkout was answered before its end; an answer that is there stays."""
    check_insider(context.principal, command.operation)
    order = _order(command, view)
    if order.answer_status is not None or order.status != "checking_out":
        return Decision(result=checkout_result(order))
    later = answered(order, 202, placed_answer(order, command.next_url))
    return Decision(put=[later], result=checkout_result(later))


def _order(command: C, view: View) -> Order:
    order = view.one(Order, command.order_id)
    if order is None:
        raise NotFound(what="order", id=command.order_id)
    skus: Any = getattr(command, "skus", None)
    if skus is not None and set(skus) != set(order.skus):
        reason = "they are not those of the order's document"
        raise InvalidField(f"skus: {reason}.", field="skus", reason=reason)
    return order


def refused_unless_placed(order: Order, *allowed: str) -> None:
    """Raises OrderState for an order that is not, or no more, to be delivered."""
    if order.placed_at_ms is None or order.status == "cancelled":
        raise OrderState(order=order.order_id, state=order.status, allowed=list(allowed))
