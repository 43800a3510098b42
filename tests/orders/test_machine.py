"""The state machine of an order alone: every sequence of commands keeps what must never break.

The sequences come from seeds; a failure names its seed, and the same seed is the same sequence.
"""

import random
from collections import Counter
from typing import Any

import msgspec
import pytest
from tests.orders.world import ORDER, PRICE, a_set, lines, start

from shopwire.kernel.commands import Context
from shopwire.kernel.errors import ShopwireError
from shopwire.modules.orders import api
from shopwire.modules.orders.commands import HANDLERS
from shopwire.modules.orders.domain import Conflict, Order, conflict_document, document_of
from shopwire.modules.orders.events import ConflictDocument, OrderAllocated, OrderDocument

BY_COMMAND = {handler.command: handler for handler in HANDLERS}
LINES = (*lines(("A", 3), ("B", 2)), a_set("S", 2, A=2, C=1))
SUPPLIERS = ("acme", "zeta")
SKUS = ("A", "B", "C", "S")
OVER = ("failed", "cancelled")


class Tables:
    """The rows of orders and nothing else: what belongs to other modules is not carried out."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], Any] = {}
        self.now_ms = 1_000_000
        self.allocations: list[Any] = []
        self.refunds = 0
        self.documents: dict[str, tuple[int, Any]] = {}

    def all(self, kind: Any, group: str) -> list[Any]:
        return [row for key, row in self.rows.items() if key[:2] == (kind, group)]

    def one(self, kind: Any, group: str, *rest: str) -> Any:
        return self.rows.get((kind, group, *rest))

    @property
    def order(self) -> Order:
        return self.one(Order, ORDER)

    @property
    def conflicts(self) -> list[Conflict]:
        return self.all(Conflict, ORDER)

    def send(self, command: Any) -> Any:
        """Decides and takes over; None where it is refused, and then nothing has changed."""
        self.now_ms += 1
        context = Context(tenant="main", principal="system", command_id="x", now_ms=self.now_ms)
        try:
            decision = BY_COMMAND[type(command)].decide(command, self, context)
        except ShopwireError:
            return None
        for row in decision.put:
            self.rows[type(row), row.group[1], *row.key[2:]] = row
        for event in decision.events:
            version, _ = self.documents.get(event.topic, (0, None))
            assert event.version == version + 1, event.topic
            self.documents[event.topic] = (event.version, event.document)
            if isinstance(event, OrderAllocated):
                self.allocations.append(event.facts)
            self.refunds += getattr(event.facts, "refund_minor", 0)
        return decision


def check(tables: Tables, before: Order | None) -> None:
    """What must hold after every command."""
    order = tables.order
    assert [rule for lot in order.lots for rule in lot.broken()] == []
    check_units(order)
    assert order.total_minor == sum(line.quantity * line.price_minor for line in order.lines)
    assert tables.refunds == sum(lot.worth(lot.gone) for lot in order.lots)
    assert tables.refunds <= order.total_minor
    assert tables.documents[f"order:{ORDER}"] == (order.version, document_of(order))
    assert_readable(document_of(order), OrderDocument)
    open_ids = {name for lot in order.lots for name in (lot.short, lot.refusal) if name}
    assert open_ids == {one.conflict_id for one in tables.conflicts if one.status == "open"}
    for conflict in tables.conflicts:
        told = tables.documents[f"conflict:{conflict.conflict_id}"]
        assert told == (conflict.version, conflict_document(conflict, order))
        assert_readable(told[1], ConflictDocument)
    if before is None:
        return
    if before.status in OVER and before.placed_at_ms is None:
        assert order.status == before.status
    if before.placed_at_ms is not None:
        assert order.placed_at_ms == before.placed_at_ms
    if before.answer_status is not None:
        assert (order.answer_status, order.answer_body) == (
            before.answer_status,
            before.answer_body,
        )


def check_units(order: Order) -> None:
    """Every unit that was bought is awaited, or in exactly one lot."""
    wanted: Counter[tuple[str, str]] = Counter()
    for line in order.lines:
        for sku, count in line.units.items():
            wanted[line.sku, sku] += line.quantity * count
    has: Counter[tuple[str, str]] = Counter()
    for one in order.awaited:
        has[one.line, one.sku] += one.quantity - one.spare
    for lot in order.lots:
        elsewhere = lot.moved + lot.swapped + lot.replaced + lot.surplus
        has[lot.line, lot.sku] += lot.quantity - elsewhere
    assert has == wanted


def assert_readable(document: Any, kind: Any) -> None:
    assert msgspec.json.decode(msgspec.json.encode(document), type=kind) == document


class Suppliers:
    """Purchase orders as shipping keeps them: any word a supplier may say, in totals."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.books: dict[tuple[str, str], dict[str, api.UnitsNow]] = {}
        self.versions: Counter[tuple[str, str]] = Counter()
        self.planned = 0

    def plan(self) -> None:
        for facts in self.tables.allocations[self.planned :]:
            plan = facts.plan or ORDER
            for one in facts.allocations:
                book = self.books.setdefault((plan, one.supplier), {})
                known = book.get(one.sku) or nothing(one.sku)
                ordered = known.ordered + one.quantity
                book[one.sku] = msgspec.structs.replace(known, ordered=ordered)
        self.planned = len(self.tables.allocations)

    def say(self, dice: random.Random) -> api.NotePurchaseOrder | None:
        self.plan()
        if not self.books:
            return None
        place = dice.choice(sorted(self.books))
        book = self.books[place]
        late: list[api.LineCut] = []
        for sku, now in book.items():
            book[sku], overtaken = spoken(dice, now)
            if overtaken:
                late.append(api.LineCut(sku=sku, quantity=overtaken))
        self.versions[place] += 1
        return api.NotePurchaseOrder(
            order_id=ORDER,
            plan=place[0],
            supplier=place[1],
            purchase_order=f"{place[0]}/{place[1]}",
            version=self.versions[place],
            sent=dice.random() < 0.5,
            units=tuple(book.values()),
            too_late=tuple(late),
        )


