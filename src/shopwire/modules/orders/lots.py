"""Where the units of an order stand: pure arithmetic over lots, nothing appears or vanishes.

A lot is units of one SKU that one supplier is to send for one line. What the supplier said of
them is taken over in totals from its purchase order, so that a word that comes again changes
nothing; what became of refused units is the shop's own and adds up to them.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final

import msgspec
from msgspec.structs import replace

from shopwire.modules.orders.api import UnitsNow
from shopwire.modules.orders.events import LineState, OrderStatus


class Awaited(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that are held or sold, and the inventory has not told yet from which supplier."""

    plan: str
    line: str
    sku: str
    quantity: int
    value_minor: int
    spare: int = 0
    """Of a replacement: units that are not needed after all, since the first supplier shipped."""


class Lot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units of one SKU that one supplier is to send for one line of an order."""

    plan: str
    """What it was allocated for: the order's id, or the conflict's that led to it."""
    line: str
    """SKU of the order's line: the same, or the set that the unit is part of."""
    sku: str
    supplier: str
    quantity: int
    value_minor: int
    """What the shopper paid for all of it."""
    reference: str
    """Under which the inventory booked the sale."""
    purchase_order: str = ""
    seen: int = 0
    """Version of the purchase order that is taken over."""
    sent: bool = False

    # What the supplier said, in totals; see the lines of purchase orders.
    accepted: int = 0
    refused: int = 0
    cancelling: int = 0
    cancelled: int = 0
    shipped: int = 0
    delivered: int = 0
    returned: int = 0

    # Units without an answer that the supplier will not have.
    questioned: int = 0
    waiting: int = 0
    """The shopper chose to wait for them."""

    # What became of refused units.
    asked: int = 0
    """Somebody has to choose."""
    backlog: int = 0
    """The shopper waits: they are ordered again later."""
    dropped: int = 0
    """Paid back."""
    moved: int = 0
    """Another lot stands for them."""

    # Units that another lot stands for.
    swapped: int = 0
    """Their supplier is asked not to ship them."""
    replaced: int = 0
    """They are cancelled."""
    surplus: int = 0
    """They came all the same, and the other lot could not be called back: more than was bought."""

    recall: int = 0
    """Units to be called back as soon as there is a purchase order to call them back from."""

    short: str = ""
    """The open conflict about `questioned`."""
    refusal: str = ""
    """The open conflict about `asked`."""

    @property
    def name(self) -> tuple[str, str, str, str]:
        """What tells it from the other lots of the order."""
        return (self.plan, self.line, self.sku, self.supplier)

    @property
    def expected(self) -> int:
        """Units that are neither shipped nor given up."""
        return self.quantity - self.refused - self.cancelled - self.shipped

    @property
    def unanswered(self) -> int:
        """Units that the supplier has not spoken about."""
        return self.quantity - self.refused - self.cancelled - self.accepted

    @property
    def unwanted(self) -> int:
        """Units that are expected, and not to come."""
        return max(self.cancelling, self.swapped, self.recall)

    @property
    def gone(self) -> int:
        """Units that the shopper does not get and is paid back for."""
        return self.cancelled - self.replaced + self.dropped

    def worth(self, units: int) -> int:
        """What the first `units` of it cost; all together cost exactly what was paid."""
        return self.value_minor * units // self.quantity

    def states(self) -> dict[LineState, int]:
        """How many units are in which state, as the shopper sees them; of states with any."""
        if not any(_counts(self)):
            # Of most lots nobody has said anything yet, and an order looks at them at each change.
            return {"ordered" if self.sent else "promised": self.quantity}
        cancelling = max(0, self.cancelling - self.swapped)
        rest = self.expected - self.swapped
        rest -= min(rest, cancelling + self.questioned + self.waiting)
        confirmed = min(rest, max(0, self.accepted - self.shipped))
        back = min(self.returned, self.delivered)
        found: dict[LineState, int] = {
            "in_question": self.questioned + self.asked,
            "waiting": self.waiting + self.backlog,
            "cancelling": cancelling,
            "confirmed": confirmed,
            "ordered" if self.sent else "promised": rest - confirmed,
            "shipped": self.shipped - self.delivered - (self.returned - back),
            "delivered": self.delivered - back,
            "returned": self.returned,
            "cancelled": self.gone,
        }
        return {state: units for state, units in found.items() if units > 0}

    def broken(self) -> list[str]:
        """The rules that it breaks; the schema has the same."""
        rules = {
            "counts": min(getattr(self, name) for name in COUNTS) >= 0,
            "quantity": self.quantity > 0,
            "answers": self.accepted + self.refused + self.cancelled <= self.quantity,
            "order": self.delivered <= self.shipped <= self.accepted,
            "returns": self.returned <= self.shipped,
            "cancelling": self.cancelling <= self.expected,
            "questions": self.questioned + self.waiting <= self.unanswered,
            "refusals": self.refused == self.asked + self.backlog + self.dropped + self.moved,
            "swaps": self.swapped <= self.expected and self.replaced <= self.cancelled,
            "recalls": max(self.recall, self.surplus) <= self.quantity,
        }
        return [name for name, holds in rules.items() if not holds]


