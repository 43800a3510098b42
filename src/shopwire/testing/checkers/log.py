"""The log as a reader finds it: contiguous, and every version the one after the last."""

from collections.abc import Sequence
from typing import Final

from shopwire.kernel.events import Recorded
from shopwire.testing.checkers.finding import Finding

FINDINGS_MAX: Final = 100
"""Findings of one check; it has failed with the first."""


def check_log(
    partitions: Sequence[Sequence[Recorded]], *, heads: Sequence[int] | None = None
) -> list[Finding]:
    """Whether each partition holds 0 to n-1 in order, and each topic its versions 1 to n.

    A topic stays in one partition, epochs and times of a partition never go back, and where
    `heads` are given each partition ends there.
    """
    walk = _Walk()
    for partition, events in enumerate(partitions):
        for at, event in enumerate(events):
            walk.step(partition, at, event)
        if heads is not None and heads[partition] != len(events):
            reason = f"has {len(events)} events, its head says {heads[partition]}"
            walk.wrong(str(partition), reason)
        walk.epoch, walk.at_ms = 0, 0
    return walk.findings[:FINDINGS_MAX]


class _Walk:
    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.epoch = 0
        self.at_ms = 0
        self._topics: dict[tuple[str, str], tuple[int, int]] = {}
        """Partition and last version."""

    def wrong(self, where: str, reason: str) -> None:
        self.findings.append(Finding(check="log", where=where, reason=reason))

    def step(self, partition: int, at: int, event: Recorded) -> None:
        place = event.position
        where = f"{place.partition}/{place.offset} {event.topic}"
        if (place.partition, place.offset) != (partition, at):
            self.wrong(where, f"stands at {partition}/{at}")
        if place.epoch < self.epoch:
            self.wrong(where, f"epoch {place.epoch} after {self.epoch}")
        if event.recorded_at_ms < self.at_ms:
            self.wrong(where, f"recorded at {event.recorded_at_ms}, the one before {self.at_ms}")
        home, version = self._topics.get((event.tenant, event.topic), (partition, 0))
        if home != partition:
            self.wrong(where, f"the topic lives in partition {home}")
        if event.version != version + 1:
            self.wrong(where, f"version {event.version} after {version}")
        self._topics[event.tenant, event.topic] = (partition, event.version)
        self.epoch, self.at_ms = place.epoch, event.recorded_at_ms
