"""Routing on a database: one read, a choice at the door, another supplier by the activity."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.modules.shop import drifts
from tests.orders.paying import Till, till
from tests.orders.world import ORDER, PRICE

from shopwire.cli import route
from shopwire.kernel.activities import Job
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.queries import load_queries
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.routing.api import PutRules, PutTerms, ReleaseRoute, RoutingRules, Rule
from shopwire.modules.routing.store import (
    DUE,
    list_scores,
    list_waiting,
    read_market,
    read_route,
    read_rules,
)
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    BeginSending,
    RecordSending,
    RefusePurchaseOrder,
    Units,
)
from shopwire.modules.shipping.store import DUE as SENDING
from shopwire.modules.suppliers.api import PutOffer, RegisterSupplier
from shopwire.services.checkout_door import CheckoutDoor
from shopwire.services.routing import Router

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

TITLES = "titles_of_skus"
COSTS = {"dear": 1_400, "cheap": 1_010, "second": 1_100}
"""All above the cost that the article's price follows from."""


@asynccontextmanager
async def market(url: str, **units: int) -> AsyncIterator[Till]:
    """A shop with a router: an article that three suppliers offer."""
    async with till(url) as shop:
        router = Router(shop.shop.reads, shop.clock)
        providers: dict[str, Any] = {"simulator": shop.provider}
        shop.door = CheckoutDoor(
            shop.shop.write_path,
            shop.shop.reads,
            providers,
            shop.completion,
            shop.clock,
            provider="simulator",
            router=router,
        )
        shop.router = router  # type: ignore[attr-defined]
        await shop.article("A", **units)
        for supplier in units:
            await shop.do(RegisterSupplier(id=supplier, name=supplier))
            await shop.do(
                PutOffer(
                    sku="A",
                    supplier=supplier,
                    cost_minor=COSTS[supplier],
                    currency="EUR",
                    lead_time_days=2,
                )
            )
        await shop.pump()
        yield shop


async def find_suppliers(shop: Till) -> int:
    """One round of the activity; returns how many questions there were."""
    rows = await shop.shop.reads.fetch(DUE, 100)
    for row in rows:
        commands = await shop.router.find_supplier(Job(**row))  # type: ignore[attr-defined]
        for command in commands:
            await shop.do(command, principal="activity:routing.find_supplier")
    await shop.pump()
    return len(rows)


async def refuse(shop: Till, supplier: str, number: str = "") -> None:
    own = f"{ORDER}/{supplier}{number}"
    await shop.do(BeginSending(purchase_order=own))
    await shop.do(RecordSending(purchase_order=own, outcome="received"))
    await shop.pump()
    await shop.do(RefusePurchaseOrder(purchase_order=own, reason="out_of_stock"))
    await shop.pump()


async def route_of(shop: Till, order: str = ORDER) -> Any:
    entry = await read_route(shop.shop.reads, "main", order)
    return msgspec.json.decode(bytes(entry["doc"]))


async def test_a_checkout_takes_the_best_offer_and_says_why(database_url):
    async with market(database_url, dear=50, cheap=5, second=20) as shop:
        await shop.do(PutTerms(supplier="cheap", currency="EUR", parcel_minor=300, unit_minor=20))
        await shop.put("A", 2)
        assert (await shop.buy()).status == 200
        await shop.pump()
        document = await route_of(shop)
        choice = document["choice"]
        assert document["shares"] == [{"sku": "A", "supplier": "second", "quantity": 2}]
        assert choice["sums"]["cost_minor"] == 2_200
        assert choice["sums"]["revenue_minor"] == 2 * PRICE
        assert choice["bound_minor"] == choice["sums"]["total_minor"]
        assert [one["supplier"] for one in choice["alternatives"]] == ["second"]
        assert choice["alternatives"][0]["picks"][0]["supplier"] == "cheap"
        assert shop.refused == []
        assert await drifts(shop.shop) == []


async def test_the_market_is_one_read_of_what_is_true_now(database_url):
    async with market(database_url, cheap=5, second=20) as shop:
        before = await read_market(shop.shop.reads, "main", ["A"], shop.clock.now_ms())
        there = {one.supplier: one.there for one in before.known.candidates}
        assert there == {"cheap": 5, "second": 20}
        await shop.do(ReportStock(sku="A", supplier="cheap", quantity=0))
        after = await read_market(shop.shop.reads, "main", ["A"], shop.clock.now_ms())
        assert {one.supplier: one.there for one in after.known.candidates}["cheap"] == 0
        assert after.seen > before.seen


