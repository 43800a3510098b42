"""A running shop whose processes are killed under buyers: nothing acknowledged is lost or doubled.

The real server with its own PostgreSQL, the real door of the checkout, the simulated provider with
books of its own. Buyers repeat each request under its key until it is answered; meanwhile the
server, or its database, is killed without a chance to say goodbye.
"""

import asyncio
import json
import os
import random
import signal
import sqlite3
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.e2e.shop import Shop, free_port

from shopwire.adapters.payments.books import Entry

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.slow]

STOCK = {"HOT": 25, "COLD": 400, "MILD": 60}
METHODS = ["card"] * 6 + ["card_declined", "card_lost", "card_told_first", "card_pending"]
DONE_S_MAX = 120.0
"""Until an order counts as half-done for ever. How busy this machine is must not decide: that none
is for longer than half a minute is held in simulated time, in every history of
`tests/simulation/test_simulation.py` (`HALF_DONE_MS_MAX`)."""
LOG_SHOWN_MAX = 20_000
"""Characters of the shop's own words that a failure shows."""
ANSWERS_A_KILL = (8, 20)
"""So many checkouts are answered between two kills, however long the machine takes for that."""


class Buyers:
    """So many shoppers who each buy again and again, until they are told to stop."""

    def __init__(self, url: str, prices: dict[str, int], seed: int) -> None:
        self.url, self.prices = url, prices
        self.chance = random.Random(seed)
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.unanswered: set[str] = set()
        self.stopping = False
        self.moved = asyncio.Event()

    async def buy(self, client: httpx2.AsyncClient) -> None:
        """One checkout; the same key until somebody answers."""
        skus = self.chance.sample(sorted(STOCK), self.chance.choice([1, 2]))
        lines = [
            {"sku": sku, "quantity": self.chance.choice([1, 1, 2]), "price_minor": self.prices[sku]}
            for sku in skus
        ]
        body = checkout(lines, self.chance.choice(METHODS))
        key = uuid.UUID(int=self.chance.getrandbits(128)).hex
        self.unanswered.add(key)
        while True:
            answer = await self._ask(client, key, body)
            if answer is None or _is_temporary(answer[1]):
                # Whoever is killed comes back: the same request, a little later, for ever.
                await asyncio.sleep(0.1)
                continue
            self.answers[key] = answer
            self.moved.set()
            self.unanswered.discard(key)
            repeated = await self._ask(client, key, body)
            if repeated is not None and not _is_temporary(repeated[1]):
                assert repeated == answer, "a repeat was answered otherwise"
            return

    async def _ask(self, client: Any, key: str, body: Any) -> tuple[int, bytes] | None:
        try:
            answer = await client.post("/api/checkout", json=body, headers={"Idempotency-Key": key})
        except httpx2.HTTPError:
            return None
        return answer.status_code, answer.content

    async def until_answered(self, count: int) -> None:
        """Until so many more checkouts were answered."""
        enough = len(self.answers) + count
        while len(self.answers) < enough:
            self.moved.clear()
            await self.moved.wait()

    async def run(self, shoppers: int) -> None:
        async with httpx2.AsyncClient(base_url=self.url, timeout=15) as client:

            async def shopper() -> None:
                while not self.stopping:
                    await self.buy(client)

            await asyncio.gather(*(shopper() for _ in range(shoppers)))


def _is_temporary(body: bytes) -> bool:
    try:
        return bool(json.loads(body).get("temporary"))
    except ValueError:
        return True


def kill_database(shop: Shop) -> None:
    """SIGKILL for the postmaster: the server starts it again by itself."""
    pid = int((shop.data / "pg" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)


def stock_up(shop: Shop) -> dict[str, int]:
    """Puts the articles on sale; returns their prices."""

    def post(path: str, body: dict[str, Any]) -> httpx2.Response:
        with httpx2.Client(base_url=shop.url, timeout=15) as client:
            return client.post(path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex})

    def send(operation: str, **body: Any) -> None:
        answer = post(f"/api/commands/{operation}", body)
        assert answer.status_code == 200, answer.text

    send("suppliers.register_supplier", id="north", name="North")
    for sku, units in STOCK.items():
        send("suppliers.put_offer", sku=sku, supplier="north", cost_minor=1_000, currency="EUR")
        send("inventory.report_stock", sku=sku, supplier="north", quantity=units)
    # Prices follow the offers; a purchase at a wrong price is told the right ones.
    wrong = checkout([{"sku": sku, "quantity": 1, "price_minor": 1} for sku in STOCK], "card")
    while True:
        told = post("/api/checkout", wrong).json()
        assert told["name"] == "PriceMoved", told
        prices = {one["sku"]: one["amount_minor"] for one in told["data"]["changes"]}
        if None not in prices.values():
            return prices


