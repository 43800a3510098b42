"""When a feed is held, and how things go back: rules without a database."""

import random

import msgspec
import pytest
from tests.idempotency.bench import play

from shopwire.kernel.marks import mark_of
from shopwire.modules.catalog.api import Change, ProductBefore, Variant
from shopwire.modules.catalog.domain import OwnedVariant, Product
from shopwire.modules.catalog.restoring import before_import as product_before
from shopwire.modules.feeds.breaker import Breaker
from shopwire.modules.feeds.domain import FeedLimits
from shopwire.modules.inventory.api import CountBefore, ReportStock, RestoreCounts
from shopwire.modules.inventory.counting import Mark, Report, counted
from shopwire.modules.inventory.domain import Pool, promised
from shopwire.modules.inventory.restoring import before_import as count_before
from shopwire.modules.suppliers.api import OfferBefore, Terms
from shopwire.modules.suppliers.domain import Offer
from shopwire.modules.suppliers.restoring import before_import as offer_before
from shopwire.services.import_effect import offer_altered, product_altered

LIMITS = FeedLimits(tenant="main", supplier="acme")
FIELDS = ("cost_minor", "lead_time_days", "order_min", "map_minor")


def breaker(*, stocked: int = 100, either: int = 100) -> Breaker:
    return Breaker(LIMITS, stocked=stocked, either=either)


def terms(cost: int, currency: str = "EUR") -> Terms:
    return Terms(sku="S", cost_minor=cost, currency=currency)


def before(cost: int, *, active: bool = True) -> dict:
    return {"cost_minor": cost, "currency": "EUR", "active": active}


@pytest.mark.parametrize(("zeroed", "held"), [(30, False), (31, True)])
def test_a_share_of_the_stock_that_goes_to_nothing_holds_a_feed(zeroed, held):
    one = breaker()
    for number in range(zeroed):
        one.counts(f"S{number}", 5, 0)
    one.counts("none before", 0, 0)
    assert bool(one.reasons()) == held


@pytest.mark.parametrize(("of", "held"), [(19, False), (20, True)])
def test_few_skus_make_no_share(of, held):
    one = breaker(stocked=of)
    for number in range(of):
        one.counts(f"S{number}", 5, 0)
    assert bool(one.reasons()) == held


@pytest.mark.parametrize(
    ("was", "now", "currency", "far"),
    [
        (200, 300, "EUR", False),
        (200, 301, "EUR", True),
        (200, 99, "EUR", True),
        (200, 200, "USD", True),
    ],
)
def test_a_cost_moves_far_beyond_half_of_it_or_into_another_currency(was, now, currency, far):
    one = breaker()
    for _ in range(30):
        assert not one.poisons(terms(now, currency), before(was))
    assert [reason.rule for reason in one.reasons()] == (["price_moved"] if far else [])


@pytest.mark.parametrize(
    ("was", "now", "poisoned"),
    [(200, 19_999, False), (200, 20_000, True), (20_000, 201, False), (20_000, 200, True)],
)
def test_a_cost_a_hundred_times_off_is_a_bad_row(was, now, poisoned):
    assert breaker().poisons(terms(now), before(was)) == poisoned


def test_an_offer_that_ended_has_no_cost_to_compare_with():
    one = breaker()
    assert not one.poisons(terms(20_000), before(2, active=False))
    assert (one.named, one.moved) == (0, 0)


def test_the_worst_examples_are_kept_and_no_more():
    one = breaker()
    stocks = random.Random(1).sample(range(1, 1_000), 200)
    for number, stock in enumerate(stocks):
        one.counts(f"S{number}", stock, 0)
    hold = one.hold(products=0, offers=0, counts=200, kept=True)
    assert [example.before for example in hold.examples] == sorted(stocks, reverse=True)[:10]


def offer(draw: random.Random) -> Offer:
    return Offer(
        tenant="main",
        sku="S",
        supplier="acme",
        version=1,
        cost_minor=draw.choice([100, 200, 300]),
        currency="EUR",
        lead_time_days=draw.choice([None, 1, 2]),
        order_min=draw.choice([1, 2]),
        order_max=None,
        map_minor=draw.choice([None, 500]),
        msrp_minor=None,
        active=True,
    )


@pytest.mark.parametrize("seed", range(200))
def test_an_offer_goes_back_field_by_field_where_nothing_is_newer(seed):
    draw = random.Random(seed)
    was, now, newer = offer(draw), offer(draw), offer(draw)
    told = offer_altered(("S", "acme"), fields_of(was), fields_of(now))
    line = OfferBefore(sku="S", supplier="acme", was=told.was, now=told.now)
    assert offer_before(now, line) == (was, [])
    assert offer_before(was, line) == (was, [])  # a second time
    after, left = offer_before(newer, line)
    for name in FIELDS:
        mine, theirs = getattr(now, name), getattr(newer, name)
        changed = getattr(was, name) != mine
        expected = getattr(was, name) if changed and theirs == mine else theirs
        assert getattr(after, name) == expected
        assert (name in left) == (changed and theirs not in (mine, getattr(was, name)))


