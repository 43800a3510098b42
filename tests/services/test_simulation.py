"""The demo's suppliers and their files, with a plain reader in the place of the import."""

import csv
import io
from decimal import Decimal
from random import Random

import pytest
from structlog.testing import capture_logs

from shopwire.kernel.commands import Envelope
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.modules.inventory.api import (
    Booked,
    BookSales,
    HoldLine,
    HoldStock,
    PostHold,
    ReportStock,
)
from shopwire.modules.suppliers.api import PutOffer, RegisterSupplier
from shopwire.services.container import Container, ServeOptions, open_container
from shopwire.services.demo.catalogue import catalogue
from shopwire.services.demo.demo import PACES, FeedResult, Simulation
from shopwire.services.demo.shelves import Shelves
from shopwire.services.demo.shoppers import Doors
from shopwire.services.demo.suppliers import COLUMNS, Feed, first_feed, next_feed

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
        for outcome in await self.all(commands):
            assert outcome.ok, outcome.body
        return FeedResult(rows=len(rows), changed=len(rows), quarantined=0)

    async def all(self, commands):
        envelopes = [Envelope(command=command, key=new_id()) for command in commands]
        return await self.container.write_path.submit_many(envelopes)

    async def pool(self, sku: str, supplier: str) -> tuple[int, int]:
        (pool,) = await self.container.store.reads.fetch(
            "SELECT reported, sold FROM stock_pool"
            " WHERE tenant = $1 AND sku = $2 AND supplier = $3",
            DEFAULT_TENANT,
            sku,
            supplier,
        )
        return pool["reported"], pool["sold"]


@pytest.fixture
async def shop(tmp_path, database_url):
    options = ServeOptions(data=tmp_path, database_url=database_url)
    with capture_logs():
        async with open_container(options) as container:
            yield Reader(container)


def simulation(shop: Reader) -> Simulation:
    parts = shop.container
    doors = Doors(
        submit=parts.write_path.submit, checkout=parts.checkout.take, reads=parts.store.reads
    )
    return Simulation(doors, shop.send, PACES["normal"], Shelves(catalogue()))


async def test_suppliers_are_introduced_once(shop: Reader):
    await simulation(shop).introduce()
    assert [feed.supplier.id for feed in shop.feeds] == [s.id for s in catalogue().suppliers]
    await simulation(shop).introduce()
    assert len(shop.feeds) == len(catalogue().suppliers)


async def test_a_count_has_in_it_what_the_supplier_booked_and_nothing_else(shop: Reader):
    supplier = catalogue().suppliers[2]
    shelves = Shelves(catalogue())
    first = first_feed(catalogue(), supplier, 1_000)
    await shop.send(first)
    row = max(rows_of(first), key=lambda row: int(row["stock"]))
    sku, stock = row["sku"], int(row["stock"])
    for hold, units in (("o-1.1", 3), ("o-2.1", 2)):
        lines = (HoldLine(sku=sku, quantity=units),)
        commands = [
            HoldStock(hold_id=hold, lines=lines, ttl_ms=60_000),
            PostHold(hold_id=hold, skus=(sku,)),
        ]
        assert [outcome.status for outcome in await shop.all(commands)] == [200, 200]
    assert shelves.take(supplier.id, sku, 3) == 3
    booked = BookSales(
        supplier=supplier.id, sales=(Booked(sku=sku, reference="o-1.1"),), at_ms=2_000
    )
    assert (await shop.all([booked]))[0].ok
    await shop.send(next_feed(shelves, catalogue(), supplier, 3_000, Quiet()))
    assert await shop.pool(sku, supplier.id) == (stock - 3, 2)
    # Another process begins with what this one wrote down.
    others = Shelves(catalogue())
    await others.load(shop.container.store.reads)
    assert others.of(supplier.id)[sku].quantity == stock - 3


async def test_a_shelf_gives_what_it_has_and_takes_back(shop: Reader):
    shelves = Shelves(catalogue())
    offer = max(catalogue().offers, key=lambda offer: offer.quantity)
    place = (offer.supplier, offer.sku)
    assert shelves.take(*place, offer.quantity + 5) == offer.quantity
    assert shelves.take(*place, 1) == 0
    shelves.put_back(*place, 2)
    assert shelves.take(*place, 9) == 2
    assert shelves.take("nobody", offer.sku, 1) == 0


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


def test_a_feed_moves_some_counts_and_now_and_then_has_a_bad_row():
    supplier = catalogue().suppliers[4]
    shelves = Shelves(catalogue())
    before = {row["sku"]: row for row in rows_of(first_feed(catalogue(), supplier, 0))}
    bad = 0
    for seed in range(20):
        rows = rows_of(next_feed(shelves, catalogue(), supplier, NOW_MS, Random(seed)))
        moved = [row for row in rows if before.get(row["sku"], row)["stock"] != row["stock"]]
        assert 1 <= len(moved) <= 20
        bad += len(rows) - len(before)
        before = {row["sku"]: row for row in rows if row["sku"] in before}
    assert 0 < bad < 10
