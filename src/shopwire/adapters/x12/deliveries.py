"""Messages about goods: ship notices, invoices, and what there is."""

from collections.abc import Sequence

import msgspec

from shopwire.adapters.x12.messages import (
    Advice,
    Charge,
    Elements,
    Line,
    Package,
    ShippedOrder,
    described,
    line_segments,
    pairs,
    plain,
)
from shopwire.adapters.x12.syntax import Segment, segment


class ShipNotice856(msgspec.Struct, frozen=True, kw_only=True):
    """Goods on their way: a shipment of orders, each in packages."""

    number: str
    date: str
    time: str = ""
    carrier: str = ""
    tracking: str = ""
    orders: tuple[ShippedOrder, ...] = ()

    @classmethod
    def from_segments(  # noqa: C901, PLR0912 -- a flat list of the segments that are known
        cls, segments: Sequence[Segment]
    ) -> "ShipNotice856":
        """Raises MessageInvalid."""
        read = Elements(segments)
        said: dict[str, str] = {}
        orders: list[tuple[str, list[Package]]] = []
        level, ids, number = "", dict[str, str](), ""
        for one in read:
            if one.id == "BSN":
                said = {"number": read.text(2), "date": read.date(3), "time": one.get(4)}
            elif one.id == "HL":
                level = read.text(3)
                if level == "O":
                    orders.append(("", []))
                elif level == "P" and orders:
                    orders[-1][1].append(Package())
            elif one.id == "TD5":
                said["carrier"] = one.get(3) or one.get(5)
            elif one.id == "PRF" and orders:
                orders[-1] = (read.text(1), orders[-1][1])
            elif one.id in ("REF", "MAN") and one.get(1) in ("CN", "2I", "CP", "GM"):
                _mark(said, orders, level, one)
            elif one.id == "LIN":
                number, ids = _ids_of_line(read)
            elif one.id == "SN1" and orders:
                line = Line(
                    number=number or one.get(1), quantity=read.count(2), unit=one.get(3), ids=ids
                )
                _pack(orders[-1][1], line)
            elif one.id == "PID" and orders and orders[-1][1] and orders[-1][1][-1].lines:
                package = orders[-1][1][-1]
                last = described(package.lines[-1], one.get(5))
                lines = (*package.lines[:-1], last)
                orders[-1][1][-1] = msgspec.structs.replace(package, lines=lines)
        if "number" not in said:
            read.missing("BSN")
        if not orders or not all(name for name, _ in orders):
            read.missing("PRF")
        read.finish()
        found = tuple(ShippedOrder(order=name, packages=tuple(held)) for name, held in orders)
        return cls(**said, orders=found)

    def to_segments(self) -> tuple[Segment, ...]:
        """What stands between ST and SE."""
        out = [segment("BSN", "00", self.number, self.date, self.time, "0001")]
        out.append(segment("HL", "1", "", "S"))
        out += [segment("TD5", "", "2", self.carrier)] if self.carrier else []
        out += [segment("REF", "CN", self.tracking)] if self.tracking else []
        level = 1
        for order in self.orders:
            level += 1
            above = level
            out += [segment("HL", str(level), "1", "O"), segment("PRF", order.order)]
            for package in order.packages:
                level += 1
                parent = level
                out.append(segment("HL", str(level), str(above), "P"))
                out += [segment("MAN", "GM", package.sscc)] if package.sscc else []
                out += [segment("MAN", "CP", package.tracking)] if package.tracking else []
                for line in package.lines:
                    level += 1
                    out.append(segment("HL", str(level), str(parent), "I"))
                    out.append(segment("LIN", line.number, *pairs(line.ids)))
                    out.append(segment("SN1", "", str(line.quantity), line.unit))
                    if line.description:
                        out.append(segment("PID", "F", "", "", "", line.description))
        return (*out, segment("CTT", str(level)))


def _mark(
    said: dict[str, str], orders: list[tuple[str, list[Package]]], level: str, one: Segment
) -> None:
    """A tracking number or SSCC, of the level that it stands on."""
    if level in ("P", "I") and orders and orders[-1][1]:
        package = orders[-1][1][-1]
        field = {"sscc": one.get(2)} if one.get(1) == "GM" else {"tracking": one.get(2)}
        orders[-1][1][-1] = msgspec.structs.replace(package, **field)
    elif one.get(1) != "GM":
        said["tracking"] = one.get(2)


def _pack(packages: list[Package], line: Line) -> None:
    if not packages:
        packages.append(Package())
    packages[-1] = msgspec.structs.replace(packages[-1], lines=(*packages[-1].lines, line))


def _ids_of_line(read: Elements) -> tuple[str, dict[str, str]]:
    """The number and ids of a LIN. Some leave the number out altogether: then the count is even."""
    if len(read.one.elements) % 2 == 0:
        return "", read.ids(1)
    return read.one.get(1), read.ids(2)


