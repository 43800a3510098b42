"""A supplier's machine that speaks X12 through a folder: reads orders, answers as told."""

from pathlib import Path
from typing import Any

from shopwire.adapters.x12 import (
    Acknowledgement855,
    Envelope,
    Group,
    Interchange,
    Invoice810,
    PurchaseOrder850,
    ShipNotice856,
    TransactionSet,
    acknowledge,
    read_interchange,
    write_interchange,
)
from shopwire.adapters.x12.messages import Answer, AnsweredLine, Line, Package, ShippedOrder
from shopwire.modules.channels.api import X12Way

WAY = X12Way(place="folder:acme", sender="SHOP", receiver="ACME", poll_ms=1_000)
FUNCTIONS = {"855": "PR", "856": "SH", "810": "IN", "997": "FA"}


class Partner:
    """Its folder is `root`; what it writes lies in the shop's inbox."""

    def __init__(self, root: Path, **signs: str) -> None:
        self.root = root
        self.control = 0
        self.signs = signs

    def got(self) -> list[Interchange]:
        """Every interchange with orders that lies in its folder."""
        return [read_interchange(one.read_bytes()) for one in sorted(self._out("850"))]

    def orders(self) -> list[PurchaseOrder850]:
        """Every order, as often as it came."""
        sets = [one for sent in self.got() for group in sent.groups for one in group.sets]
        return [PurchaseOrder850.from_segments(one.segments) for one in sets]

    def receipts(self) -> list[TransactionSet]:
        """Every 997 that the shop gave."""
        read = [read_interchange(one.read_bytes()) for one in self._out("997")]
        return [one for sent in read for group in sent.groups for one in group.sets]

    def says(self, kind: str, *messages: Any, name: str = "", **envelope: Any) -> Path:
        """Puts messages into the shop's inbox and returns the file."""
        sets = [
            one
            if isinstance(one, TransactionSet)
            else TransactionSet(kind=kind, control=f"{number:04}", segments=one.to_segments())
            for number, one in enumerate(messages, 1)
        ]
        self.control += 1
        fields = {"sender": "ACME", "receiver": "SHOP", "control": self.control}
        whole = Envelope(**(fields | {"date": "20261126", "time": "1100"} | self.signs | envelope))
        group = Group(
            functional_id=FUNCTIONS.get(kind, "PR"),
            sender="ACME",
            receiver="SHOP",
            date="20261126",
            time="1100",
            control=str(self.control),
            sets=tuple(sets),
        )
        data = write_interchange(whole.interchange([group]))
        return self.puts(name or f"{kind}-{self.control}.edi", data)

    def puts(self, name: str, data: bytes) -> Path:
        """Any bytes, as a file."""
        inbox = self.root / "in"
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_bytes(data)
        return inbox / name

    def accepts(self, order: PurchaseOrder850, **units: int) -> None:
        """An 855: these units of each article are accepted, of others none."""
        lines = tuple(
            AnsweredLine(
                line=line,
                answers=_answers(line, units.get(line.ids["VN"], 0 if units else line.quantity)),
            )
            for line in order.lines
        )
        answer = Acknowledgement855(
            order=order.number, date="20261126", kind="AC", reference="A-77", lines=lines
        )
        self.says("855", answer)

    def ships(self, order: PurchaseOrder850, number: str = "S1", **units: int) -> None:
        """An 856 with one package."""
        lines = tuple(
            Line(
                number=line.number, quantity=units.get(line.ids["VN"], line.quantity), ids=line.ids
            )
            for line in order.lines
            if not units or line.ids["VN"] in units
        )
        shipped = ShippedOrder(order=order.number, packages=(Package(lines=lines),))
        self.says(
            "856",
            ShipNotice856(
                number=number, date="20261126", carrier="UPSN", tracking="1Z999", orders=(shipped,)
            ),
        )

    def bills(self, order: PurchaseOrder850, total_minor: int, number: str = "I1", **more: Any):
        """An 810 over all lines at the order's prices."""
        bill = Invoice810(
            number=number, date="20261126", order=order.number, lines=order.lines,
            total_minor=total_minor, **more,
        )  # fmt: skip
        self.says("810", bill)

    def receives(self, sent: Interchange, errors: tuple[str, ...] = ()) -> None:
        """A 997 for a group of the shop's; `errors` reject every set of it."""
        group = sent.groups[0]
        for one in group.sets:
            one.errors = errors
        self.says("997", acknowledge(group))

    def _out(self, kind: str) -> list[Path]:
        return list((self.root / "out").glob(f"{kind}-*.x12"))


def _answers(line: Line, units: int) -> tuple[Answer, ...]:
    if units == line.quantity:
        return (Answer(status="IA", quantity=units),)
    if not units:
        return (Answer(status="IR", quantity=line.quantity, reason="OS"),)
    left = line.quantity - units
    return (Answer(status="IQ", quantity=units), Answer(status="IB", quantity=left))
