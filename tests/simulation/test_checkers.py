"""Bounds, ledgers, logs and effects: what is planted is found, what is right raises no alarm."""

import random

import msgspec
import pytest
from msgspec.structs import replace
from tests.simulation.registers import history

from shopwire.kernel.commands import Answer, Outcome
from shopwire.kernel.events import Position, Recorded
from shopwire.testing.checkers import (
    Line,
    Told,
    check_bounds,
    check_effects,
    check_ledger,
    check_log,
)
from shopwire.testing.history import Recorder

GOOD = 1_000
BAD_OF_A_KIND = 25


# -- a log, its answers and its ledger, all right ----------------------------------------------


class Shop:
    """A log of several partitions, what callers were told, and a ledger line for each effect."""

    def __init__(self, seed) -> None:
        self.rng = random.Random(seed)
        self.partitions = [[] for _ in range(3)]
        self.told, self.lines = [], []
        self.versions, self.balances = {}, {}
        self.at_ms, self.epoch = 1_000, 1
        for number in range(self.rng.randint(8, 30)):
            self.command(f"c{number}")

    def command(self, name):
        rng = self.rng
        self.at_ms += rng.randint(0, 5)
        self.epoch += rng.random() < 0.05
        outcome = self.refused() if rng.random() < 0.2 else self.effect(name)
        tries = [Told(command_id=name, outcome=outcome)]
        if rng.random() < 0.4:
            tries.append(Told(command_id=name, outcome=replace(outcome, replayed=True)))
        if rng.random() < 0.3:
            tries.insert(0, Told(command_id=name))
        if rng.random() < 0.2:
            full = Outcome(status=503, body=b'{"code":4000}')
            tries.insert(0, Told(command_id=name, outcome=full, final=False))
        self.told += tries if rng.random() < 0.9 else [Told(command_id=name)]

    def refused(self):
        return Outcome(status=409, body=b'{"code":2104,"n":%d}' % self.rng.randint(0, 9))

    def effect(self, name):
        versions = {}
        for partition in self.rng.sample(range(3), self.rng.choice([1, 1, 2])):
            for thing in self.rng.sample(range(4), self.rng.choice([1, 1, 2])):
                topic = f"stock:{partition}-{thing}"
                versions[topic] = self.versions[topic] = self.versions.get(topic, 0) + 1
                self.partitions[partition].append(self.event(partition, topic, name))
                self.move(topic, name)
        return Outcome(status=200, body=msgspec.json.encode(Answer(versions=versions)))

    def event(self, partition, topic, name):
        place = Position(self.epoch, partition, len(self.partitions[partition]))
        version = self.versions[topic]
        return Recorded(
            place, "main", topic, version, "stock.moved", b"{}", b"null", name, self.at_ms
        )

    def move(self, pool, name):
        reported, sold = self.balances.get(pool, (0, 0))
        delta = (self.rng.randint(1, 5), 0) if sold == reported else (0, 1)
        after = (reported + delta[0], sold + delta[1])
        self.balances[pool] = after
        names = ("reported", "sold")
        self.lines.append(
            Line(
                counter=pool,
                seq=self.versions[pool],
                deltas=dict(zip(names, delta, strict=True)),
                balances=dict(zip(names, after, strict=True)),
                effect=name,
            )
        )

    def findings(self):
        return [
            *check_log(self.partitions, heads=[len(events) for events in self.partitions]),
            *check_effects(self.partitions, self.told),
            *check_ledger(self.lines, over_limit),
        ]


def over_limit(line):
    return "sold more than reported" if line.balances["sold"] > line.balances["reported"] else None


def test_a_thousand_right_shops_raise_no_alarm():
    for seed in range(GOOD):
        assert Shop(seed).findings() == [], f"seed {seed}"


# -- defects -----------------------------------------------------------------------------------


def hole(shop):
    """An event is gone, those after it keep their offsets."""
    events = shop.rng.choice([events for events in shop.partitions if len(events) > 1])
    del events[shop.rng.randrange(len(events) - 1)]


def lost_tail(shop):
    """An acknowledged effect at the end is gone, as after a commit that was not durable."""
    events = next(
        events
        for events in shop.partitions
        if events and any(t.outcome and t.command_id == events[-1].command_id for t in shop.told)
    )
    del events[-1]


def repeated(shop):
    """An event is there twice."""
    events = max(shop.partitions, key=len)
    events.insert(shop.rng.randrange(len(events)), shop.rng.choice(events))


def reordered(shop):
    """Two events have changed places, each with its offset."""
    events = max(shop.partitions, key=len)
    at = shop.rng.randrange(len(events) - 1)
    events[at], events[at + 1] = events[at + 1], events[at]


def swapped_effects(shop):
    """Two changes of one topic were committed in the wrong order: the later version first."""
    events = max(shop.partitions, key=len)
    topics = [event.topic for event in events]
    topic = next(topic for topic in topics if topics.count(topic) > 1)
    one, other = [n for n, event in enumerate(events) if event.topic == topic][:2]
    swapped = events[one].version, events[other].version
    events[other] = _with(events[other], version=swapped[0])
    events[one] = _with(events[one], version=swapped[1])


