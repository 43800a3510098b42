"""Commands over connections to a server that is killed under them: each takes effect once."""

import asyncio
import os
import signal

import pytest
from tests.services.test_process import Up, free_port

from shopwire.sync.client import SyncClient
from shopwire.sync.client_commands import CommandRefused

pytestmark = [
    pytest.mark.anyio, pytest.mark.postgres, pytest.mark.slow,
]  # fmt: skip
CLIENTS, EACH, UNITS, KILLS = 8, 40, 250, 2


async def buy_all(client, name, told):
    """One unit after the other, each under a key of its own, until all are answered."""
    for number in range(EACH):
        key = f"{name}-{number}"
        body = {"sku": "MUG", "quantity": 1, "reference": key}
        try:
            done = await client.send("inventory.sell_stock", body, key=key, timeout_s=240)
            told[key] = done.versions["stock:MUG"]
        except CommandRefused as refused:
            told[key] = -refused.code


async def restart(up, port):
    os.kill(up.process.pid, signal.SIGKILL)
    await asyncio.to_thread(up.end)
    return await asyncio.to_thread(Up(up.data, port).ready)


async def test_kills_under_commands_leave_each_of_them_with_one_effect(shop_folder):
    port = free_port()
    up = await asyncio.to_thread(Up(shop_folder, port).ready)
    clients = [SyncClient(f"ws://127.0.0.1:{port}/sync", backoff_ms_min=20) for _ in range(CLIENTS)]
    told = {}
    try:
        up.post("inventory.report_stock", "seed", sku="MUG", supplier="kiln", quantity=UNITS)
        for client in clients:
            await client.start()
            client.subscribe(["stock:MUG"])
        async with asyncio.TaskGroup() as group:
            for name, client in enumerate(clients):
                group.create_task(buy_all(client, name, told))
            for kill in range(KILLS):
                enough = (kill + 1) * CLIENTS * EACH // (KILLS + 1)
                await clients[0].until(lambda enough=enough: len(told) >= enough, 120)
                up = await restart(up, port)
        assert len(told) == CLIENTS * EACH
        sold = sorted(version for version in told.values() if version > 0)
        assert sold == list(range(2, UNITS + 2)), "one version a sale, no gap"
        assert set(told.values()) - set(sold) == {-2104}
        for client in clients:
            await client.until(lambda c=client: c.held("stock:MUG").version == UNITS + 1, 60)
            assert client.held("stock:MUG").document["available"] == 0
    finally:
        for client in clients:
            await client.stop()
        up.signal(signal.SIGINT)
        await asyncio.to_thread(up.end)
