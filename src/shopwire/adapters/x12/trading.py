"""Purchase orders as 850, and what suppliers' 855, 856, 810 and 997 say of them.

Pure: what an answer means is told in words of purchasing, never of X12. Where a message can be
read in two ways it is not used: a person sees it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal

import msgspec

from shopwire.adapters.x12.deliveries import Invoice810, ShipNotice856
from shopwire.adapters.x12.messages import (
    Acknowledgement855,
    AnsweredLine,
    Line,
    Party,
    PurchaseOrder850,
)
from shopwire.adapters.x12.syntax import Group, Segment, TransactionSet
from shopwire.adapters.x12.writing import Envelope, write_interchange
from shopwire.kernel.money import exponent_of
from shopwire.kernel.posting import Bundle, Posted
from shopwire.kernel.purchasing import LineAnswer, OrderedLine, ShipTo

ACCEPTED: Final = frozenset({"IA", "IC", "IP", "IQ", "IS", "DR", "AC", "AR"})
"""Answers by which units come, perhaps at another price, date or as another article's pack."""
NOT_ACCEPTED: Final = frozenset({"IR", "ID", "IB", "IH", "IW", "R1", "R2", "R3", "R4"})
"""Answers by which units do not come now: refused, deleted, backordered, on hold. The shop sells
what comes now, so a backorder is answered by another supplier or by the shopper."""
WHOLE: Final = frozenset({"AK", "AD", "AC", "AE", "AT"})
"""Kinds of an 855 without lines that take the whole order."""
REFUSED: Final = frozenset({"RD", "RJ", "RO", "RF"})
"""Kinds of an 855 that take nothing."""
_SUPPLIERS_KINDS: Final = frozenset({"VN", "VP"})
"""Qualifiers of a supplier's own numbers."""
_SKU_KINDS: Final = ("VN", "SK", "IN", "BP", "VP", "UP", "EN", "UK", "MG")


class Unclear(Exception):
    """A message can be read and does not say what is to be done; the text is for people."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier accepts."""

    lines: tuple[LineAnswer, ...]
    reference: str | None
    refused: bool
    """Nothing is accepted."""


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel of one order."""

    order: str
    """Its number, as the supplier says it."""
    reference: str
    carrier: str
    tracking: str
    lines: tuple[Line, ...]


class Billed(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a bill: a SKU, units, the price of one as it is written."""

    sku: str
    quantity: int
    price: str | None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a 997 says of a group."""

    functional_id: str
    control: int
    receipt: Literal["accepted", "partly", "rejected"]


# -- out --------------------------------------------------------------------------------------


def interchange_of(bundle: Bundle) -> bytes:
    """The bytes of a bundle: one interchange, one group, an 850 an order.

    Raises InvalidField where an address or a SKU cannot be written with these separators.
    """
    way = bundle.way
    moment = datetime.fromtimestamp(bundle.begun_at_ms / 1_000, UTC)
    date, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M")
    envelope = Envelope(
        sender=way.sender,
        receiver=way.receiver,
        sender_kind=way.sender_kind,
        receiver_kind=way.receiver_kind,
        control=bundle.control,
        date=date,
        time=time,
        test=way.test,
        element_sign=way.element_sign,
        component_sign=way.component_sign,
        terminator=way.terminator,
        newline=way.newline,
    )
    signs = (way.element_sign, way.component_sign, way.terminator)
    sets = [
        TransactionSet(
            kind="850",
            control=f"{number:04}",
            segments=order_850(posted, date, way.sku_kind, signs).to_segments(),
        )
        for number, posted in enumerate(bundle.orders, 1)
    ]
    group = Group(
        functional_id="PO",
        sender=way.sender,
        receiver=way.receiver,
        date=date,
        time=time,
        control=str(bundle.control),
        sets=tuple(sets),
    )
    return write_interchange(envelope.interchange([group]), newline=way.newline)


def order_850(
    posted: Posted, date: str, sku_kind: str, signs: Sequence[str] = ()
) -> PurchaseOrder850:
    """An order as 850: its short number, where it goes, a line a SKU."""
    order = posted.order
    currencies = {line.currency for line in order.lines if line.currency}
    lines = tuple(
        Line(
            number=str(number),
            quantity=line.quantity,
            price=_price(line),
            ids=_ids(line, sku_kind),
        )
        for number, line in enumerate(order.lines, 1)
    )
    return PurchaseOrder850(
        number=posted.number,
        date=date,
        kind="DS",
        currency=currencies.pop() if len(currencies) == 1 else "",
        parties=(_party(order.ship_to, signs),) if order.ship_to else (),
        lines=lines,
    )


def _ids(line: OrderedLine, sku_kind: str) -> dict[str, str]:
    """The numbers of an article. The way's qualifier keeps its meaning where there are two."""
    if line.supplier_sku is None:
        return {sku_kind: line.sku}
    if sku_kind in _SUPPLIERS_KINDS:
        return {sku_kind: line.supplier_sku, "BP": line.sku}
    return {"VP": line.supplier_sku, sku_kind: line.sku}


