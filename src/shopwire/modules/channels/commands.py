"""How ways to suppliers are decided, and what is on them."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import InvalidField, NotFound
from shopwire.kernel.rows import Need, View
from shopwire.kernel.trade_errors import PurchaseOrderState
from shopwire.kernel.validation import check_name
from shopwire.modules.carts.api import check_insider
from shopwire.modules.channels.api import (
    BeginBundle,
    NoteInbox,
    PostLetter,
    PutChannel,
    RecallLetter,
    RecordBundle,
    RecordReceipt,
    SettleBundle,
    StageBundle,
)
from shopwire.modules.channels.desk_commands import HANDLERS as DESK_HANDLERS
from shopwire.modules.channels.domain import (
    Bundle,
    Channel,
    Letter,
    check_gathering,
    check_supplier,
    check_way,
    kind_of,
    retry_ms,
)
from shopwire.modules.channels.events import (
    BundleBegun,
    BundleDelayed,
    BundleDoubted,
    BundleEvent,
    BundleLeft,
    BundleReceipted,
    BundleShortened,
    BundleStaged,
    ChannelPut,
    InboxNoted,
)

TROUBLE_CHARS_MAX: Final = 300
"""Letters of a reason that are kept."""


def do_put_channel(command: PutChannel, view: View, context: Context) -> Decision:
    """Holds for what leaves from now on; the same way again changes nothing."""
    check_way(command.way)
    check_gathering(command.gather_ms, command.orders_max)
    known = view.one(Channel, check_supplier(command.supplier))
    before = known or Channel(
        tenant=context.tenant,
        supplier=command.supplier,
        way=command.way,
        gather_ms=command.gather_ms,
        orders_max=command.orders_max,
    )
    after = replace(
        before, way=command.way, gather_ms=command.gather_ms, orders_max=command.orders_max
    )
    if after.way != before.way:
        after = replace(after, inbox_trouble="")
    if after == known:
        return Decision(result={"applied": False, "reason": "unchanged"})
    after = replace(after, version=after.version + 1)
    event = ChannelPut(entity=after.supplier, version=after.version, document=after.document())
    return Decision(put=[after], events=[event], result={"applied": True})


def do_note_inbox(command: NoteInbox, view: View, context: Context) -> Decision:
    """Shows that nothing comes back by a way, or that it does again."""
    check_insider(context.principal, command.operation)
    channel = _channel(view, command.supplier)
    reason = command.reason[:TROUBLE_CHARS_MAX]
    if channel.inbox_trouble == reason:
        return Decision(result={"applied": False, "reason": "unchanged"})
    after = replace(channel, inbox_trouble=reason, version=channel.version + 1)
    event = InboxNoted(entity=after.supplier, version=after.version, document=after.document())
    return Decision(put=[after], events=[event], result={"applied": True})


# -- orders -----------------------------------------------------------------------------------


def do_post_letter(command: PostLetter, view: View, context: Context) -> Decision:
    """Takes an order over once; one that was held back before it came never leaves."""
    check_insider(context.principal, command.operation)
    known = view.one(Letter, command.purchase_order)
    if known is not None:
        return Decision(result={"applied": False, "state": known.state, "number": known.number})
    channel = _channel(view, command.supplier)
    if not command.lines:
        raise InvalidField("An order needs units.", field="lines", reason="it is empty")
    letter, channel = _numbered(channel, command, context)
    if command.direct:
        letter = replace(letter, state="direct")
    return Decision(
        put=[letter, channel],
        result={"applied": True, "state": letter.state, "number": letter.number},
    )


def do_recall_letter(command: RecallLetter, view: View, context: Context) -> Decision:
    """Holds an order back as long as surely nothing of it left, and then for ever.

    One that never came is held back ahead. A part of an order cannot be: it leaves whole. Out of a
    bundle it is taken while the bundle is only prepared; whoever prepared it has to do so again.
    """
    check_insider(context.principal, command.operation)
    letter = view.one(Letter, command.purchase_order)
    if letter is None:
        letter, channel = _numbered(_channel(view, command.supplier), command, context)
        letter = replace(letter, state="recalled")
        return Decision(put=[letter, channel], result={"recalled": True})
    if letter.state == "recalled":
        return Decision(result={"recalled": True})
    wanted = {line.sku: line.quantity for line in command.lines}
    whole = all(wanted.get(line.sku, 0) >= line.quantity for line in letter.lines)
    held = replace(letter, state="recalled")
    if letter.state == "queued" and whole:
        return Decision(put=[held], result={"recalled": True})
    if letter.state == "bundled" and whole and command.bundle == letter.bundle:
        bundle = _bundle(view, command.bundle or "", command.supplier)
        if bundle.state == "staging":
            left = tuple(one for one in bundle.letters if one != letter.purchase_order)
            shorter = replace(bundle, letters=left)
            if not left:
                shorter = replace(shorter, state="void", trouble="")
            after, event = _told(BundleShortened, shorter)
            return Decision(put=[held, after], events=[event], result={"recalled": True})
    return Decision(result={"recalled": False})


def _numbered(
    channel: Channel, command: PostLetter | RecallLetter, context: Context
) -> tuple[Letter, Channel]:
    count = channel.letters + 1
    letter = Letter(
        tenant=context.tenant,
        purchase_order=check_name(command.purchase_order, "purchase_order"),
        supplier=command.supplier,
        number=f"P{count:06}",
        lines=command.lines,
        posted_at_ms=context.now_ms,
    )
    return letter, replace(channel, letters=count)


# -- bundles ----------------------------------------------------------------------------------


def do_begin_bundle(command: BeginBundle, view: View, context: Context) -> Decision:
    """Puts orders that still wait under one control number; the others are left out."""
    check_insider(context.principal, command.operation)
    channel = _channel(view, command.supplier)
    waiting = [
        letter
        for one in dict.fromkeys(command.letters)
        if (letter := view.one(Letter, one)) is not None
        and letter.state == "queued"
        and letter.supplier == command.supplier
    ][: channel.orders_max]
    if not waiting:
        return Decision(result={"applied": False, "reason": "nothing waits"})
    control = channel.bundles + 1
    bundle = Bundle(
        tenant=context.tenant,
        id=f"{command.supplier}/{control}",
        supplier=command.supplier,
        control=control,
        kind=kind_of(channel.way),
        way=channel.way,
        letters=tuple(letter.purchase_order for letter in waiting),
        begun_at_ms=context.now_ms,
        due_at_ms=context.now_ms,
    )
    after, event = _told(BundleBegun, bundle)
    rows = [replace(letter, state="bundled", bundle=bundle.id) for letter in waiting]
    return Decision(
        put=[replace(channel, bundles=control), after, *rows],
        events=[event],
        result={"applied": True, "bundle": bundle.id},
    )


def do_stage_bundle(command: StageBundle, view: View, context: Context) -> Decision:
    """Commits that it may leave, before it may."""
    check_insider(context.principal, command.operation)
    bundle = _bundle(view, command.bundle, command.supplier)
    if bundle.state != "staging":
        return Decision(result={"applied": False, "state": bundle.state})
    _check_same(bundle, command.letters)
    after, event = _told(BundleStaged, replace(bundle, state="releasing"))
    return Decision(put=[after], events=[event], result={"applied": True})


def do_record_bundle(command: RecordBundle, view: View, context: Context) -> Decision:
    """Notes what came of it. What left, and what is in doubt, never goes back by itself."""
    check_insider(context.principal, command.operation)
    bundle = _bundle(view, command.bundle, command.supplier)
    # Another process may have doubted what the one that let it leave knows.
    is_known = bundle.state == "doubtful" and command.outcome == "left"
    if bundle.state not in ("staging", "releasing") and not is_known:
        return Decision(result={"applied": False, "state": bundle.state})
    _check_same(bundle, command.letters)
    reason = command.reason[:TROUBLE_CHARS_MAX]
    if command.outcome == "left":
        return _left(bundle, view, context.now_ms)
    if command.outcome == "doubtful":
        kept = replace(bundle, state="doubtful", trouble=reason)
        after, event = _told(BundleDoubted, kept)
        return Decision(put=[after], events=[event], result={"applied": True})
    due = context.now_ms + retry_ms(bundle.tries)
    return _again(replace(bundle, trouble=reason, due_at_ms=due), view)


def do_settle_bundle(command: SettleBundle, view: View, context: Context) -> Decision:
    """A word that it arrived ends a doubt, also one to come; a word that it did not sends it again.

    Nobody knows the latter while it leaves: then it has no effect.
    """
    bundle = _bundle(view, command.bundle, command.supplier)
    if bundle.state != "doubtful" and not (command.arrived and bundle.state == "releasing"):
        return Decision(result={"applied": False, "state": bundle.state})
    _check_same(bundle, command.letters)
    if command.arrived:
        return _left(bundle, view, context.now_ms)
    return _again(replace(bundle, trouble="", due_at_ms=context.now_ms), view)


def do_record_receipt(command: RecordReceipt, view: View, context: Context) -> Decision:
    """A 997 proves that a bundle arrived, whatever was known before; the latest word counts."""
    check_insider(context.principal, command.operation)
    bundle = _bundle(view, f"{command.supplier}/{command.control}", command.supplier)
    if bundle.state == "staging":
        raise PurchaseOrderState(
            "A receipt came for what did not leave.", purchase_order=bundle.id, state=bundle.state
        )
    if bundle.receipt == command.receipt and bundle.state == "left":
        return Decision(result={"applied": False, "reason": "known"})
    rows: list[Any] = []
    if bundle.state != "left":
        _check_same(bundle, command.letters)
        rows = _departed(bundle, view, context.now_ms)
        bundle = replace(bundle, state="left", trouble="", left_at_ms=context.now_ms)
    after, event = _told(BundleReceipted, replace(bundle, receipt=command.receipt))
    return Decision(put=[after, *rows], events=[event], result={"applied": True})


def _again(bundle: Bundle, view: View) -> Decision:
    """It begins anew, by the way that its supplier is reached by now."""
    way = _channel(view, bundle.supplier).way
    begun = replace(bundle, state="staging", tries=bundle.tries + 1, way=way, kind=kind_of(way))
    after, event = _told(BundleDelayed, begun)
    return Decision(put=[after], events=[event], result={"applied": True})


def _left(bundle: Bundle, view: View, now_ms: int) -> Decision:
    gone = replace(bundle, state="left", trouble="", left_at_ms=now_ms)
    after, event = _told(BundleLeft, gone)
    rows = _departed(bundle, view, now_ms)
    return Decision(put=[after, *rows], events=[event], result={"applied": True})


def _departed(bundle: Bundle, view: View, now_ms: int) -> list[Letter]:
    letters = [view.one(Letter, one) for one in bundle.letters]
    return [replace(one, state="left", left_at_ms=now_ms) for one in letters if one is not None]


def _check_same(bundle: Bundle, letters: tuple[str, ...]) -> None:
    """The caller names the letters, so that they are at hand; they have to be the bundle's."""
    if letters != bundle.letters:
        raise InvalidField("The bundle has other orders.", field="letters", reason="they differ")


