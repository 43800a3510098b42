"""Feeds whose formats are adapters' business: X12 846 inventory advice as rows of stock."""

from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, Final

from shopwire.adapters.x12.messages import AVAILABLE
from shopwire.adapters.x12.syntax import Segment, Segments
from shopwire.kernel.errors import NotAFeed
from shopwire.kernel.validation import storable
from shopwire.modules.feeds.limits import RAW_CHARS_MAX
from shopwire.modules.feeds.opening import Formats
from shopwire.modules.feeds.reading import Detected, RawRow
from shopwire.modules.feeds.unpacking import unreadable

_ANSWERS: Final = (
    "the folder `in` of its supplier's X12 way, see Ways out in the console or `shopwire channel`"
)
DOORS: Final = {
    "850": ("a purchase order", "a supplier: the shop writes them itself, by the way of each one"),
    "855": ("an answer to a purchase order", _ANSWERS),
    "856": ("a note of what is on its way", _ANSWERS),
    "810": ("an invoice", _ANSWERS),
    "997": ("a receipt for a message", _ANSWERS),
}
"""Messages that are no feeds: what each is, and where it belongs."""
ADVICE_SEGMENTS_MAX: Final = 200
"""Segments of one article; more ends the run: a LIN got lost."""


class AdviceReader:
    """Rows of the 846 messages of a file, one a LIN, read segment by segment.

    Each qualifier of the LIN is a column (`VN`, `IN`, `UP`), beside `quantity`, `price`,
    `currency`, `description`, `available_from`. A message whose trailer does not fit ends the run,
    since segments of it are lost. `line` is the number of the segment.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._walk = Segments(stream)
        self._rest = iter(self._walk)
        self._first = list(self._up_to_first())
        self.detected = Detected(encoding="", format="x12", delimiter="x12")

    def __iter__(self) -> Iterator[RawRow]:  # noqa: C901, PLR0912 -- a flat list of segments
        held: list[Segment] = []
        start, begun, control, kind, currency = 0, 0, "", "", ""
        end = self._walk.number
        told = chain(enumerate(self._first, end - len(self._first) + 1), self._numbered())
        for number, one in told:
            if one.id in ("LIN", "SE", "CTT") and held:
                yield self._row(start, held, currency)
                held = []
            if one.id == "ST":
                if control:
                    unreadable(f"the message {control} has no end: segments of it are lost", number)
                begun, kind, control, currency = number, one.get(1), one.get(2), ""
                if kind != "846":
                    what, _ = DOORS.get(kind, (f"a {kind[:10]}", ""))
                    unreadable(f"behind it comes {what} ({kind[:10]}), which is no feed", number)
            elif one.id == "SE":
                wanted = one.get(1).lstrip("0"), one.get(2).lstrip("0")
                if wanted != (str(number - begun + 1), control.lstrip("0")):
                    unreadable(f"the end of message {control} does not fit: parts are lost", number)
                control = ""
            elif one.id == "CUR":
                currency = one.get(2)
            elif one.id == "LIN":
                start, held = number, [one]
            elif held:
                held.append(one)
                if len(held) > ADVICE_SEGMENTS_MAX:
                    unreadable(f"an article has more than {ADVICE_SEGMENTS_MAX} segments", number)
        if not kind:
            unreadable("there is no 846 in it")
        if control:
            unreadable(f"the message {control} has no end: it was cut off", self._walk.number)

    def _up_to_first(self) -> Iterator[Segment]:
        """What stands up to the first message, which tells at once whether this is a feed.

        Raises NotAFeed.
        """
        for one in self._rest:
            yield one
            if one.id == "ST":
                kind = one.get(1)
                if kind in DOORS:
                    what, door = DOORS[kind]
                    reason = f"It is {what} (X12 {kind}), which belongs to {door}."
                    raise NotAFeed(reason, kind=kind, door=door)
                if kind != "846":
                    unreadable(f"it holds a {kind[:10]}; of X12 only 846 is a feed")
                return

    def _numbered(self) -> Iterator[tuple[int, Segment]]:
        for one in self._rest:
            yield self._walk.number, one

    def _row(self, line: int, held: list[Segment], currency: str) -> RawRow:
        cells: dict[str, str] = {"currency": currency}
        first = held[0].elements
        # Some leave the line's number out altogether: then the count of elements is even.
        for place in range(1 if len(first) % 2 == 0 else 2, len(first), 2):
            if held[0].get(place):
                cells.setdefault(held[0].get(place), held[0].get(place + 1))
        quantities: dict[str, str] = {}
        for one in held[1:]:
            if one.id == "QTY":
                quantities.setdefault(one.get(1), one.get(2))
            elif one.id == "CTP":
                cells["price"] = one.get(3)
            elif one.id == "PID":
                cells.setdefault("description", one.get(5))
            elif one.id == "DTM" and one.get(1) == "018":
                cells["available_from"] = one.get(2)
        cells["quantity"] = next((quantities[kind] for kind in AVAILABLE if kind in quantities), "")
        sign = self._walk.element_sign
        raw = "\n".join(sign.join([one.id, *one.elements]) for one in held)[:RAW_CHARS_MAX]
        return RawRow(line, cells, storable(raw), chars=sum(map(len, cells.values())))


FORMATS: Final[Formats] = {"x12": AdviceReader}
"""What `open_feed` reads beyond what the feeds module knows by itself."""