async def test_what_each_checkout_reads_is_planned_once_and_looks_up_by_key(database_url):
    """A plan for just two SKUs, each time anew, took longer than the read."""
    async with market(database_url, cheap=4, dear=2) as shop:
        once = await read_market(shop.shop.reads, "main", ["A", "B"], 0)
        assert await read_market(shop.shop.reads, "main", ["A", "B", "A"], 0) == once
        connection = await asyncpg.connect(database_url)
        try:
            for module, name, more in (("routing", "market", (0,)), ("catalog", TITLES, ())):
                query = load_queries(f"shopwire.modules.{module}")[name]
                statement = await connection.prepare(query)
                for _ in range(8):
                    await statement.fetch("main", ["A", "B"], *more)
                counted = "SELECT generic_plans FROM pg_prepared_statements WHERE statement = $1"
                assert await connection.fetchval(counted, query) == 3
                # Whatever is known of such small tables, there is an index for each.
                await connection.execute("SET plan_cache_mode = force_generic_plan")
                await connection.execute("SET enable_seqscan = off")
                text = str(await statement.explain("main", ["A", "B"], *more))
                assert "Seq Scan" not in text
                assert "offer_by_supplier" not in text
                await connection.execute("RESET ALL")
        finally:
            await connection.close()


async def test_refused_units_go_to_the_next_best_and_never_back(database_url):
    async with market(database_url, dear=50, cheap=5, second=20) as shop:
        await shop.do(PutRules(rules=RoutingRules(reroute_loss_minor_max=0)))
        await shop.put("A", 2)
        assert (await shop.buy()).status == 200
        await shop.pump()
        await refuse(shop, "cheap")
        assert await find_suppliers(shop) == 1
        document = await route_of(shop)
        assert [one["picks"][0]["supplier"] for one in document["moves"]] == ["second"]
        await refuse(shop, "second")
        assert await find_suppliers(shop) == 1
        await refuse(shop, "dear")
        assert await find_suppliers(shop) == 1
        document = await route_of(shop)
        assert [one["supplier"] for one in document["moves"]] == ["cheap", "second"]
        assert [one["why"] for one in document["left"]] == ["nobody"]
        assert (await shop.order())["lines"][0]["state"] == "in_question"
        assert await find_suppliers(shop) == 0
        assert (await shop.order())["total_minor"] == 2 * PRICE
        assert shop.refused == []
        assert await drifts(shop.shop) == []


async def test_a_move_that_costs_more_than_was_paid_waits_for_a_person(database_url):
    async with market(database_url, dear=50, cheap=5) as shop:
        await shop.do(PutTerms(supplier="dear", currency="EUR", parcel_minor=900, unit_minor=0))
        await shop.put("A", 1)
        assert (await shop.buy()).status == 200
        await shop.pump()
        await refuse(shop, "cheap")
        await find_suppliers(shop)
        left = (await route_of(shop))["left"]
        assert [(one["why"], one["loss_minor"]) for one in left] == [("loss", 2_300 - PRICE)]
        assert (await route_of(shop))["moves"] == []
        assert await drifts(shop.shop) == []


async def test_an_order_that_waits_is_listed_until_it_is_let_go(database_url):
    async with market(database_url, dear=50, cheap=5) as shop:
        look = Rule(name="look", action="review", countries=("GB",))
        rules = RoutingRules(rules=(look,))
        await shop.do(PutRules(rules=rules))
        assert (await read_rules(shop.shop.reads, "main"))["version"] == 1
        stale = await shop.refusal(PutRules(rules=RoutingRules(), expected_version=0))
        assert stale["name"] == "VersionConflict"
        await shop.put("A", 1)
        await shop.buy()
        await shop.pump()
        waiting = await list_waiting(shop.shop.reads, "main", after=None, limit=10)
        assert [one["topic"] for one in waiting["items"]] == [f"route:{ORDER}"]
        assert await drifts(shop.shop) == []
        assert await shop.shop.reads.fetch(SENDING["begin"], 10) == []
        await shop.do(ReleaseRoute(order_id=ORDER))
        assert len(await shop.shop.reads.fetch(SENDING["begin"], 10)) == 1
        waiting = await list_waiting(shop.shop.reads, "main", after=None, limit=10)
        assert waiting["items"] == []
        assert await drifts(shop.shop) == []