def checkout(lines: list[dict[str, Any]], method: str) -> dict[str, Any]:
    """The body of a checkout."""
    address = {
        "name": "A. Shopper", "lines": ["Street 1"], "postal_code": "1000", "city": "Town",
        "country": "BE",
    }  # fmt: skip
    return {
        "lines": lines,
        "currency": "EUR",
        "email": "shopper@example.com",
        "address": address,
        "method": method,
    }


def read(shop: Shop, path: str) -> Any:
    with httpx2.Client(base_url=shop.url, timeout=15) as client:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


def all_orders(shop: Shop) -> list[dict[str, Any]]:
    """Every order's document."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = read(shop, f"/api/orders?limit=100{cursor}")
        found += [entry["doc"] for entry in page["items"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def charged(shop: Shop) -> dict[str, Entry]:
    """The provider's own books, which no mistake of the shop's can reach."""
    con = sqlite3.connect(shop.data / "simulated" / "payments.sqlite")
    try:
        rows = con.execute("SELECT body FROM entry").fetchall()
    finally:
        con.close()
    entries = [msgspec.json.decode(body, type=Entry) for (body,) in rows]
    return {entry.id: entry for entry in entries}


async def until_done(shop: Shop) -> list[dict[str, Any]]:
    """All orders, when none is half-done and all money has arrived where it belongs."""
    deadline = asyncio.get_running_loop().time() + DONE_S_MAX
    while True:
        orders = await asyncio.to_thread(all_orders, shop)
        open_ones = [
            one for one in orders
            if one["status"] == "checking_out"
            or (one["status"] not in ("failed", "cancelled") and one["payment"] != "captured")
            or one["payment"] in ("authorised", "voiding")
        ]  # fmt: skip
        if not open_ones:
            return orders
        assert asyncio.get_running_loop().time() < deadline, open_ones[:3]
        await asyncio.sleep(0.2)


async def a_run(data: Path, seed: int, kills: int) -> None:
    chance = random.Random(seed)
    shop = Shop(data, free_port())
    await asyncio.to_thread(shop.start)
    try:
        prices = await asyncio.to_thread(stock_up, shop)
        buyers = Buyers(shop.url, prices, seed)
        buying = asyncio.create_task(buyers.run(16))
        for _ in range(kills):
            await buyers.until_answered(chance.randint(*ANSWERS_A_KILL))
            if chance.random() < 0.5:
                kill_database(shop)
            else:
                shop.kill()
                await asyncio.to_thread(shop.start)
        buyers.stopping = True
        await asyncio.wait_for(buying, 200)
        assert not buyers.unanswered
        orders = await until_done(shop)
        assert await asyncio.to_thread(shop.stop) == 0
        check(shop, buyers, orders)
    except BaseException as problem:
        said = shop.log.read_text() if shop.log.exists() else ""
        problem.add_note(f"seed {seed}; what the shop said last:\n{said[-LOG_SHOWN_MAX:]}")
        raise
    finally:
        shop.stop()


def check(shop: Shop, buyers: Buyers, orders: list[dict[str, Any]]) -> None:
    """What was acknowledged is there once; units and money add up, on both sides."""
    by_id = {order["id"]: order for order in orders}
    statuses = Counter(status for status, _ in buyers.answers.values())
    told = [
        json.loads(body)["result"]["order_id"]
        for status, body in buyers.answers.values()
        if status == 200
    ]
    assert len(told) == len(set(told)), "two requests were answered with one order"
    assert all(by_id[one]["status"] not in ("failed", "checking_out") for one in told)
    assert statuses[200] > 10, statuses
    books = charged(shop)
    sold: Counter[str] = Counter()
    for order in orders:
        entry = books.get(order["id"])
        taken = entry.captured_minor - entry.refunded_minor if entry else 0
        if order["status"] in ("failed", "cancelled"):
            assert taken == 0, order
            assert entry is None or entry.left_minor == 0, "money is promised for nothing"
        else:
            assert taken == order["total_minor"], order
            assert entry is not None
            assert len(entry.captures) == 1
            sold.update({line["sku"]: line["quantity"] for line in order["lines"]})
    assert all(sold[sku] <= units for sku, units in STOCK.items()), sold
    report = shop.run("log", "verify")
    assert report["drift_total"] == 0, report["drift"][:5]


async def test_a_shop_whose_processes_are_killed_loses_and_doubles_nothing(shop_folder):
    await a_run(shop_folder, seed=1, kills=4)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(5))
async def test_the_same_for_longer(shop_folder, seed):
    await a_run(shop_folder, seed, kills=30)
