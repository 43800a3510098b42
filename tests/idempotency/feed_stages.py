"""Stages of what persons decide about feeds, and of what an undo puts back."""

from msgspec.structs import replace
from tests.idempotency.stages import RUN, stage

from shopwire.kernel.marks import mark_of
from shopwire.modules.catalog.api import (
    ProductBefore,
    ProductContent,
    PutProduct,
    RestoreProducts,
    Variant,
)
from shopwire.modules.feeds.api import (
    Altered,
    AlteredGroup,
    ApproveRun,
    BadRow,
    BeginUndo,
    Counts,
    Digest,
    FinishRun,
    HoldRun,
    IntendMend,
    KeepPart,
    KeepTexts,
    Kept,
    NoteChunk,
    NoteIntent,
    NoteMend,
    NoteUndone,
    PruneRun,
    PutLimits,
    RecoverMend,
    RejectRun,
    ResumeRun,
)
from shopwire.modules.feeds.events import Hold, HoldReason
from shopwire.modules.feeds.limits import UNDO_KEPT_MS
from shopwire.modules.feeds.saved import PutProfile, RemoveProfile
from shopwire.modules.inventory.api import CountBefore, ReportStock, RestoreCounts
from shopwire.modules.suppliers.api import OfferBefore, PutOffer, RestoreOffers

MAPPING = '[fields]\nsku = { columns = ["Artikel"] }\n'
SAVED = PutProfile(name="lager", mapping=MAPPING)


@stage
async def feeds__put_profile(bench):
    return SAVED


@stage
async def feeds__remove_profile(bench):
    await bench.do(SAVED)
    return RemoveProfile(name="lager")


HELD = HoldRun(
    run="run-1",
    counts=Counts(rows=2, changed=2),
    hold=Hold(reasons=(HoldReason(rule="zeroed", count=30, of=40, limit_percent=30),)),
    parts=1,
)
GROUP = AlteredGroup(
    key="MUG",
    altered=(Altered(what="stock", id="MUG", supplier="acme", was=None, now={"reported": 3}),),
    said_was=Digest(key="MUG"),
    said_now=Digest(key="MUG", stock="c"),
)
TAKEN = NoteChunk(
    run="run-1",
    supplier="acme",
    counts=Counts(rows=2, changed=1, quarantined=1),
    digests=(Digest(key="MUG", stock="c"),),
    bad_rows=(BadRow(line=3, code="negative", reason="stock is -1", remedy="0", raw="A,-1"),),
    altered=(replace(GROUP, key="CUP"), GROUP),
)
FINISHED = FinishRun(run="run-1", counts=Counts(rows=2, changed=1, quarantined=1))


@stage
async def feeds__put_limits(bench):
    return PutLimits(supplier="acme", zeroed_percent=50)


@stage
async def feeds__keep_part(bench):
    await bench.do(RUN)
    return KeepPart(run="run-1", part=0, data="YQ==")


@stage
async def feeds__resume_run(bench):
    kept = KeepPart(run="run-1", part=0, data="YQ==", whole=True)
    await bench.do(RUN, kept, NoteChunk(run="run-1", supplier="acme", counts=Counts(rows=2)))
    return ResumeRun(run="run-1")


@stage
async def feeds__keep_texts(bench):
    await bench.do(RUN)
    return KeepTexts(
        run="run-1", supplier="acme", kind="full", reading="r", first=0, pieces=("YQ==", "")
    )


@stage
async def feeds__note_intent(bench):
    await bench.do(RUN)
    return NoteIntent(run="run-1", groups=(GROUP,))


@stage
async def feeds__hold_run(bench):
    await bench.do(RUN, KeepPart(run="run-1", part=0, data="YQ=="))
    return HELD


@stage
async def feeds__approve_run(bench):
    await bench.do(RUN, HELD)
    return ApproveRun(run="run-1", by="ann")


@stage
async def feeds__reject_run(bench):
    await bench.do(RUN, HELD)
    return RejectRun(run="run-1")


@stage
async def feeds__note_mend(bench):
    await bench.do(RUN, TAKEN, FINISHED)
    return NoteMend(run="run-1", seq=1, outcome="mended", by="ann", raw="A,1", altered=(GROUP,))


INTENT = IntendMend(run="run-1", seq=1, groups=(GROUP,))


@stage
async def feeds__intend_mend(bench):
    await bench.do(RUN, TAKEN, FINISHED)
    return INTENT


@stage
async def feeds__recover_mend(bench):
    await bench.do(RUN, TAKEN, FINISHED, INTENT)
    return RecoverMend(run="run-1", seq=1, altered=(GROUP,))


@stage
async def feeds__prune_run(bench):
    await bench.do(RUN, TAKEN, FINISHED)
    await bench.later(UNDO_KEPT_MS)
    return PruneRun(run="run-1")


@stage
async def feeds__undo_run(bench):
    await bench.do(RUN, TAKEN, FINISHED)
    return BeginUndo(run="run-1", by="ann")


@stage
async def feeds__note_undone(bench):
    await bench.do(RUN, TAKEN, FINISHED, BeginUndo(run="run-1", by="ann"))
    kept = (Kept(what="stock", id="MUG", supplier="acme", fields=("reported",)),)
    return NoteUndone(run="run-1", down_to=2, said=(GROUP,), restored=1, kept=kept)


@stage
async def suppliers__restore_offers(bench):
    await bench.do(PutOffer(sku="MUG", supplier="acme", cost_minor=200, currency="EUR"))
    before = OfferBefore(
        sku="MUG", supplier="acme", was={"cost_minor": 100}, now={"cost_minor": 200}
    )
    return RestoreOffers(offers=(before,))


@stage
async def inventory__restore_counts(bench):
    await bench.do(ReportStock(sku="MUG", supplier="acme", quantity=5))
    before = CountBefore(sku="MUG", supplier="acme", reported=3, now=5, reports=1)
    return RestoreCounts(counts=(before,), reference="undo run-1")


@stage
async def catalog__restore_products(bench):
    mug = ProductContent(id="mug", title="Mug", variants=(Variant(sku="MUG"),))
    await bench.do(PutProduct(source="acme", product=mug))
    before = ProductBefore(id="mug", was={"title": "Cup"}, now={"title": mark_of("Mug")})
    return RestoreProducts(products=(before,))
