"""Several real processes: hubs, the one that writes, the broker, each killed in turn."""

import asyncio
import json
import os
import shutil
import signal
import urllib.request
from pathlib import Path

import pytest
from tests.hubs.conftest import WAIT_S, Fleet, children, is_gone, kill

from shopwire.sync.client import SyncClient
from shopwire.sync.reducer import Held

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.postgres,
    pytest.mark.slow,
]
SKUS = [f"SKU-{number}" for number in range(20)]
TOPICS = [f"stock:{sku}" for sku in SKUS]


NONE = Held(0, None)


class Screen(SyncClient):
    """A client that counts what came, and goes to another hub when told."""

    def __init__(self, url: str) -> None:
        super().__init__(url, backoff_ms_min=50)
        self.snaps = self.patches = 0
        self.revoked: list[str] = []

    def on_message(self, message):
        for item in message["items"] if message["t"] == "batch" else [message]:
            if item.get("topic") == "ops:pulse":
                continue
            self.snaps += item["t"] == "snap"
            self.patches += item["t"] == "patch"
            if item["t"] == "revoke":
                self.revoked.append(item["topic"])
        super().on_message(message)

    def units(self, sku: str):
        held = self.held(f"stock:{sku}")
        return held.document["available"] if held is not None and held.document else None


@pytest.fixture
async def screens(fleet: Fleet):
    made = [Screen(fleet.socket_of(number)) for number in range(2)]
    for screen in made:
        await screen.start()
        screen.subscribe([*TOPICS, "ops:pulse"])
    yield made
    for screen in made:
        await screen.stop()


async def report(fleet: Fleet, units: int, skus=SKUS):
    counts = [{"sku": sku, "quantity": units} for sku in skus]
    answer = await fleet.send(
        "inventory.report_stocks", f"r{units}", supplier="acme", counts=counts
    )
    assert "error" not in answer


async def shown(screens, units: int, skus=SKUS):
    for screen in screens:
        await screen.until(lambda s=screen: all(s.units(sku) == units for sku in skus), WAIT_S)


async def test_any_process_may_die_and_every_screen_gets_everything(fleet: Fleet, screens):
    await report(fleet, 10)
    await shown(screens, 10)
    for screen in screens:
        await screen.until(
            lambda s=screen: (s.held("ops:pulse") or NONE).document is not None, WAIT_S
        )

    # A hub dies: its screen goes on at the other one, by what it missed and no more.
    moved = screens[0]
    pids = fleet.pids()
    victim = pids[f"hub {fleet.port + 1}"]
    moved.url = fleet.socket_of(1)
    kill(victim)
    await moved.until(lambda: moved.status == "offline", WAIT_S)
    snaps, patches = moved.snaps, moved.patches
    await report(fleet, 11, SKUS[:3])
    await moved.until_live(WAIT_S)
    await shown(screens, 11, SKUS[:3])
    assert moved.snaps == snaps
    assert moved.patches - patches == 3

    # The supervisor starts it again, and it is found again.
    async def hub_is_back() -> bool:
        return await fleet.get(f"{fleet.hubs[0]}/readyz") is not None

    await fleet.until(hub_is_back)
    assert fleet.pids()[f"hub {fleet.port + 1}"] != victim
    await fleet.ready()

    # The broker dies and loses everything: the database is followed until it is back.
    broker = fleet.pids()["nats-server"]
    os.kill(fleet.process.pid, signal.SIGSTOP)  # else it starts the next one on what is half gone
    os.waitid(os.P_PID, fleet.process.pid, os.WSTOPPED)
    kill(broker)
    shutil.rmtree(fleet.data / "nats" / "store")
    os.kill(fleet.process.pid, signal.SIGCONT)
    await report(fleet, 12)
    await shown(screens, 12)

    async def on_the_bus() -> bool:
        told = [await fleet.get(f"{hub}/api/status") for hub in fleet.hubs]
        return all(each is not None and each["follows"] == "bus" for each in told)

    await fleet.until(on_the_bus)
    await report(fleet, 13)
    await shown(screens, 13)

    # The one that writes dies: hubs go on serving what there is, and know that they hold it all.
    kill(fleet.pids()[f"up {fleet.port}"])
    late = Screen(fleet.socket_of(0))
    await late.start()
    late.subscribe(TOPICS)
    await shown([late], 13)
    await late.until(lambda: late.status == "live", WAIT_S)
    await late.stop()

    async def writes_again() -> bool:
        return await fleet.get(f"{fleet.url}/readyz") is not None

    await fleet.until(writes_again)
    await report(fleet, 14)
    await shown(screens, 14)
    assert not any(screen.broken or screen.errors for screen in screens)

    await session_ends_everywhere(fleet)
    pids = _all_below(fleet)
    assert fleet.stop(signal.SIGINT) == 0
    assert all(is_gone(pid) for pid in pids)
    assert not (fleet.data / "pg" / "postmaster.pid").exists()


async def session_ends_everywhere(fleet: Fleet):
    """A shopper's screens at both hubs, and one word of an operator at the one that writes."""
    session = await asyncio.to_thread(_ask, f"{fleet.url}/api/sessions", {"role": "shopper"}, None)
    subject, token = session["subject"], session["token"]
    cart = f"cart:{subject}-1"
    screens = []
    for number in range(2):
        # Each at another process than the one that takes it.
        asked = f"{(fleet.url, fleet.hubs[0])[number]}/api/tickets"
        ticket = await asyncio.to_thread(_ask, asked, {}, token)
        screen = Screen(f"{fleet.socket_of(number)}?ticket={ticket['ticket']}")
        await screen.start()
        screen.subscribe([cart])
        await screen.until_live(WAIT_S)
        screens.append(screen)
    await fleet.send("access.end_sessions", "end", account=f"shopper:{subject}")
    for screen in screens:
        await screen.until(lambda s=screen: s.revoked == [cart], WAIT_S)
        await screen.stop()


def _ask(url: str, body: dict, token: str | None) -> dict:
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


@pytest.mark.parametrize("hubs", [1])
async def test_a_killed_supervisor_leaves_no_orphan(fleet: Fleet):
    pids = _all_below(fleet)
    fleet.process.kill()
    fleet.process.wait()
    async with asyncio.timeout(WAIT_S):
        while not all(map(is_gone, pids)):  # noqa: ASYNC110 - other processes give no signal
            await asyncio.sleep(0.05)


def _all_below(fleet: Fleet) -> list[int]:
    pids = fleet.pids()
    assert {Path(name.split()[0]).name for name in pids} == {"up", "hub", "nats-server", "postgres"}
    return [*pids.values(), *children(pids["postgres"]).values()]