def _price(line: OrderedLine) -> Decimal | None:
    if line.cost_minor is None or line.currency is None:
        return None
    return Decimal(line.cost_minor).scaleb(-exponent_of(line.currency))


def _party(ship_to: ShipTo, signs: Sequence[str]) -> Party:
    """Who gets the goods. A sign that separates cannot stand in a text: a blank stands for it."""

    def plain(text: str) -> str:
        kept = "".join(" " if one in signs or not one.isprintable() else one for one in text)
        return " ".join(kept.split())

    return Party(
        role="ST",
        name=plain(ship_to.name),
        lines=tuple(line for line in map(plain, ship_to.lines) if line),
        city=plain(ship_to.city),
        region=plain(ship_to.region),
        postcode=plain(ship_to.postal_code),
        country=plain(ship_to.country),
    )


# -- in ---------------------------------------------------------------------------------------


def answered(message: Acknowledgement855, ordered: Sequence[OrderedLine]) -> Answered:
    """What an 855 accepts of an order; raises Unclear.

    `ordered` are the order's lines in their order. A line that is not named was not accepted,
    unless the message takes the order as a whole.
    """
    reference = message.reference or None
    if message.kind in REFUSED:
        return Answered(lines=(), reference=reference, refused=True)
    if not message.lines:
        if message.kind not in WHOLE:
            raise Unclear(f"an 855 of kind {message.kind} has no lines")
        whole = tuple(LineAnswer(sku=one.sku, quantity=one.quantity) for one in ordered)
        return Answered(lines=whole, reference=reference, refused=not ordered)
    asked = {line.sku: line.quantity for line in ordered}
    taken: dict[str, int] = {}
    for one in message.lines:
        sku = sku_of(one.line, ordered)
        units = taken.get(sku, 0) + _accepted(one, asked[sku])
        if units > asked[sku]:
            raise Unclear(f"{units} units of {sku} are more than the {asked[sku]} ordered")
        taken[sku] = units
    lines = tuple(LineAnswer(sku=sku, quantity=units) for sku, units in taken.items() if units)
    return Answered(lines=lines, reference=reference, refused=not lines)


def _accepted(one: AnsweredLine, asked: int) -> int:
    """Units of a line that come. Without an ACK the line's own quantity is what is accepted."""
    if not one.answers:
        return one.line.quantity
    units = 0
    for answer in one.answers:
        if answer.status in ACCEPTED:
            # Some leave the quantity out where all of it comes.
            units += answer.quantity or one.line.quantity or asked
        elif answer.status not in NOT_ACCEPTED:
            raise Unclear(f"nobody knows what the answer {answer.status} to a line means")
    return units


