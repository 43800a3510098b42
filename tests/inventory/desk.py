"""The inventory's own decisions on rows in memory: no loop, no log, fast."""

from typing import Any

from tests.modules.inventory_shop import over_the_limit

from shopwire.kernel.commands import Command, Context, Decision
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.rows import Row
from shopwire.kernel.working_set import WorkingSet
from shopwire.modules.inventory.commands import HANDLERS
from shopwire.modules.inventory.domain import LedgerLine, Pool

_HANDLERS = {handler.command: handler for handler in HANDLERS}


class Desk:
    """Decides commands one by one and keeps what they put; a key is answered once."""

    def __init__(self) -> None:
        self.rows: dict[type[Row], dict[tuple[str, str], dict[tuple[str, ...], Row]]] = {}
        self.lines: list[LedgerLine] = []
        self.answers: dict[str, Any] = {}

    def decide(self, command: Command, key: str, now_ms: int) -> Decision | ShopwireError:
        """The decision, taken over; or why not."""
        if key in self.answers:
            return self.answers[key]
        handler = _HANDLERS[type(command)]
        needs = frozenset(handler.needs(command))
        held = WorkingSet()
        for kind, group in needs:
            rows = self.rows.get(kind, {}).get(("main", group), {})
            held.hold(kind, [("main", group)], rows.values())
        context = Context(tenant="main", principal="test", command_id=key, now_ms=now_ms)
        try:
            decision = handler.decide(command, held.view("main", needs), context)
        except ShopwireError as refusal:
            self.answers[key] = refusal
            return refusal
        held.check("main", needs, decision.put)
        held.put(decision.put)
        for kind, rows in held.take_changed()[0].items():
            for row in rows:
                self._keep(kind, row)
        self.answers[key] = decision
        return decision

    def _keep(self, kind: type[Row], row: Row) -> None:
        if isinstance(row, Pool | LedgerLine):
            assert over_the_limit(row) is None, row
        if isinstance(row, LedgerLine):
            self.lines.append(row)
            return
        self.rows.setdefault(kind, {}).setdefault(row.group, {})[row.key] = row

    def all(self, kind: type[Any]) -> list[Any]:
        """Every row of a kind."""
        return [row for rows in self.rows.get(kind, {}).values() for row in rows.values()]

    def pool(self, sku: str) -> Pool | None:
        """The pool of an article that one supplier has."""
        rows = self.rows.get(Pool, {}).get(("main", sku), {})
        return next((row for row in rows.values() if isinstance(row, Pool)), None)
