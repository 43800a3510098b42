"""The demo's parties, with a plain reader of their files in the place of the import."""

import csv
import io
from decimal import Decimal
from random import Random

import pytest
from structlog.testing import capture_logs

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Envelope
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.modules.inventory.api import ReportStock, SellStock
from shopwire.modules.suppliers.api import PutOffer, RegisterSupplier
from shopwire.services.container import Container, ServeOptions, open_container
from shopwire.services.demo.catalogue import catalogue
from shopwire.services.demo.demo import PACES, FeedResult, Simulation
from shopwire.services.demo.shoppers import Shoppers
from shopwire.services.demo.suppliers import COLUMNS, SETTLED_MS, Feed, first_feed, next_feed

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

NOW_MS = 1_800_000_000_000


def rows_of(feed: Feed) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(feed.content.decode())))


class Reader:
    """Takes a feed's rows in as commands, one by one."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.feeds: list[Feed] = []

    async def send(self, feed: Feed) -> FeedResult:
        self.feeds.append(feed)
        supplier, commands = feed.supplier.id, []
        commands.append(RegisterSupplier(id=supplier, name=feed.supplier.name))
        rows = rows_of(feed)
        for row in rows:
            commands += [
                PutOffer(
                    sku=row["sku"],
                    supplier=supplier,
                    cost_minor=int(Decimal(row["cost"]) * 100),
                    currency=row["currency"],
                ),
                ReportStock(
                    sku=row["sku"],
                    supplier=supplier,
                    quantity=int(row["stock"]),
                    as_of_ms=feed.as_of_ms,
                ),
            ]
        envelopes = [Envelope(command=command, key=new_id()) for command in commands]
        outcomes = await self.container.write_path.submit_many(envelopes)
        assert [outcome.body for outcome in outcomes if not outcome.ok] == []
        return FeedResult(rows=len(rows), changed=len(rows), quarantined=0)


@pytest.fixture
async def shop(data_folder):
    with capture_logs():
        async with open_container(ServeOptions(data=data_folder)) as container:
            yield Reader(container)


def simulation(shop: Reader) -> Simulation:
    parts = shop.container
    pace = PACES["normal"]
    return Simulation(parts.store.reads, parts.write_path.submit, shop.send, pace)


async def test_suppliers_are_introduced_once(shop: Reader):
    await simulation(shop).introduce()
    assert [feed.supplier.id for feed in shop.feeds] == [s.id for s in catalogue().suppliers]
    await simulation(shop).introduce()
    assert len(shop.feeds) == len(catalogue().suppliers)


async def test_a_supplier_ships_what_was_sold_and_counts_it_once(shop: Reader):
    supplier = catalogue().suppliers[2]
    first = first_feed(catalogue(), supplier, 0)
    await shop.send(first)
    row = max(rows_of(first), key=lambda row: int(row["stock"]))
    order = SellStock(sku=row["sku"], quantity=3)
    assert (await shop.container.write_path.submit(Envelope(command=order, key="o1"))).ok
    reads = shop.container.store.reads
    soon_ms = SystemClock().now_ms() + 2 * SETTLED_MS
    later = await next_feed(reads, catalogue(), supplier, soon_ms, Quiet())
    (counted,) = [other for other in rows_of(later) if other["sku"] == row["sku"]]
    assert int(counted["stock"]) == int(row["stock"]) - 3
    await shop.send(later)
    pools = await reads.fetch(
        "SELECT reported, sold FROM stock_pool WHERE tenant = $1 AND sku = $2 AND supplier = $3",
        DEFAULT_TENANT,
        row["sku"],
        supplier.id,
    )
    assert [(pool["reported"], pool["sold"]) for pool in pools] == [(int(row["stock"]) - 3, 0)]


class Quiet(Random):
    """Chance under which nothing happens."""

    def random(self) -> float:
        return 0.999

    def sample(self, population, k, *, counts=None):
        return []


def test_files_are_the_same_for_the_same_moment():
    supplier = catalogue().suppliers[0]
    one, other = (first_feed(catalogue(), supplier, NOW_MS) for _ in range(2))
    assert one == other
    assert tuple(rows_of(one)[0]) == COLUMNS


async def test_a_feed_moves_some_counts_and_now_and_then_has_a_bad_row(shop: Reader):
    supplier = catalogue().suppliers[4]
    first = first_feed(catalogue(), supplier, 0)
    await shop.send(first)
    before = {row["sku"]: row for row in rows_of(first)}
    reads = shop.container.store.reads
    bad = 0
    for seed in range(20):
        feed = await next_feed(reads, catalogue(), supplier, NOW_MS, Random(seed))
        rows = rows_of(feed)
        moved = [row for row in rows if before.get(row["sku"], row)["stock"] != row["stock"]]
        assert 1 <= len(moved) <= 20
        bad += len(rows) - len(before)
    assert 0 < bad < 10


async def test_shoppers_buy_the_popular_and_some_are_refused(shop: Reader):
    await simulation(shop).introduce()
    parts = shop.container
    bought: dict[str, int] = {}

    async def submit(envelope: Envelope):
        outcome = await parts.write_path.submit(envelope)
        bought[envelope.command.sku] = bought.get(envelope.command.sku, 0) + 1
        return outcome

    skus = [offer.sku for offer in catalogue().offers if offer.supplier == "kiln-co"]
    shoppers = Shoppers(submit, skus, per_s=1e6, chance=Random(7))
    for _ in range(400):
        await shoppers.step()
    assert max(bought, key=bought.__getitem__) in skus[:3]
    assert parts.write_path.stats.refused > 0
