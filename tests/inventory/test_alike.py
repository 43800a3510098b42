"""Holds that are decided at once are what each alone would have been."""

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.modules.inventory_shop import Clock, over_the_limit

from shopwire.adapters.memory import MemoryState, MemoryStorage
from shopwire.kernel.batch import ALIKE_COMMANDS_MIN
from shopwire.kernel.commands import Context, Envelope
from shopwire.kernel.working_set import WorkingSet
from shopwire.kernel.write_path import WritePath
from shopwire.modules.inventory.api import (
    HoldLine,
    HoldStock,
    Part,
    Preferred,
    PutBundle,
    ReportStock,
    SetPolicy,
    VoidHold,
)
from shopwire.modules.inventory.commands import HANDLERS
from shopwire.modules.inventory.domain import LedgerLine, Pool, StockHold, StockItem
from shopwire.modules.inventory.limits import BRIEF_HOLD_MS_MAX
from shopwire.modules.inventory.rush import do_hold_stock_many

SKUS = ("A", "B")
NOW_MS = 1_700_000_000_000

lines = st.builds(
    HoldLine,
    sku=st.sampled_from(SKUS),
    quantity=st.sampled_from([1, 1, 1, 2, 3, 0]),
    supplier=st.sampled_from([None] * 8 + ["s1"]),
)
holds = st.builds(
    HoldStock,
    hold_id=st.sampled_from([f"h{number}" for number in range(24)]),
    lines=st.one_of(st.tuples(lines), st.tuples(lines), st.tuples(lines), st.tuples(lines, lines)),
    ttl_ms=st.sampled_from([900_000, 900_000, 20_000, 0]),
    shopper=st.sampled_from(["", "", "ann", "bob"]),
    prefer=st.sampled_from([()] * 8 + [(Preferred(sku="A", supplier="s2", quantity=1),)]),
)
voids = st.builds(VoidHold, hold_id=st.sampled_from(["h0", "h1", "h2"]), skus=st.just(("A",)))
policies = st.builds(
    SetPolicy,
    sku=st.sampled_from(SKUS),
    buffer=st.sampled_from([0, 2]),
    backorder_max=st.sampled_from([0, 4]),
    shopper_units_max=st.sampled_from([None, None, 3]),
    held_units_max=st.sampled_from([None, None, 9]),
)
reports = st.builds(
    ReportStock,
    sku=st.sampled_from(SKUS),
    supplier=st.sampled_from(["s1", "s1", "s2"]),
    quantity=st.integers(0, 40),
)


def plain(number):
    """A hold of the simplest kind."""
    lines = (HoldLine(sku="A", quantity=1),)
    return HoldStock(hold_id=f"h{number}", lines=lines, ttl_ms=900_000)


wishes = st.builds(
    Envelope,
    command=st.one_of(*[st.integers(0, 30).map(plain)] * 8, holds, voids),
    key=st.sampled_from([f"k{number}" for number in range(60)]),
)


def told_and_kept(handlers, before, calls):
    """Everything that one way of deciding leaves behind, and what it told."""
    limits = {Pool: over_the_limit, LedgerLine: over_the_limit}
    state, told = MemoryState(1, clock=Clock(), constraints=limits), []

    async def run():
        path = WritePath(MemoryStorage(state), handlers, Clock())
        await path.start()
        stocked = [Envelope(command=one, key=f"before/{at}") for at, one in enumerate(before)]
        for call in (stocked, *calls):
            told.extend(await path.submit_many(call))
        await path.stop()

    asyncio.run(run())
    events = [msgspec.structs.replace(event, recorded_at_ms=0) for event in state.events[0]]
    return told, events, state.documents, state.rows, state.answers


@settings(deadline=None, max_examples=60)
@given(
    st.lists(policies, max_size=2),
    st.lists(reports, min_size=1, max_size=4),
    st.lists(st.lists(wishes, min_size=1, max_size=40), min_size=1, max_size=2),
)
def test_many_at_once_are_told_and_kept_as_one_after_the_other(policies, reports, calls):
    alone = [msgspec.structs.replace(handler, many=None) for handler in HANDLERS]
    before = [*reports, *policies]
    assert told_and_kept(HANDLERS, before, calls) == told_and_kept(alone, before, calls)


def asked(*numbers_and_keys: tuple[int, str]):
    """Plain holds under keys."""
    return [Envelope(command=plain(number), key=key) for number, key in numbers_and_keys]


