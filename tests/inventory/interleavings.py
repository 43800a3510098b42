"""Random lives of one SKU at one supplier, told as commands and what must be true after each.

A life is a function of its seed. It is made up by the model alone: whoever runs it, on whatever
storage, sends the commands one after the other and compares.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from shopwire.kernel.commands import Command
from shopwire.modules.inventory.api import (
    Booked,
    BookSales,
    ExpireHolds,
    HoldLine,
    HoldRef,
    HoldStock,
    PostHold,
    ReleaseSale,
    ReportStock,
    SellStock,
    VoidHold,
)
from shopwire.testing.stock_model import Order, Report, Says, StockModel

STEPS_MIN, STEPS_MAX = 12, 36
STYLES = (
    *("moments", "numbers", "both", "moments and seen", "numbers and seen", "both and seen"),
    *("seen", "nothing"),
)
"""What a supplier's reports say of themselves."""
TICK_MS = 10
TTL_MS = 1


@dataclass(frozen=True)
class Step:
    """One command, whether it must succeed, and what the shop says then."""

    command: Command
    key: str
    ok: bool
    says: Says
    may_offer: int
    at_ms: int
    """The shop's clock."""


@dataclass
class Message:
    """Something on its way to the shop; it may arrive again, under the same key or another."""

    name: str
    command: Callable[[], Command | None]
    hear: Callable[[], None]
    sent: Command | None = None
    arrived: int = 0
    lasting: bool = True
    """Whether it may arrive again after others of its kind."""