async def test_scores_are_listed_with_their_numbers_and_terms(database_url):
    async with market(database_url, cheap=5, second=20) as shop:
        await shop.put("A", 2)
        assert (await shop.buy()).status == 200
        await shop.pump()
        await refuse(shop, "cheap")
        rows = await list_scores(shop.shop.reads, "main")
        assert [(row["id"], row["score"] is None) for row in rows] == [
            ("cheap", False),
            ("second", True),
        ]
        score = msgspec.json.decode(bytes(rows[0]["score"]))
        assert (score["units"], score["refused"], score["short"]) == (2, 2, 2)
        assert await drifts(shop.shop) == []


async def late(shop: Till, outcome: str) -> None:
    """An order whose supplier cannot be reached, or got it and does not answer."""
    await shop.put("A", 2)
    assert (await shop.buy()).status == 200
    await shop.pump()
    own = f"{ORDER}/cheap"
    await shop.do(BeginSending(purchase_order=own))
    await shop.do(RecordSending(purchase_order=own, outcome=outcome))  # type: ignore[arg-type]
    await shop.pump()
    if outcome == "received":
        due = (await shop.shop.document(f"purchase_order:{own}"))["due_at_ms"]
        await shop.do(RecordSending(purchase_order=own, outcome="received", asked=due))
        await shop.pump()


@pytest.mark.parametrize("outcome", ["received", "timed_out"])
async def test_units_of_a_supplier_that_does_not_answer_go_to_another(database_url, outcome):
    async with market(database_url, dear=50, cheap=5, second=20) as shop:
        await late(shop, outcome)
        rows = await shop.shop.reads.fetch(DUE, 100)
        waits_ms = rows[0]["due_ms"] - shop.clock.now_ms()
        assert (waits_ms > 60_000) == (outcome == "timed_out")
        assert await find_suppliers(shop) == 1
        moves = (await route_of(shop))["moves"]
        assert [(one["why"], one["picks"][0]["supplier"]) for one in moves] == [("late", "second")]
        cancelling = await shop.shop.document(f"purchase_order:{ORDER}/cheap")
        assert cancelling["lines"][0]["cancelling"] == 2
        assert (await shop.order())["lines"][0]["state"] == "promised"
        assert shop.refused == []
        assert await drifts(shop.shop) == []


async def test_an_answer_that_comes_after_all_leaves_the_units_where_they_are(database_url):
    async with market(database_url, cheap=5, second=20) as shop:
        await late(shop, "timed_out")
        await shop.do(
            AcknowledgePurchaseOrder(
                purchase_order=f"{ORDER}/cheap", lines=(Units(sku="A", quantity=2),)
            )
        )
        await shop.pump()
        assert await find_suppliers(shop) == 1
        assert await find_suppliers(shop) == 0
        document = await route_of(shop)
        assert (document["moves"], document["left"]) == ([], [])


async def test_the_command_line_shows_what_would_be_chosen_and_what_was(database_url, capsys):
    async with market(database_url, dear=50, cheap=5, second=20) as shop:
        await shop.put("A", 2)
        await shop.buy()
        await shop.pump()
        await asyncio.to_thread(route.preview, "A=2", database=database_url, json=True)
        choice = msgspec.json.decode(capsys.readouterr().out)
        assert [pick["supplier"] for pick in choice["picks"]] == ["cheap"]
        await asyncio.to_thread(route.explain, ORDER, database=database_url)
        assert "chosen: 2 A by cheap" in capsys.readouterr().out
        await asyncio.to_thread(route.scores, database=database_url)
        assert "unknown" in capsys.readouterr().out
        await asyncio.to_thread(route.waiting, database=database_url)
        assert capsys.readouterr().out == ""
        with pytest.raises(SetupProblem):
            await asyncio.to_thread(route.preview, "A=0", database=database_url)


async def test_the_database_keeps_what_a_person_has_to_see(database_url):
    async with market(database_url, dear=50, cheap=5) as shop:
        await shop.do(PutRules(rules=RoutingRules(rules=(Rule(name="look", action="review"),))))
        await shop.put("A", 1)
        await shop.buy()
        driver: Any = asyncpg
        connection = await driver.connect(database_url)
        try:
            for column, value, constraint in (
                ("state", "chosen", "route_is_looked_at"),
                ("released_at_ms", 5, "route_is_released"),
            ):
                with pytest.raises(driver.CheckViolationError, match=constraint):
                    await connection.execute(f"UPDATE routing_route SET {column} = $1", value)
            with pytest.raises(driver.CheckViolationError, match="route_is_bounded"):
                await connection.execute(
                    "UPDATE routing_route SET choice = jsonb_set(choice, '{bound_minor}', '99999')"
                )
        finally:
            await connection.close()
