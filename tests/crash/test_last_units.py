"""Two thousand buyers, a hundred units, four processes, and somebody who kills them."""

import asyncio
import sys

import pytest
from tests.crash.buyers import SKU, TTL_MS, Sale
from tests.crash.fleet import fleet, rows

from shopwire.testing.checkers import check_bounds
from shopwire.testing.history import Call

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.slow]
LATE_MS_MAX = 1_000
"""How long after its time a hold may still keep its units, whoever was killed.

Where the application does not check, each refusal by the schema costs transactions of its own and
the sweep waits behind them: then only what is sold is held to the letter.
"""
SWEPT_S_MAX = 120
"""Until a sweep counts as never coming: no measure of how late it may be."""

POOL = "SELECT reported, reserved, sold, shortfall, backorder FROM stock_pool"
LATENESS = """
SELECT coalesce(max(l.at_ms - h.expires_at_ms), 0)::bigint AS late_ms, count(*) AS expired
FROM stock_ledger l JOIN stock_hold h ON h.hold_id = l.reference
WHERE l.kind = 'expire'
"""
PENDING = "SELECT count(*) AS n FROM stock_hold WHERE state = 'pending'"


async def race(dsn, how, *, buyers, units, answers_a_kill, kills, seed):
    """Returns the fleet and what came of it, after so many kills and when all has come to rest."""
    async with fleet(dsn, how, seed=seed) as servers:
        sale = Sale(servers, units, lambda: servers.kills >= kills and servers.unanswered > 0)
        await sale.open()
        for worker in servers.workers:
            await worker.ready.wait()
        killing = asyncio.create_task(servers.killing(answers_a_kill))
        async with asyncio.timeout(600), asyncio.TaskGroup() as group:
            for number in range(buyers):
                group.create_task(sale.buyer(number))
        killing.cancel()
        async with asyncio.timeout(SWEPT_S_MAX):
            while (await rows(dsn, PENDING))[0]["n"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # other processes sweep: there is no signal to wait on
        return servers, sale


async def check(dsn, servers, sale, units):
    (pool,) = await rows(dsn, POOL)
    assert tuple(pool) == (units, 0, units, 0, 0)
    assert (await rows(dsn, PENDING))[0]["n"] == 0
    assert len(sale.sold) == len(set(sale.sold)) == units
    posted = await rows(dsn, "SELECT hold_id FROM stock_hold WHERE state = 'posted'")
    assert {row["hold_id"] for row in posted} == set(sale.sold)
    calls = [*servers.recorder.calls, *await swept(dsn, servers)]
    assert check_bounds(calls, {SKU: units}) == []
    assert await servers.findings() == []
    return (await rows(dsn, LATENESS))[0]


async def swept(dsn, servers):
    """The sweep's part of the history: its units came back at some time after the hold's own."""
    expired = await rows(dsn, "SELECT hold_id FROM stock_hold WHERE state = 'expired'")
    held = {c.arguments["hold"]: c for c in servers.recorder.calls if c.name == "reserve"}
    return [
        Call(
            process="sweep",
            key=SKU,
            name="expire",
            arguments={"hold": row["hold_id"], "units": 1},
            began=held[row["hold_id"]].began + TTL_MS / 1_000,
        )
        for row in expired
    ]


@pytest.mark.parametrize(("how", "buyers", "units"), [("careful", 300, 30), ("careless", 50, 8)])
async def test_exactly_the_last_units_are_sold_whoever_is_killed(database_url, how, buyers, units):
    servers, sale = await race(
        database_url, how, buyers=buyers, units=units, answers_a_kill=2 * units, kills=2, seed=1
    )
    await check(database_url, servers, sale, units)
    assert servers.kills >= 2
    assert servers.unanswered > 0


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("how", ["careful", "careless"])
async def test_two_thousand_buyers_get_exactly_a_hundred_units(database_url, how):
    servers, sale = await race(
        database_url, how, buyers=2_000, units=100, answers_a_kill=100, kills=5, seed=2
    )
    late = await check(database_url, servers, sale, units=100)
    sys.stdout.write(
        f"{how}: {servers.kills} kills, {servers.unanswered} requests without an answer, "
        f"{servers.replayed} answered again, {sale.refused} refused, {late['expired']} holds "
        f"expired, at most {late['late_ms']} ms after their time\n"
    )
    assert servers.kills >= 5
    assert servers.unanswered > 0
    assert how == "careless" or late["late_ms"] <= LATE_MS_MAX
