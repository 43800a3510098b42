"""How carts decide."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.errors import InvalidField, NotFound, RuleBroken, VersionConflict
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Need, View
from shopwire.kernel.trade_errors import CartClosed, CartFull
from shopwire.kernel.validation import check_amount, check_name, check_quantity
from shopwire.modules.carts.api import (
    AcceptPrices,
    CloseCart,
    FinishCart,
    PutLine,
    ReopenCart,
    check_insider,
)
from shopwire.modules.carts.domain import (
    CART_LINES_MAX,
    CART_SKUS_MAX,
    PARTS_MAX,
    Cart,
    CartLine,
    check_cart_id,
    closed_lines,
    document_of,
    order_id_of,
)
from shopwire.modules.carts.events import (
    CartChanged,
    CartFacts,
    CartLocked,
    CartOrdered,
    CartReopened,
)
from shopwire.modules.inventory.api import CheckStock, Part
from shopwire.modules.pricing.api import ConfirmPrices

_CartCommand = PutLine | AcceptPrices | CloseCart | ReopenCart | FinishCart
_Event = type[CartChanged | CartLocked | CartReopened | CartOrdered]


def do_put_line(command: PutLine, view: View, context: Context) -> Decision:
    """Changes one line; raises VersionConflict where somebody else changed it meanwhile."""
    _check_line(command)
    cart = view.one(Cart, command.cart_id) or Cart(tenant=context.tenant, cart_id=command.cart_id)
    lines = {line.sku: line for line in view.all(CartLine, command.cart_id)}
    known = lines.get(command.sku)
    _check_open(cart)
    _check_unseen(command, cart, known)
    before = known.quantity if known else 0
    if known is None:
        if not command.quantity:
            return _unchanged(cart)
        known = CartLine(
            tenant=context.tenant,
            cart_id=command.cart_id,
            sku=command.sku,
            place=len(lines) + 1,
            quantity=0,
            accepted_minor=command.accepted_minor,
            currency=command.currency,
        )
    told = replace(
        known,
        quantity=command.quantity,
        accepted_minor=command.accepted_minor,
        currency=command.currency,
        parts=command.parts,
    )
    if told == known or not (command.quantity or before):
        return _unchanged(cart)
    line = told.at(cart.version + 1, command.quantity)
    lines[line.sku] = line
    _check_room(lines.values())
    decision = _changed(
        replace(cart, shopper=command.shopper),
        lines.values(),
        CartChanged,
        CartFacts(sku=line.sku),
        put=[line],
    )
    return replace(decision, then=[_stock_check(command)] if command.quantity > before else ())


def _check_line(command: PutLine) -> None:
    check_cart_id(command.cart_id)
    check_name(command.shopper, "shopper")
    check_name(command.sku, "sku")
    check_quantity(command.quantity, least=0)
    check_amount(command.accepted_minor, "accepted_minor", least=1)
    exponent_of(command.currency)
    if len(command.parts) > PARTS_MAX:
        reason = f"at most {PARTS_MAX}"
        raise InvalidField(f"A set has {reason} parts.", field="parts", reason=reason)
    for part in command.parts:
        check_name(part.sku, "parts.sku")
        check_quantity(part.quantity, least=1, field="parts.quantity")


def _check_open(cart: Cart) -> None:
    if cart.status != "open":
        raise CartClosed(cart=cart.cart_id, order=cart.order_id, state=cart.status)


def _check_unseen(command: PutLine, cart: Cart, known: CartLine | None) -> None:
    """Nobody else may have changed this very line since the shopper looked; others merge."""
    seen = command.expected_version
    if seen is None or (known is None and seen <= cart.version):
        return
    theirs = known.quantity if known else 0
    unseen = known is not None and known.changed_in > seen and theirs != command.quantity
    if unseen or seen > cart.version:
        base = known.quantity_at(seen) if known else 0
        raise VersionConflict(
            topic=f"cart:{cart.cart_id}",
            expected=seen,
            current=cart.version,
            conflicts=[
                {
                    "field": f"lines/{command.sku}/quantity",
                    "base": base,
                    "theirs": theirs,
                    "mine": command.quantity,
                }
            ],
        )


def _check_room(lines: Iterable[CartLine]) -> None:
    held = [line for line in lines if line.quantity]
    if len(held) > CART_LINES_MAX or len(list(lines)) > CART_SKUS_MAX:
        raise CartFull(lines_max=CART_LINES_MAX)
    if len(currencies := {line.currency for line in held}) > 1:
        reason = f"its lines are in {', '.join(sorted(currencies))}"
        raise RuleBroken(f"A cart has one currency: {reason}.", rule="one_currency", reason=reason)


def do_accept_prices(command: AcceptPrices, view: View, context: Context) -> Decision:
    """Takes the prices over, if they are those of now; raises PriceMoved with all that are not."""
    cart = _cart(command.cart_id, view)
    _check_open(cart)
    lines = {line.sku: line for line in view.all(CartLine, command.cart_id) if line.quantity}
    changed: list[CartLine] = []
    for accepted in command.lines:
        line = lines.get(accepted.sku)
        if line is None:
            reason = "the cart does not hold it"
            raise InvalidField(f"{reason}.", field="lines", reason=reason, value=accepted.sku[:60])
        check_amount(accepted.amount_minor, "amount_minor", least=1)
        exponent_of(accepted.currency)
        told = replace(line, accepted_minor=accepted.amount_minor, currency=accepted.currency)
        if told != line:
            lines[line.sku] = told.at(cart.version + 1, line.quantity)
            changed.append(lines[line.sku])
    _check_room(lines.values())
    then = [ConfirmPrices(lines=command.lines)]
    if not changed:
        return replace(_unchanged(cart), then=then)
    decision = _changed(cart, lines.values(), CartChanged, CartFacts(), put=changed)
    return replace(decision, then=then)


def do_close_cart(command: CloseCart, view: View, context: Context) -> Decision:
    """Locks the cart for one checkout; raises VersionConflict where it holds something else."""
    if not context.scope:  # what belongs to another command was let in with it
        check_insider(context.principal, command.operation)
    cart = _cart(command.cart_id, view)
    if (cart.status, cart.order_id) == ("checking_out", command.order_id):
        return _unchanged(cart)
    _check_open(cart)
    lines = view.all(CartLine, command.cart_id)
    conflicts = _differences(closed_lines(lines), {line.sku: line for line in command.lines})
    if command.order_id != order_id_of(cart):
        conflicts.append(
            {"field": "order_id", "theirs": order_id_of(cart), "mine": command.order_id}
        )
    if conflicts:
        raise VersionConflict(
            topic=f"cart:{cart.cart_id}", expected=None, current=cart.version, conflicts=conflicts
        )
    locked = replace(cart, status="checking_out", order_id=command.order_id)
    return _changed(locked, lines, CartLocked, CartFacts(order_id=command.order_id))


def _differences(held: dict[str, Any], told: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"field": f"lines/{sku}", "theirs": held.get(sku), "mine": told.get(sku)}
        for sku in sorted(held.keys() | told.keys())
        if held.get(sku) != told.get(sku)
    ]


def do_reopen_cart(command: ReopenCart, view: View, context: Context) -> Decision:
    """Gives the cart back to its shopper, if it is in this checkout."""
    if not context.scope:  # what belongs to another command was let in with it
        check_insider(context.principal, command.operation)
    cart = view.one(Cart, command.cart_id)
    if cart is None or (cart.status, cart.order_id) != ("checking_out", command.order_id):
        return Decision(result={"applied": False, "reason": "not in this checkout"})
    opened = replace(cart, status="open", order_id=None, attempt=cart.attempt + 1)
    lines = view.all(CartLine, command.cart_id)
    return _changed(opened, lines, CartReopened, CartFacts(order_id=command.order_id))


def do_finish_cart(command: FinishCart, view: View, context: Context) -> Decision:
    """Marks the cart as bought; an order without a cart has none to mark."""
    if not context.scope:  # what belongs to another command was let in with it
        check_insider(context.principal, command.operation)
    cart = view.one(Cart, command.cart_id)
    if cart is None or (cart.status, cart.order_id) == ("ordered", command.order_id):
        return Decision(result={"applied": False, "reason": "unchanged"})
    if (cart.status, cart.order_id) != ("checking_out", command.order_id):
        raise CartClosed(cart=cart.cart_id, order=cart.order_id, state=cart.status)
    lines = view.all(CartLine, command.cart_id)
    bought = replace(cart, status="ordered")
    return _changed(bought, lines, CartOrdered, CartFacts(order_id=command.order_id))


def _cart(cart_id: str, view: View) -> Cart:
    cart = view.one(Cart, check_cart_id(cart_id))
    if cart is None:
        raise NotFound(what="cart", id=cart_id)
    return cart


def _unchanged(cart: Cart) -> Decision:
    return Decision(result={"applied": False, "reason": "unchanged", "version": cart.version})


def _changed(
    cart: Cart,
    lines: Iterable[CartLine],
    kind: _Event,
    facts: CartFacts,
    *,
    put: Sequence[CartLine] = (),
) -> Decision:
    cart = replace(cart, version=cart.version + 1)
    event = kind(
        entity=cart.cart_id,
        version=cart.version,
        document=document_of(cart, lines),
        facts=facts,
    )
    result = {"applied": True, "version": cart.version}
    return Decision(put=[cart, *put], events=[event], result=result)


def _stock_check(command: PutLine) -> CheckStock:
    return CheckStock(
        sku=command.sku,
        quantity=command.quantity,
        shopper=command.shopper,
        parts=tuple(Part(sku=part.sku, quantity=part.quantity) for part in command.parts),
    )


def _needs(command: _CartCommand) -> Iterable[Need]:
    return (Need(Cart, command.cart_id), Need(CartLine, command.cart_id))


def _handler(kind: Any, decide: Any, includes: Any = None) -> Handler[Any]:
    return Handler(
        command=kind,
        partition_key=lambda command: command.cart_id,
        needs=_needs,
        decide=decide,
        includes=includes,
    )


def _included_in_put(command: PutLine) -> Iterable[Command]:
    # What takes units out asks nobody, and then one partition is enough.
    return (_stock_check(command),) if command.quantity else ()


HANDLERS: Final = (
    _handler(PutLine, do_put_line, _included_in_put),
    _handler(
        AcceptPrices,
        do_accept_prices,
        lambda command: (ConfirmPrices(lines=command.lines),),
    ),
    _handler(CloseCart, do_close_cart),
    _handler(ReopenCart, do_reopen_cart),
    _handler(FinishCart, do_finish_cart),
)
