"""Any order of reports, orders, acknowledgements, refusals, cancellations and repeats of them.

Failing seeds are printed; `SHOPWIRE_SEEDS=17:18` runs that one alone.
"""

import asyncio
import os
import time

import pytest
from msgspec.structs import replace
from tests.inventory.desk import Desk
from tests.inventory.interleavings import Life, Step, lives, settled
from tests.modules.shop import Shop, drifts, error_of, postgres_shop, result_of

from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import ShopwireError
from shopwire.modules.inventory import counting, reporting, sales
from shopwire.modules.inventory.api import ExpireHolds
from shopwire.modules.inventory.domain import OpenSale, Pool, Sale, StockHold
from shopwire.testing.stock_model import Says

LIVES = 10_000
LIVES_ON_POSTGRES = 300
LIVES_IN_A_SOAK = 3_000
LIVES_AT_ONCE = 50
START_MS = 1_700_000_000_000
SUMS_EVERY_STEPS = 5


def seeds(most: int) -> range:
    chosen = os.environ.get("SHOPWIRE_SEEDS", "")
    if not chosen:
        return range(most)
    first, _, end = chosen.partition(":")
    return range(int(first), int(end))


def judge(step: Step, problem: str, own: Says) -> str:
    """What is wrong after a step, if anything; `problem` is the refusal's name."""
    if step.ok and problem:
        return f"refused: {problem}"
    if not step.ok and problem != "StockShort":
        return "there is too little, and it was not refused"
    if own != step.says:
        return f"the model says {step.says}"
    if own.available > step.may_offer:
        return f"only {step.may_offer} may be offered"
    return ""


def in_the_end(life: Life, own: Says) -> str:
    """Once everything has arrived, the shop sells neither more nor less than there is."""
    there = settled(life.model)
    # A supplier whose counts say nothing never tells that a sale is in them.
    exact = life.style != "nothing"
    if own.available > there or (exact and own.available != there):
        return f"{there} can be sold"
    return ""


# -- in memory ----------------------------------------------------------------------------------


def said(pool: Pool | None) -> Says:
    """What a pool says, in the words of the model."""
    if pool is None:
        return Says(0, 0, 0, 0, 0, 0)
    return Says(
        pool.reported, pool.reserved, pool.sold, pool.withheld, pool.shortfall, pool.sellable(0)
    )


def differences(life: Life) -> list[str]:
    """Where the shop says something else than the model; the story up to there."""
    desk = Desk()
    told: list[tuple[Step, Says]] = []
    own = said(None)
    steps = life.tell()
    for number, step in enumerate(steps, 1):
        outcome = desk.decide(step.command, step.key, step.at_ms)
        own = said(desk.pool(life.sku))
        told.append((step, own))
        refused = type(outcome).__name__ if isinstance(outcome, ShopwireError) else ""
        problem = judge(step, refused, own)
        if not problem and (number % SUMS_EVERY_STEPS == 0 or number == len(steps)):
            problem = unexplained(desk, life.sku)
        if problem:
            return [*story(life, told), problem]
    problem = in_the_end(life, own)
    return [*story(life, told), problem] if problem else []


def story(life: Life, told: list[tuple[Step, Says]]) -> list[str]:
    """What happened, in words: only where they are read, since to write them costs a tenth."""
    first = f"seed {life.seed}, what the supplier says: {life.style}"
    return [first, *(f"{step.command} -> {own}" for step, own in told)]


def unexplained(desk: Desk, sku: str) -> str:
    """Each number is the sum of its rows, under its reference and under its SKU."""
    pool = desk.pool(sku)
    if pool is None:
        return ""
    sold: list[Sale] = desk.all(Sale)
    sides = {(s.reference, s.part): (s.state, s.quantity, s.answer) for s in sold}
    others: list[OpenSale] = desk.all(OpenSale)
    if sides != {(s.reference, s.part): (s.state, s.quantity, s.answer) for s in others}:
        return "the two sides of a sale differ"
    holds: list[StockHold] = desk.all(StockHold)
    sums = (
        sum(one.quantity for h in holds if h.state == "pending" for one in h.taken),
        sum(s.quantity for s in sold if s.state == "open"),
        sum(s.quantity for s in sold if s.state == "refused"),
        sum(line.reserved_delta for line in desk.lines),
        sum(line.sold_delta for line in desk.lines),
        sum(line.reported_delta for line in desk.lines),
        len(desk.lines),
    )
    balances = (pool.reserved, pool.sold, pool.withheld, pool.reserved, pool.sold, pool.reported)
    if sums != (*balances, pool.seq):
        return f"{sums} does not explain {balances}"
    posted = sum(one.quantity for h in holds if h.state == "posted" for one in h.taken)
    if posted != sum(s.quantity for s in sold if not s.part or s.part.startswith("+")):
        return "the units of posted holds are not those of the sales"
    return ""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_interleavings_agree_with_the_model():
    found = [story for life in lives(seeds(LIVES), START_MS) if (story := differences(life))]
    assert not found, "\n".join(["", *found[0], f"{len(found)} seeds differ"])


