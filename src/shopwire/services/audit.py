"""Proofs over the whole log: contiguity, versions, everything derived from it; and rebuilding."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from shopwire.adapters.postgres.pool import Pools, Snapshot, StorageErrors
from shopwire.kernel.checks import Check, Drift
from shopwire.kernel.limits import READ_EVENTS_MAX
from shopwire.kernel.queries import load_queries

_SQL: Final = load_queries("shopwire.adapters.postgres")
DRIFT_SHOWN_MAX: Final = 1_000
"""Differences that one check reports; a log that is wrong everywhere must not fill the memory."""
REBUILD_EVENTS: Final = 20_000
"""Events of one step of a rebuild."""

Progress = Callable[[str, int, int], None]
"""Told what is being looked at, how much of it is done, and how much there is."""


class PartitionReport(msgspec.Struct, frozen=True):
    """One partition as it was found."""

    partition: int
    next: int
    epoch: int
    events: int


class Report(msgspec.Struct, kw_only=True):
    """What a verification found; `drift` of nothing means that every number is explained."""

    partitions: list[PartitionReport] = []
    events: int = 0
    topics: int = 0
    documents: int = 0
    consumers: int = 0
    checks: dict[str, int] = {}
    """Name of each proof to the number of differences that it found."""
    drift: list[Drift] = []
    drift_total: int = 0

    def add(self, name: str, found: Sequence[Drift]) -> None:
        """Takes what one proof found."""
        self.checks[name] = self.checks.get(name, 0) + len(found)
        self.drift_total += len(found)
        room = DRIFT_SHOWN_MAX - len(self.drift)
        self.drift.extend(found[: max(room, 0)])


async def verify(
    pools: Pools, checks: Iterable[Check] = (), progress: Progress | None = None
) -> Report:
    """Reads the log from its beginning and compares everything that is derived from it.

    All of it in one snapshot, so that it may run beside a working shop.
    """
    tell = progress or (lambda _what, _done, _total: None)
    report = Report()
    async with pools.snapshot() as snapshot:
        expected = await _read_log(snapshot, report, tell)
        report.add("log.end", await _beyond_head(snapshot))
        report.add("documents", await _compare_documents(snapshot, report, expected, tell))
        report.add("consumers", await _compare_positions(snapshot, report))
        for check in checks:
            tell(check.name, 0, 1)
            report.add(check.name, await check.run(snapshot))
            tell(check.name, 1, 1)
    return report


_Kept = tuple[int, int, int, int]
"""Version, digest of the document, time of the change, partition."""


async def _read_log(
    snapshot: Snapshot, report: Report, tell: Progress
) -> dict[tuple[str, str], _Kept]:
    """Walks every partition; returns what the documents must be."""
    topics: dict[tuple[str, str], _Kept] = {}
    heads = await snapshot.read(_SQL["heads"])
    total = sum(head["next"] for head in heads)
    for head in heads:
        walk = _Walk(head["partition"], head["epoch"], topics)
        while rows := await snapshot.read(_SQL["read"], walk.partition, walk.at, READ_EVENTS_MAX):
            for row in rows:
                walk.step(row)
            report.events += len(rows)
            tell("log", report.events, total)
        if walk.at != head["next"]:
            walk.differs("log.contiguity", f"head {walk.partition}", head["next"], walk.at)
        for name in ("log.contiguity", "log.versions", "log.epochs"):
            report.add(name, [drift for drift in walk.drift if drift.check == name])
        report.partitions.append(
            PartitionReport(walk.partition, head["next"], head["epoch"], walk.events)
        )
    report.topics = len(topics)
    return topics


class _Walk:
    """One partition, event after event."""

    def __init__(self, partition: int, epoch: int, topics: dict[tuple[str, str], _Kept]) -> None:
        self.partition = partition
        self.at = 0
        self.events = 0
        self.drift: list[Drift] = []
        self._epoch_max = epoch
        self._epoch = 0
        self._topics = topics

    def differs(self, check: str, where: str, expected: Any, found: Any) -> None:
        if len(self.drift) < DRIFT_SHOWN_MAX:
            self.drift.append(
                Drift(check=check, where=where, expected=str(expected), found=str(found))
            )

    def step(self, row: Any) -> None:
        offset, epoch, tenant, topic, version, _type, document, _facts, _command, at_ms = row
        where = f"{self.partition}/{offset} {topic}"
        if offset != self.at:
            self.differs("log.contiguity", where, self.at, offset)
        if not self._epoch <= epoch <= self._epoch_max:
            self.differs("log.epochs", where, f"{self._epoch}..{self._epoch_max}", epoch)
        before = self._topics.get((tenant, topic))
        if before is not None and before[3] != self.partition:
            self.differs("log.versions", where, f"partition {before[3]}", self.partition)
        follows = 1 if before is None else before[0] + 1
        if version != follows:
            self.differs("log.versions", where, follows, version)
        self._topics[tenant, topic] = (version, hash(bytes(document)), at_ms, self.partition)
        self._epoch = epoch
        self.at = offset + 1
        self.events += 1


async def _beyond_head(snapshot: Snapshot) -> list[Drift]:
    return [
        Drift(
            check="log.end",
            where=f"{row['partition']}/{row['offset']}",
            expected="no event at or after the head",
            found=f"{row['events']} events",
        )
        for row in await snapshot.read(_SQL["beyond_head"])
    ]


async def _compare_documents(
    snapshot: Snapshot, report: Report, expected: dict[tuple[str, str], _Kept], tell: Progress
) -> list[Drift]:
    drift: list[Drift] = []
    names = ("version", "body", "changed_at_ms", "partition")
    total, last = len(expected), ("", "")
    while rows := await snapshot.read(_SQL["all_documents"], *last, READ_EVENTS_MAX):
        for tenant, topic, version, body, changed_at_ms, partition in rows:
            last = (tenant, topic)
            must = expected.pop(last, None)
            found = (version, hash(bytes(body)), changed_at_ms, partition)
            if must == found or len(drift) >= DRIFT_SHOWN_MAX:
                continue
            wrong = [n for n, a, b in zip(names, must or (), found, strict=False) if a != b]
            drift.append(
                Drift(
                    check="documents",
                    where=f"{tenant} {topic}",
                    expected="none" if must is None else f"version {must[0]}",
                    found=f"version {version}, differs in {', '.join(wrong) or 'being there'}",
                )
            )
        report.documents += len(rows)
        tell("documents", report.documents, total)
    for (tenant, topic), must in list(expected.items())[:DRIFT_SHOWN_MAX]:
        drift.append(
            Drift(
                check="documents",
                where=f"{tenant} {topic}",
                expected=f"version {must[0]}",
                found="none",
            )
        )
    return drift


async def _compare_positions(snapshot: Snapshot, report: Report) -> list[Drift]:
    heads = {head["partition"]: head["next"] for head in await snapshot.read(_SQL["heads"])}
    drift: list[Drift] = []
    for consumer, partition, at in await snapshot.read(_SQL["all_positions"]):
        report.consumers += 1
        if at > heads.get(partition, 0):
            drift.append(
                Drift(
                    check="consumers",
                    where=f"{consumer} {partition}",
                    expected=f"at most {heads.get(partition, 0)}",
                    found=str(at),
                )
            )
    return drift


async def rebuild_documents(pools: Pools, progress: Progress | None = None) -> int:
    """Makes the documents anew from the log, a partition at a time under its lock.

    Readers see the old documents until a partition is done. Returns the events read.
    """
    tell = progress or (lambda _what, _done, _total: None)
    heads = await pools.read(_SQL["heads"])
    total, done = sum(head["next"] for head in heads), 0
    for head in heads:
        async with StorageErrors(), pools.writers.acquire() as con, con.transaction():
            partition = head["partition"]
            await con.fetch(_SQL["lock_heads"], [partition])
            (end,) = [h["next"] for h in await con.fetch(_SQL["heads"]) if h[0] == partition]
            await con.execute(_SQL["forget_documents"], partition)
            for start in range(0, end, REBUILD_EVENTS):
                await con.execute(
                    _SQL["rebuild_documents"], partition, start, start + REBUILD_EVENTS
                )
                done += min(REBUILD_EVENTS, end - start)
                tell("replay", done, max(total, done))
    return done


async def new_epoch(pools: Pools) -> int:
    """Begins a new epoch: open writers are fenced, every cursor leads to a new snapshot."""
    async with StorageErrors(), pools.writers.acquire() as con, con.transaction():
        partitions = [head["partition"] for head in await con.fetch(_SQL["heads"])]
        await con.fetch(_SQL["lock_heads"], partitions)
        epochs = await con.fetch(_SQL["new_epoch"])
    return int(max(row["epoch"] for row in epochs))
