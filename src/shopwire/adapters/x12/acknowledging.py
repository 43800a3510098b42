"""997: what came in, and what was wrong with it."""

from collections.abc import Mapping, Sequence
from typing import Final

from shopwire.adapters.x12.syntax import Fault, Group, Segment, TransactionSet, segment

FAULTS_MAX: Final = 100
"""Faults of one set that an answer names; the others are left out."""


def acknowledge(
    group: Group,
    faults: Mapping[str, Sequence[Fault]] | None = None,
    *,
    control: str = "0001",
) -> TransactionSet:
    """The 997 that answers a group; `faults` are by control number of the set.

    A set with errors of its envelope or with faults is rejected, others are accepted. It belongs in
    a group of its own with the functional id FA.
    """
    faults = faults or {}
    out: list[Segment] = [segment("AK1", group.functional_id, group.control)]
    accepted = 0
    for one in group.sets:
        found = list(faults.get(one.control, ()))
        out.append(segment("AK2", one.kind, one.control))
        out += _details(found[:FAULTS_MAX])
        codes = [*one.errors, *(["5"] if found else [])][:5]
        accepted += not codes
        out.append(segment("AK5", "R" if codes else "A", *codes))
    if group.errors or (not accepted and group.sets):
        verdict = "R"
    else:
        verdict = "A" if accepted == len(group.sets) else "P"
    if verdict == "R":
        accepted = 0
    count = str(len(group.sets))
    out.append(segment("AK9", verdict, count, count, str(accepted), *group.errors[:5]))
    return TransactionSet(kind="997", control=control, segments=tuple(out))


def _details(faults: Sequence[Fault]) -> list[Segment]:
    out: list[Segment] = []
    latest: tuple[str, int, str] | None = None
    for fault in faults:
        place = (fault.segment, fault.position, fault.code)
        if place != latest:
            out.append(segment("AK3", fault.segment, str(fault.position), "", fault.code))
            latest = place
        if fault.element:
            # The bad value is named only where it cannot break this very answer.
            value = fault.value[:99] if fault.value.isascii() and fault.value.isalnum() else ""
            out.append(segment("AK4", str(fault.element), "", fault.element_code, value))
    return out