def _told(kind: type[BundleEvent], bundle: Bundle) -> tuple[Bundle, BundleEvent]:
    after = replace(bundle, version=bundle.version + 1)
    return after, kind(entity=after.id, version=after.version, document=after.document())


def _channel(view: View, supplier: str) -> Channel:
    channel = view.one(Channel, supplier)
    if channel is None:
        raise NotFound(what="channel", id=supplier)
    return channel


def _bundle(view: View, own_id: str, supplier: str) -> Bundle:
    bundle = view.one(Bundle, own_id)
    if bundle is None or bundle.supplier != supplier:
        raise NotFound(what="bundle", id=own_id)
    return bundle


def _needs_of_letter(command: PostLetter | RecallLetter) -> Iterable[Need]:
    yield Need(Channel, command.supplier)
    yield Need(Letter, command.purchase_order)
    if isinstance(command, RecallLetter) and command.bundle is not None:
        yield Need(Bundle, command.bundle)


def _needs_of_bundle(
    command: StageBundle | RecordBundle | SettleBundle,
) -> Iterable[Need]:
    return (
        Need(Channel, command.supplier),
        Need(Bundle, command.bundle),
        *(Need(Letter, one) for one in command.letters),
    )


def _needs_of_receipt(command: RecordReceipt) -> Iterable[Need]:
    own_id = f"{command.supplier}/{command.control}"
    return (Need(Bundle, own_id), *(Need(Letter, one) for one in command.letters))


