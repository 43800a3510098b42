"""What a shop must say about one SKU at one supplier, computed from everything that it has heard.

The model keeps two worlds apart: the supplier's, where each thing happens at a tick of its clock,
and the shop's, which hears of it by messages in any order, several times or not at all. What the
shop has to say follows from what it has heard, not from the order: nothing is counted up or down,
all of it is computed anew from lists, so that it can be read as the definition.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """The supplier counted. `seen` names the orders that it had booked, where it says so."""

    tick: int
    quantity: int
    seen: frozenset[str] | None = None


@dataclass
class Order:
    """Units that a shopper was promised, as the supplier and the shop each know them."""

    reference: str
    quantity: int
    direct: bool = False
    """Booked by the supplier at the moment of its sale."""

    # The supplier's world.
    accepted: int = 0
    """Units that the supplier booked."""
    decided_tick: int | None = None
    given_back: int = 0
    """Units that it booked, and put back because they were cancelled."""

    # The shop's world.
    cancelled: int = 0
    refused: int = 0
    """Units of which the shop knows that they are refused."""
    acknowledged: bool = False
    dated: bool = False
    """An acknowledgement said when."""

    @property
    def wanted(self) -> int:
        """Units that are to come from the supplier after all."""
        most = self.quantity if self.decided_tick is None else self.accepted
        return min(most, self.quantity - self.cancelled - self.refused)


@dataclass(frozen=True)
class Withheld:
    """Refused units that the count which was known then still contained."""

    units: int
    tick: int | None
    """When the supplier refused, where it said so."""
    counts: int
    """How many counts had been taken over by then."""


@dataclass(frozen=True)
class Says:
    """What the shop says."""

    reported: int
    reserved: int
    sold: int
    withheld: int
    shortfall: int
    available: int


class StockModel:
    """One SKU at one supplier. One that is `dated` says of which tick its counts speak."""

    def __init__(self, units: int, *, dated: bool) -> None:
        self.dated = dated
        self.tick = 0
        self.moves: list[tuple[int, int]] = [(0, units)]
        """Ticks and units: goods in, sales elsewhere, orders booked and given back."""
        self.orders: list[Order] = []
        self.holds: dict[str, int] = {}
        self.taken: list[Report] = []
        """Counts that were taken over, one after the other."""
        self.seen: set[str] = set()
        """Orders that some report has named."""
        self.withheld: list[Withheld] = []

    # -- the supplier's world ---------------------------------------------------------------

    def count(self) -> int:
        """What the supplier has now."""
        return sum(units for _, units in self.moves)

    def move(self, units: int) -> None:
        """Goods come in, or are sold elsewhere."""
        self.tick += 1
        self.moves.append((self.tick, units))

    def decide(self, order: Order, accepted: int) -> None:
        """The supplier books units of an order; the others it refuses."""
        self.move(-accepted)
        order.accepted, order.decided_tick = accepted, self.tick

    def give_back(self, order: Order) -> None:
        """The supplier hears what was cancelled, and puts back what it had booked of it."""
        units = order.accepted - order.given_back - order.wanted
        self.move(units)
        order.given_back += units

    def report(self, *, seen_since: int | None) -> Report:
        """The supplier counts, and names the orders that it booked since a tick, or none."""
        seen = None
        if seen_since is not None:
            seen = frozenset(
                order.reference
                for order in self.orders
                if order.accepted and (order.decided_tick or 0) >= seen_since
            )
        return Report(self.tick, self.count(), seen)

    # -- the shop's world -------------------------------------------------------------------

    @property
    def known(self) -> Report | None:
        """The count that the shop goes by: the latest, or the last to arrive if none is dated."""
        return self.taken[-1] if self.taken else None

    def hear_report(self, report: Report) -> None:
        """A count arrives, perhaps not for the first time."""
        if not self.dated or self.known is None or report.tick > self.known.tick:
            self.taken.append(report)
        self.seen |= report.seen or set()

    def hear_booking(self, order: Order, *, dated: bool) -> None:
        """An acknowledgement arrives."""
        order.acknowledged = True
        order.dated = order.dated or dated

    def hear_refusal(self, order: Order, units: int, *, dated: bool) -> None:
        """Units will not come: the supplier lacks them."""
        before = self.sold(order)
        order.refused += units
        missing = before - self.sold(order)
        tick = order.decided_tick if dated else None
        self.withheld.append(Withheld(missing, tick, len(self.taken)))

    def contains(self, tick: int | None) -> bool:
        """Whether the known count speaks of this tick or a later one."""
        return self.known is not None and tick is not None and tick <= self.known.tick

    def sold(self, order: Order) -> int:
        """Units of an order that the shop has to take off the count itself."""
        inside = 0
        if order.acknowledged or order.direct:
            if order.reference in self.seen or (
                (order.dated or order.direct) and self.contains(order.decided_tick)
            ):
                inside = order.accepted
        elif order.reference in self.seen:
            inside = order.quantity
        return max(0, order.quantity - inside - order.refused - order.cancelled)

    def left(self, order: Order) -> int:
        """Units that can still be cancelled."""
        return order.quantity - order.cancelled - order.refused

    def still_withheld(self, one: Withheld) -> bool:
        """Whether no count has come that knows of the refusal."""
        if one.tick is None:
            return len(self.taken) == one.counts
        return not self.contains(one.tick)

    def says(self) -> Says:
        """Everything that the shop has to say."""
        reported = self.known.quantity if self.known else 0
        reserved = sum(self.holds.values())
        sold = sum(map(self.sold, self.orders))
        withheld = sum(one.units for one in self.withheld if self.still_withheld(one))
        free = reported - reserved - sold
        return Says(reported, reserved, sold, withheld, max(0, -free), max(0, free - withheld))

    # -- what must hold between the two -----------------------------------------------------

    def may_offer(self) -> int:
        """Units that can be promised without harm, as far as the known count goes.

        What the supplier sold elsewhere since then nobody can know.
        """
        if self.known is None:
            return 0
        ahead = sum(
            order.wanted
            for order in self.orders
            if order.decided_tick is None or order.decided_tick > self.known.tick
        )
        return max(0, self.known.quantity - ahead - sum(self.holds.values()))
