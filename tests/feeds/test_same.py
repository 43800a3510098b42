"""What the shop has already is not sent, and what would change anything always is."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace
from tests.feeds.conftest import Shop

from shopwire.kernel.commands import Context, Envelope
from shopwire.modules.feeds.groups import Offered
from shopwire.modules.inventory.api import Count, ReportStock, SellStock
from shopwire.modules.inventory.domain import OpenSale, Pool, StockItem
from shopwire.modules.inventory.reporting import do_report_stock
from shopwire.modules.suppliers.api import PutOffer, Terms
from shopwire.modules.suppliers.commands import do_put_offer
from shopwire.modules.suppliers.domain import Offer
from shopwire.services.import_effect import Before
from shopwire.services.import_news import News
from shopwire.services.import_same import is_known_count, is_known_offer, without_known

CONTEXT = Context(tenant="main", principal="import", command_id="c", now_ms=10_000)
few = st.integers(0, 3)
maybe = st.none() | st.integers(1, 3)


def view_of(*rows: Any) -> Any:
    """A view that has these rows and no others."""

    def found(kind: type) -> list[Any]:
        return [row for row in rows if isinstance(row, kind)]

    return SimpleNamespace(
        one=lambda kind, *_: next(iter(found(kind)), None), all=lambda kind, _: found(kind)
    )


@st.composite
def pools(draw: Any) -> tuple[Pool, list[OpenSale]]:
    sales = [
        OpenSale(
            tenant="main",
            sku="S",
            supplier="a",
            reference=f"o{number}",
            part="p",
            quantity=draw(st.integers(1, 2)),
            seq=1,
            sold_at_ms=1,
            state=draw(st.sampled_from(["open", "refused"])),
            marked_at_ms=draw(maybe),
        )
        for number in range(draw(st.integers(0, 2)))
    ]
    reported, reserved = draw(few), draw(few)
    sold = sum(sale.quantity for sale in sales if sale.state == "open")
    over = max(0, reserved + sold - reported)
    backorder = draw(st.integers(0, over))
    pool = Pool(
        tenant="main",
        sku="S",
        supplier="a",
        reported=reported,
        reserved=reserved,
        sold=sold,
        backorder=backorder,
        shortfall=over - backorder,
        backorder_max=draw(st.integers(backorder, 9)),
        withheld=sum(sale.quantity for sale in sales if sale.state == "refused"),
        as_of_ms=draw(maybe),
        sequence=draw(maybe),
        doubtful=draw(st.booleans()),
        kept_back=draw(few),
    )
    return pool, sales


@given(pools(), st.sampled_from([0, 0, 1]), st.integers(0, 2))
def test_a_count_that_is_not_sent_would_have_changed_no_row(found, more, backorder_max):
    pool, sales = found
    quantity = pool.reported + more
    if not is_known_count(Count(sku="S", quantity=quantity), asdict(pool)):
        return
    item = StockItem(tenant="main", sku="S", backorder_max=backorder_max)
    report = ReportStock(sku="S", supplier="a", quantity=quantity)
    decision = do_report_stock(report, view_of(pool, item, *sales), CONTEXT)
    assert [row for row in decision.put if row not in (pool, item, *sales)] == []
    assert not decision.events


def test_a_count_of_a_quiet_pool_is_known():
    pool = Pool(tenant="main", sku="S", supplier="a", reported=4, reserved=2)
    assert is_known_count(Count(sku="S", quantity=4), asdict(pool))
    assert not is_known_count(Count(sku="S", quantity=5), asdict(pool))
    assert not is_known_count(Count(sku="S", quantity=4), None)


terms = st.builds(
    Terms,
    sku=st.just("S"),
    cost_minor=st.integers(1, 2),
    currency=st.sampled_from(["EUR", "USD"]),
    lead_time_days=maybe,
    order_min=st.integers(1, 2),
    order_max=maybe.map(lambda most: most and most + 2),
    map_minor=maybe,
    msrp_minor=maybe,
    supplier_sku=st.sampled_from([None, "", "S", "T"]),
)


@given(terms, st.data(), st.booleans())
def test_terms_are_left_out_exactly_where_they_would_change_nothing(now, data, active):
    names = data.draw(st.lists(st.sampled_from(Terms.__struct_fields__), max_size=2))
    other = data.draw(terms)
    before = replace(now, **{name: getattr(other, name) for name in names})
    put = PutOffer(supplier="a", **asdict(before))
    (stood,) = do_put_offer(put, view_of(), CONTEXT).put
    offer = replace(cast("Offer", stood), active=active)
    decision = do_put_offer(PutOffer(supplier="a", **asdict(now)), view_of(offer), CONTEXT)
    known = is_known_offer(Offered(supplier="a", terms=now), asdict(offer))
    assert known == (not decision.put)


def test_what_is_told_twice_or_of_a_moment_goes():
    known = Before({}, {}, {"S": asdict(Pool(tenant="main", sku="S", supplier="a", reported=4))})
    once, twice = [Count(sku="S", quantity=4)], [Count(sku="S", quantity=n) for n in (5, 4)]
    assert without_known(News([], [], [], once), known, None).counts == []
    assert without_known(News([], [], [], twice), known, None).counts == twice
    assert without_known(News([], [], [], once), known, 1_000).counts == once


HEAD = "id,title,sku,stock,cost\n"


@pytest.mark.anyio
async def test_a_change_of_one_variant_sends_nothing_of_its_siblings(shop: Shop):
    await shop.take(HEAD + "mug,Mug,A,1,1\nmug,Mug,B,2,2\nmug,Mug,C,3,3\n")
    await shop.write_path.submit(Envelope(command=SellStock(sku="C", quantity=1), key="k"))
    before = await shop.dump()
    summary = await shop.take(HEAD + "mug,Mug,A,1,9\nmug,Mug,B,7,2\nmug,Mug,C,3,3\n")
    after = await shop.dump()
    assert (summary.offers.applied, summary.offers.unchanged) == (1, 2)
    # Of C a unit was sold that no count knows of yet, so its count is weighed again.
    assert (summary.stock.applied, summary.stock.unchanged) == (1, 2)
    for table, rows in (("offer", 1), ("stock_pool", 2), ("stock_ledger", 1)):
        assert len(set(after[table]) - set(before[table])) == rows
    assert await shop.drift() == []
