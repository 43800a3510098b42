"""Interchanges as bytes. What would be read as something else is refused, not mended."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from shopwire.adapters.x12.syntax import Group, Interchange, Segment, segment
from shopwire.kernel.errors import InvalidField

_CONTROL: Final = re.compile(r"^[0-9]{1,9}$")
_WIDTHS: Final = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes to whom, and the number of this letter."""

    sender: str
    receiver: str
    control: int
    date: str
    """As YYYYMMDD."""
    time: str
    """As HHMM."""
    sender_kind: str = "ZZ"
    receiver_kind: str = "ZZ"
    test: bool = False
    element_sign: str = "*"
    component_sign: str = ">"
    terminator: str = "~"
    newline: bool = True
    """Whether a line end follows each terminator, for people who look at it."""

    def interchange(self, groups: Sequence[Group]) -> Interchange:
        """The groups in this envelope."""
        if not 0 < self.control <= 999_999_999:
            raise _refused("control", "a control number has at most nine digits")
        isa = (
            *("00", " " * 10, "00", " " * 10, self.sender_kind, self.sender.ljust(15)),
            *(self.receiver_kind, self.receiver.ljust(15), self.date[2:], self.time[:4], "U"),
            *("00401", f"{self.control:09}", "0", "T" if self.test else "P", self.component_sign),
        )
        return Interchange(
            element_sign=self.element_sign,
            component_sign=self.component_sign,
            terminator=self.terminator,
            isa=isa,
            groups=tuple(groups),
        )


def write_interchange(interchange: Interchange, *, newline: bool = True) -> bytes:
    """The bytes of an interchange, with trailers that fit.

    Raises InvalidField for a text that holds a separator or a letter that cannot be printed, for a
    header element that is too long, and for a control number that is none.
    """
    signs = (interchange.element_sign, interchange.component_sign, interchange.terminator)
    if len(set(signs)) != len(signs) or any(len(one) != 1 or one.isalnum() for one in signs):
        raise _refused("separators", "the three separators have to be different signs")
    if tuple(map(len, interchange.isa)) != _WIDTHS:
        raise _refused("ISA", "an element of the header has not its width")
    out = [write_segment(Segment("ISA", interchange.isa), signs, header=True)]
    for group in interchange.groups:
        _check_control(group.control, "GS06")
        out.append(write_segment(_header_of(group), signs))
        for one in group.sets:
            _check_control(one.control, "ST02")
            out.append(write_segment(segment("ST", one.kind, one.control), signs))
            out += [write_segment(held, signs) for held in one.segments]
            count = str(len(one.segments) + 2)
            out.append(write_segment(segment("SE", count, one.control), signs))
        out.append(write_segment(segment("GE", str(len(group.sets)), group.control), signs))
    trailer = segment("IEA", str(len(interchange.groups)), interchange.isa[12])
    out.append(write_segment(trailer, signs))
    return ("\n" if newline and signs[2] != "\n" else "").join([*out, ""]).encode()


def _header_of(group: Group) -> Segment:
    return segment(
        "GS",
        *(group.functional_id, group.sender, group.receiver, group.date, group.time),
        *(group.control, group.agency, group.version),
    )


def write_segment(one: Segment, signs: tuple[str, str, str], *, header: bool = False) -> str:
    """One segment with the sign that ends it; `signs` are those of elements, components and ends.

    Raises InvalidField for a text that holds one of them, or a letter that cannot be printed.
    """
    for number, text in enumerate(one.elements, 1):
        holds = any(sign in text for sign in (signs[0], signs[2]))
        if holds or not (text.isprintable() or not text):
            where = f"{one.id}{number:02}"
            raise _refused(where, f"{text[:60]!r} holds a separator or a sign that is no letter")
    if not header and not (2 <= len(one.id) <= 3 and one.id.isalnum()):
        raise _refused(one.id[:10], "it is no name of a segment")
    return signs[0].join([one.id, *one.elements]) + signs[2]


def _check_control(text: str, where: str) -> None:
    if not _CONTROL.match(text):
        raise _refused(where, f"{text[:20]!r} is no control number")


def _refused(field: str, reason: str) -> InvalidField:
    return InvalidField(field=field, reason=reason)