def sku_of(line: Line, ordered: Sequence[OrderedLine]) -> str:
    """The SKU of a line: by its ids, else by its number in the order; raises Unclear.

    A line may name the shop's SKU, the supplier's or both. A single name that could be either is
    the shop's.
    """
    ids = {line.ids[kind] for kind in _SKU_KINDS if kind in line.ids}
    both = {one.sku for one in ordered if one.sku in ids and one.supplier_sku in ids}
    ours = {one.sku for one in ordered if one.sku in ids}
    named = both or ours or {one.sku for one in ordered if one.supplier_sku in ids}
    if len(named) == 1:
        return named.pop()
    if named:
        raise Unclear(f"line {line.number} names several of the order's SKUs")
    if line.number.isascii() and line.number.isdigit() and 1 <= int(line.number) <= len(ordered):
        return ordered[int(line.number) - 1].sku
    shown = ", ".join(line.ids.values())[:80]
    raise Unclear(f"line {line.number or '?'} ({shown}) is none of the order's")


def parcels_of(message: ShipNotice856) -> list[Parcel]:
    """The parcels of an 856, each with a name of its own; raises Unclear.

    A package without a tracking number has that of the whole; a shipment without any is known by
    its own number.
    """
    found: list[Parcel] = []
    for order in message.orders:
        packages = [one for one in order.packages if one.lines]
        if not packages:
            raise Unclear(f"the shipment says no units of {order.order}")
        several = len(packages) > 1
        for number, package in enumerate(packages, 1):
            reference = package.sscc or f"{message.number}-{number}"
            found.append(
                Parcel(
                    order=order.order,
                    reference=reference if several or package.sscc else message.number,
                    carrier=message.carrier or "unknown",
                    tracking=package.tracking or message.tracking or message.number,
                    lines=package.lines,
                )
            )
    return found


def units_of(lines: Iterable[Line], ordered: Sequence[OrderedLine]) -> tuple[LineAnswer, ...]:
    """Units by SKU of the order; raises Unclear."""
    units: dict[str, int] = {}
    for line in lines:
        sku = sku_of(line, ordered)
        units[sku] = units.get(sku, 0) + line.quantity
    return tuple(LineAnswer(sku=sku, quantity=count) for sku, count in units.items() if count)


def billed(message: Invoice810, ordered: Sequence[OrderedLine]) -> tuple[Billed, ...]:
    """The lines of a bill. One of none of the order's articles keeps the name that it has."""
    lines: list[Billed] = []
    for line in message.lines:
        try:
            sku = sku_of(line, ordered)
        except Unclear:
            sku = next(iter(line.ids.values()), "") or f"line {line.number}"
        price = None if line.price is None else format(line.price, "f")
        lines.append(Billed(sku=sku, quantity=line.quantity, price=price))
    return tuple(lines)


def charges_minor(message: Invoice810) -> int:
    """Freight and fees of a bill, less allowances."""
    signs = {"A": -1, "C": 1}
    return sum(signs.get(one.kind, 0) * one.amount_minor for one in message.charges)


def verdict(segments: Sequence[Segment]) -> Verdict:
    """What a 997 says of the group that it answers; raises Unclear."""
    by_name: Mapping[str, Segment] = {one.id: one for one in segments}
    head, end = by_name.get("AK1"), by_name.get("AK9")
    if head is None or end is None or not head.get(2).isdigit():
        raise Unclear("the 997 does not say which group it answers")
    receipts: Mapping[str, Literal["accepted", "partly", "rejected"]] = {
        "A": "accepted", "E": "accepted", "P": "partly", "R": "rejected", "M": "rejected",
        "W": "rejected", "X": "rejected",
    }  # fmt: skip
    if end.get(1) not in receipts:
        raise Unclear(f"nobody knows what the verdict {end.get(1)} of a 997 means")
    return Verdict(
        functional_id=head.get(1), control=int(head.get(2)), receipt=receipts[end.get(1)]
    )
