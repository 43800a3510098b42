"""AdventureWorks' vendors as suppliers that behave as its purchase orders say they did.

Each purchase order is an order of the shop whose units the vendor was chosen for. The vendor takes
what was received, refuses what was short, refuses all of what was rejected as a whole, and ships on
the day that the tables name. What it refuses goes to the next best vendor of the article, if there
is one. Units that were received and rejected come back as returns.
"""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.modules.shop import Shop, handlers
from tests.orders.world import World, start

from shopwire.adapters.memory import MemoryLog, MemoryState, MemoryStorage
from shopwire.cli.bench.routing_orders import minor, rows_of
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.write_path import WritePath
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.orders.api import OrderLine
from shopwire.modules.pricing.api import ApplyCost, PriceRules, PutRules
from shopwire.modules.routing.api import RoutingRules
from shopwire.modules.routing.scoring import DAY_MS, UNKNOWN
from shopwire.modules.routing.store import Asked, Market
from shopwire.modules.routing.weighing import Candidate, Known, Occasion, Wanted, choose
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    BeginSending,
    OpenReturn,
    ReceiveReturn,
    RecordSending,
    RecordShipment,
    RecordTracking,
    SetSupplierRules,
    Units,
)
from shopwire.services.routing import answer_to

pytestmark = pytest.mark.anyio

SAMPLE_EVERY = 160
"""Of the purchase orders, how many the suite itself takes: one in so many."""
ANSWER_MS = 3_600_000
"""How long vendors take to answer: the tables do not say it."""
REJECTED = "3"
"""Status of a purchase order that its vendor did not take at all."""
RULES = RoutingRules(reroute_loss_minor_max=10**9, score_bp=0, doubt_bp=0)
STOCK = 10**6


class Line(NamedTuple):
    sku: str
    ordered: int
    received: int
    returned: int


class Order(NamedTuple):
    number: int
    vendor: str
    rejected: bool
    ordered_ms: int
    shipped_ms: int
    lines: tuple[Line, ...]


class Tables(NamedTuple):
    orders: list[Order]
    offers: dict[tuple[str, str], tuple[int, int]]
    """(Product, vendor) to (cost, lead time in days)."""
    vendors_of: dict[str, tuple[str, ...]]


def moment(text: str) -> int:
    at = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return int(at.timestamp() * 1_000)


def read(folder: Path) -> Tables:
    offers = {
        (row[1], row[2]): (minor(row[4]), int(row[3])) for row in rows_of(folder, "ProductVendor")
    }
    lines: dict[str, dict[str, Line]] = defaultdict(dict)
    for row in rows_of(folder, "PurchaseOrderDetail"):
        ordered, received = int(row[3]), int(float(row[7]))
        # Some receipts are larger than the order; what is sent is what was asked for.
        received = min(ordered, received)
        returned = min(received, int(float(row[8])))
        known = lines[row[0]].get(row[4], Line(row[4], 0, 0, 0))
        lines[row[0]][row[4]] = Line(
            row[4],
            known.ordered + ordered,
            known.received + received,
            known.returned + returned,
        )
    orders = [
        Order(
            int(row[0]),
            row[4],
            row[2] == REJECTED,
            moment(row[6]),
            moment(row[7]),
            tuple(lines[row[0]].values()),
        )
        for row in rows_of(folder, "PurchaseOrderHeader")
    ]
    vendors: dict[str, list[str]] = defaultdict(list)
    for product, vendor in offers:
        vendors[product].append(vendor)
    return Tables(orders, offers, {sku: tuple(own) for sku, own in vendors.items()})


class Clock(SystemClock):
    """Stands still until a test moves it."""

    def __init__(self, now_ms: int) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms


@asynccontextmanager
async def world_at(clock: Clock) -> AsyncIterator[World]:
    state = MemoryState()
    write_path = WritePath(MemoryStorage(state), handlers(), clock)
    await write_path.start()
    log = MemoryLog(state)
    try:
        yield World(Shop(write_path, log))
    finally:
        await write_path.stop()
        await log.close()


