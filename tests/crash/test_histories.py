"""Processes and PostgreSQL are killed: every answer fits one order, none that was given is lost."""

import asyncio
import os
import signal

import pytest
from tests.crash.fleet import fleet, rows
from tests.crash.shoppers import SKUS, Shopper, swept

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import EmbeddedPostgres
from shopwire.testing.checkers import StockRegister, check_linearizable

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.slow]


async def killing_postgres(server, servers, answers):
    """SIGKILL for PostgreSQL after so many answers, and a new start; as often as it takes."""
    while True:
        enough = len(servers.told) + answers
        while len(servers.told) < enough:
            servers.moved.clear()
            await servers.moved.wait()
        async with servers.database_up:
            os.kill(server.pid, signal.SIGKILL)
            await server.died.wait()
            await server.stop()
            await server.start()
            servers.database_kills += 1


def hurt(servers):
    """Whether somebody felt anything of it."""
    return servers.unanswered + servers.refused_for_now > 0


async def shop(folder, *, shoppers, turns, answers_a_kill, answers_a_database_kill, kills, seed):
    """Goes on until so many of either have been killed, however quick or slow they come back."""
    server = EmbeddedPostgres(folder)
    await server.start()
    try:
        dsn = server.dsn()
        await migrate(dsn)
        async with fleet(dsn, size=3, seed=seed) as servers:
            servers.database_kills, servers.database_up = 0, asyncio.Lock()
            for number, sku in enumerate(SKUS):
                await Shopper(servers, f"opening-{number}").report(sku, 40)
            trouble = [
                asyncio.create_task(servers.killing(answers_a_kill)),
                asyncio.create_task(killing_postgres(server, servers, answers_a_database_kill)),
            ]

            def enough() -> bool:
                return min(servers.kills, servers.database_kills) >= kills and hurt(servers)

            async with asyncio.timeout(600), asyncio.TaskGroup() as group:
                for number in range(shoppers):
                    group.create_task(Shopper(servers, f"shopper-{number}").work(turns, enough))
            async with servers.database_up:
                for task in trouble:
                    assert not task.done()
                    task.cancel()
                await asyncio.gather(*trouble, return_exceptions=True)
            await check(dsn, servers)
            return servers
    finally:
        await server.stop()


async def check(dsn, servers):
    assert await servers.ask_all_again() == 0
    calls = [*servers.recorder.calls, *await swept(dsn)]
    assert check_linearizable(StockRegister(), calls) == []
    assert await servers.findings() == []
    held = await rows(
        dsn, "SELECT sku, reserved, sold, reported, shortfall FROM stock_pool ORDER BY sku"
    )
    assert [row["sku"] for row in held] == list(SKUS)


async def test_histories_stay_linearizable_while_processes_and_postgres_are_killed(data_folder):
    servers = await shop(
        data_folder, shoppers=6, turns=12, answers_a_kill=40, answers_a_database_kill=60, kills=1,
        seed=3,
    )  # fmt: skip
    assert servers.kills >= 1
    assert servers.database_kills >= 1
    assert hurt(servers)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(5))
async def test_histories_stay_linearizable_through_a_long_siege(data_folder, seed):
    servers = await shop(
        data_folder, shoppers=8, turns=60, answers_a_kill=60, answers_a_database_kill=90, kills=4,
        seed=seed,
    )  # fmt: skip
    assert servers.kills >= 4
    assert servers.database_kills >= 4
