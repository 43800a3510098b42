"""Purchase orders for tests of the pure rules."""

from shopwire.modules.shipping.domain import PurchaseOrder, PurchaseOrderLine
from shopwire.modules.shipping.purchasing import Sheet, status_of

ORDER = "cart-0000-abc.1"
PO = f"{ORDER}/acme"


def new_sheet(ordered: dict[str, int], value_minor: int = 100) -> Sheet:
    """Planned and not sent."""
    order = PurchaseOrder(
        tenant="main",
        order_id=ORDER,
        id=PO,
        supplier="acme",
        n=1,
        plan=ORDER,
        version=1,
        acknowledge_within_ms=1_000,
        ship_within_ms=5_000,
        planned_at_ms=1,
        send_at_ms=1,
    )
    lines = tuple(
        PurchaseOrderLine(
            tenant="main",
            order_id=ORDER,
            purchase_order=PO,
            sku=sku,
            reference=ORDER,
            value_minor=value_minor,
            cost_minor=None,
            cost_currency=None,
            ordered=units,
        )
        for sku, units in sorted(ordered.items())
    )
    return Sheet(order=order, lines=lines)


def check_sheet(before: Sheet, after: Sheet) -> None:
    """What holds after every step, and what no step may undo."""
    for was, line in zip(before.lines, after.lines, strict=True):
        assert line.ordered == was.ordered
        assert line.value_minor == was.value_minor
        assert 0 <= line.delivered <= line.shipped <= line.accepted
        assert line.accepted + line.refused + line.cancelled <= line.ordered
        assert 0 <= line.cancelling <= line.expected
        assert line.coming_back >= 0
        assert line.coming_back + line.returned <= line.shipped
        assert line.sent in (0, line.ordered) or line.sent >= line.ordered - line.cancelled
        for name in ("shipped", "delivered", "refused", "cancelled", "returned"):
            assert getattr(line, name) >= getattr(was, name), name
        if after.order.answer is not None:
            assert line.accepted + line.refused + line.cancelled == line.ordered
    assert after.order.status == status_of(after.order.step, after.lines)
    assert after.order.attempts >= before.order.attempts
    if before.order.step in ("sent", "acknowledged"):
        assert after.order.step in ("sent", "acknowledged"), "it would be sent again"
    owed = any(line.expected for line in after.lines)
    if not owed:
        assert after.order.ask_at_ms is None
    elif after.order.step in ("timed_out", "sent", "acknowledged"):
        assert after.order.ask_at_ms is not None, "nobody would ask any more"