def skipped_version(shop):
    events = max(shop.partitions, key=len)
    events[-1] = _with(events[-1], version=events[-1].version + 1)


def wandering_topic(shop):
    """A topic's next event lands in another partition."""
    (first, second) = sorted(shop.partitions, key=len)[:2]
    event = shop.partitions[shop.partitions.index(max(shop.partitions, key=len))][-1]
    target = first if first is not second and event not in first else second
    number = shop.partitions.index(target)
    place = Position(event.position.epoch, number, len(target))
    target.append(_with(event, version=event.version + 1, position=place))


def old_epoch(shop):
    """A fenced writer appended all the same."""
    events = max(shop.partitions, key=len)
    place = events[-1].position
    events[-1] = _with(events[-1], position=Position(0, place.partition, place.offset))


def clock_back(shop):
    events = max(shop.partitions, key=len)
    events[-1] = _with(events[-1], recorded_at_ms=0)


def _with(event, **fields: object):
    names = Recorded.__struct_fields__
    return Recorded(*({name: getattr(event, name) for name in names} | fields).values())


def _effect_once_more(shop, event, partition):
    shop.versions[event.topic] += 1
    events = shop.partitions[partition]
    place = Position(event.position.epoch, partition, len(events))
    events.append(
        _with(
            event,
            version=shop.versions[event.topic],
            position=place,
            recorded_at_ms=shop.at_ms,
        )
    )
    last = events[-1]
    if len(events) > 1 and events[-2].position.epoch > last.position.epoch:
        events[-1] = _with(last, position=Position(shop.epoch, partition, last.position.offset))


def double_effect_later(shop):
    """A retry was decided anew instead of being answered from memory."""
    partition = shop.partitions.index(max(shop.partitions, key=len))
    _effect_once_more(shop, shop.partitions[partition][0], partition)


def double_effect_at_once(shop):
    """Two copies in one batch were both decided."""
    partition = shop.partitions.index(max(shop.partitions, key=len))
    _effect_once_more(shop, shop.partitions[partition][-1], partition)


def refused_with_effect(shop):
    name = max(shop.partitions, key=len)[0].command_id
    shop.told = [one for one in shop.told if one.command_id != name]
    shop.told.append(Told(command_id=name, outcome=shop.refused()))


def effect_nobody_asked_for(shop):
    name = max(shop.partitions, key=len)[0].command_id
    shop.told = [one for one in shop.told if one.command_id != name]


def other_answer_on_replay(shop):
    answered = [one for one in shop.told if one.outcome and one.final]
    one = shop.rng.choice(answered)
    changed = replace(one.outcome, body=one.outcome.body + b" ", replayed=True)
    shop.told.append(replace(one, outcome=changed))


def other_status_on_replay(shop):
    one = shop.rng.choice([one for one in shop.told if one.outcome and one.final])
    shop.told.append(replace(one, outcome=replace(one.outcome, status=299)))


def wrong_version_in_the_answer(shop):
    done = [one for one in shop.told if one.outcome and one.outcome.ok]
    name = shop.rng.choice(done).command_id
    body = msgspec.json.encode(Answer(versions={"stock:9-9": 1}))
    shop.told = [
        replace(one, outcome=replace(one.outcome, body=body))
        if one.command_id == name and one.outcome and one.outcome.ok
        else one
        for one in shop.told
    ]


def lost_update_in_the_ledger(shop):
    """A line was computed from balances that were no longer the latest."""
    (line, at) = _line_with_successor(shop)
    following = next(
        n for n, o in enumerate(shop.lines) if (o.counter, o.seq) == (line.counter, line.seq + 1)
    )
    other = shop.lines[following]
    stale = {
        name: shop.lines[at].balances[name] - shop.lines[at].deltas[name] + other.deltas[name]
        for name in other.deltas
    }
    shop.lines[following] = replace(other, balances=stale)


def missing_line(shop):
    del shop.lines[_line_with_successor(shop)[1]]


def line_twice(shop):
    shop.lines.append(shop.rng.choice(shop.lines))


def effect_twice_in_the_ledger(shop):
    line = shop.rng.choice([one for one in shop.lines if one.deltas["reported"]])
    last = max((one for one in shop.lines if one.counter == line.counter), key=lambda o: o.seq)
    balances = {name: last.balances[name] + line.deltas[name] for name in line.deltas}
    shop.lines.append(replace(line, seq=last.seq + 1, balances=balances))


def oversell(shop):
    line = max(shop.lines, key=lambda one: one.seq)
    last = max((one for one in shop.lines if one.counter == line.counter), key=lambda o: o.seq)
    more = last.balances["reported"] - last.balances["sold"] + 1
    balances = last.balances | {"sold": last.balances["sold"] + more}
    deltas = {"reported": 0, "sold": more}
    shop.lines.append(
        replace(last, seq=last.seq + 1, deltas=deltas, balances=balances, effect="oversold")
    )