def nothing(sku: str) -> api.UnitsNow:
    return api.UnitsNow(
        sku=sku, ordered=0, accepted=0, refused=0, cancelling=0, cancelled=0, shipped=0, delivered=0
    )


def spoken(dice: random.Random, now: api.UnitsNow) -> tuple[api.UnitsNow, int]:
    """The next word about one SKU, and how many units it says are too late to cancel."""
    expected = now.ordered - now.refused - now.cancelled - now.shipped
    units = dice.randint(0, expected)
    fields: dict[str, int] = {}
    late = 0
    match dice.choice(["accept", "refuse", "ship", "deliver", "ask", "cancel"]):
        case "accept":
            fields["accepted"] = now.shipped + units
        case "refuse":
            fields["refused"] = now.refused + units
        case "ship":
            shipped = now.shipped + units
            fields |= {"shipped": shipped, "accepted": max(now.accepted, shipped)}
            late = min(units, now.cancelling)
        case "deliver":
            fields["delivered"] = now.shipped
        case "ask":
            fields["cancelling"] = units
        case "cancel":
            fields["cancelled"] = now.cancelled + units
    now = msgspec.structs.replace(now, **fields)
    most = now.ordered - now.refused - now.cancelled
    return (
        msgspec.structs.replace(
            now,
            accepted=min(now.accepted, most),
            cancelling=min(now.cancelling, most - now.shipped),
        ),
        late,
    )


def next_command(dice: random.Random, tables: Tables, suppliers: Suppliers) -> Any:
    """What somebody sends next; None where nobody would."""
    steps = AFTER if tables.order.placed_at_ms is not None else BEFORE
    step = dice.choice(steps)
    if step is say:
        return suppliers.say(dice)
    return step(dice, tables)


def say(dice: random.Random, tables: Tables) -> Any:
    """Stands for the suppliers."""


def complete(dice: random.Random, _: Tables) -> Any:
    return api.CompleteOrder(
        order_id=ORDER, skus=SKUS, reference="p", amount_minor=1, currency="EUR",
        anew=dice.random() < 0.5, shopper="s",
    )  # fmt: skip


def fail(dice: random.Random, _: Tables) -> Any:
    reason = dice.choice(["declined", "timed_out", "stock_short"])
    return api.FailCheckout(order_id=ORDER, skus=SKUS, reason=reason, detail="A")


def later(dice: random.Random, _: Tables) -> Any:
    return api.AnswerLater(order_id=ORDER)


def ask(dice: random.Random, _: Tables) -> Any:
    return api.AskAgain(order_id=ORDER)


def short(dice: random.Random, tables: Tables) -> Any:
    if not tables.order.lots:
        return None
    lot = dice.choice(tables.order.lots)
    return api.OpenConflict(
        order_id=ORDER,
        plan=lot.reference,
        sku=lot.sku,
        supplier=lot.supplier,
        quantity=dice.randint(0, 9),
    )


def settle(dice: random.Random, tables: Tables) -> Any:
    found = [one for one in tables.conflicts if one.status == "open"] or tables.conflicts
    if not found:
        return None
    one = dice.choice(found)
    return api.SettleConflict(
        conflict_id=one.conflict_id,
        sku=one.sku,
        supplier=one.supplier,
        choice=dice.choice(["wait", "cancel", "replace"]),
    )


def again(dice: random.Random, tables: Tables) -> Any:
    names = [one.conflict_id for one in tables.conflicts] or [f"{ORDER}/C1"]
    return api.OrderAgain(conflict_id=dice.choice(names))


