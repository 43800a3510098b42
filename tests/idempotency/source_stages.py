"""Stages of sources, and of what is kept back for them; see `stages`."""

from tests.idempotency.stages import STAGES, stage

from shopwire.kernel.fetching import Place
from shopwire.modules.inventory.api import KeepBack, ReportStock
from shopwire.modules.sources.api import (
    BeginFetch,
    FinishFetch,
    JudgeSupply,
    NoteGood,
    PauseSource,
    PutRule,
    PutSource,
    RemoveSource,
    RenewFetch,
    RunNow,
    Schedule,
)

__all__ = ["STAGES"]
FEED = PutSource(
    supplier="acme",
    place=Place(kind="http", address="https://acme.example/feed.csv"),
    schedule=Schedule(every_minutes=30),
)
LATER_MS = 4_000_000_000_000


@stage
async def inventory__keep_back(bench):
    await bench.do(ReportStock(sku="MUG", supplier="acme", quantity=5))
    return KeepBack(skus=("MUG",), supplier="acme", units=2)


@stage
async def sources__put_source(bench):
    return FEED


@stage
async def sources__pause_source(bench):
    await bench.do(FEED)
    return PauseSource(supplier="acme")


@stage
async def sources__remove_source(bench):
    await bench.do(FEED)
    return RemoveSource(supplier="acme")


@stage
async def sources__run_now(bench):
    await bench.do(FEED)
    return RunNow(supplier="acme")


@stage
async def sources__put_rule(bench):
    return PutRule(supplier="acme", when_stale="pause")


@stage
async def sources__begin_fetch(bench):
    await bench.do(FEED)
    return BeginFetch(supplier="acme", name="main", at_ms=LATER_MS)


@stage
async def sources__renew_fetch(bench):
    await bench.do(FEED)
    await bench.do(BeginFetch(supplier="acme", name="main", at_ms=LATER_MS))
    return RenewFetch(supplier="acme", name="main", fence=1, at_ms=LATER_MS + 30_000)


@stage
async def sources__finish_fetch(bench):
    await bench.do(FEED)
    await bench.do(BeginFetch(supplier="acme", name="main", at_ms=LATER_MS))
    return FinishFetch(
        supplier="acme", name="main", fence=1, at_ms=LATER_MS + 9, outcome="taken", rows=3
    )


@stage
async def sources__note_good(bench):
    await bench.do(FEED)
    return NoteGood(supplier="acme", at_ms=LATER_MS)


@stage
async def sources__judge_supply(bench):
    await bench.do(FEED)
    return JudgeSupply(supplier="acme", at_ms=LATER_MS)