class Invoice810(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier's bill; amounts in the smallest unit."""

    number: str
    date: str
    order: str = ""
    currency: str = ""
    lines: tuple[Line, ...] = ()
    charges: tuple[Charge, ...] = ()
    tax_minor: int = 0
    total_minor: int

    @classmethod
    def from_segments(cls, segments: Sequence[Segment]) -> "Invoice810":
        """Raises MessageInvalid."""
        read = Elements(segments)
        said: dict[str, str] = {}
        lines: list[Line] = []
        charges: list[Charge] = []
        total, tax = -1, 0
        for one in read:
            if one.id == "BIG":
                said |= {"date": read.date(1), "number": read.text(2), "order": one.get(4)}
            elif one.id == "CUR":
                said["currency"] = one.get(2)
            elif one.id == "IT1":
                lines.append(read.line())
            elif one.id == "PID" and lines:
                lines[-1] = described(lines[-1], one.get(5))
            elif one.id == "SAC":
                amount = read.count(5) if one.get(5) else 0
                charges.append(Charge(kind=read.text(1), code=one.get(2), amount_minor=amount))
            elif one.id == "TXI":
                tax += int((read.number(2) or 0) * 100)
            elif one.id == "TDS":
                total = read.count(1)
            elif one.id == "CTT" and one.get(1) and read.count(1) != len(lines):
                read.fault(1, "7", f"says {one.get(1)} lines; there are {len(lines)}")
        if "number" not in said:
            read.missing("BIG")
        if total < 0:
            read.missing("TDS")
        read.finish()
        return cls(
            **said, lines=tuple(lines), charges=tuple(charges), tax_minor=tax, total_minor=total
        )

    def to_segments(self) -> tuple[Segment, ...]:
        """What stands between ST and SE."""
        out = [segment("BIG", self.date, self.number, "", self.order)]
        out += [segment("CUR", "SE", self.currency)] if self.currency else []
        for line in self.lines:
            out += line_segments("IT1", line)
        out.append(segment("TDS", str(self.total_minor)))
        if self.tax_minor:
            whole, cents = divmod(self.tax_minor, 100)
            out.append(segment("TXI", "TX", f"{whole}.{cents:02}"))
        for one in self.charges:
            out.append(segment("SAC", one.kind, one.code, "", "", str(one.amount_minor)))
        return (*out, segment("CTT", str(len(self.lines))))


class InventoryAdvice846(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier has."""

    reference: str = ""
    date: str = ""
    time: str = ""
    kind: str = "SI"
    purpose: str = "00"
    lines: tuple[Advice, ...] = ()

    @classmethod
    def from_segments(cls, segments: Sequence[Segment]) -> "InventoryAdvice846":
        """Raises MessageInvalid."""
        read = Elements(segments)
        said: dict[str, str] = {}
        lines: list[Advice] = []
        for one in read:
            if one.id == "BIA":
                said = {"purpose": one.get(1), "kind": one.get(2), "reference": one.get(3)}
                said |= {"date": read.date(4), "time": one.get(5)}
            elif one.id == "LIN":
                number, ids = _ids_of_line(read)
                lines.append(Advice(line=Line(number=number, ids=ids)))
            elif lines:
                lines[-1] = _advised(lines[-1], read)
        if not said:
            read.missing("BIA")
        read.finish()
        return cls(**said, lines=tuple(lines))

    def to_segments(self) -> tuple[Segment, ...]:
        """What stands between ST and SE."""
        out = [segment("BIA", self.purpose, self.kind, self.reference, self.date, self.time)]
        for advice in self.lines:
            line = advice.line
            out.append(segment("LIN", line.number, *pairs(line.ids)))
            if line.description:
                out.append(segment("PID", "F", "", "", "", line.description))
            if line.price is not None:
                out.append(segment("CTP", "", "UCP", plain(line.price)))
            for kind, quantity in advice.quantities.items():
                out.append(segment("QTY", kind, str(quantity), line.unit))
            if advice.available_from:
                out.append(segment("DTM", "018", advice.available_from))
        return (*out, segment("CTT", str(len(self.lines))))


def _advised(advice: Advice, read: Elements) -> Advice:
    one = read.one
    if one.id == "QTY":
        quantities = advice.quantities | {read.text(1): read.count(2)}
        line = msgspec.structs.replace(advice.line, unit=one.get(3) or advice.line.unit)
        return msgspec.structs.replace(advice, quantities=quantities, line=line)
    if one.id == "PID":
        return msgspec.structs.replace(advice, line=described(advice.line, one.get(5)))
    if one.id == "CTP":
        line = msgspec.structs.replace(advice.line, price=read.number(3))
        return msgspec.structs.replace(advice, line=line)
    if one.id == "DTM" and one.get(1) == "018":
        return msgspec.structs.replace(advice, available_from=read.date(2))
    return advice