COUNTS: Final = (
    *("accepted", "refused", "cancelling", "cancelled", "shipped", "delivered", "returned"),
    *(
        "questioned",
        "waiting",
        "asked",
        "backlog",
        "dropped",
        "moved",
        "swapped",
        "replaced",
        "surplus",
        "recall",
    ),
)
"""Fields of a lot that count units."""
_counts: Final = attrgetter(*COUNTS)
_said: Final = attrgetter("accepted", "refused", "cancelling", "cancelled", "shipped", "delivered")

BEHIND: Final[tuple[LineState, ...]] = (
    *("in_question", "cancelling", "waiting", "held", "promised", "ordered", "confirmed"),
    *("shipped", "delivered", "returned", "cancelled"),
)
"""States of units, those furthest behind first."""


def line_state(states: Mapping[LineState, int]) -> LineState:
    """What a line says: the state of the units that are furthest behind."""
    for state in BEHIND:
        if states.get(state):
            return state
    return "cancelled"


def status_of(states: Mapping[LineState, int]) -> OrderStatus:
    """What a placed order says, from all of its units."""
    total = sum(states.values())
    kept = total - states.get("cancelled", 0)
    if not kept:
        return "cancelled" if total else "placed"
    arrived = states.get("delivered", 0) + states.get("returned", 0)
    left = arrived + states.get("shipped", 0)
    if arrived == kept:
        return "delivered"
    if left == kept:
        return "shipped"
    if left:
        return "partly_shipped"
    under_way = states.get("ordered", 0) + states.get("confirmed", 0)
    return "in_fulfilment" if under_way else "placed"


def told(lots: Sequence[Lot], now: UnitsNow, wished: Mapping[str, int]) -> list[Lot]:
    """The lots of one line of a purchase order after what it says now.

    Mostly it is one. Several lines of an order may want the same SKU, as alone and in a set: then
    units that came to nothing are those of the lines in `wished` first. What was counted for a lot
    stays there; what is new goes where there is room.
    """
    if not any(_said(now)) and not any(any(_counts(lot)) for lot in lots):
        return list(lots)  # it was sent, and nobody has said anything yet
    result = list(lots)
    backwards = sorted(range(len(lots)), key=lambda at: (-wished.get(lots[at].line, 0), -at))

    def give(field: str, total: int, order: Iterable[int], room: str) -> None:
        left = total - sum(getattr(lot, field) for lot in result)
        for at in order:
            lot = result[at]
            most = getattr(lot, room) if room == "expected" else lot.shipped - lot.delivered
            units = max(0, min(left, most))
            result[at] = _with(lot, field, units)
            left -= units

    give("shipped", now.shipped, range(len(lots)), "expected")
    give("refused", now.refused, backwards, "expected")
    give("cancelled", now.cancelled, backwards, "expected")
    give("delivered", now.delivered, range(len(lots)), "shipped")
    accepted = max(0, now.accepted - sum(lot.shipped for lot in result))
    cancelling = now.cancelling
    for at, lot in enumerate(result):
        units = min(accepted, lot.expected)
        accepted -= units
        result[at] = replace(lot, accepted=lot.shipped + units)
    for at in backwards:
        lot = result[at]
        units = min(cancelling, lot.expected)
        cancelling -= units
        result[at] = settled(replace(lot, cancelling=units))
    return result


def _with(lot: Lot, field: str, units: int) -> Lot:
    """The lot with more units counted in a field.

    Of units that come to nothing, those that another lot stands for are the first: nobody has to
    be asked about them or paid for them.
    """
    changes = {field: getattr(lot, field) + units}
    swapped = min(units, lot.swapped)
    if field == "refused":
        changes |= {"asked": lot.asked + units - swapped, "moved": lot.moved + swapped}
    if field == "cancelled":
        changes["replaced"] = lot.replaced + swapped
    if field in ("refused", "cancelled"):
        changes["swapped"] = lot.swapped - swapped
    return replace(lot, **changes)


def settled(lot: Lot) -> Lot:
    """Questions only about units that are still without an answer and wanted."""
    room = max(0, lot.unanswered - lot.unwanted)
    waiting = min(lot.waiting, room)
    return replace(lot, waiting=waiting, questioned=min(lot.questioned, room - waiting))


def questioned(lots: Sequence[Lot], quantity: int) -> list[Lot]:
    """The lots of one sale, of which the supplier lacks `quantity` units in total."""
    result = []
    for lot in reversed(lots):
        room = max(0, lot.unanswered - lot.unwanted)
        short = min(quantity, room)
        quantity -= short
        result.append(replace(lot, questioned=max(0, short - lot.waiting)))
    return result[::-1]


def shares_of(value_minor: int, pieces: Sequence[int]) -> list[int]:
    """A sum split by numbers of units; the parts add up to it exactly."""
    total, seen, shares = sum(pieces), 0, []
    for units in pieces:
        before = value_minor * seen // total
        seen += units
        shares.append(value_minor * seen // total - before)
    return shares