# -- whether the model would notice ---------------------------------------------------------------


def _earlier_only(pool, mark):
    if mark.sequence is not None and pool.sequence is not None:
        return mark.sequence < pool.sequence
    both = mark.at_ms is not None and pool.as_of_ms is not None
    return both and mark.at_ms < pool.as_of_ms


def _named_even_so(seen, sale):
    names = {sale.reference, f"{sale.reference}/{sale.supplier}"}
    return bool(seen) and not names.isdisjoint(seen)


def _marked_only(parts, pool, sale, mark):
    del pool
    parts.put(replace(sale, marked_at_ms=mark.at_ms, marked_sequence=mark.sequence))


def _free_at_once(parts, pool, quantity, reason, mark):
    del reason
    return counting.released(parts, pool, quantity, "cancelled", mark)


DEFECTS = {
    "what was booked at the moment of the count is not in it": (
        (counting, "contains", _earlier_only),
    ),
    "an older count is taken over": ((reporting, "superseded", lambda *_: False),),
    "an older count has seen nothing": ((reporting, "named_by", lambda *_: False),),
    "no count has seen anything": ((counting, "named_by", lambda *_: False),),
    "what was not booked is seen": ((counting, "named_by", _named_even_so),),
    "what was seen stays seen": ((counting, "_not_booked", lambda *_: None),),
    "a count that comes again is news": ((counting, "repeats", lambda *_: False),),
    "a late acknowledgement is not heard": ((counting, "_mark", _marked_only),),
    "refused units are free at once": ((sales, "released", _free_at_once),),
    "only the first report counts": ((reporting, "superseded", lambda *_: True),),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_noticed(defect, monkeypatch):
    for where, name, instead in DEFECTS[defect]:
        monkeypatch.setattr(where, name, instead)
    noticed = False
    for life in lives(range(LIVES), START_MS):
        try:
            noticed = bool(differences(life))
        except AssertionError:
            noticed = True
        if noticed:
            break
    assert noticed


# -- on PostgreSQL --------------------------------------------------------------------------------

_POOL = """
SELECT reported, reserved, sold, withheld, shortfall,
    greatest(0, reported - reserved - sold - withheld) AS available
FROM stock_pool WHERE tenant = 'main' AND sku = $1
"""


async def live(shop: Shop, life: Life) -> list[str]:
    """A life through the write path, as `differences` does it in memory."""
    story = [f"seed {life.seed}, what the supplier says: {life.style}"]
    own = said(None)
    for step in life.tell():
        refused = await send(shop, step)
        found = await shop.reads.fetch(_POOL, life.sku)
        own = Says(*found[0].values()) if found else said(None)
        story.append(f"{step.command} -> {own}")
        if problem := judge(step, refused, own):
            return [*story, problem]
    problem = in_the_end(life, own)
    return [*story, problem] if problem else []


async def send(shop: Shop, step: Step) -> str:
    """The name of the refusal, if it was one."""
    command, key = step.command, step.key
    while True:
        outcome = await shop.write_path.submit(Envelope(command=command, key=key))
        if not outcome.ok:
            return str(error_of(outcome)["name"])
        if not isinstance(command, ExpireHolds) or result_of(outcome)["expired"]:
            return ""
        # Here the time of the hold really passes: a millisecond at most.
        command, key = replace(command, at_ms=command.at_ms + 1), f"{key}+"


async def live_all(database_url: str, chosen: range) -> None:
    start_ms = int(time.time() * 1_000) - 3_600_000
    async with postgres_shop(database_url) as shop:
        turns = asyncio.Semaphore(LIVES_AT_ONCE)

        async def one(life: Life) -> list[str]:
            async with turns:
                return await live(shop, life)

        stories = await asyncio.gather(*map(one, lives(chosen, start_ms, direct=False)))
        found = [story for story in stories if story]
        assert not found, "\n".join(["", *found[0], f"{len(found)} seeds differ"])
        assert await drifts(shop) == []


@pytest.mark.anyio
@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_hundreds_of_interleavings_agree_on_postgres(database_url):
    await live_all(database_url, seeds(LIVES_ON_POSTGRES))


@pytest.mark.anyio
@pytest.mark.postgres
@pytest.mark.soak
async def test_thousands_of_interleavings_agree_on_postgres(database_url):
    await live_all(database_url, seeds(LIVES_IN_A_SOAK))
