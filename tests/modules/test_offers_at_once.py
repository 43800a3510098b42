"""Offers that are put together are what each alone would have been."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire.kernel.commands import Context
from shopwire.kernel.errors import InvalidField, ShopwireError
from shopwire.kernel.events import encode_event
from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.kernel.working_set import WorkingSet
from shopwire.modules.suppliers.api import PutOffer, PutOffers, Terms, WithdrawOffer
from shopwire.modules.suppliers.commands import HANDLERS
from shopwire.modules.suppliers.domain import LEAD_TIME_DAYS_MAX, Offer

BY_COMMAND = {handler.command: handler for handler in HANDLERS}
CONTEXT = Context(tenant="main", principal="p", command_id="c", now_ms=1)
suppliers = st.sampled_from(["s1"] * 6 + ["a2", "", "a/b"])
amounts = st.sampled_from([None, 1, 900, 0, MONEY_MINOR_MAX + 1])
terms = st.builds(
    Terms,
    sku=st.sampled_from(["A", "B", "C", "A/B", "", " bad"]),
    cost_minor=st.sampled_from([1, 500, 501, MONEY_MINOR_MAX, 0, -1]),
    currency=st.sampled_from(["EUR"] * 5 + ["USD", "eur", "EURO"]),
    lead_time_days=st.sampled_from([None, 0, 3, LEAD_TIME_DAYS_MAX + 1, -1]),
    order_min=st.sampled_from([1, 1, 2, 0]),
    order_max=st.sampled_from([None, None, 1, 9]),
    map_minor=amounts,
    msrp_minor=amounts,
    supplier_sku=st.sampled_from([None, "", "A", "own", " bad"]),
)
lists = st.builds(
    lambda some: tuple({one.sku: one for one in some}.values()), st.lists(terms, max_size=6)
)


def decide(held, command):
    """What a command's handler makes of the rows."""
    handler = BY_COMMAND[type(command)]
    needs = frozenset(handler.needs(command))
    rows = WorkingSet()
    for kind, group in needs:
        rows.hold(kind, [("main", group)], [one for one in held.values() if one.sku == group])
    return handler.decide(command, rows.view("main", needs), CONTEXT)


def one_by_one(held, command):
    """What `PutOffer` makes of each, as `PutOffers` answers it."""
    put, events, result = [], [], {"applied": [], "unchanged": [], "refused": []}
    for one in command.offers:
        try:
            alone = decide(held, PutOffer(supplier=command.supplier, **msgspec.structs.asdict(one)))
        except ShopwireError as problem:
            result["refused"].append({"id": one.sku, "error": problem.body()})
            continue
        put += alone.put
        events += alone.events
        result["applied" if alone.result["applied"] else "unchanged"].append(one.sku)
    return put, _encoded(events), result


def _encoded(events):
    return [encode_event(one, tenant="main", command_id="c") for one in events]


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(suppliers, lists, st.booleans()), min_size=1, max_size=5),
)
def test_offers_at_once_say_what_each_alone_says(told):
    held: dict[tuple[str, ...], Offer] = {}
    for supplier, offers, ends in told:
        command = PutOffers(supplier=supplier, offers=offers)
        decided = decide(held, command)
        at_once = list(decided.put), _encoded(decided.events), decided.result
        assert at_once == one_by_one(held, command)
        held |= {row.key: row for row in decided.put}
        if ends and decided.put:
            last = decided.put[-1]
            (ended,) = decide(held, WithdrawOffer(sku=last.sku, supplier=last.supplier)).put
            held[ended.key] = ended


@pytest.mark.parametrize("skus", [["A", "A"], [f"K{number}" for number in range(501)]])
def test_a_sku_twice_or_too_many_are_refused_as_a_whole(skus):
    offers = tuple(Terms(sku=sku, cost_minor=1, currency="EUR") for sku in skus)
    with pytest.raises(InvalidField) as refused:
        decide({}, PutOffers(supplier="s1", offers=offers))
    assert refused.value.data["field"] == "lines"
