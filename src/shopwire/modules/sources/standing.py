"""How a supplier's standing is told: its row, and an event where something shows."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from shopwire.kernel.rows import Need, Row
from shopwire.modules.sources.domain import Source, Supply
from shopwire.modules.sources.events import CautionChanged, SupplyChanged, SupplyEvent
from shopwire.modules.sources.freshness import judged


def whole_supply(command: Any) -> tuple[Need, Need]:
    """All that is known of the supplier that a command is about."""
    return Need(Source, command.supplier), Need(Supply, command.supplier)


def supply_told(
    supply: Supply,
    before: Supply | None,
    sources: Sequence[Source],
    at_ms: int,
    *,
    anyway: bool = False,
) -> tuple[list[Row], list[SupplyEvent]]:
    """The supplier's standing judged at a moment; nothing where it is as before.

    `anyway`: its sources are others than before, which the document names.
    """
    after = judged(supply, sources, at_ms)
    if after == before and not anyway:
        return [], []
    names = tuple(sorted(one.name for one in sources if one.state != "removed"))
    document = after.document(names)
    if before is not None and not anyway and document == before.document(names):
        return [after], []
    after = replace(after, version=after.version + 1)
    known = before.caution if before is not None else None
    kind = SupplyChanged if after.caution == known else CautionChanged
    return [after], [kind(entity=after.supplier, version=after.version, document=document)]
