"""What screens showed, against what was committed: gaps, doubles, steps back, lies about age."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from shopwire.testing.checkers.finding import Finding

LIVE_MS_MAX: Final = 3_000
"""A screen that says `live` promises that nothing older than this is missing."""
SLACK_MS: Final = 500
"""For what lies between the moment that a commit is stamped with and the look at a screen."""
FINDINGS_MAX: Final = 100
"""Findings of one check; it has failed with the first."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A screen holds a document from now on."""

    screen: str
    at_ms: float
    """On the machine's wall clock, as all times here."""
    topic: str
    epoch: int
    version: int
    digest: str
    """Of the document, in one spelling."""


class Felt(msgspec.Struct, frozen=True, kw_only=True):
    """What a screen said about itself at a moment."""

    screen: str
    at_ms: float
    status: str


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """What the log says."""

    topic: str
    version: int
    at_ms: float
    digest: str


def check_screens(
    shown: Iterable[Shown],
    felt: Iterable[Felt],
    committed: Iterable[Committed],
    *,
    is_fact: Callable[[str], bool] = lambda _: False,
    live_ms_max: float = LIVE_MS_MAX + SLACK_MS,
) -> list[Finding]:
    """Whether each screen told a true story, and ended with what the log ends with.

    Every screen is expected to follow every topic that is committed to, and each as it saw them:
    what it showed first may be any version. Within an epoch versions only grow; those of facts by
    one; each has the log's document; none is shown that never was; while a screen said `live`
    nothing was missing on it that had been committed `live_ms_max` before.
    """
    log: dict[str, dict[int, Committed]] = defaultdict(dict)
    for commit in committed:
        log[commit.topic][commit.version] = commit
    stories: dict[str, dict[str, list[Shown]]] = defaultdict(lambda: defaultdict(list))
    for step in shown:
        stories[step.screen][step.topic].append(step)
    said: dict[str, list[Felt]] = defaultdict(list)
    for feeling in felt:
        said[feeling.screen].append(feeling)
    findings: list[Finding] = []
    for screen in sorted({*stories, *said}):
        for topic in sorted({*stories[screen], *log}):
            story = stories[screen][topic]
            findings += _steps(story, log[topic], fact=is_fact(topic))
            findings += _end(screen, topic, story, log[topic])
        findings += _lies(screen, stories[screen], said[screen], log, live_ms_max)
    return findings[:FINDINGS_MAX]


def _found(where: str, reason: str) -> Finding:
    return Finding(check="screens", where=where, reason=reason)


def _steps(
    story: Sequence[Shown], log: Mapping[int, Committed], *, fact: bool
) -> Iterable[Finding]:
    before: Shown | None = None
    for step in story:
        where = f"{step.screen} {step.topic} v{step.version}"
        if before is not None and before.epoch == step.epoch:
            if step.version == before.version:
                yield _found(where, "was shown twice")
            elif step.version < before.version:
                yield _found(where, f"came after v{before.version}")
            elif fact and step.version != before.version + 1:
                yield _found(where, f"came right after v{before.version}: a fact is missing")
        if step.version and step.version not in log:
            yield _found(where, "was never committed")
        elif step.version and step.digest != log[step.version].digest:
            yield _found(where, f"is {step.digest}, the log has {log[step.version].digest}")
        before = step


def _end(
    screen: str, topic: str, story: Sequence[Shown], log: Mapping[int, Committed]
) -> Iterable[Finding]:
    newest = max(log, default=0)
    last = story[-1].version if story else None
    if last != newest and (newest or last):
        yield _found(f"{screen} {topic}", f"ends at v{last}, the log at v{newest}")


def _lies(
    screen: str,
    stories: Mapping[str, Sequence[Shown]],
    said: Sequence[Felt],
    log: Mapping[str, Mapping[int, Committed]],
    live_ms_max: float,
) -> Iterable[Finding]:
    """One finding a topic at most: a lie goes on for a while."""
    live = sorted(feeling.at_ms for feeling in said if feeling.status == "live")
    for topic, commits in sorted(log.items()):
        story = stories.get(topic, ())
        arrived = _arrivals(story, commits)
        for version, commit in sorted(commits.items()):
            due = commit.at_ms + live_ms_max
            at = bisect_right(live, due)
            if at < len(live) and live[at] < arrived[version]:
                late_ms = round(live[at] - commit.at_ms)
                reason = f"was missing while the screen said live, {late_ms} ms after its commit"
                yield _found(f"{screen} {topic} v{version}", reason)
                break


def _arrivals(story: Sequence[Shown], commits: Iterable[int]) -> dict[int, float]:
    """When each version, or a later one, was there; infinity where it never was."""
    arrived: dict[int, float] = {}
    first: dict[int, float] = {}
    for step in story:
        first.setdefault(step.version, step.at_ms)
    soonest = math.inf
    for version in sorted({*first, *commits}, reverse=True):
        soonest = min(soonest, first.get(version, math.inf))
        arrived[version] = soonest
    return arrived
