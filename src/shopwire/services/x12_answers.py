"""What a supplier's X12 says, applied: each message once, each that does not fit kept."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from shopwire.adapters.x12 import (
    Acknowledgement855,
    Fault,
    Group,
    Interchange,
    Invoice810,
    MessageInvalid,
    ShipNotice856,
    TransactionSet,
    read_interchanges,
)
from shopwire.adapters.x12.trading import (
    Unclear,
    answered,
    billed,
    charges_minor,
    parcels_of,
    units_of,
    verdict,
)
from shopwire.kernel.commands import Command, Envelope
from shopwire.kernel.errors import ErrorBody, FeedUnreadable, ShopwireError, StorageUnavailable
from shopwire.kernel.ids import DEFAULT_TENANT, topic_of
from shopwire.kernel.log import EventLog
from shopwire.kernel.purchasing import LineAnswer, OrderedLine
from shopwire.kernel.queries import Reads
from shopwire.kernel.write_path import WritePath
from shopwire.modules.channels.api import (
    InvoiceLine,
    OrderedUnits,
    RecordInvoice,
    RecordReceipt,
    X12Way,
)
from shopwire.modules.channels.store import letters_in, meant_by
from shopwire.modules.shipping.api import (
    AcknowledgementNotice,
    KeepNotice,
    Notice,
    ParcelNotice,
    Units,
)
from shopwire.modules.shipping.notice_commands import commands_of

PRINCIPAL: Final = "activity:channels.read_inbox"
"""Who records what suppliers' files say."""
_ELSEWHERE: Final = {
    "846": "an 846 says what there is: it is a feed, for Try a file or a source of the supplier",
    "850": "an 850 is a purchase order: the shop writes them, and takes none",
}
FUNCTIONS: Final = frozenset({"855", "856", "810", "997"})
"""Messages that are read; others are kept for a person."""
REASONS_MAX: Final = 10
"""Reasons of one file that are told; a file that is wrong is mostly wrong in one way."""
_UNITS: Final = ("accepted", "ordered")


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a text."""

    reasons: list[str] = []
    """Why parts of it could not be used; none where all of it was."""
    groups: list[tuple[Group, dict[str, list[Fault]]]] = []
    """What a 997 is owed for, and what was wrong in it."""
    interchange: Interchange | None = None
    cut_off: bool = False
    """It ends too early: perhaps it is still being written."""

    @property
    def reason(self) -> str:
        """All reasons as one text."""
        return "; ".join(dict.fromkeys(self.reasons[:REASONS_MAX]))


class X12Answers:
    """Reads and applies; it may be told the same again, since every effect has a key."""

    def __init__(self, write_path: WritePath, reads: Reads, log: EventLog) -> None:
        self._write_path, self._reads, self._log = write_path, reads, log

    async def take(self, supplier: str, way: X12Way, data: bytes) -> Outcome:
        """Applies what can be; raises StorageUnavailable where it has to be told again."""
        outcome = Outcome()
        digest = hashlib.sha256(data).hexdigest()[:32]
        try:
            interchanges = read_interchanges(data)
        except FeedUnreadable as problem:
            outcome.reasons.append(problem.data["reason"])
            outcome.cut_off = "cut off" in problem.data["reason"]
            return outcome
        for place, interchange in enumerate(interchanges):
            outcome.interchange = interchange
            outcome.cut_off = any("cut off" in one for one in interchange.problems)
            stranger = _stranger(interchange, way)
            if stranger or interchange.problems:
                outcome.reasons += [stranger] if stranger else interchange.problems
                continue
            for at, group in enumerate(interchange.groups):
                key = f"x12-{digest}-{place}-{at}"
                await self._group(supplier, group, key, outcome)
        return outcome

    async def _group(self, supplier: str, group: Group, key: str, outcome: Outcome) -> None:
        faults: dict[str, list[Fault]] = {}
        if group.errors:
            outcome.reasons.append(f"group {group.control} has a wrong trailer")
        for number, one in enumerate([] if group.errors else group.sets):
            try:
                await self._set(supplier, one, f"{key}-{number}")
            except MessageInvalid as problem:
                faults[one.control] = problem.faults
                outcome.reasons.append(f"{one.kind} {one.control}: {problem}")
            except Unclear as problem:
                outcome.reasons.append(f"{one.kind} {one.control}: {problem}")
            except StorageUnavailable:
                raise
            except ShopwireError as problem:
                if problem.temporary:
                    raise StorageUnavailable(problem.detail, retry_ms=1_000) from problem
                outcome.reasons.append(f"{one.kind} {one.control}: {problem.detail}")
        if group.functional_id != "FA":
            outcome.groups.append((group, faults))

    async def _set(self, supplier: str, one: TransactionSet, key: str) -> None:
        if one.errors:
            raise Unclear("its trailer does not fit: it may be incomplete")
        if one.kind == "855":
            await self._acknowledgement(supplier, one, key)
        elif one.kind == "856":
            await self._shipment(supplier, one, key)
        elif one.kind == "810":
            await self._invoice(supplier, one, key)
        elif one.kind == "997":
            await self._receipt(supplier, one, key)
        else:
            raise Unclear(_ELSEWHERE.get(one.kind, f"a {one.kind[:6]} is not read here"))

    # -- messages -----------------------------------------------------------------------------

    async def _acknowledgement(self, supplier: str, one: TransactionSet, key: str) -> None:
        message = Acknowledgement855.from_segments(one.segments)
        own_id, ordered = await self._meant(supplier, message.order)
        told = answered(message, ordered)
        notice = AcknowledgementNotice(
            purchase_order=own_id,
            lines=_units(told.lines),
            supplier_reference=told.reference,
            reason="refused" if told.refused else "",
        )
        await self._apply(supplier, notice, key)

    async def _shipment(self, supplier: str, one: TransactionSet, key: str) -> None:
        message = ShipNotice856.from_segments(one.segments)
        parcels = []
        for parcel in parcels_of(message):
            own_id, ordered = await self._meant(supplier, parcel.order)
            notice = ParcelNotice(
                purchase_order=own_id,
                reference=parcel.reference,
                carrier=parcel.carrier,
                tracking=parcel.tracking,
                lines=_units(units_of(parcel.lines, ordered)),
            )
            parcels.append(notice)
        # Nothing of a shipment is applied before all of it is understood.
        for number, notice in enumerate(parcels):
            await self._apply(supplier, notice, f"{key}-{number}")

    async def _invoice(self, supplier: str, one: TransactionSet, key: str) -> None:
        message = Invoice810.from_segments(one.segments)
        own_id, ordered = await self._meant(supplier, message.order)
        known = await self._ordered(own_id)
        currency = message.currency or next((one.currency for one in known if one.currency), "")
        if not currency:
            raise Unclear("the bill names no currency, and the order had none")
        lines = tuple(
            InvoiceLine(sku=line.sku, quantity=line.quantity, price=line.price)
            for line in billed(message, ordered)
        )
        command = RecordInvoice(
            supplier=supplier,
            number=message.number,
            purchase_order=own_id,
            currency=currency,
            lines=lines,
            charges_minor=charges_minor(message),
            tax_minor=message.tax_minor,
            total_minor=message.total_minor,
            ordered=known,
        )
        await self._do(command, key)

    async def _receipt(self, supplier: str, one: TransactionSet, key: str) -> None:
        told = verdict(one.segments)
        if told.functional_id != "PO":
            raise Unclear(f"the 997 answers a group {told.functional_id}, none of ours")
        letters = await letters_in(self._reads, DEFAULT_TENANT, supplier, told.control)
        if letters is None:
            raise Unclear(f"the 997 answers an interchange {told.control} that never left")
        command = RecordReceipt(
            supplier=supplier, control=told.control, letters=letters, receipt=told.receipt
        )
        await self._do(command, key)

    # -- inside -------------------------------------------------------------------------------

    async def _meant(self, supplier: str, number: str) -> tuple[str, tuple[OrderedLine, ...]]:
        found = await meant_by(self._reads, DEFAULT_TENANT, supplier, number)
        if found is None:
            raise Unclear(f"there is no order {number!r} of this supplier")
        lines = (
            OrderedLine(sku=line.sku, quantity=line.quantity, supplier_sku=line.supplier_sku)
            for line in found[1]
        )
        return found[0], tuple(lines)

    async def _ordered(self, own_id: str) -> tuple[OrderedUnits, ...]:
        topic = topic_of("purchase_order", own_id)
        found: Any = await self._log.documents(DEFAULT_TENANT, [topic])
        if not found:
            return ()
        document = msgspec.json.decode(found[0].body)
        units = _UNITS[0] if document["answer"] else _UNITS[1]
        return tuple(
            OrderedUnits(
                sku=line["sku"],
                quantity=line[units],
                cost_minor=line["cost_minor"],
                currency=line["cost_currency"],
            )
            for line in document["lines"]
        )

    async def _apply(self, supplier: str, notice: Notice, key: str) -> None:
        """Applies a notice, or keeps it beside those that came by the door."""
        source = f"supplier:{supplier}"
        for number, command in enumerate(commands_of(source, notice, ())):
            envelope = Envelope(command=command, key=f"{key}/{number}", principal=source)
            outcome = await self._write_path.submit(envelope)
            if outcome.ok:
                continue
            problem = msgspec.json.decode(outcome.body, type=ErrorBody)
            if problem.temporary or outcome.status >= 500:
                raise StorageUnavailable(problem.message, retry_ms=1_000)
            keep = KeepNotice(source=source, id=key, notice=notice, because=problem.name)
            await self._do(keep, key, source)
            return

    async def _do(self, command: Command, key: str, principal: str = PRINCIPAL) -> None:
        outcome = await self._write_path.submit(
            Envelope(command=command, key=key, principal=principal)
        )
        if outcome.ok:
            return
        problem = msgspec.json.decode(outcome.body, type=ErrorBody)
        if problem.temporary or outcome.status >= 500:
            raise StorageUnavailable(problem.message, retry_ms=1_000)
        raise Unclear(problem.message)


def _stranger(interchange: Interchange, way: X12Way) -> str:
    """Why an interchange is not the supplier's word to this shop; empty where it is."""
    sender, receiver = interchange.sender[1], interchange.receiver[1]
    if sender.casefold() != way.receiver.strip().casefold():
        return f"it is from {sender[:20]!r}, not from {way.receiver!r}"
    if receiver.casefold() != way.sender.strip().casefold():
        return f"it is for {receiver[:20]!r}, not for {way.sender!r}"
    if interchange.test != way.test:
        return "it is a test" if interchange.test else "it is no test"
    return ""


def _units(lines: Sequence[LineAnswer]) -> tuple[Units, ...]:
    return tuple(Units(sku=line.sku, quantity=line.quantity) for line in lines)
