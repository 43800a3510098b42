"""Routing where the shop is composed: the choice before a hold, and another supplier afterwards."""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Final

import structlog

from shopwire.kernel.activities import Job
from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Command
from shopwire.kernel.errors import StorageUnavailable
from shopwire.kernel.queries import Reads
from shopwire.modules.orders.api import OrderLine
from shopwire.modules.orders.lots import shares_of
from shopwire.modules.routing.api import LeaveToPerson, Reroute, RouteChoice
from shopwire.modules.routing.store import Asked, Market, read_market, read_question
from shopwire.modules.routing.weighing import Occasion, Wanted, choose
from shopwire.services.gathering import Gathered

_log: Final = structlog.get_logger()


class Router:
    """Chooses suppliers from what is true now; nothing is remembered between two choices.

    Checkouts that come at the same time look at the market with one read.
    """

    def __init__(self, reads: Reads, clock: Clock) -> None:
        self._reads, self._clock = reads, clock
        self._markets: dict[str, Gathered[Market]] = {}
        """By tenant."""

    async def choose(
        self, tenant: str, lines: Sequence[OrderLine], currency: str, country: str
    ) -> RouteChoice | None:
        """Who is to send what; None where nothing is known by which to choose.

        A choice is a wish: a sale does not fail for want of one, so a database that cannot be read
        now gives none as well.
        """
        wanted = wanted_of(lines)
        try:
            market = await self._market_of(tenant).of(wanted)
        except StorageUnavailable as problem:
            _log.warning("routing.unread", problem=repr(problem))
            return None
        occasion = Occasion(
            currency=currency,
            country=country,
            value_minor=sum(line.quantity * line.price_minor for line in lines),
            now_ms=self._clock.now_ms(),
        )
        return choose(_wanted(wanted, market), market.known, occasion)

    def _market_of(self, tenant: str) -> Gathered[Market]:
        known = self._markets.get(tenant)
        if known is None:

            def read(skus: Sequence[str]) -> Awaitable[Market]:
                return read_market(self._reads, tenant, list(skus), self._clock.now_ms())

            known = self._markets[tenant] = Gathered(read)
        return known

    async def find_supplier(self, job: Job) -> Sequence[Command]:
        """Another supplier for units in question, or why a person has to decide."""
        asked = await read_question(self._reads, job.tenant, job.id)
        if asked is None:
            return ()
        now_ms = self._clock.now_ms()
        market = await read_market(self._reads, job.tenant, [asked.sku], now_ms)
        return (answer_to(job.id, asked, market, now_ms),)


def wanted_of(lines: Iterable[OrderLine]) -> dict[str, tuple[int, int]]:
    """Units of each SKU, and what the shopper pays for them; of a set, each part has its share."""
    found: dict[str, tuple[int, int]] = {}
    for line in lines:
        units: dict[str, int] = {} if line.parts else {line.sku: 1}
        for part in line.parts:
            units[part.sku] = units.get(part.sku, 0) + part.quantity
        shares = shares_of(line.price_minor, list(units.values()))
        for (sku, count), share in zip(units.items(), shares, strict=True):
            before, paid = found.get(sku, (0, 0))
            found[sku] = (before + count * line.quantity, paid + share * line.quantity)
    return {sku: found[sku] for sku in found if found[sku][0] > 0}


def _wanted(units: dict[str, tuple[int, int]], market: Market) -> list[Wanted]:
    return [
        Wanted(
            sku=sku,
            quantity=quantity,
            revenue_minor=paid,
            categories=market.categories.get(sku, frozenset()),
        )
        for sku, (quantity, paid) in units.items()
    ]


def answer_to(conflict_id: str, asked: Asked, market: Market, now_ms: int) -> Command:
    """What follows for units in question: a move that does not cost too much, or a person.

    Who let this order down before is not asked again, so that units do not go round in a circle.
    """
    rules = market.known.rules
    silent = asked.late == "acknowledgement" or asked.status == "timed_out"
    if asked.reason == "late" and not (silent and asked.unanswered):
        return LeaveToPerson(conflict_id=conflict_id, why="answered")
    if asked.reason not in rules.reroute:
        return LeaveToPerson(conflict_id=conflict_id, why="off")
    paid = 0
    if asked.value_minor is not None and asked.ordered:
        paid = asked.value_minor * asked.quantity // asked.ordered
    occasion = Occasion(
        currency=asked.currency,
        country=asked.country or "",
        value_minor=asked.total_minor,
        now_ms=now_ms,
    )
    units = {asked.sku: (asked.quantity, paid)}
    found = choose(_wanted(units, market), market.known, occasion, avoid=asked.avoid)
    if found is None:
        return LeaveToPerson(conflict_id=conflict_id, why="nobody")
    shipping = found.sums.shipping_minor
    loss = found.sums.cost_minor + shipping - paid
    if loss > rules.reroute_loss_minor_max:
        return LeaveToPerson(conflict_id=conflict_id, why="loss", loss_minor=loss)
    return Reroute(
        conflict_id=conflict_id,
        sku=asked.sku,
        picks=found.picks,
        shipping_minor=shipping,
        paid_minor=paid,
        purchase_order=conflict_id.rpartition("/")[0] if asked.reason == "late" else "",
        seen=market.seen,
    )
