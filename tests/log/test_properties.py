"""Whatever comes in whatever order and company: properties of the pure parts."""

import asyncio
import xml.etree.ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire.adapters.memory import MemoryState, MemoryStorage
from shopwire.adapters.postgres.log import append_arguments
from shopwire.cli.bench.common import latencies, percentile
from shopwire.cli.bench.svg import Chart, render
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Answer, Envelope
from shopwire.kernel.errors import ErrorBody, LogCorrupt
from shopwire.kernel.write_path import WritePath
from shopwire.testing.conformance.sample import (
    COUNT_MAX,
    COUNT_UP,
    Counter,
    count_up,
    new_event,
    over_limit,
)

wishes = st.builds(
    count_up,
    st.sampled_from("klmnop"),
    st.sampled_from(["s1", "s2", "s3"]),
    id=st.sampled_from("ab"),
    by=st.sampled_from([1, 2, 7, COUNT_MAX + 1]),
    how=st.sampled_from(["", "", "", "rule", "field"]),
)


class Model:
    """The write path in ten lines: one command at a time, nothing shared, no batches."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self.versions: dict[tuple[str, str], int] = {}
        self.answers: dict[str, tuple[bytes, str, bool]] = {}

    def submit(self, wish: Envelope) -> tuple[str, bool]:
        """What came of it, and whether it is a replay."""
        if wish.key in self.answers:
            fingerprint, told, _ = self.answers[wish.key]
            return (told, True) if fingerprint == wish.fingerprint else ("KeyReused", False)
        told, stored = self._decide(wish.command)
        if stored:
            self.answers[wish.key] = (wish.fingerprint, told, True)
        return told, False

    def _decide(self, command) -> tuple[str, bool]:
        if command.how:
            return {"rule": ("RuleBroken", True), "field": ("InvalidField", False)}[command.how]
        at = (command.shelf, command.id)
        count = self.counts.get(at, 0) + command.by
        if count > COUNT_MAX:
            return "ConstraintRefused", True
        self.counts[at] = count
        self.versions[at] = self.versions.get(at, 0) + 1
        return f"{count} at {self.versions[at]}", True


def told_of(wish: Envelope, outcome) -> tuple[str, bool]:
    if not outcome.ok:
        return msgspec.json.decode(outcome.body, type=ErrorBody).name, outcome.replayed
    answer = msgspec.json.decode(outcome.body, type=Answer)
    version = answer.versions[f"counter:{wish.command.shelf}/{wish.command.id}"]
    return f"{answer.result['count']} at {version}", outcome.replayed


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(wishes, min_size=1, max_size=12), max_size=6), st.integers(1, 9))
def test_batches_decide_as_if_each_command_came_alone(calls, batch_max):
    # One partition, so that the order of the queue is the order of the model.
    state = MemoryState(1, constraints={Counter: over_limit})
    model = Model()

    async def run() -> None:
        path = WritePath(MemoryStorage(state), [COUNT_UP], SystemClock(), batch_max=batch_max)
        await path.start()
        for call in calls:
            expected = [model.submit(wish) for wish in call]
            outcomes = await path.submit_many(call)
            found = [told_of(w, o) for w, o in zip(call, outcomes, strict=True)]
            assert found == expected
        await path.stop()

    asyncio.run(run())
    kept = state.rows.get(Counter, {}).values()
    assert {(row.shelf, row.id): row.count for row in kept} == model.counts
    assert len(state.events[0]) == sum(model.versions.values())


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30), st.integers(0, 5))
def test_an_append_names_each_topics_newest_event_and_first_version(topics, before):
    versions: dict[str, int] = {}
    events = []
    for topic in topics:
        versions[topic] = versions.get(topic, before) + 1
        events.append(new_event(topic, versions[topic]))
    *_, rows, kept = append_arguments(0, 1, None, events)
    assert kept == len(versions)
    marked = {row[1]: (row[2], row[-1]) for row in rows if row[-1]}
    assert marked == {topic: (last, before + 1) for topic, last in versions.items()}


@given(st.integers(1, 9), st.integers(1, 9))
def test_an_append_refuses_a_batch_whose_versions_do_not_follow(first, second):
    events = [new_event("a", first), new_event("b", 1), new_event("a", second)]
    if second == first + 1:
        assert append_arguments(0, 1, None, events)
    else:
        with pytest.raises(LogCorrupt):
            append_arguments(0, 1, None, events)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_enough_values_do_not_exceed(values, share):
    ordered = sorted(values)
    value = percentile(ordered, share)
    assert value in values
    assert sum(one <= value for one in values) >= share * len(values) - 1e-9


def test_latencies_are_milliseconds():
    assert latencies([0.001, 0.002, 0.003, 0.004])["p50_ms"] == 2.0


@pytest.mark.parametrize(
    "chart",
    [
        Chart(name="b", title="a < b & c", unit="s", bars=[("x", 0.0), ("y", 12_345.0)]),
        Chart(name="b", title="log", unit="s", log_scale=True, bars=[("x", 1.0), ("y", 1e6)]),
        Chart(name="l", title="l", unit="ms", kind="lines", lines=[("x", [(0, 1), (2, 3)])]),
        Chart(name="e", title="empty", unit="ms", kind="lines"),
    ],
)
def test_charts_are_well_formed(chart):
    assert ET.fromstring(render(chart)).tag.endswith("svg")