def cancel(dice: random.Random, _: Tables) -> Any:
    return api.CancelOrder(order_id=ORDER, skus=SKUS)


def cut(dice: random.Random, _: Tables) -> Any:
    wanted = api.LineCut(sku=dice.choice(SKUS), quantity=dice.randint(1, 3))
    return api.CancelOrder(order_id=ORDER, skus=SKUS, lines=(wanted,))


def allocate(dice: random.Random, tables: Tables) -> Any:
    """The inventory's word on units that are awaited, split as it likes."""
    order = tables.order
    if not order.awaited:
        return None
    one = dice.choice(order.awaited)
    total = sum(
        other.quantity for other in order.awaited if (other.plan, other.sku) == (one.plan, one.sku)
    )
    first = dice.randint(0, total)
    shares = [(SUPPLIERS[0], first), (SUPPLIERS[1], total - first)]
    return api.NoteAllocation(
        order_id=ORDER,
        plan=one.plan,
        sku=one.sku,
        shares=tuple(api.Share(supplier=name, quantity=count) for name, count in shares if count),
    )


def send_back(dice: random.Random, tables: Tables) -> Any:
    order = tables.order
    if not order.lots:
        return None
    lot = dice.choice(order.lots)
    return api.NoteReturn(
        order_id=ORDER,
        receipt=dice.choice(["R1/1", "R1/2", "R2/1"]),
        units=(
            api.Returned(
                sku=lot.sku,
                quantity=dice.randint(1, 3),
                supplier=lot.supplier,
                reference=lot.reference,
            ),
        ),
    )


BEFORE = (complete, complete, fail, later, ask, cancel, allocate)
AFTER = (
    *(allocate, allocate, say, say, say, say, short, short, settle, settle, settle),
    *(again, cut, send_back, cancel, complete, fail),
)


@pytest.mark.parametrize("block", range(4))
def test_every_sequence_of_commands_keeps_every_rule(block):
    for seed in range(block * SEEDS, (block + 1) * SEEDS):
        try:
            play(random.Random(seed))
        except AssertionError as problem:
            raise AssertionError(f"seed {seed}: {problem}") from problem


def play(dice: random.Random) -> None:
    tables = Tables()
    assert tables.send(start(lines=LINES)) is not None
    suppliers = Suppliers(tables)
    check(tables, None)
    for _ in range(dice.randint(1, 60)):
        command = next_command(dice, tables, suppliers)
        if command is None:
            continue
        before = tables.order
        decision = tables.send(command)
        assert decision is not None or not isinstance(command, _NOTES), f"refused: {command}"
        check(tables, before)


SEEDS = 100
"""Sequences of one test; the long proof takes more of the same."""
_NOTES = (
    api.NoteAllocation, api.NotePayment, api.NotePurchaseOrder, api.NoteShipment, api.NoteReturn,
    api.OpenConflict, api.OrderAgain, api.AskAgain, api.AnswerLater, api.FailCheckout,
    api.CompleteOrder,
)  # fmt: skip


def test_the_same_command_again_has_no_second_effect():
    for seed in range(SEEDS):
        dice = random.Random(seed)
        tables = Tables()
        tables.send(start(lines=LINES))
        suppliers = Suppliers(tables)
        for _ in range(40):
            command = next_command(dice, tables, suppliers)
            if command is None or tables.send(command) is None:
                continue
            order, refunds = tables.order, tables.refunds
            if isinstance(command, api.CancelOrder | api.AskAgain):
                continue  # what is cut twice is twice as much; asking again is another moment
            tables.send(command)
            assert (tables.order, tables.refunds) == (order, refunds), (seed, command)


def test_the_price_of_a_set_comes_back_to_the_last_cent():
    tables = Tables()
    tables.send(start(lines=(a_set("S", 1, A=2, C=1),)))
    skus = ("A", "C", "S")
    tables.send(
        api.CompleteOrder(
            order_id=ORDER, skus=skus, reference="p", amount_minor=PRICE, currency="EUR"
        )
    )
    for sku, count in (("A", 2), ("C", 1)):
        shares = (api.Share(supplier="acme", quantity=count),)
        tables.send(api.NoteAllocation(order_id=ORDER, plan=ORDER, sku=sku, shares=shares))
    tables.send(api.CancelOrder(order_id=ORDER, skus=skus))
    gone = [
        msgspec.structs.replace(nothing(sku), ordered=count, cancelled=count)
        for sku, count in (("A", 2), ("C", 1))
    ]
    tables.send(
        api.NotePurchaseOrder(
            order_id=ORDER, plan=ORDER, supplier="acme", purchase_order=f"{ORDER}/acme",
            version=2, sent=False, units=tuple(gone),
        )
    )  # fmt: skip
    assert tables.refunds == PRICE
    assert tables.order.status == "cancelled"
