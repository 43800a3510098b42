"""The messages of dropshipping as structs. Reading takes what it knows and passes over the rest.

Prices are as written; quantities are whole. `from_segments` raises MessageInvalid with all faults.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from shopwire.adapters.x12.syntax import Fault, MessageInvalid, Segment, segment

QUANTITY_DIGITS_MAX: Final = 9
"""Digits of a quantity; more is a fault."""
LINES_MAX: Final = 100_000
"""Lines of one message; more is a fault."""
AVAILABLE: Final = ("33", "QA", "17")
"""Quantities of an 846 that say what can be had, the surest first."""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with an address: ST ship to, BT bill to, WH warehouse, SU supplier."""

    role: str
    name: str = ""
    id_kind: str = ""
    id: str = ""
    lines: tuple[str, ...] = ()
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An article in some quantity. `ids` are by qualifier: VN, SK, IN, UP, EN, UK."""

    number: str = ""
    quantity: int = 0
    unit: str = "EA"
    price: Decimal | None = None
    ids: dict[str, str] = {}
    description: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier says of a line: IA accepted, IR refused, IB backordered, IQ other count."""

    status: str
    quantity: int = 0
    unit: str = "EA"
    date: str = ""
    reason: str = ""


class AnsweredLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an order and what the supplier says of it."""

    line: Line
    answers: tuple[Answer, ...] = ()


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel, or goods without one."""

    sscc: str = ""
    tracking: str = ""
    lines: tuple[Line, ...] = ()


class ShippedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What of a purchase order is on its way."""

    order: str
    packages: tuple[Package, ...] = ()


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """C a charge, A an allowance; the amount in the smallest unit."""

    kind: str
    code: str = ""
    amount_minor: int = 0


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of an article. `quantities` are by qualifier."""

    line: Line
    quantities: dict[str, int] = {}
    available_from: str = ""

    @property
    def available(self) -> int | None:
        """How many can be had; None where the message does not say."""
        return next((self.quantities[one] for one in AVAILABLE if one in self.quantities), None)


