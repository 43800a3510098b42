"""Exactly one effect per key: what the log did beside what callers were told."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from shopwire.kernel.commands import Outcome
from shopwire.kernel.events import Recorded
from shopwire.testing.checkers.finding import Finding

FINDINGS_MAX: Final = 100
"""Findings of one check; it has failed with the first."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that a caller got, or that it got none."""

    command_id: str
    """`Envelope.command_id`: the key in its scope."""
    outcome: Outcome | None = None
    """None where the answer never came."""
    final: bool = True
    """Whether a repeat must say the same: not for what a retry may change, such as a full queue."""


class _Versions(msgspec.Struct, frozen=True):
    versions: dict[str, int]


def check_effects(
    partitions: Sequence[Sequence[Recorded]],
    told: Iterable[Told],
    *,
    complete: bool = True,
    may_repeat: Collection[str] = (),
) -> list[Finding]:
    """Whether each command's events are there once, and are those that its answer names.

    An acknowledged command has the events of its answer's `versions`, in one run of each
    partition, and no others; a refused one has none; answers to the same key are equal byte for
    byte.

    Args:
        partitions: The log.
        told: Every answer to every try, and who got none.
        complete: Whether an event whose command nobody asked for is a finding, too.
        may_repeat: Kinds of topics that one command may rightly change more than once.
    """
    effects, findings = _effects(partitions)
    answers: dict[str, Outcome | None] = {}
    for one in told:
        known = answers.setdefault(one.command_id, None)
        if one.outcome is None or not one.final:
            continue
        if known is None:
            answers[one.command_id] = one.outcome
        elif (known.status, known.body) != (one.outcome.status, one.outcome.body):
            reason = f"answered {known.body!r} first, {one.outcome.body!r} again"
            findings.append(_finding(one.command_id, reason))
    for command_id, outcome in answers.items():
        findings += _compare(command_id, outcome, effects.get(command_id, []))
    for command_id, effect in effects.items():
        topics = [topic for topic, _ in effect if topic.partition(":")[0] not in may_repeat]
        twice = {topic for topic in topics if topics.count(topic) > 1}
        if twice:
            findings.append(_finding(command_id, f"it changed {sorted(twice)} more than once"))
    if complete:
        findings += [
            _finding(command_id, f"nobody asked for {topics}")
            for command_id, topics in effects.items()
            if command_id not in answers
        ]
    return findings[:FINDINGS_MAX]


def _compare(
    command_id: str, outcome: Outcome | None, effect: list[tuple[str, int]]
) -> list[Finding]:
    if outcome is None:
        return []
    if not outcome.ok:
        return [_finding(command_id, f"refused, and yet it did {effect}")] if effect else []
    answer = msgspec.json.decode(outcome.body, type=_Versions).versions
    done = dict(effect)
    if done != answer:
        return [_finding(command_id, f"the answer names {answer}, the log has {done}")]
    return []


def _effects(
    partitions: Sequence[Sequence[Recorded]],
) -> tuple[dict[str, list[tuple[str, int]]], list[Finding]]:
    """The topics and last versions that each command wrote; a command that comes back is wrong."""
    effects: dict[str, list[tuple[str, int]]] = {}
    findings: list[Finding] = []
    for partition, events in enumerate(partitions):
        ended: set[str] = set()
        running = ""
        for event in events:
            own = event.command_id
            if own != running:
                if own in ended:
                    where = f"{partition}/{event.position.offset}"
                    findings.append(_finding(own, f"its effect begins again at {where}"))
                ended.add(own)
                running = own
            effects.setdefault(own, []).append((event.topic, event.version))
    return effects, findings


def _finding(command_id: str, reason: str) -> Finding:
    return Finding(check="effects", where=command_id, reason=reason)
