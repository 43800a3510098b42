"""How bills and unread texts are decided: what comes in by the ways, and people settle."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import AlreadyExists, InvalidField, NotFound, RuleBroken
from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Need, View
from shopwire.kernel.validation import check_name, check_quantity, check_text
from shopwire.modules.carts.api import check_insider
from shopwire.modules.channels.api import (
    DismissMessage,
    EraseMessage,
    KeepMessage,
    MendMessage,
    RecordInvoice,
    SettleInvoice,
    SettleMessage,
)
from shopwire.modules.channels.billing import LINES_MAX, billed_units, compare
from shopwire.modules.channels.domain import Invoice, Message, check_supplier
from shopwire.modules.channels.events import (
    InvoiceRecorded,
    InvoiceSettled,
    MessageErased,
    MessageEvent,
    MessageKept,
    MessageMended,
    MessageSettled,
)

TEXT_CHARS_MAX: Final = 1_000_000
"""Letters of a text that is kept whole; of a longer one the beginning is, for people to see."""
REASON_CHARS_MAX: Final = 500
"""Letters of a reason that are kept."""


# -- bills ------------------------------------------------------------------------------------


def do_record_invoice(command: RecordInvoice, view: View, context: Context) -> Decision:
    """Takes a bill once by its number; the same number with another bill is refused."""
    check_insider(context.principal, command.operation)
    own_id = f"{check_supplier(command.supplier)}/{check_name(command.number, 'number')}"
    _check_bill(command)
    others = [
        one
        for one in view.all(Invoice, command.purchase_order)
        if one.id != own_id and one.state != "disputed"
    ]
    compared = compare(command, billed_units([line for one in others for line in one.lines]))
    invoice = Invoice(
        tenant=context.tenant,
        id=own_id,
        supplier=command.supplier,
        number=command.number,
        purchase_order=command.purchase_order,
        version=1,
        state="differs" if compared.differences else "matched",
        currency=command.currency,
        lines=command.lines,
        charges_minor=command.charges_minor,
        tax_minor=command.tax_minor,
        total_minor=command.total_minor,
        expected_minor=compared.expected_minor,
        differences=compared.differences,
        received_at_ms=context.now_ms,
    )
    known = view.one(Invoice, command.purchase_order, own_id)
    if known is not None:
        if _said(known) != _said(invoice):
            raise AlreadyExists(what="invoice", id=own_id)
        return Decision(result={"applied": False, "state": known.state})
    event = InvoiceRecorded(entity=own_id, version=1, document=invoice.document())
    return Decision(put=[invoice], events=[event], result={"applied": True, "state": invoice.state})


def _said(invoice: Invoice) -> tuple[Any, ...]:
    """What the supplier wrote, without what came of it here."""
    return (
        *(invoice.purchase_order, invoice.currency, invoice.lines, invoice.charges_minor),
        *(invoice.tax_minor, invoice.total_minor),
    )


def _check_bill(command: RecordInvoice) -> None:
    exponent_of(command.currency)
    check_name(command.purchase_order, "purchase_order")
    if not 1 <= len(command.lines) <= LINES_MAX:
        reason = f"a bill has 1 to {LINES_MAX} lines"
        raise InvalidField(f"{reason}.", field="lines", reason=reason)
    for line in command.lines:
        check_name(line.sku, "lines.sku")
        check_quantity(line.quantity, least=0, field="lines.quantity")
    for field in ("charges_minor", "tax_minor", "total_minor"):
        if abs(getattr(command, field)) > MONEY_MINOR_MAX:
            raise InvalidField(f"{field} is too large.", field=field, reason="out of range")


def do_settle_invoice(command: SettleInvoice, view: View, _context: Context) -> Decision:
    """A person decides about a bill; what was decided can be decided anew."""
    own_id = f"{command.supplier}/{command.number}"
    known = view.one(Invoice, command.purchase_order, own_id)
    if known is None:
        raise NotFound(what="invoice", id=own_id)
    note = check_text(command.note, "note", chars_max=REASON_CHARS_MAX)
    after = replace(known, state=command.outcome, note=note)
    if after == known:
        return Decision(result={"applied": False, "state": known.state})
    after = replace(after, version=after.version + 1)
    event = InvoiceSettled(entity=after.id, version=after.version, document=after.document())
    return Decision(put=[after], events=[event], result={"applied": True, "state": after.state})


# -- texts ------------------------------------------------------------------------------------


def do_keep_message(command: KeepMessage, view: View, context: Context) -> Decision:
    """Keeps it once by its id, the beginning of one that is too long."""
    check_insider(context.principal, command.operation)
    own_id = f"{check_supplier(command.supplier)}/{check_name(command.id, 'id')}"
    known = view.one(Message, own_id)
    if known is not None and known.state != "erased":
        return Decision(result={"applied": False, "state": known.state})
    kept = Message(
        tenant=context.tenant,
        id=own_id,
        supplier=command.supplier,
        own_id=command.id,
        name=command.name[:REASON_CHARS_MAX],
        version=1 if known is None else known.version + 1,
        reason=command.reason[:REASON_CHARS_MAX],
        text=_storable(command.text),
        received_at_ms=context.now_ms,
    )
    return Decision(put=[kept], events=[_told(MessageKept, kept)], result={"applied": True})


def do_mend_message(command: MendMessage, view: View, _context: Context) -> Decision:
    """Lets it be read again, with another text where there is one."""
    kept = _message(view, command)
    if kept.state not in ("open", "reading"):
        return Decision(result={"applied": False, "state": kept.state})
    text = kept.text
    if command.text is not None:
        text = check_text(command.text, "text", chars_max=TEXT_CHARS_MAX)
    after = replace(
        kept, version=kept.version + 1, state="reading", text=text, tries=kept.tries + 1
    )
    return Decision(put=[after], events=[_told(MessageMended, after)], result={"applied": True})


def do_settle_message(command: SettleMessage, view: View, context: Context) -> Decision:
    """Notes what came of reading it again."""
    check_insider(context.principal, command.operation)
    kept = _message(view, command)
    if kept.state != "reading":
        return Decision(result={"applied": False, "state": kept.state})
    state, reason = "open" if command.reason else "applied", command.reason[:REASON_CHARS_MAX]
    after = replace(kept, version=kept.version + 1, state=state, reason=reason)
    return Decision(put=[after], events=[_told(MessageSettled, after)], result={"applied": True})


def do_dismiss_message(command: DismissMessage, view: View, _context: Context) -> Decision:
    """Puts it away; it stays on record."""
    kept = _message(view, command)
    if kept.state in ("applied", "dismissed", "erased"):
        return Decision(result={"applied": False, "state": kept.state})
    after = replace(kept, version=kept.version + 1, state="dismissed")
    return Decision(put=[after], events=[_told(MessageSettled, after)], result={"applied": True})


def do_erase_message(command: EraseMessage, view: View, context: Context) -> Decision:
    """Erases its text; that it came, and why it could not be used, stays on record."""
    check_insider(context.principal, command.operation)
    kept = _message(view, command)
    if kept.state == "erased":
        return Decision(result={"applied": False, "state": kept.state})
    if context.now_ms < kept.erased_at_ms:
        raise RuleBroken(
            "The message may still be needed.",
            rule="a text is kept until its time is over",
            reason=f"it came less than {days_of(kept)} days ago",
        )
    after = replace(kept, version=kept.version + 1, state="erased", text="")
    return Decision(put=[after], events=[_told(MessageErased, after)], result={"applied": True})


def days_of(kept: Message) -> int:
    """For how many days the text of a message is kept."""
    return (kept.erased_at_ms - kept.received_at_ms) // 86_400_000


def _storable(text: str) -> str:
    return text[:TEXT_CHARS_MAX].replace("\0", "\ufffd")


def _message(view: View, command: Any) -> Message:
    own_id = f"{command.supplier}/{command.id}"
    kept = view.one(Message, own_id)
    if kept is None:
        raise NotFound(what="message", id=own_id)
    return kept


def _told(kind: type[MessageEvent], kept: Message) -> MessageEvent:
    return kind(entity=kept.id, version=kept.version, document=kept.document())


def _needs_of_invoice(command: RecordInvoice | SettleInvoice) -> Iterable[Need]:
    return (Need(Invoice, command.purchase_order),)


def _needs_of_message(command: Any) -> Iterable[Need]:
    return (Need(Message, f"{command.supplier}/{command.id}"),)


def _home(command: Any) -> str:
    return str(command.supplier)


HANDLERS: Final = (
    Handler(
        command=RecordInvoice,
        partition_key=_home,
        needs=_needs_of_invoice,
        decide=do_record_invoice,
    ),
    Handler(
        command=SettleInvoice,
        partition_key=_home,
        needs=_needs_of_invoice,
        decide=do_settle_invoice,
    ),
    Handler(
        command=KeepMessage, partition_key=_home, needs=_needs_of_message, decide=do_keep_message
    ),
    Handler(
        command=MendMessage, partition_key=_home, needs=_needs_of_message, decide=do_mend_message
    ),
    Handler(
        command=SettleMessage,
        partition_key=_home,
        needs=_needs_of_message,
        decide=do_settle_message,
    ),
    Handler(
        command=EraseMessage,
        partition_key=_home,
        needs=_needs_of_message,
        decide=do_erase_message,
    ),
    Handler(
        command=DismissMessage,
        partition_key=_home,
        needs=_needs_of_message,
        decide=do_dismiss_message,
    ),
)