def _needs_of_begin(command: BeginBundle) -> Iterable[Need]:
    return (Need(Channel, command.supplier), *(Need(Letter, one) for one in command.letters))


def _home(command: Any) -> str:
    return str(command.supplier)


HANDLERS: Final = (
    Handler(
        command=PutChannel,
        partition_key=_home,
        needs=lambda command: (Need(Channel, command.supplier),),
        decide=do_put_channel,
    ),
    Handler(
        command=NoteInbox,
        partition_key=_home,
        needs=lambda command: (Need(Channel, command.supplier),),
        decide=do_note_inbox,
    ),
    Handler(command=PostLetter, partition_key=_home, needs=_needs_of_letter, decide=do_post_letter),
    Handler(
        command=RecallLetter, partition_key=_home, needs=_needs_of_letter, decide=do_recall_letter
    ),
    Handler(
        command=BeginBundle, partition_key=_home, needs=_needs_of_begin, decide=do_begin_bundle
    ),
    Handler(
        command=StageBundle, partition_key=_home, needs=_needs_of_bundle, decide=do_stage_bundle
    ),
    Handler(
        command=RecordBundle, partition_key=_home, needs=_needs_of_bundle, decide=do_record_bundle
    ),
    Handler(
        command=SettleBundle, partition_key=_home, needs=_needs_of_bundle, decide=do_settle_bundle
    ),
    Handler(
        command=RecordReceipt,
        partition_key=_home,
        needs=_needs_of_receipt,
        decide=do_record_receipt,
    ),
    *DESK_HANDLERS,
)