@pytest.mark.parametrize(
    "odd",
    [
        (2, "k2"), (3, "k2"), (0, "k0"), (0, "other"), (1, "k0"), (2, "other"), (99, "k0"),
        (99, "k2"),
    ],
    ids=[
        "the same again", "another under the key", "one answered before", "a hold that is there",
        "another under an old key", "its id again", "a new one under an old key",
        "a new one under a key of these",
    ],
)  # fmt: skip
def test_an_odd_one_among_many_is_told_what_it_is_told_alone(odd):
    alone = [msgspec.structs.replace(handler, many=None) for handler in HANDLERS]
    many = [(number, f"k{number}") for number in range(1, 9)]
    calls = [asked((0, "k0")), asked(*many[:5], odd, *many[5:], *((n, f"l{n}") for n in (9, 10)))]
    before = [ReportStock(sku="A", supplier="s1", quantity=40)]
    assert told_and_kept(HANDLERS, before, calls) == told_and_kept(alone, before, calls)


@pytest.mark.parametrize(
    "rule",
    [
        SetPolicy(sku="A", backorder_max=4),
        SetPolicy(sku="A", backorder_max=4, preorder_until_ms=NOW_MS * 2),
        SetPolicy(sku="A", buffer=2),
        PutBundle(sku="SET", parts=(Part(sku="A", quantity=1), Part(sku="B", quantity=1))),
    ],
    ids=["backorder", "preorder", "buffer", "a part of a set"],
)
@pytest.mark.parametrize("ttl_ms", [900_000, BRIEF_HOLD_MS_MAX], ids=["long", "brief"])
def test_a_rush_beyond_what_is_there_is_told_what_each_is_told_alone(rule, ttl_ms, caplog):
    alone = [msgspec.structs.replace(handler, many=None) for handler in HANDLERS]
    holds = [msgspec.structs.replace(plain(at), ttl_ms=ttl_ms) for at in range(12)]
    calls = [[Envelope(command=one, key=one.hold_id) for one in holds]]
    before = [ReportStock(sku=sku, supplier="s1", quantity=6) for sku in SKUS]
    found = told_and_kept(HANDLERS, [*before, rule], calls)
    assert found == told_and_kept(alone, [*before, rule], calls)
    assert sum(outcome.ok for outcome in found[0]) in {3 + units for units in (4, 6, 10)}
    assert not caplog.records  # of a defect that made each go alone


def rush(units, holds, **item: int):
    """What many holds of one unit each are decided to be, of an article with so many units."""
    held = WorkingSet()
    group = [("main", "A")]
    pool = Pool(tenant="main", sku="A", supplier="s1", reported=units, reports=1, seq=1)
    held.hold(Pool, group, [pool])
    held.hold(StockItem, group, [StockItem(tenant="main", sku="A", version=1, **item)])
    commands = [plain(at) for at in range(holds)]
    held.hold(StockHold, [("main", command.hold_id) for command in commands], [])
    handler = next(one for one in HANDLERS if one.command is HoldStock)
    needs = frozenset(need for command in commands for need in handler.needs(command))
    contexts = [
        Context(tenant="main", principal="p", command_id=f"c{at}", now_ms=NOW_MS)
        for at in range(holds)
    ]
    return do_hold_stock_many(commands, held.view("main", needs), contexts)


@pytest.mark.parametrize(("units", "decided"), [(9, 9), (4, 4), (0, 0)])
def test_a_rush_is_decided_as_far_as_the_units_go(units, decided):
    decisions = rush(units, 9)
    assert len(decisions) == decided
    put = [row for decision in decisions for row in decision.put]
    assert sum(type(row) is Pool for row in put) == (decided > 0)
    assert [row.reserved for row in put if type(row) is Pool] == [decided] * (decided > 0)


def test_an_article_with_limits_for_shoppers_is_left_to_the_reference():
    assert rush(9, 9, shopper_units_max=2) == []
    assert rush(9, 9, held_units_max=2) == []


def test_a_defect_of_deciding_at_once_leaves_each_to_go_alone():
    asked_for = []

    def broken(commands, view, contexts):
        asked_for.append(len(commands))
        raise ZeroDivisionError

    def beyond(commands, view, contexts):
        asked_for.append(len(commands))
        decisions = do_hold_stock_many(commands, view, contexts)
        return [*decisions[:-1], msgspec.structs.replace(decisions[-1], events=decisions[0].events)]

    before = [ReportStock(sku="A", supplier="s1", quantity=9)]
    calls = [asked(*((at, f"k{at}") for at in range(2 * ALIKE_COMMANDS_MIN)))]
    found = [
        told_and_kept(
            [
                msgspec.structs.replace(handler, many=many if handler.many else None)
                for handler in HANDLERS
            ],
            before,
            calls,
        )
        for many in (None, broken, beyond)
    ]
    assert found[0] == found[1] == found[2]
    assert asked_for == [2 * ALIKE_COMMANDS_MIN] * 2
