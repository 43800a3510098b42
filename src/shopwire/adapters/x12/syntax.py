"""Segments, and the envelopes around them, as they come: separators are read from the ISA."""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

import msgspec

from shopwire.kernel.errors import FeedUnreadable

INTERCHANGE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Size of an interchange that is held as a whole; a larger one is refused."""
SEGMENT_CHARS_MAX: Final = 64 * 1024
"""Letters of one segment; a longer one is refused: its terminator is lost."""
READ_BYTES: Final = 64 * 1024
"""How much is read at once."""
ISA_CHARS: Final = 105
"""Letters of a header before the sign that ends it; a line that ends earlier was wrapped."""
_ISA_ELEMENTS: Final = 16
_SPACE: Final = " \t\r\n"


class Segment(NamedTuple):
    """One segment: its name and its elements, the first of which is number 1."""

    id: str
    elements: tuple[str, ...] = ()

    def get(self, number: int) -> str:
        """An element, without blanks around it; blank where it is not there."""
        return self.elements[number - 1].strip() if number <= len(self.elements) else ""


def segment(name: str, *elements: str) -> Segment:
    """A segment without blank elements at its end."""
    held = list(elements)
    while held and not held[-1]:
        held.pop()
    return Segment(name, tuple(held))


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong in a transaction set, in the words of a 997."""

    segment: str
    position: int
    """Of the segment in its set, from 1 for the ST."""
    code: str
    """X12's data element 720: 2 unexpected, 3 missing, 8 wrong elements."""
    element: int = 0
    element_code: str = ""
    """X12's data element 723: 1 missing, 6 wrong letters, 7 wrong code, 8 wrong date."""
    value: str = ""
    reason: str = ""


class MessageInvalid(Exception):
    """A transaction set cannot be used; `faults` say why, fit for a 997."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault.reason for fault in faults[:5]))
        self.faults = faults


class TransactionSet(msgspec.Struct, kw_only=True):
    """What stands between ST and SE."""

    kind: str
    control: str
    segments: tuple[Segment, ...] = ()
    errors: tuple[str, ...] = ()
    """X12's data element 718: 2 trailer missing, 3 control numbers differ, 4 wrong count."""


class Group(msgspec.Struct, kw_only=True):
    """A functional group: sets of one kind."""

    functional_id: str
    sender: str
    receiver: str
    date: str
    time: str
    control: str
    agency: str = "X"
    version: str = "004010"
    sets: tuple[TransactionSet, ...] = ()
    errors: tuple[str, ...] = ()
    """X12's data element 716: 3 trailer missing, 4 control numbers differ, 5 wrong count."""


class Interchange(msgspec.Struct, kw_only=True):
    """An envelope from one party to another."""

    element_sign: str = "*"
    component_sign: str = ">"
    terminator: str = "~"
    isa: tuple[str, ...]
    """All sixteen elements as they came."""
    groups: tuple[Group, ...] = ()
    problems: tuple[str, ...] = ()
    """What is wrong with the envelope itself, in words."""

    @property
    def sender(self) -> tuple[str, str]:
        """Qualifier and name of who sent it."""
        return self.isa[4].strip(), self.isa[5].strip()

    @property
    def receiver(self) -> tuple[str, str]:
        """Qualifier and name of whom it is for."""
        return self.isa[6].strip(), self.isa[7].strip()

    @property
    def control(self) -> str:
        """The control number."""
        return self.isa[12].strip()

    @property
    def test(self) -> bool:
        """Whether it is marked as a test."""
        return self.isa[14].strip() == "T"


def _refused(reason: str, number: int = 0) -> FeedUnreadable:
    return FeedUnreadable(reason, reason=reason, line=number)