@dataclass
class Life:
    """One seed's story."""

    seed: int
    sku: str
    start_ms: int
    direct: bool = True
    """Whether there are direct sales, whose moment is the storage's own."""
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.style = self.chance.choice(STYLES)
        self.dated = self.style not in ("seen", "nothing")
        self.moments = self.dated and not self.style.startswith("numbers")
        self.numbers = self.dated and not self.style.startswith("moments")
        self.model = StockModel(self.chance.randint(0, 25), dated=self.dated)
        self.on_their_way: list[Message] = []
        self.number = self.messages = 0

    def tell(self) -> list[Step]:
        """All steps; the last ones settle everything."""
        self.send_report()
        for _ in range(self.chance.randint(STEPS_MIN, STEPS_MAX)):
            actions, weights = zip(*self.possible(), strict=True)
            self.chance.choices(actions, weights)[0]()
        self.settle()
        return self.steps

    def possible(self) -> Iterator[tuple[Callable[[], None], int]]:
        """What may happen next, and how often it shall."""
        model, waiting = self.model, [o for o in self.model.orders if o.decided_tick is None]
        yield self.send_report, 4
        yield self.elsewhere, 2
        yield self.order, 5
        yield self.hold_for_long, 1
        if model.holds:
            yield self.end_hold, 3
        if waiting:
            yield self.supplier_decides, 6
        if any(message.sent is None for message in self.on_their_way):
            yield self.arrive, 8
        elif self.on_their_way:
            yield self.arrive, 2
        if any(map(self.can_cancel, model.orders)):
            yield self.cancel, 2
        if any(map(self.can_give_back, model.orders)):
            yield self.supplier_gives_back, 2
        if self.direct and self.moments:
            yield self.sell, 2

    # -- time -------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        """The shop's clock, which is the supplier's too."""
        return self.start_ms + self.model.tick * TICK_MS

    def do(self, command: Command, key: str = "", *, ok: bool = True) -> None:
        self.number += 1
        self.steps.append(
            Step(
                command,
                key or f"{self.sku}/{self.number}",
                ok,
                self.model.says(),
                self.model.may_offer(),
                self.now_ms,
            )
        )

    def mark(self, tick: int, field_name: str) -> dict[str, Any]:
        """What the supplier says of a tick, in the words of its style."""
        told: dict[str, Any] = {}
        if self.moments:
            told[field_name] = self.start_ms + tick * TICK_MS
        if self.numbers:
            told["sequence"] = tick
        return told

    # -- the supplier -----------------------------------------------------------------------

    def elsewhere(self) -> None:
        most = self.model.count()
        self.model.move(self.chance.randint(-min(3, most), 4))

    def send_report(self, *, whole: bool = False) -> None:
        since = None
        if "seen" in self.style:
            # It names all orders, or those since some time, or this time it names none.
            tick = self.model.tick
            since = 0 if whole else self.chance.choice((0, tick, tick - 1, tick - 1, None))
        report = self.model.report(seen_since=since)
        if not self.dated:
            # Counts that say nothing of themselves arrive in their order, or not at all.
            self.on_their_way = [m for m in self.on_their_way if m.lasting]
        self.send(
            lambda: self.report_command(report),
            lambda: self.model.hear_report(report),
            lasting=self.dated,
        )

    def send(
        self,
        command: Callable[[], Command | None],
        hear: Callable[[], None],
        *,
        lasting: bool = True,
    ) -> None:
        self.messages += 1
        name = f"{self.sku}/message/{self.messages}"
        self.on_their_way.append(Message(name, command, hear, lasting=lasting))

    def report_command(self, report: Report) -> Command:
        seen = None
        if report.seen is not None:
            seen = tuple(
                f"{one}/s" if self.chance.random() < 0.5 else one for one in sorted(report.seen)
            )
        return ReportStock(
            sku=self.sku,
            supplier="s",
            quantity=report.quantity,
            seen=seen,
            **self.mark(report.tick, "as_of_ms"),
        )

    def can_give_back(self, order: Order) -> bool:
        return not order.direct and order.accepted - order.given_back > order.wanted

    def supplier_gives_back(self) -> None:
        """A cancellation arrives at the supplier."""
        self.model.give_back(self.chance.choice([*filter(self.can_give_back, self.model.orders)]))

    def supplier_decides(self) -> None:
        """An order arrives at the supplier."""
        model = self.model
        undecided = [one for one in model.orders if one.decided_tick is None]
        order = self.chance.choice(undecided)
        most = min(order.quantity, model.count())
        accepted = most if self.chance.random() < 0.6 else self.chance.randint(0, most)
        model.decide(order, accepted)
        dated = self.dated and ("seen" not in self.style or self.chance.random() < 0.25)
        if accepted:
            self.send(
                lambda: self.booking_command(order, dated=dated),
                lambda: model.hear_booking(order, dated=dated),
            )
        if accepted < order.quantity:
            self.send_refusal(order)

    def booking_command(self, order: Order, *, dated: bool) -> Command:
        whole = order.accepted == order.quantity and self.chance.random() < 0.5
        sale = Booked(
            sku=self.sku,
            reference=order.reference,
            quantity=None if whole else order.accepted,
            booking="po",
        )
        mark = self.mark(order.decided_tick, "at_ms") if dated else {}
        return BookSales(supplier="s", sales=(sale,), **mark)

    def send_refusal(self, order: Order) -> None:
        dated = self.dated and self.chance.random() < 0.7

        def units() -> int:
            return self.model.left(order) - min(self.model.left(order), order.accepted)

        def command() -> Command | None:
            if not units():
                return None
            mark = self.mark(order.decided_tick, "at_ms") if dated else {}
            return self.release(order, units(), "refused", **mark)

        self.send(command, lambda: self.model.hear_refusal(order, units(), dated=dated))

    # -- what arrives at the shop -----------------------------------------------------------

    def arrive(self) -> None:
        """Any message arrives: it may overtake others, and come again later."""
        fresh = [message for message in self.on_their_way if message.sent is None]
        some = fresh if fresh and self.chance.random() < 0.75 else self.on_their_way
        message = some[-1] if self.chance.random() < 0.4 else self.chance.choice(some)
        message.arrived += 1
        if message.sent is None:
            message.sent = message.command()
            if message.sent is None:
                self.on_their_way.remove(message)
                return
            self.hear(message, message.name)
            return
        # Again: the sender repeats itself, or the message was doubled on its way.
        refusal = isinstance(message.sent, ReleaseSale)
        if not refusal and self.chance.random() < 0.5:
            self.hear(message, "")
        else:
            self.do(message.sent, message.name)
        if message.arrived > 1 and self.chance.random() < 0.5:
            self.on_their_way.remove(message)

    def hear(self, message: Message, key: str) -> None:
        assert message.sent is not None
        message.hear()
        self.do(message.sent, key)

    # -- the shop ---------------------------------------------------------------------------

    def hold(self, units: int = 0, ttl_ms: int = 10**7) -> str | None:
        """Reserves units if there are enough; the shop has to agree about that."""
        name = f"{self.sku}.{self.number}"
        units = units or self.chance.choice((1, 1, 2, 2, 3, 4))
        ok = self.model.says().available >= units
        if ok:
            self.model.holds[name] = units
        lines = tuple(HoldLine(sku=self.sku, quantity=1) for _ in range(units))
        if self.chance.random() < 0.8:
            lines = (HoldLine(sku=self.sku, quantity=units),)
        self.do(HoldStock(hold_id=name, lines=lines, ttl_ms=ttl_ms), ok=ok)
        return name if ok else None

    def hold_for_long(self) -> None:
        self.hold()

    def end_hold(self) -> None:
        name = self.chance.choice(sorted(self.model.holds))
        self.post(name) if self.chance.random() < 0.7 else self.void(name)

    def post(self, name: str) -> None:
        units = self.model.holds.pop(name)
        self.model.orders.append(Order(name, units))
        self.again(PostHold(hold_id=name, skus=(self.sku,)))

    def void(self, name: str) -> None:
        del self.model.holds[name]
        self.again(VoidHold(hold_id=name, skus=(self.sku,)))

    def again(self, command: Command) -> None:
        """Sent once or twice, under two keys."""
        for _ in range(self.chance.choice((1, 1, 2))):
            self.do(command)

    def order(self) -> None:
        """A whole checkout, or one that is given up and expires."""
        if self.chance.random() < 0.15:
            name = self.hold(ttl_ms=TTL_MS)
            if name is not None:
                self.model.tick += 1
                del self.model.holds[name]
                ref = HoldRef(hold_id=name, skus=(self.sku,))
                self.do(ExpireHolds(holds=(ref,), at_ms=self.number))
            return
        name = self.hold()
        if name is not None:
            self.post(name)

    def sell(self) -> None:
        """A direct sale: the supplier books it at its own moment."""
        units = self.chance.randint(1, 3)
        ok = self.model.says().available >= units <= self.model.count()
        if not ok:
            return
        name = f"{self.sku}.{self.number}"
        order = Order(name, units, direct=True)
        self.model.orders.append(order)
        self.model.decide(order, units)
        self.do(SellStock(sku=self.sku, quantity=units, reference=name))

    def can_cancel(self, order: Order) -> bool:
        return not order.direct and self.model.left(order) > 0

    def cancel(self) -> None:
        order = self.chance.choice([*filter(self.can_cancel, self.model.orders)])
        units = self.chance.randint(1, self.model.left(order))
        order.cancelled += units
        self.do(self.release(order, units, "cancelled"))

    def release(self, order: Order, units: int, reason: str, **mark: Any) -> Command:
        return ReleaseSale(
            sku=self.sku,
            supplier="s",
            reference=order.reference,
            quantity=units,
            reason=reason,
            **mark,
        )

    # -- the end ----------------------------------------------------------------------------

    def settle(self) -> None:
        """Everything arrives, the supplier puts back what was cancelled, and counts once more."""
        for order in filter(self.can_give_back, self.model.orders):
            self.model.give_back(order)
        for message in list(self.on_their_way):
            if message.sent is None and message.lasting:
                message.sent = message.command()
                if message.sent is not None:
                    self.hear(message, "")
        self.on_their_way = []
        self.model.tick += 1
        self.send_report(whole=True)
        last = self.on_their_way[-1]
        last.sent = last.command()
        self.hear(last, "")


def settled(model: StockModel) -> int:
    """What a shop that knows everything can sell: what is there and not yet promised."""
    ahead = sum(one.wanted for one in model.orders if one.decided_tick is None)
    return max(0, model.count() - ahead - sum(model.holds.values()))


def lives(seeds: range, start_ms: int, *, direct: bool = True) -> Iterator[Life]:
    """One life a seed, each with an article of its own."""
    for seed in seeds:
        yield Life(seed, f"SKU-{seed}", start_ms, direct=direct)
