"""Many shoppers at once, each with a basket, in a shop that has too little for all of them."""

import asyncio
import math
import time

import msgspec
from tests.replay.retail import demand

from shopwire.kernel.commands import Envelope
from shopwire.modules.inventory.api import HoldLine, HoldStock, PostHold, ReportStock
from shopwire.modules.pricing.api import Markup, PriceRules, PutRules
from shopwire.modules.suppliers.api import PutOffer

SUPPLIERS = ("north", "south", "east")
SHARE = 0.6
"""Of what is wanted, the shop has that much."""
SHOPPERS_MAX = 64
"""Shoppers who are being served at the same time."""
COMPRESSION = 20_000
"""So many seconds of then pass in one of now; where the shop is slower, shoppers wait."""
ADDRESS = {
    "name": "A. Person", "lines": ["Street 1"], "postal_code": "1", "city": "C", "country": "GB",
}  # fmt: skip


async def stock(write_path, lines):
    """A count for each article, at one to three suppliers; returns what there is."""
    there, reports = {}, []
    for number, (code, units) in enumerate(sorted(demand(lines).items())):
        there[code] = max(1, int(units * SHARE))
        suppliers = SUPPLIERS[: number % 3 + 1]
        for place, supplier in enumerate(suppliers):
            part = there[code] // len(suppliers) + (place < there[code] % len(suppliers))
            reports.append(ReportStock(sku=code, supplier=supplier, quantity=part))
    await send(write_path, reports)
    return there


async def price(write_path, lines, log):
    """A price for each article that is its supplier's cost; returns them when all are known."""
    rules = PriceRules(
        currency="GBP", markups=(Markup(),), ending_minor=None, margin_min_bp=0, keep_map=False
    )
    costs = {line.code: line.price_minor for line in lines}
    offers = [
        PutOffer(sku=code, supplier=SUPPLIERS[0], cost_minor=cost, currency="GBP")
        for code, cost in sorted(costs.items())
    ]
    await send(write_path, [PutRules(rules=rules), *offers])
    async with asyncio.timeout(120):
        # Prices follow offers by themselves.
        while len(found := await prices_of(log, list(costs))) < len(costs):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return found


async def prices_of(log, codes):
    """Present prices in minor units, of those that have one."""
    found = {}
    for document in await log.documents("main", [f"price:{code}" for code in codes]):
        told = msgspec.json.decode(document.body)
        if told is not None:
            found[told["sku"]] = told["amount_minor"]
    return found


async def send(write_path, commands):
    """Commands that have to take effect."""
    envelopes = [Envelope(command=one, key=f"opening-{n}") for n, one in enumerate(commands)]
    for outcome in await write_path.submit_many(envelopes):
        assert outcome.ok, outcome.body


async def serve(baskets, shop, tally):
    """Each basket at its moment, compressed; at most so many at once."""
    room = asyncio.Semaphore(SHOPPERS_MAX)
    began, first = time.monotonic(), baskets[0].at

    async def come(basket):
        due = (basket.at - first).total_seconds() / COMPRESSION
        await asyncio.sleep(max(0.0, due - (time.monotonic() - began)))
        async with room:
            await shop.buy(basket, tally)

    async with asyncio.TaskGroup() as group:
        for basket in baskets:
            group.create_task(come(basket))


class _Counter:
    """A shopper's behaviour: takes what the screen shows, and looks again where it was too much."""

    def __init__(self, log) -> None:
        self.log = log

    async def buy(self, basket, tally):
        wanted = await self.look(basket.lines, tally)
        while wanted:
            tally.tries += 1
            short = await self.take(f"{basket.name}-{tally.tries}", wanted, tally)
            if short is None:
                tally.sell(wanted)
                return
            wanted = await self.look(cut(wanted, *short, tally), tally)

    async def look(self, lines, tally):
        """The lines, less what is not there any more."""
        topics = [f"stock:{line.code}" for line in lines]
        for document in await self.log.documents("main", topics):
            told = msgspec.json.decode(document.body)
            lines = cut(lines, told["sku"], told["available"], tally)
        return lines

    async def take(self, name, lines, tally):
        """None, or the article of which there is too little, and how much there is."""
        raise NotImplementedError


def cut(lines, code, available, tally):
    """Lines that want no more of an article than there is; the last ones step back first."""
    kept, room = [], available
    for line in lines:
        units = min(line.quantity, room) if line.code == code else line.quantity
        if line.code == code:
            room -= units
        if units < line.quantity:
            tally.refuse(line, line.quantity - units, whole=not units)
        if units:
            kept.append(line._replace(quantity=units))
    return kept


class Holds(_Counter):
    """Reserves and pays in two commands."""

    def __init__(self, write_path, log) -> None:
        super().__init__(log)
        self.write_path = write_path

    async def take(self, name, lines, tally):
        held = HoldStock(
            hold_id=name,
            lines=tuple(HoldLine(sku=line.code, quantity=line.quantity) for line in lines),
            ttl_ms=60_000,
        )
        outcome = await self.write_path.submit(Envelope(command=held, key=f"hold/{name}"))
        if not outcome.ok:
            return short_of(outcome)
        skus = tuple(sorted({line.code for line in lines}))
        post = PostHold(hold_id=name, skus=skus)
        assert (await self.write_path.submit(Envelope(command=post, key=f"post/{name}"))).ok
        tally.orders[name] = sum(line.quantity * line.price_minor for line in lines)
        return None


class Checkouts(_Counter):
    """Buys at the door of the checkout, at the prices of now."""

    def __init__(self, door, prices, log) -> None:
        super().__init__(log)
        self.door, self.prices = door, prices

    async def take(self, name, lines, tally):
        body = {
            "lines": [
                {
                    "sku": line.code,
                    "quantity": line.quantity,
                    "price_minor": self.prices[line.code],
                }
                for line in lines
            ],
            "currency": "GBP",
            "email": "person@example.org",
            "address": ADDRESS,
            "method": "card",
        }
        outcome = await self.door.take(name, msgspec.json.encode(body))
        if not outcome.ok:
            return short_of(outcome)
        told = msgspec.json.decode(outcome.body)
        total = sum(line.quantity * self.prices[line.code] for line in lines)
        tally.orders[str(told["result"]["order_id"])] = total
        return None


def short_of(outcome):
    """The article of which there is too little, and how much there is."""
    told = msgspec.json.decode(outcome.body)
    assert told["name"] == "StockShort", told
    return told["data"]["sku"], told["data"]["available"]


def percent(part, whole):
    """For people."""
    return math.floor(100 * part / whole)