class Replay:
    """Runs the purchase orders through a shop, moment by moment."""

    def __init__(self, world: World, clock: Clock, tables: Tables) -> None:
        self.world, self.clock, self.tables = world, clock, tables
        self._due: list[tuple[int, int, Callable[[], Coroutine[Any, Any, None]]]] = []
        self._numbers = itertools.count()
        self.prices: dict[str, int] = {}
        self.moved: Counter[str] = Counter()
        self.left: Counter[str] = Counter()

    def at(self, when_ms: int, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        heapq.heappush(self._due, (when_ms, next(self._numbers), act))

    async def run(self, orders: list[Order]) -> None:
        await self._open(orders)
        for order in orders:
            self.at(order.ordered_ms, lambda order=order: self._buy(order))
        while self._due:
            when_ms, _, act = heapq.heappop(self._due)
            self.clock.at_ms = max(self.clock.at_ms, when_ms)
            await act()
            await self.world.pump()
        assert self.world.refused == []

    async def _open(self, orders: list[Order]) -> None:
        await self.world.do(PutRules(rules=PriceRules(compare_at_msrp=False)))
        vendors = set()
        for sku in sorted({line.sku for order in orders for line in order.lines}):
            offered = {
                vendor: self.tables.offers[sku, vendor][0]
                for vendor in self.tables.vendors_of.get(sku, ())
            }
            bought = {order.vendor for order in orders if sku in {one.sku for one in order.lines}}
            cost = max(offered.values(), default=1_000)
            await self.world.do(
                ApplyCost(
                    sku=sku,
                    supplier="any",
                    cost_minor=cost,
                    currency="EUR",
                    lead_time_days=None,
                    map_minor=None,
                    msrp_minor=None,
                    active=True,
                )
            )
            price = await self.world.shop.document(f"price:{sku}")
            self.prices[sku] = price["amount_minor"]
            for vendor in sorted(bought | offered.keys()):
                vendors.add(vendor)
                await self.world.do(ReportStock(sku=sku, supplier=vendor, quantity=STOCK))
        for vendor in sorted(vendors):
            await self.world.do(SetSupplierRules(supplier=vendor, ship_within_ms=60 * DAY_MS))
        await self.world.pump()

    def market(self, sku: str, only: str = "") -> Market:
        vendors = [only] if only else list(self.tables.vendors_of.get(sku, ()))
        candidates = []
        for vendor in vendors:
            cost, days = self.tables.offers.get((sku, vendor), (1_000, 0))
            candidates.append(
                Candidate(
                    sku=sku,
                    supplier=vendor,
                    there=STOCK,
                    cost_minor=cost,
                    currency="EUR",
                    lead_time_days=days or None,
                )
            )
        known = Known(candidates=tuple(candidates), terms={}, scores={}, prior=UNKNOWN, rules=RULES)
        return Market(known=known, categories={}, seen=0)

    async def _buy(self, order: Order) -> None:
        """The vendor of the tables is the choice; its offers say what it costs and how long."""
        lines = tuple(
            OrderLine(
                sku=line.sku,
                title=f"Article {line.sku}",
                quantity=line.ordered,
                price_minor=self.prices[line.sku],
            )
            for line in order.lines
        )
        wanted = [
            Wanted(
                sku=line.sku,
                quantity=line.quantity,
                revenue_minor=line.quantity * line.price_minor,
            )
            for line in lines
        ]
        candidates = tuple(
            candidate
            for line in lines
            for candidate in self.market(line.sku, order.vendor).known.candidates
        )
        known = self.market(lines[0].sku).known
        route = choose(
            wanted,
            Known(candidates=candidates, terms={}, scores={}, prior=UNKNOWN, rules=known.rules),
            Occasion(currency="EUR", country="GB", value_minor=0, now_ms=self.clock.at_ms),
        )
        order_id = f"aw-{order.number:06}.1"
        await self.world.do(
            start(order_id=order_id, lines=lines, has_cart=False, route=route),
            principal="checkout",
        )
        await self.world.complete(order_id)
        await self.world.pump()
        await self._send(f"{order_id}/{order.vendor}")
        self.at(self.clock.at_ms + ANSWER_MS, lambda: self._answer(order, order_id))

    async def _send(self, purchase_order: str) -> None:
        await self.world.do(BeginSending(purchase_order=purchase_order))
        await self.world.do(RecordSending(purchase_order=purchase_order, outcome="received"))

    async def _answer(self, order: Order, order_id: str) -> None:
        purchase_order = f"{order_id}/{order.vendor}"
        units = {line.sku: 0 if order.rejected else line.received for line in order.lines}
        accepted = tuple(Units(sku=sku, quantity=count) for sku, count in units.items() if count)
        await self.world.do(AcknowledgePurchaseOrder(purchase_order=purchase_order, lines=accepted))
        await self.world.pump()
        if accepted:
            self.at(order.shipped_ms, lambda: self._ship(order, purchase_order, accepted))
        for number in range(1, 1 + sum(line.ordered > units[line.sku] for line in order.lines)):
            await self._elsewhere(order_id, f"{order_id}/C{number}")

    async def _elsewhere(self, order_id: str, conflict_id: str) -> None:
        """What the activity does: the market is that of the tables."""
        conflict = await self.world.shop.document(f"conflict:{conflict_id}")
        paid = conflict["quantity"] * self.prices[conflict["sku"]]
        asked = Asked(
            order_id=order_id,
            sku=conflict["sku"],
            supplier=conflict["supplier"],
            quantity=conflict["quantity"],
            reason=conflict["reason"],
            currency="EUR",
            total_minor=paid,
            country="GB",
            value_minor=paid,
            ordered=conflict["quantity"],
            late=None,
            status=None,
            unanswered=0,
            avoid=frozenset({conflict["supplier"]}),
        )
        market = self.market(asked.sku)
        command = answer_to(conflict_id, asked, market, self.clock.at_ms)
        await self.world.do(command, principal="activity:routing.find_supplier")
        await self.world.pump()
        if type(command).__name__ != "Reroute":
            self.left[asked.sku] += asked.quantity
            return
        self.moved[asked.sku] += asked.quantity
        picks: Any = command
        for pick in picks.picks:
            await self._all_well(order_id, pick.supplier, asked.sku)

    async def _all_well(self, order_id: str, supplier: str, sku: str) -> None:
        """Who takes over sends it the next day."""
        own = f"{order_id}/{supplier}"
        for purchase_order in (own, *(f"{own}/{number}" for number in range(2, 12))):
            document = await self.world.shop.document(f"purchase_order:{purchase_order}")
            if document is None:
                return
            if document["status"] != "planned":
                continue
            await self._send(purchase_order)
            units = tuple(
                Units(sku=one["sku"], quantity=one["ordered"]) for one in document["lines"]
            )
            await self.world.do(
                AcknowledgePurchaseOrder(purchase_order=purchase_order, lines=units)
            )
            await self.world.do(self._parcel(purchase_order, units))

    def _parcel(self, purchase_order: str, units: tuple[Units, ...]) -> RecordShipment:
        return RecordShipment(
            purchase_order=purchase_order,
            reference=f"parcel-{purchase_order}",
            carrier="dhl",
            tracking=f"T{next(self._numbers)}",
            lines=units,
        )

    async def _ship(self, order: Order, purchase_order: str, units: tuple[Units, ...]) -> None:
        shipped = await self.world.do(self._parcel(purchase_order, units))
        back = tuple(
            Units(sku=line.sku, quantity=line.returned) for line in order.lines if line.returned
        )
        if not back:
            return
        order_id = purchase_order.partition("/")[0]
        await self.world.do(
            RecordTracking(
                shipment=shipped["shipment"], event="e1", status="delivered", at_ms=self.clock.at_ms
            )
        )
        await self.world.pump()
        opened = await self.world.do(OpenReturn(order_id=order_id, lines=back, reason="damaged"))
        await self.world.do(
            ReceiveReturn(return_id=opened["return"], receipt=1, lines=back, restock=False)
        )


def told(orders: list[Order], offers: dict[tuple[str, str], tuple[int, int]]) -> dict[str, Any]:
    """What the tables say of each vendor, counted without the shop."""
    found: dict[str, Any] = defaultdict(Counter)
    for order in orders:
        own = found[order.vendor]
        units = [(line.ordered, 0 if order.rejected else line.received) for line in order.lines]
        own["units"] += sum(ordered for ordered, _ in units)
        own["refused"] += sum(ordered - received for ordered, received in units)
        own["answers"] += 1
        if any(received for _, received in units):
            own["parcels"] += 1
            days = [offers[line.sku, order.vendor][1] for line in order.lines
                    if (line.sku, order.vendor) in offers]  # fmt: skip
            took = order.shipped_ms - order.ordered_ms - ANSWER_MS
            own["late"] += bool(days) and took > max(days) * DAY_MS
    return found


async def replayed(folder: Path, orders: Callable[[list[Order]], list[Order]]) -> None:
    tables = read(folder)
    chosen = orders(tables.orders)
    clock = Clock(min(order.ordered_ms for order in chosen) - DAY_MS)
    async with world_at(clock) as world:
        replay = Replay(world, clock, tables)
        await replay.run(chosen)
        expected = told(chosen, tables.offers)
        await explained(replay, chosen)
        refusing, spotless = [], []
        for vendor, own in expected.items():
            score = await world.shop.document(f"score:{vendor}")
            share = own["refused"] / own["units"]
            (refusing if share > 0.02 else spotless).append((vendor, score))
            if share == 0:
                assert score["accepted"] >= 900, vendor
            else:
                assert score["accepted"] < 1_000, vendor
            if not own["late"]:
                assert score["shipped"] >= 900, vendor
        assert refusing
        worst = max(expected, key=lambda name: expected[name]["refused"] / expected[name]["units"])
        scores = {vendor: score["accepted"] for vendor, score in refusing + spotless}
        assert scores[worst] <= min(scores[vendor] for vendor, _ in spotless)


async def explained(replay: Replay, orders: list[Order]) -> None:
    """Every unit that was ordered was shipped, came back, or waits for a person: none is lost."""
    world = replay.world
    asked = shipped = in_question = returned = 0
    for order in orders:
        document = await world.order(f"aw-{order.number:06}.1")
        for line in document["lines"]:
            units = line["units"]
            asked += line["quantity"]
            assert sum(units.values()) == line["quantity"], (order, units)
            in_question += units.get("in_question", 0)
            returned += units.get("returned", 0)
            shipped += units.get("shipped", 0) + units.get("delivered", 0)
    assert asked == sum(line.ordered for order in orders for line in order.lines)
    assert in_question == sum(replay.left.values())
    assert returned == sum(
        line.returned for order in orders if not order.rejected for line in order.lines
    )
    assert shipped + returned + in_question == asked
    refused = sum(
        line.ordered - (0 if order.rejected else line.received)
        for order in orders
        for line in order.lines
    )
    assert sum(replay.moved.values()) + in_question == refused


@pytest.fixture
def tables(shared_data: Path) -> Path:
    folder = shared_data / "adventureworks"
    if not (folder / "PurchaseOrderDetail.tsv").is_file():
        pytest.skip(f"{folder} is absent. Remedy: set SHOPWIRE_SHARED_DATA to the real files")
    return folder


async def test_a_sample_of_the_purchase_orders_ends_as_the_tables_say(tables: Path):
    def sample(orders: list[Order]) -> list[Order]:
        flawed = [one for one in orders if one.rejected or any(
            line.received < line.ordered or line.returned for line in one.lines)]  # fmt: skip
        return orders[::SAMPLE_EVERY] + flawed[::40]

    await replayed(tables, lambda orders: sorted(set(sample(orders))))


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_all_purchase_orders_end_as_the_tables_say(tables: Path):
    await replayed(tables, lambda orders: orders)