class Segments:
    """Walks through the segments of a stream in bounded memory; each ISA says its separators anew.

    Letters are UTF-8 or, where they are not, Latin-1. Blanks and line ends between segments are
    nothing, nor are line ends within one, as where lines were wrapped at some width.

    Raises FeedUnreadable where there is no ISA, or a segment has no end.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._text, self._ended, self._wrapped = "", False, False
        self.element_sign = self.component_sign = self.terminator = ""
        self.number = 0
        """Of the last segment given out, from 1."""

    def _more(self) -> bool:
        data = b"" if self._ended else self._stream.read(READ_BYTES)
        self._ended = not data
        text = data.decode("latin-1")
        self._text += _unwrapped(text) if self._wrapped else text
        return bool(data)

    def __iter__(self) -> Iterator[Segment]:
        while True:
            self._text = self._text.lstrip(_SPACE if self.terminator != "\n" else " \t\r\n")
            if not self._text:
                if not self._more():
                    return
                continue
            while len(self._text) < 3 and self._more():
                pass
            if self._text.startswith("ISA"):
                yield self._isa()
            elif not self.terminator:
                raise _refused("it does not begin with ISA: it is no X12")
            else:
                yield self._next()

    def _isa(self) -> Segment:
        """Reads the header, whose fourth letter separates and whose last one ends."""
        while len(self._text) < 512 and self._more():
            pass
        self._wrapped = "\n" in self._text[:ISA_CHARS].rstrip()
        if self._wrapped:
            self._text = _unwrapped(self._text)
        sign = self._text[3:4]
        parts = self._text[:512].split(sign, _ISA_ELEMENTS) if sign else []
        if len(parts) <= _ISA_ELEMENTS or sign.isalnum() or sign in _SPACE:
            raise _refused("the ISA has not its sixteen elements", self.number + 1)
        last = parts[_ISA_ELEMENTS]
        if last[:1] in ("\r", "\n") or len(last) < 2:
            raise _refused("the ISA does not say its separators", self.number + 1)
        end = last[1:].lstrip(" ")[:1]
        end = "\n" if end == "\r" and "\n" in last[1:4] else end
        if not end or end.isalnum() or end == sign:
            raise _refused("the ISA does not say what ends a segment", self.number + 1)
        self.element_sign, self.component_sign, self.terminator = sign, last[0], end
        place = self._text.index(last) if len(last) > 8 else len(self._text) - len(last)
        place += last.index(end, 1) + 1
        self._text = self._text[place:]
        self.number += 1
        return Segment("ISA", (*parts[1:_ISA_ELEMENTS], last[0]))

    def _next(self) -> Segment:
        while (place := self._text.find(self.terminator)) < 0:
            if len(self._text) > SEGMENT_CHARS_MAX:
                raise _refused(
                    f"a segment has more than {SEGMENT_CHARS_MAX} letters", self.number + 1
                )
            if not self._more():
                if self.terminator == "\n":
                    place = len(self._text)
                    break
                raise _refused("the last segment has no end: it was cut off", self.number + 1)
        if place > SEGMENT_CHARS_MAX:
            raise _refused(f"a segment has more than {SEGMENT_CHARS_MAX} letters", self.number + 1)
        text, self._text = self._text[:place].strip("\r\n"), self._text[place + 1 :]
        self.number += 1
        if self.terminator != "\n":
            text = _unwrapped(text)
        name, *elements = _letters(text).split(self.element_sign)
        return Segment(name.strip().upper(), tuple(elements))


def _unwrapped(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


def _letters(text: str) -> str:
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text


def read_interchange(data: bytes) -> Interchange:
    """The one interchange of a file; raises FeedUnreadable where there is none, or several."""
    found = read_interchanges(data)
    if len(found) != 1:
        raise _refused(f"there are {len(found)} interchanges, not one")
    return found[0]


def read_interchanges(data: bytes) -> list[Interchange]:
    """All interchanges of a file. What can be read is; what is wrong stands in their errors."""
    if len(data) > INTERCHANGE_BYTES_MAX:
        raise _refused(f"it has more than {INTERCHANGE_BYTES_MAX} bytes")
    found: list[_Reading] = []
    walk = Segments(io.BytesIO(data))
    for one in walk:
        if one.id == "ISA":
            found.append(_Reading(one, walk))
        else:
            found[-1].take(one)
    if not found:
        raise _refused("it is empty")
    return [reading.finish() for reading in found]


class _Reading:
    """An interchange that is being put together."""

    def __init__(self, isa: Segment, walk: Segments) -> None:
        self._done = Interchange(
            element_sign=walk.element_sign,
            component_sign=walk.component_sign,
            terminator=walk.terminator,
            isa=isa.elements,
        )
        self._groups: list[Group] = []
        self._group: Group | None = None
        self._sets: list[TransactionSet] = []
        self._set: TransactionSet | None = None
        self._held: list[Segment] = []
        self._problems: list[str] = []
        self._ended = False

    def take(self, one: Segment) -> None:
        if one.id == "GS":
            self._close_group(None)
            self._group = _group(one)
        elif one.id == "GE":
            self._close_group(one)
        elif one.id == "ST":
            self._close_set(None)
            self._set, self._held = TransactionSet(kind=one.get(1), control=one.get(2)), []
        elif one.id == "SE":
            self._close_set(one)
        elif one.id == "IEA":
            self._close_group(None)
            self._ended = True
            if not _same(one.get(2), self._done.control):
                self._problems.append("the control numbers of ISA and IEA differ")
            if one.get(1) != str(len(self._groups)) and not _same(one.get(1), len(self._groups)):
                self._problems.append("the number of groups in IEA is wrong")
        elif self._set is not None:
            self._held.append(one)
        elif one.id != "TA1":
            self._problems.append(f"the segment {one.id[:3]} stands outside of a transaction set")

    def _close_set(self, trailer: Segment | None) -> None:
        if self._set is None:
            if trailer is not None:
                self._problems.append("an SE has no ST")
            return
        errors: list[str] = []
        if trailer is None:
            errors.append("2")
        else:
            errors += [] if _same(trailer.get(2), self._set.control) else ["3"]
            errors += [] if _same(trailer.get(1), len(self._held) + 2) else ["4"]
        errors += [] if self._set.kind else ["6"]
        errors += [] if self._set.control else ["7"]
        self._set.segments, self._set.errors = tuple(self._held), tuple(errors)
        self._sets.append(self._set)
        self._set = None
        if self._group is None:
            self._problems.append("a transaction set stands outside of a group")

    def _close_group(self, trailer: Segment | None) -> None:
        self._close_set(None)
        if self._group is None:
            if trailer is not None:
                self._problems.append("a GE has no GS")
            return
        errors: list[str] = []
        if trailer is None:
            errors.append("3")
        else:
            errors += [] if _same(trailer.get(2), self._group.control) else ["4"]
            errors += [] if _same(trailer.get(1), len(self._sets)) else ["5"]
        self._group.sets, self._group.errors = tuple(self._sets), tuple(errors)
        self._groups.append(self._group)
        self._group, self._sets = None, []

    def finish(self) -> Interchange:
        self._close_group(None)
        if not self._ended:
            self._problems.append("there is no IEA: it was cut off")
        self._done.groups, self._done.problems = tuple(self._groups), tuple(self._problems)
        return self._done


def _group(gs: Segment) -> Group:
    return Group(
        functional_id=gs.get(1),
        sender=gs.get(2),
        receiver=gs.get(3),
        date=gs.get(4),
        time=gs.get(5),
        control=gs.get(6),
        agency=gs.get(7),
        version=gs.get(8),
    )


def _same(text: str, wanted: str | int) -> bool:
    """Whether two numbers are the same but for zeros in front."""
    return bool(text) and text.lstrip("0") == str(wanted).lstrip("0")
