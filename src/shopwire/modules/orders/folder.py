"""One order while a decision works on it: what changed, which conflicts follow, what is told."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context, Decision
from shopwire.kernel.events import Event
from shopwire.kernel.rows import Row
from shopwire.modules.orders.domain import (
    Conflict,
    Order,
    conflict_document,
    document_of,
    settled_status,
)
from shopwire.modules.orders.events import (
    Allocated,
    ConflictFacts,
    ConflictOpened,
    ConflictReason,
    ConflictSettled,
    OrderAllocated,
    OrderCancelled,
    OrderChanged,
    OrderEvent,
    OrderFacts,
    Recall,
    Released,
)
from shopwire.modules.orders.lots import Lot

Planners = Callable[[OrderFacts], Iterable[Command]]
"""Makes of an allocation the commands that plan it."""
_FIELDS: Final[dict[ConflictReason, tuple[str, str]]] = {
    "overpromised": ("questioned", "short"),
    "refused": ("asked", "refusal"),
}
"""What a lot has in question for a reason, and which conflict is about it."""


class Folder:
    """An order with its conflicts; the decision takes what was laid in."""

    def __init__(self, order: Order, conflicts: Iterable[Conflict], context: Context) -> None:
        self.order = order
        self._before = order
        self._context = context
        self._conflicts = {one.conflict_id: one for one in conflicts}
        self._touched: dict[str, bool] = {}
        """Conflicts that changed, and whether they are told of."""
        self._released: list[Released] = []
        self._recalls: list[Recall] = []
        self._refund_minor = 0
        self.capture = False
        """Whether `then` asks for the capture."""
        self.then: list[Command] = []
        self.decided_at: tuple[int | None, int | None] = (None, None)
        """When the supplier decided what is taken over, as its moment or its sequence."""

    # -- the order ----------------------------------------------------------------------------

    def change(self, **fields: Any) -> None:
        """Changes fields of the order."""
        self.order = replace(self.order, **fields)

    def put_lots(self, lots: Iterable[Lot]) -> None:
        """Takes lots over; their conflicts follow from what they have in question now."""
        followed = []
        for lot in lots:
            for reason in _FIELDS:
                lot = self._follow(lot, reason)  # noqa: PLW2901 - one lot, step by step
            followed.append(lot)
        self.order = self.order.with_lots(followed)

    def pay_back(self, before: Lot, after: Lot) -> None:
        """The money for units of a lot that are gone now and were not before."""
        self._refund_minor += after.worth(after.gone) - before.worth(before.gone)

    def release(self, lot: Lot, quantity: int, **how: Any) -> None:
        """Units of the lot's sale are free; see Released."""
        if quantity > 0:
            self._released.append(
                Released(
                    sku=lot.sku,
                    supplier=lot.supplier,
                    reference=lot.reference,
                    quantity=quantity,
                    **how,
                )
            )

    def recall(self, lot: Lot, quantity: int) -> None:
        """Units of a lot are not needed after all; its supplier is asked for them."""
        wish = f"{lot.purchase_order}/V{self.order.version + 1}"
        self._recalls.append(
            Recall(wish=wish, sku=lot.sku, quantity=quantity, purchase_order=lot.purchase_order)
        )

    # -- conflicts ----------------------------------------------------------------------------

    def conflict(self, conflict_id: str) -> Conflict | None:
        """One of the order's conflicts."""
        return self._conflicts.get(conflict_id)

    @property
    def conflicts(self) -> Sequence[Conflict]:
        """All of them."""
        return list(self._conflicts.values())

    def keep(self, conflict: Conflict, *, told: bool = True) -> None:
        """Takes a changed conflict over; `told` makes an event of it."""
        self._conflicts[conflict.conflict_id] = conflict
        self._touched[conflict.conflict_id] = told or self._touched.get(conflict.conflict_id, False)

    def _follow(self, lot: Lot, reason: ConflictReason) -> Lot:
        counted, named = _FIELDS[reason]
        quantity: int = getattr(lot, counted)
        conflict = self._conflicts.get(getattr(lot, named))
        if conflict is not None and conflict.status == "open":
            if quantity == 0:
                lifted = replace(conflict, status="lifted", settled_at_ms=self._context.now_ms)
                self.keep(lifted)
                return replace(lot, **{named: ""})
            if quantity != conflict.quantity:
                self.keep(replace(conflict, quantity=quantity))
            return lot
        if quantity == 0:
            return lot
        opened = self._opened(lot, reason, quantity)
        self.keep(opened)
        return replace(lot, **{named: opened.conflict_id})

    def _opened(self, lot: Lot, reason: ConflictReason, quantity: int) -> Conflict:
        """A conflict about the lot: the one that was lifted before, or a new one."""
        for known in self._conflicts.values():
            same = (known.lot_name, known.reason) == (lot.name, reason)
            if same and known.status == "lifted":
                return replace(
                    known,
                    status="open",
                    quantity=quantity,
                    opened_at_ms=self._context.now_ms,
                    settled_at_ms=None,
                )
        self.change(conflicts=self.order.conflicts + 1)
        return Conflict(
            tenant=self.order.tenant,
            order_id=self.order.order_id,
            conflict_id=f"{self.order.order_id}/C{self.order.conflicts}",
            plan=lot.plan,
            line=lot.line,
            sku=lot.sku,
            supplier=lot.supplier,
            reference=lot.reference,
            quantity=quantity,
            reason=reason,
            opened_at_ms=self._context.now_ms,
            decided_at_ms=self.decided_at[0],
            decided_sequence=self.decided_at[1],
        )

    # -- the decision -------------------------------------------------------------------------

    def decision(
        self,
        kind: type[OrderEvent] | None = None,
        *,
        put: Sequence[Row] = (),
        result: Any = None,
        cause: str = "",
    ) -> Decision:
        """What was laid in, as rows and events; nothing where nothing is different."""
        events: list[Event] = []
        rows: list[Row] = list(put)
        changed = self.order != self._before
        if changed or kind is not None:
            events.append(self._told(kind, self._facts(cause)))
            rows.append(self.order)
        for conflict_id, told in self._touched.items():
            conflict = self._conflicts[conflict_id]
            if told:
                conflict = replace(conflict, version=conflict.version + 1)
                events.append(self._conflict_event(conflict))
            rows.append(conflict)
        if result is None:
            result = {"applied": bool(events), "status": self.order.status}
        return Decision(put=rows, events=events, result=result, then=self.then)

    def allocation(
        self, lots: Sequence[Lot], plan: str, *, planners: Planners | None = None
    ) -> Decision:
        """The decision, told as a plan of who sends what, with what follows from it at once."""
        own = None if plan == self.order.order_id else plan
        facts = replace(self._facts(plan), plan=own, allocations=allocations_of(lots))
        if planners is not None:
            facts = replace(facts, planned=True)
            self.then += planners(facts)
        decision = self.decision(OrderAllocated, cause=plan)
        first, *others = decision.events
        assert isinstance(first, OrderEvent)
        return replace(decision, events=[replace(first, facts=facts), *others])

    def _told(self, kind: type[OrderEvent] | None, facts: OrderFacts) -> OrderEvent:
        # Where units stand does not depend on what is written here, once an order is placed.
        states = self.order.states()
        status = settled_status(self.order, states)
        self.order = replace(self.order, status=status, version=self.order.version + 1)
        if kind is None:
            over = status == "cancelled" and self._before.status != "cancelled"
            kind = OrderCancelled if over else OrderChanged
        return kind(
            entity=self.order.order_id,
            version=self.order.version,
            document=document_of(self.order, states),
            facts=facts,
        )

    def _facts(self, cause: str) -> OrderFacts:
        order = self.order
        refund_id = f"{order.order_id}/V{order.version + 1}" if self._refund_minor else ""
        return OrderFacts(
            skus=order.skus,
            amount_minor=order.total_minor,
            currency=order.currency,
            released=tuple(self._released),
            recalls=tuple(self._recalls),
            refund_minor=self._refund_minor,
            refund_id=refund_id,
            cause=cause,
            capture=self.capture,
        )

    def _conflict_event(self, conflict: Conflict) -> ConflictOpened | ConflictSettled:
        kind = ConflictOpened if conflict.status == "open" else ConflictSettled
        return kind(
            entity=conflict.conflict_id,
            version=conflict.version,
            document=conflict_document(conflict, self.order),
            facts=ConflictFacts(order_id=conflict.order_id, plan=conflict.reference),
        )


def allocations_of(lots: Iterable[Lot]) -> tuple[Allocated, ...]:
    """Who sends what; units of one SKU from one supplier are one, at their common price."""
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    for lot in lots:
        key = (lot.sku, lot.supplier, lot.reference)
        units, value = found.get(key, (0, 0))
        found[key] = (units + lot.quantity, value + lot.value_minor)
    return tuple(
        Allocated(
            sku=sku,
            supplier=supplier,
            quantity=units,
            price_minor=value // units,
            value_minor=value,
            reference=reference,
        )
        for (sku, supplier, reference), (units, value) in found.items()
    )