class Elements:
    """Takes elements of segments, and writes down what is wrong with them."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.faults: list[Fault] = []
        self._segments = segments
        self.at = 0
        self.one = Segment("")

    def __iter__(self) -> Iterator[Segment]:
        for at, one in enumerate(self._segments, 2):
            self.at, self.one = at, one
            yield one

    def fault(self, element: int, code: str, reason: str) -> None:
        """Writes down what is wrong with an element of this segment."""
        where = f"{self.one.id}{element:02}"
        self.faults.append(
            Fault(
                segment=self.one.id,
                position=self.at,
                code="8",
                element=element,
                element_code=code,
                value=self.one.get(element),
                reason=f"{where} in segment {self.at} {reason}",
            )
        )

    def text(self, element: int) -> str:
        """An element that has to be there."""
        if not self.one.get(element):
            self.fault(element, "1", "is missing")
        return self.one.get(element)

    def date(self, element: int) -> str:
        """A date of six or eight digits, or blank."""
        text = self.one.get(element)
        if text and not (text.isascii() and text.isdigit() and len(text) in (6, 8)):
            self.fault(element, "8", f"is no date: {text[:20]!r}")
        return text

    def number(self, element: int) -> Decimal | None:
        """A number, or None where there is none."""
        text = self.one.get(element)
        if not text:
            return None
        digits = text.removeprefix("-").replace(".", "", 1)
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            self.fault(element, "6", f"is no number: {text[:20]!r}")
            return None
        return Decimal(text)

    def count(self, element: int) -> int:
        """A whole number of 0 or more that has to be there."""
        found = self.number(element)
        if found is None:
            if not self.one.get(element):
                self.fault(element, "1", "is missing")
            return 0
        if found != int(found) or found < 0 or found >= 10**QUANTITY_DIGITS_MAX:
            self.fault(element, "6", f"is no whole number of units: {found}")
            return 0
        return int(found)

    def ids(self, first: int) -> dict[str, str]:
        """Pairs of qualifier and number; the first of each is taken."""
        found: dict[str, str] = {}
        for place in range(first, len(self.one.elements), 2):
            kind, value = self.one.get(place), self.one.get(place + 1)
            if kind and value:
                found.setdefault(kind, value)
        return found

    def line(self) -> Line:
        """A PO1 or IT1."""
        return Line(
            number=self.one.get(1),
            quantity=self.count(2),
            unit=self.one.get(3) or "EA",
            price=self.number(4),
            ids=self.ids(6),
        )

    def missing(self, name: str) -> None:
        """Writes down that a segment is not there."""
        self.faults.append(
            Fault(segment=name, position=2, code="3", reason=f"there is no segment {name}")
        )

    def finish(self) -> None:
        """Raises MessageInvalid where something was wrong."""
        if self.faults:
            raise MessageInvalid(self.faults)


def described(line: Line, text: str) -> Line:
    """The line with a description, unless it has one."""
    return msgspec.structs.replace(line, description=line.description or text)


def _party(one: Segment) -> Party:
    return Party(role=one.get(1), name=one.get(2), id_kind=one.get(3), id=one.get(4))


def _addressed(party: Party, one: Segment) -> Party:
    if one.id == "N3":
        return msgspec.structs.replace(
            party, lines=(*party.lines, *(text for text in map(str.strip, one.elements) if text))
        )
    return msgspec.structs.replace(
        party, city=one.get(1), region=one.get(2), postcode=one.get(3), country=one.get(4)
    )


def _party_segments(party: Party) -> list[Segment]:
    out = [segment("N1", party.role, party.name, party.id_kind, party.id)]
    out += [
        segment("N3", *party.lines[place : place + 2]) for place in range(0, len(party.lines), 2)
    ]
    if party.city or party.region or party.postcode or party.country:
        out.append(segment("N4", party.city, party.region, party.postcode, party.country))
    return out


def plain(value: Decimal | None) -> str:
    """A price without an exponent; blank for none."""
    return "" if value is None else format(value, "f")


def pairs(ids: dict[str, str]) -> list[str]:
    """Qualifiers and numbers in turn."""
    return [text for pair in ids.items() for text in pair]


def line_segments(name: str, line: Line) -> list[Segment]:
    """A PO1 or IT1, and its description."""
    ids = pairs(line.ids)
    out = [segment(name, line.number, str(line.quantity), line.unit, plain(line.price), "", *ids)]
    if line.description:
        out.append(segment("PID", "F", "", "", "", line.description))
    return out


class PurchaseOrder850(msgspec.Struct, frozen=True, kw_only=True):
    """An order to a supplier."""

    number: str
    date: str
    purpose: str = "00"
    kind: str = "SA"
    currency: str = ""
    references: tuple[tuple[str, str], ...] = ()
    deliver_by: str = ""
    parties: tuple[Party, ...] = ()
    lines: tuple[Line, ...] = ()

    @classmethod
    def from_segments(  # noqa: C901 -- a flat list of the segments that are known
        cls, segments: Sequence[Segment]
    ) -> "PurchaseOrder850":
        """Raises MessageInvalid."""
        read = Elements(segments)
        said: dict[str, str] = {}
        references: list[tuple[str, str]] = []
        parties: list[Party] = []
        lines: list[Line] = []
        for one in read:
            if one.id == "BEG":
                said = {"purpose": one.get(1), "kind": one.get(2)}
                said |= {"number": read.text(3), "date": read.date(5)}
            elif one.id == "CUR":
                said["currency"] = one.get(2)
            elif one.id == "REF" and not lines:
                references.append((one.get(1), one.get(2)))
            elif one.id == "DTM" and one.get(1) == "002" and not lines:
                said["deliver_by"] = read.date(2)
            elif one.id == "N1" and not lines:
                parties.append(_party(one))
            elif one.id in ("N3", "N4") and parties and not lines:
                parties[-1] = _addressed(parties[-1], one)
            elif one.id == "PO1":
                lines.append(read.line())
            elif one.id == "PID" and lines:
                lines[-1] = described(lines[-1], one.get(5))
            elif one.id == "CTT" and one.get(1) and read.count(1) != len(lines):
                read.fault(1, "7", f"says {one.get(1)} lines; there are {len(lines)}")
        if "number" not in said:
            read.missing("BEG")
        if not lines or len(lines) > LINES_MAX:
            read.missing("PO1")
        read.finish()
        return cls(**said, references=tuple(references), parties=tuple(parties), lines=tuple(lines))

    def to_segments(self) -> tuple[Segment, ...]:
        """What stands between ST and SE."""
        out = [segment("BEG", self.purpose, self.kind, self.number, "", self.date)]
        out += [segment("CUR", "BT", self.currency)] if self.currency else []
        out += [segment("REF", *pair) for pair in self.references]
        out += [segment("DTM", "002", self.deliver_by)] if self.deliver_by else []
        for party in self.parties:
            out += _party_segments(party)
        for line in self.lines:
            out += line_segments("PO1", line)
        return (*out, segment("CTT", str(len(self.lines))))


class Acknowledgement855(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier's answer to an order. `kind` AC or AD accepted, RJ refused, AT as told below."""

    order: str
    date: str = ""
    purpose: str = "00"
    kind: str = "AD"
    reference: str = ""
    lines: tuple[AnsweredLine, ...] = ()

    @classmethod
    def from_segments(cls, segments: Sequence[Segment]) -> "Acknowledgement855":
        """Raises MessageInvalid."""
        read = Elements(segments)
        said: dict[str, str] = {}
        lines: list[AnsweredLine] = []
        for one in read:
            if one.id == "BAK":
                said = {"purpose": one.get(1), "kind": read.text(2), "order": read.text(3)}
                said |= {"date": read.date(4), "reference": one.get(8)}
            elif one.id == "PO1":
                lines.append(AnsweredLine(line=read.line()))
            elif one.id == "PID" and lines:
                line = described(lines[-1].line, one.get(5))
                lines[-1] = msgspec.structs.replace(lines[-1], line=line)
            elif one.id == "ACK" and lines:
                answer = Answer(
                    status=read.text(1),
                    quantity=read.count(2) if one.get(2) else 0,
                    unit=one.get(3) or "EA",
                    date=read.date(5),
                    reason=one.get(29),
                )
                answers = (*lines[-1].answers, answer)
                lines[-1] = msgspec.structs.replace(lines[-1], answers=answers)
            elif one.id == "CTT" and one.get(1) and read.count(1) != len(lines):
                read.fault(1, "7", f"says {one.get(1)} lines; there are {len(lines)}")
        if "order" not in said:
            read.missing("BAK")
        read.finish()
        return cls(**said, lines=tuple(lines))

    def to_segments(self) -> tuple[Segment, ...]:
        """What stands between ST and SE."""
        head = (self.purpose, self.kind, self.order, self.date, "", "", "", self.reference)
        out = [segment("BAK", *head)]
        for answered in self.lines:
            out += line_segments("PO1", answered.line)
            for one in answered.answers:
                dated = ("068", one.date) if one.date else ("", "")
                rest = (*[""] * 23, one.reason) if one.reason else ()
                out.append(segment("ACK", one.status, str(one.quantity), one.unit, *dated, *rest))
        return (*out, segment("CTT", str(len(self.lines))))
