"""Whatever happens to sources in whatever order: their rows obey the schema, and no run is lost."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire.kernel.commands import Command, Context
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.fetching import Marks, Place
from shopwire.modules.sources.api import (
    BeginFetch,
    FinishFetch,
    JudgeSupply,
    NoteGood,
    PauseSource,
    PutRule,
    PutSource,
    RemoveSource,
    RenewFetch,
    RunNow,
    Schedule,
)
from shopwire.modules.sources.commands import HANDLERS
from shopwire.modules.sources.domain import Fetch, Source, Supply
from shopwire.modules.sources.freshness import judged

DECIDE = {handler.command: handler.decide for handler in HANDLERS}
NAMES = ("a", "b")
PLACES = (
    Place(kind="http", address="https://acme.example/f"),
    Place(kind="folder", address="acme"),
    Place(kind="push"),
)
SCHEDULES = (
    None,
    Schedule(every_minutes=1),
    Schedule(every_minutes=60),
    Schedule(daily_at="06:00"),
)


class World:
    """One supplier's rows, and the runs that processes believe to hold."""

    def __init__(self) -> None:
        self.rows: dict[tuple[type, tuple[str, ...]], Any] = {}
        self.now_ms, self.commands = 1_700_000_000_000, 0
        self.believed: list[tuple[str, int]] = []
        self.versions: dict[str, int] = {}

    def all(self, kind: type, _group: str) -> list[Any]:
        return [row for (of, _), row in sorted(self.rows.items(), key=str) if of is kind]

    def one(self, kind: type, *key: str) -> Any:
        return self.rows.get((kind, ("main", *key)))

    def do(self, command: Command) -> Any:
        self.commands += 1
        context = Context(
            tenant="main", principal="t", command_id=str(self.commands), now_ms=self.now_ms
        )
        try:
            decision = DECIDE[type(command)](command, self, context)
        except ShopwireError:
            return None
        for row in decision.put:
            if isinstance(row, Fetch):
                assert (Fetch, row.key) not in self.rows, "a line is written once"
            self.rows[type(row), row.key] = row
        for event in decision.events:
            assert event.version == self.versions.get(event.topic, 0) + 1
            self.versions[event.topic] = event.version
        self.check()
        return decision.result

    def check(self) -> None:
        lines = self.all(Fetch, "")
        running = []
        for one in self.all(Source, ""):
            own = sorted(line.fence for line in lines if line.name == one.name)
            at_work = one.began_ms is not None
            assert own == list(range(1, one.fence + 1 - at_work))
            assert (one.lease_until_ms is None) == (one.running_why is None) == (not at_work)
            assert one.due_ms is None or (one.why is not None and one.state == "active")
            assert one.place.kind != "push" or one.schedule is None
            if at_work and one.lease_until_ms > self.now_ms:
                running.append(one.name)
        assert len(running) <= 1, "a supplier's sources take turns"
        for supply in self.all(Supply, ""):
            assert (supply.breaker == "closed") == (supply.retry_ms is None)
            again = judged(supply, self.all(Source, ""), self.now_ms)
            assert again.judge_ms is None or again.judge_ms > self.now_ms


name = st.sampled_from(NAMES)
begins = st.tuples(st.just("begin"), name, st.sampled_from([None, "push"]))
outcomes = st.sampled_from(["taken", "unchanged", "nothing_new", "held", "failed", "failed"])
ends = st.tuples(st.just("finish"), st.integers(0, 9), outcomes, st.booleans())
rarely = st.one_of(
    st.tuples(st.just("put"), name, st.sampled_from(PLACES), st.sampled_from(SCHEDULES)),
    st.tuples(st.just("pause"), name, st.booleans()),
    st.tuples(st.just("remove"), name),
    st.tuples(st.just("now"), name),
    st.tuples(st.just("rule"), st.sampled_from(["sell_on", "growing_buffer", "pause"])),
    st.tuples(st.just("good"), st.integers(0, 10**8)),
    st.tuples(st.just("judge")),
)
times = st.one_of(
    st.tuples(st.just("renew"), st.integers(0, 9)),
    st.tuples(st.just("wait"), st.integers(1, 10**7)),
    st.tuples(st.just("until due"), name),
)
fails = st.tuples(st.just("fail"), name)
steps = st.one_of(begins, ends, fails, times, rarely)


def begin(world: World, of: str, trigger: Any) -> None:
    begun = world.do(BeginFetch(supplier="acme", name=of, at_ms=world.now_ms, trigger=trigger))
    if begun is not None and begun.began:
        world.believed.append((of, begun.fence))


def end(world: World, number: int, kind: type[Command], **more: Any) -> None:
    """Somebody who believes to hold a run says something of it."""
    if world.believed:
        of, fence = world.believed[number % len(world.believed)]
        own = {"supplier": "acme", "name": of, "fence": fence, "at_ms": world.now_ms}
        world.do(kind(**own, **more))


def until_due(world: World, of: str) -> None:
    row, supply = world.one(Source, "acme", of), world.one(Supply, "acme")
    if row is not None and row.due_ms is not None:
        world.now_ms = max(world.now_ms, row.due_ms, supply.retry_ms or 0)


def fail(world: World, of: str) -> None:
    """As soon as it may be tried."""
    until_due(world, of)
    begin(world, of, None)
    end(world, -1, FinishFetch, outcome="failed", temporary=True)


def wait(world: World, ms: int) -> None:
    world.now_ms += ms


ACME: Any = {"supplier": "acme"}
STEPS: dict[str, Any] = {
    "put": lambda w, of, at, when: w.do(PutSource(**ACME, name=of, place=at, schedule=when)),
    "pause": lambda w, of, paused: w.do(PauseSource(**ACME, name=of, paused=paused)),
    "remove": lambda w, of: w.do(RemoveSource(**ACME, name=of)),
    "now": lambda w, of: w.do(RunNow(**ACME, name=of)),
    "rule": lambda w, rule: w.do(PutRule(**ACME, when_stale=rule, units_per_hour=1)),
    "begin": begin,
    "renew": lambda w, number: end(w, number, RenewFetch),
    "finish": lambda w, number, outcome, temporary: end(
        w, number, FinishFetch, outcome=outcome, temporary=temporary, marks=Marks(etag="x")
    ),
    "good": lambda w, ago: w.do(NoteGood(**ACME, at_ms=w.now_ms - ago)),
    "fail": fail,
    "judge": lambda w: w.do(JudgeSupply(**ACME, at_ms=w.now_ms)),
    "wait": wait,
    "until due": until_due,
}


@settings(max_examples=80)
@given(st.lists(steps, min_size=20, max_size=60))
def test_no_order_of_things_breaks_the_rows(walk):
    world = World()
    for of in NAMES:
        STEPS["put"](world, of, PLACES[0], SCHEDULES[1])
    for verb, *words in walk:
        STEPS[verb](world, *words)
