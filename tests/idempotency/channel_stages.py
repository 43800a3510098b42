"""Stages of the ways to suppliers; see `stages`."""

from tests.idempotency.stages import STAGES, stage

from shopwire.modules.channels.api import (
    BeginBundle,
    DismissMessage,
    EraseMessage,
    InvoiceLine,
    KeepMessage,
    LetterLine,
    MendMessage,
    NoteInbox,
    OrderedUnits,
    PostLetter,
    PutChannel,
    RecallLetter,
    RecordBundle,
    RecordInvoice,
    RecordReceipt,
    SettleBundle,
    SettleInvoice,
    SettleMessage,
    StageBundle,
    WebhookWay,
)
from shopwire.modules.channels.domain import MESSAGES_OPEN_MS

__all__ = ["STAGES"]
ORDER = "cart-0000-abc.1/acme"
WAY = PutChannel(supplier="acme", way=WebhookWay(url="https://acme.example/orders"))
MUGS = (LetterLine(sku="MUG", quantity=2),)
POST = PostLetter(supplier="acme", purchase_order=ORDER, lines=MUGS)
BEGIN = BeginBundle(supplier="acme", letters=(ORDER,))
STAGE = StageBundle(supplier="acme", bundle="acme/1", letters=(ORDER,))
LEFT = RecordBundle(supplier="acme", bundle="acme/1", letters=(ORDER,), outcome="left")
DOUBT = RecordBundle(supplier="acme", bundle="acme/1", letters=(ORDER,), outcome="doubtful")
BILL = RecordInvoice(
    supplier="acme",
    number="I1",
    purchase_order=ORDER,
    currency="EUR",
    lines=(InvoiceLine(sku="MUG", quantity=2, price="5.00"),),
    total_minor=1_100,
    ordered=(OrderedUnits(sku="MUG", quantity=2, cost_minor=500, currency="EUR"),),
)
KEPT = KeepMessage(supplier="acme", id="m1", name="a.edi", text="Dear shop", reason="no X12")
MEND = MendMessage(supplier="acme", id="m1", text="Dear Ada")


@stage
async def channels__put_channel(bench):
    return WAY


@stage
async def channels__note_inbox(bench):
    await bench.do(WAY)
    return NoteInbox(supplier="acme", reason="nobody answers")


@stage
async def channels__post_letter(bench):
    await bench.do(WAY)
    return POST


@stage
async def channels__recall_letter(bench):
    await bench.do(WAY, POST)
    return RecallLetter(supplier="acme", purchase_order=ORDER, lines=MUGS)


@stage
async def channels__begin_bundle(bench):
    await bench.do(WAY, POST)
    return BEGIN


@stage
async def channels__stage_bundle(bench):
    await bench.do(WAY, POST, BEGIN)
    return STAGE


@stage
async def channels__record_bundle(bench):
    await bench.do(WAY, POST, BEGIN, STAGE)
    return LEFT


@stage
async def channels__settle_bundle(bench):
    await bench.do(WAY, POST, BEGIN, STAGE, DOUBT)
    return SettleBundle(supplier="acme", bundle="acme/1", letters=(ORDER,), arrived=True)


@stage
async def channels__record_receipt(bench):
    await bench.do(WAY, POST, BEGIN, STAGE, DOUBT)
    return RecordReceipt(supplier="acme", control=1, letters=(ORDER,), receipt="accepted")


@stage
async def channels__record_invoice(bench):
    return BILL


@stage
async def channels__settle_invoice(bench):
    await bench.do(BILL)
    return SettleInvoice(
        supplier="acme", number="I1", purchase_order=ORDER, outcome="disputed", note="too dear"
    )


@stage
async def channels__keep_message(bench):
    return KEPT


@stage
async def channels__mend_message(bench):
    await bench.do(KEPT)
    return MEND


@stage
async def channels__settle_message(bench):
    await bench.do(KEPT, MEND)
    return SettleMessage(supplier="acme", id="m1")


@stage
async def channels__erase_message(bench):
    await bench.do(KEPT)
    await bench.later(MESSAGES_OPEN_MS)
    return EraseMessage(supplier="acme", id="m1")


@stage
async def channels__dismiss_message(bench):
    await bench.do(KEPT)
    return DismissMessage(supplier="acme", id="m1")
