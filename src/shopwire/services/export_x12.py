"""The shop's stock as X12 846 inventory advice, for a partner who reads that."""

import re
from datetime import UTC, datetime
from typing import Final

from shopwire.adapters.x12 import Envelope, Segment, write_segment
from shopwire.adapters.x12.syntax import segment
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.queries import Reads
from shopwire.modules.channels.api import X12Way
from shopwire.modules.channels.store import way_of
from shopwire.services.export_rows import ExportRow, amount_text

SKU_CHARS_MAX: Final = 48
"""Letters of a SKU in X12; an article with a longer one is left out."""
TITLE_CHARS_MAX: Final = 80
"""Letters of a title in X12; the rest is cut off."""
PARTNER_CHARS_MAX: Final = 15
"""Letters of a partner's name in an envelope; a longer one is refused."""
SENDER: Final = "SHOP"
"""Who an advice is from, where nobody says it."""
RECEIVER: Final = "PARTNER"
"""Whom it is for, where nobody says it."""
_PARTNER: Final = re.compile(rf"[A-Za-z0-9 .\-]{{1,{PARTNER_CHARS_MAX}}}")
_GTINS: Final = {8: "EN", 12: "UP", 13: "EN", 14: "UK"}
"""Qualifiers of article numbers, by their length."""


async def envelope_for(
    reads: Reads, tenant: str, now_ms: int, *, supplier: str | None, sender: str, receiver: str
) -> Envelope:
    """The envelope of an advice: as a supplier's X12 way has it, or with the names that are said.

    Raises InvalidField for a name that fits into no envelope.
    """
    for field, name in (("sender", sender), ("receiver", receiver)):
        if name and not _PARTNER.fullmatch(name):
            reason = f"it has 1 to {PARTNER_CHARS_MAX} letters and digits"
            raise InvalidField(f"{field}: {reason}.", field=field, reason=reason)
    now = datetime.fromtimestamp(now_ms / 1_000, UTC)
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M")
    control = now_ms // 1_000 % 999_999_999 + 1
    way = await way_of(reads, tenant, supplier) if supplier else None
    if not isinstance(way, X12Way):
        return Envelope(
            sender=sender or SENDER,
            receiver=receiver or RECEIVER,
            control=control,
            date=date,
            time=time,
        )
    return Envelope(
        sender=sender or way.sender,
        receiver=receiver or way.receiver,
        sender_kind=way.sender_kind,
        receiver_kind=way.receiver_kind,
        control=control,
        test=way.test,
        element_sign=way.element_sign,
        component_sign=way.component_sign,
        terminator=way.terminator,
        newline=way.newline,
        date=date,
        time=time,
    )


class InventoryAdvice:
    """A message a currency, since its currency stands once at its head; a LIN an article.

    What X12 cannot tell is left out and counted: a SKU with one of its separators in it.
    """

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self._signs = (envelope.element_sign, envelope.component_sign, envelope.terminator)
        self._end = "\n" if envelope.newline and envelope.terminator != "\n" else ""
        self._sets = self._segments = self._lines = 0
        self._open = False
        self._currency = ""
        self.left_out = 0
        """Articles whose SKUs cannot be told."""

    def head(self) -> str:
        """The envelope, and the group within it."""
        one = self._envelope
        return self._text(Segment("ISA", one.interchange([]).isa), header=True) + self._text(
            segment(
                *("GS", "IB", one.sender, one.receiver, one.date, one.time, str(one.control)),
                *("X", "004010"),
            )
        )

    def row(self, row: ExportRow) -> str:
        """One article, in a message of its currency."""
        if len(row.sku) > SKU_CHARS_MAX or self._clean(row.sku) != row.sku:
            self.left_out += 1
            return ""
        currency = row.cost_currency or self._currency
        told = ""
        if not self._open or currency != self._currency:
            told = self._closed() + self._opened(currency)
        self._lines += 1
        ids = ["IN", row.sku]
        ids += [_GTINS[len(row.gtin)], row.gtin] if row.gtin and len(row.gtin) in _GTINS else []
        ids += ["MF", self._clean(row.mpn)[:SKU_CHARS_MAX]] if row.mpn else []
        told += self._told(segment("LIN", str(self._lines), *ids))
        title = self._clean(row.title)[:TITLE_CHARS_MAX].strip()
        if title:
            told += self._told(segment("PID", "F", "", "", "", title))
        if row.cost_minor is not None and row.cost_currency is not None:
            cost = amount_text(row.cost_minor, row.cost_currency)
            told += self._told(segment("CTP", "", "UCP", cost))
        return told + self._told(segment("QTY", "33", str(row.quantity), "EA"))

    def tail(self) -> str:
        """The trailers."""
        told = "" if self._sets else self._opened("")
        told += self._closed()
        control = str(self._envelope.control)
        told += self._text(segment("GE", str(self._sets), control))
        return told + self._text(segment("IEA", "1", f"{self._envelope.control:09}"))

    def _opened(self, currency: str) -> str:
        one = self._envelope
        self._sets += 1
        self._open, self._currency, self._segments, self._lines = True, currency, 0, 0
        told = self._told(segment("ST", "846", f"{self._sets:04}"))
        reference = f"{one.control}-{self._sets}"
        told += self._told(segment("BIA", "00", "SI", reference, one.date, one.time))
        return told + (self._told(segment("CUR", "SE", currency)) if currency else "")

    def _closed(self) -> str:
        if not self._open:
            return ""
        self._open = False
        told = self._told(segment("CTT", str(self._lines)))
        return told + self._told(segment("SE", str(self._segments + 1), f"{self._sets:04}"))

    def _told(self, one: Segment) -> str:
        self._segments += 1
        return self._text(one)

    def _text(self, one: Segment, *, header: bool = False) -> str:
        return write_segment(one, self._signs, header=header) + self._end

    def _clean(self, text: str) -> str:
        """A text without the separators, and without letters that cannot be printed."""
        return "".join(one if one.isprintable() and one not in self._signs else " " for one in text)