def fields_of(one: Offer) -> dict:
    kept = msgspec.structs.asdict(one)
    return {name: kept[name] for name in kept if name not in ("tenant", "version")}


def product(draw: random.Random, sources: tuple[str, ...] = ("acme",)) -> Product:
    variants = [
        OwnedVariant(variant=Variant(sku=sku, title=draw.choice("ab")), source=draw.choice(sources))
        for sku in draw.sample(["A", "B", "C"], 2)
    ]
    return Product(
        tenant="main",
        id="p",
        version=1,
        source="acme",
        title=draw.choice("ab"),
        description=draw.choice("ab") * 300,
        brand=draw.choice("ab"),
        status="active",
        categories=(draw.choice("ab"),),
        lineage=(),
        tags=(),
        options=(),
        variants=tuple(sorted(variants, key=lambda owned: owned.variant.sku)),
        images=(),
        created_at_ms=1,
        updated_at_ms=1,
    )


@pytest.mark.parametrize("seed", range(200))
def test_a_product_goes_back_and_what_a_person_edited_stays(seed):
    draw = random.Random(seed)
    was, now = product(draw), product(draw)
    told = product_altered("p", msgspec.to_builtins(was), msgspec.to_builtins(now))
    if told is None:
        return
    line = ProductBefore(id="p", was=told.was, now=told.now)
    assert product_before(now, line) == (was, [])
    edited = msgspec.structs.replace(now, title="mine", edited=("title",))
    after, left = product_before(edited, line)
    assert after.title == "mine"
    assert left == (["title"] if "title" in told.now else [])
    assert after.description == was.description
    # Edited away and back: it is the person's now.
    again = msgspec.structs.replace(now, edited=("title",))
    assert product_before(again, line)[0].title == now.title
    newer = msgspec.structs.replace(now, description="newer")
    after, left = product_before(newer, line)
    assert after.description == "newer"
    assert left == (["description"] if "description" in told.now else [])
    fresh = OwnedVariant(variant=Variant(sku="Z"), source="other")
    joined = msgspec.structs.replace(now, variants=(*now.variants, fresh))
    after, _ = product_before(joined, line)
    assert after.variants[-1] == fresh


def test_a_product_that_the_import_brought_is_archived_unless_others_are_in_it():
    now = product(random.Random(1))
    line = ProductBefore(id="p", was=None, now={"title": now.title, "status": "active"})
    after, left = product_before(now, line)
    assert (after.status, left) == ("archived", [])
    assert product_before(after, line) == (after, [])
    shared = product(random.Random(1), sources=("other",))
    assert product_before(shared, line)[0].status == "active"


@pytest.mark.parametrize("seed", range(300))
def test_a_count_goes_back_and_no_promise_is_lost(seed):
    draw = random.Random(seed)
    pool = Pool(tenant="main", sku="S", supplier="acme", reported=draw.randint(0, 9), seq=1)
    sold = draw.randint(0, pool.reported)
    pool = promised(pool, 0, 0)
    was = pool
    after, _ = counted(pool, Report(draw.randint(0, 20), Mark(9, None), None), [], 0)
    held = draw.randint(0, after.sellable(0))
    after = promised(after, held, 0)
    line = CountBefore(
        sku="S", supplier="acme", reported=was.reported, now=after.reported, taken_in=sold,
        reports=after.reports,
    )  # fmt: skip
    back, changed = count_before(after, line, [], 0)
    assert changed == []
    assert (back.reported, back.reserved, back.as_of_ms) == (was.reported - sold, held, None)
    assert back.reserved + back.sold <= back.reported + back.backorder + back.shortfall
    assert back.shortfall == max(0, held - back.reported)


def test_a_count_about_which_something_moved_is_looked_up_again():
    async def scene(bench):
        await bench.do(ReportStock(sku="S", supplier="acme", quantity=5))
        line = CountBefore(sku="S", supplier="acme", reported=3, now=5, reports=0)
        result = await bench.do(RestoreCounts(counts=(line,), reference="undo r"))
        assert (result["applied"], result["moved"]) == ([], ["S"])
        assert bench.document("stock:S")["available"] == 5

    play(scene)


def test_marks_tell_long_values_apart_and_keep_short_ones():
    assert mark_of(["a"]) == ["a"]
    assert mark_of("a" * 300) == mark_of("a" * 300) != mark_of("a" * 299 + "b")
    assert mark_of({"b": 1, "a": 2}) == mark_of({"a": 2, "b": 1})
    assert isinstance(mark_of(Change(was="x" * 300, now=1)), str)