def below_zero(shop):
    last = max(shop.lines, key=lambda one: one.seq)
    less = last.balances["sold"] + 1
    shop.lines.append(
        replace(
            last,
            seq=last.seq + 1,
            deltas={"reported": 0, "sold": -less},
            balances=last.balances | {"sold": -1},
            effect="negative",
        )
    )


def _line_with_successor(shop):
    last = {}
    for line in shop.lines:
        last[line.counter] = max(last.get(line.counter, 0), line.seq)
    places = [n for n, line in enumerate(shop.lines) if line.seq < last[line.counter]]
    at = shop.rng.choice(places)
    return shop.lines[at], at


DEFECTS = [
    hole, lost_tail, repeated, reordered, swapped_effects, skipped_version, wandering_topic,
    old_epoch, clock_back, double_effect_later, double_effect_at_once, refused_with_effect,
    effect_nobody_asked_for, other_answer_on_replay, other_status_on_replay,
    wrong_version_in_the_answer, lost_update_in_the_ledger, missing_line, line_twice,
    effect_twice_in_the_ledger, oversell, below_zero,
]  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_a_planted_defect_is_found(defect):
    for seed in range(BAD_OF_A_KIND):
        shop = Shop(seed)
        defect(shop)
        assert shop.findings() != [], f"seed {seed}"


def test_findings_name_the_place_and_the_reason():
    shop = Shop(3)
    hole(shop)
    finding = check_log(shop.partitions)[0]
    assert "stands at" in str(finding)
    assert finding.check == "log"


def test_what_one_command_may_change_twice_is_named_by_its_kind():
    shop = Shop(4)
    double_effect_at_once(shop)
    assert any("more than once" in one.reason for one in check_effects(shop.partitions, []))
    told = [replace(one, outcome=None) for one in shop.told]
    assert check_effects(shop.partitions, told, may_repeat=["stock"]) == []


def test_a_head_that_is_elsewhere_is_found():
    shop = Shop(5)
    heads = [len(events) for events in shop.partitions]
    heads[1] += 1
    assert [one.where for one in check_log(shop.partitions, heads=heads)] == ["1"]


# -- bounds ------------------------------------------------------------------------------------


def with_units_freed(recorder, register):
    """The calls; several voids of one hold, of which one freed the units, become one."""
    voids, others = {}, []
    for call in recorder.calls:
        if call.name != "void" or call.end == "refused":
            others.append(call)
            continue
        units, _ = register.holds[call.arguments["hold"]]
        one = voids.setdefault(call.arguments["hold"], call)
        one.arguments["units"] = units
        if one is not call and call.returned > one.returned:
            one.returned, one.end = call.returned, call.end
    return [*others, *voids.values()]


def test_right_histories_stay_within_their_bounds():
    for seed in range(GOOD):
        recorder, register = history(seed, calls=60, processes=5, unknowns=(seed % 3) * 0.05)
        calls = with_units_freed(recorder, register)
        assert check_bounds(calls, {"SKU": register.units}) == [], f"seed {seed}"


def sells(seed, *, taken, limit):
    """`taken` sales of one unit each by many at once, and reads of what is left between them."""
    rng = random.Random(seed)
    recorder = Recorder(iter(range(1_000_000)).__next__)
    left, done, running = limit, 0, []
    while done < taken or running:
        if done < taken and (len(running) < 5 or rng.random() < 0.5):
            done += 1
            running.append(recorder.began(f"p{done}", "SKU", "sell", units=1))
        else:
            recorder.ok(running.pop(rng.randrange(len(running))))
            left -= 1
            if rng.random() < 0.3:
                read = recorder.began("reader", "SKU", "read")
                recorder.ok(read, max(0, left - rng.randint(0, len(running))))
    return recorder


def test_an_oversale_is_found_however_long_the_history():
    for seed in range(BAD_OF_A_KIND):
        limit = 500
        assert check_bounds(sells(seed, taken=limit, limit=limit).calls, {"SKU": limit}) == []
        over = sells(seed, taken=limit + 1, limit=limit)
        found = check_bounds(over.calls, {"SKU": limit})
        assert "501 of 500" in found[0].reason


def test_a_read_that_was_never_possible_is_found():
    for seed in range(BAD_OF_A_KIND):
        rng = random.Random(seed)
        for off in (-1, 1):
            recorder = sells(seed, taken=50, limit=100)
            last = recorder.began("reader", "SKU", "read")
            recorder.ok(last, 50 + off * rng.randint(1, 9))
            (found,) = check_bounds(recorder.calls, {"SKU": 100})
            assert "only 50 to 50" in found.reason


def test_giving_back_more_than_was_taken_is_found():
    recorder = Recorder(iter(range(100)).__next__)
    for name in ("sell", "release", "release"):
        call = recorder.began("p", "SKU", name, units=1)
        recorder.ok(call)
    assert "at most -1" in check_bounds(recorder.calls, {"SKU": 5})[0].reason
