"""What only an undo or a mend needs is kept as long as they are offered, and goes then."""

import pytest
from tests.feeds.conftest import Shop
from tests.feeds.test_runs_cut_off import the_run
from tests.feeds.test_runs_mend import HEAD, mend

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import NotFound, RuleBroken
from shopwire.modules.feeds import deciding
from shopwire.modules.feeds.api import PruneRun
from shopwire.modules.feeds.limits import UNDO_KEPT_MS
from shopwire.modules.feeds.store import DUE_PRUNING, get_run
from shopwire.services.import_undo import undo_run

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

FEED = HEAD + "".join(f"p{n},P {n},All,S{n},5,2\n" for n in range(5)) + "x,X,All,X,-1,2\n"


async def prune(shop: Shop, run: str) -> None:
    await shop.importer.decide(PruneRun(run=run), "activity")


async def kept(shop: Shop) -> list[int]:
    names = ("import_change", "import_quarantine", "import_intent")
    return [(await shop.query(f"SELECT count(*) FROM {name}"))[0][0] for name in names]


async def test_what_an_undo_needs_goes_when_none_is_offered(shop: Shop, monkeypatch):
    for room in ("modules.feeds.quick", "services.import_news"):  # two parts
        monkeypatch.setattr(f"shopwire.{room}.CHUNK_ROWS_MAX", 3)
    run = (await shop.take(FEED)).id
    told = await the_run(shop, run)
    assert told["undo_until_ms"] == told["finished_at_ms"] + UNDO_KEPT_MS
    shown = await get_run(shop.store.reads, "main", run)
    assert shown["undo_until_ms"] == told["undo_until_ms"]
    (job,) = await shop.store.reads.fetch(DUE_PRUNING, 9)
    assert job["due_ms"] == told["undo_until_ms"]
    with pytest.raises(RuleBroken):
        await prune(shop, run)
    assert await kept(shop) == [5, 1, 2]

    old = SystemClock().now_ms() - UNDO_KEPT_MS
    await shop.query("UPDATE import_run SET finished_at_ms = $1, started_at_ms = $1", old)
    monkeypatch.setattr(deciding, "PRUNE_ENTRIES_MAX", 2)
    await prune(shop, run)
    assert await kept(shop) == [3, 0, 0]
    assert await shop.drift() == []
    assert (await the_run(shop, run))["undo_until_ms"] is None
    with pytest.raises(RuleBroken):
        await undo_run(shop.importer, run, principal="ann")
    with pytest.raises(NotFound):
        await mend(shop, run, 1, cells={"stock": "1"})
    while await shop.store.reads.fetch(DUE_PRUNING, 9):
        await prune(shop, run)
    assert await kept(shop) == [0, 0, 0]
    told = await the_run(shop, run)
    assert (told["altered"], told["quarantined"], told["rows"]) == (5, 1, 6)
    assert await shop.drift() == []


async def test_an_undo_is_offered_to_the_last_day(shop: Shop):
    run = (await shop.take(FEED)).id
    nearly = SystemClock().now_ms() - UNDO_KEPT_MS + 60_000
    await shop.query("UPDATE import_run SET finished_at_ms = $1", nearly)
    with pytest.raises(RuleBroken):
        await prune(shop, run)
    assert (await undo_run(shop.importer, run, principal="ann"))["status"] == "undone"
