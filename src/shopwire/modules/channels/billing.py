"""A bill beside what was ordered: pure arithmetic, in minor units."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.money import exponent_of
from shopwire.modules.channels.api import InvoiceLine, OrderedUnits, RecordInvoice
from shopwire.modules.channels.events import Difference

LINES_MAX: Final = 1_000
"""Lines of one bill; a longer one is refused."""
PRICE_CHARS_MAX: Final = 20
"""Letters of a price; a longer one is none."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison came to."""

    expected_minor: int | None
    differences: tuple[Difference, ...]


def compare(bill: RecordInvoice, before: Mapping[str, int] | None = None) -> Compared:
    """Where a bill is not ordered units at the expected cost, place by place.

    `before` are units that earlier bills named. Fewer units than ordered are no difference: the
    rest may come with another bill.
    """
    billed_before = before or {}
    if not bill.ordered:
        unknown = Difference(what="order", sku="", billed=bill.purchase_order, expected="")
        return Compared(expected_minor=None, differences=(unknown,))
    differences: list[Difference] = []
    known = {one.sku: one for one in bill.ordered}
    expected: int | None = 0
    for sku, units in billed_units(bill.lines).items():
        ordered = known.get(sku)
        if ordered is None:
            differences.append(_differs("unknown_sku", sku, units, ""))
            continue
        left = max(0, ordered.quantity - billed_before.get(sku, 0))
        if units > left:
            differences.append(_differs("quantity", sku, units, left))
        expected = _added(expected, ordered, min(units, left), bill.currency)
        if ordered.cost_minor is None or ordered.currency != bill.currency:
            what = "no_cost" if ordered.cost_minor is None else "currency"
            differences.append(_differs(what, sku, bill.currency, ordered.currency or ""))
    digits = exponent_of(bill.currency)
    for line in bill.lines:
        ordered = known.get(line.sku)
        price = price_minor(line.price, digits)
        if price is None or ordered is None or ordered.cost_minor is None:
            continue
        if ordered.currency == bill.currency and price != ordered.cost_minor:
            differences.append(_differs("price", line.sku, price, ordered.cost_minor))
    if expected is not None:
        expected += bill.charges_minor + bill.tax_minor
        if not differences and bill.total_minor != expected:
            differences.append(_differs("total", "", bill.total_minor, expected))
    return Compared(expected_minor=expected, differences=tuple(dict.fromkeys(differences)))


def billed_units(lines: Sequence[InvoiceLine]) -> dict[str, int]:
    """Units by SKU; a bill may name one several times."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def price_minor(text: str | None, digits: int) -> Decimal | None:
    """A price in minor units, with what is left of them; None where the bill names none."""
    if text is None:
        return None
    try:
        price = Decimal(text) if len(text) <= PRICE_CHARS_MAX else Decimal("NaN")
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite():
        raise InvalidField("A price is no number.", field="lines.price", reason="no number")
    return price * Decimal(10) ** digits


def _added(expected: int | None, one: OrderedUnits, units: int, currency: str) -> int | None:
    if expected is None or one.cost_minor is None or one.currency != currency:
        return None
    return expected + one.cost_minor * units


def _differs(what: str, sku: str, billed: object, expected: object) -> Difference:
    return msgspec.convert(
        {"what": what, "sku": sku, "billed": str(billed), "expected": str(expected)}, Difference
    )
