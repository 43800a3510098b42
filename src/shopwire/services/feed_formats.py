"""Feeds whose formats are adapters' business: X12 846 inventory advice as rows of stock."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from shopwire.adapters.x12.messages import AVAILABLE
from shopwire.adapters.x12.syntax import Segment, Segments
from shopwire.kernel.validation import storable
from shopwire.modules.feeds.limits import RAW_CHARS_MAX
from shopwire.modules.feeds.opening import Formats
from shopwire.modules.feeds.reading import Detected, RawRow
from shopwire.modules.feeds.unpacking import unreadable

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
        self.detected = Detected(encoding="", format="x12", delimiter="x12")

    def __iter__(self) -> Iterator[RawRow]:  # noqa: C901, PLR0912 -- a flat list of segments
        held: list[Segment] = []
        start, begun, control, kind, currency = 0, 0, "", "", ""
        for one in self._walk:
            number = self._walk.number
            if one.id in ("LIN", "SE", "CTT") and held:
                yield self._row(start, held, currency)
                held = []
            if one.id == "ST":
                if control:
                    unreadable(f"the message {control} has no end: segments of it are lost", number)
                begun, kind, control = number, one.get(1), one.get(2)
                if kind != "846":
                    unreadable(f"it holds a {kind[:10]}; only 846 is a feed", number)
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
