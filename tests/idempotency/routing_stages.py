"""Stages of routing, and of what orders and shipping do for it; see `stages`."""

from msgspec.structs import replace
from tests.idempotency.stages import STAGES, stage
from tests.idempotency.trade_stages import CONFLICT, ORDER, PURCHASE_ORDER, noted, placed
from tests.routing.market import written

from shopwire.modules.orders.api import MoveUnits, Source
from shopwire.modules.routing.api import (
    ChooseSupplier,
    LeaveToPerson,
    NoteConflict,
    NoteShares,
    Observe,
    Pick,
    PutRules,
    PutTerms,
    RecordChoice,
    ReleaseRoute,
    Reroute,
    Review,
    RoutingRules,
    Share,
)
from shopwire.modules.shipping.api import Allocation, HoldPurchaseOrders, PlanPurchaseOrders

__all__ = ["STAGES"]

QUESTION = f"{ORDER}/C1"
CHOICE = RecordChoice(order_id=ORDER, currency="EUR", choice=written(("MUG", "acme", 2), cost=500))
LOOK = Review(why="rule", rule="look", skus=("MUG",))
ASKED = NoteConflict(
    conflict_id=QUESTION,
    order_id=ORDER,
    sku="MUG",
    supplier="acme",
    quantity=2,
    reason="refused",
    open=True,
)


@stage
async def routing__put_rules(bench):
    return PutRules(rules=RoutingRules(split_minor=200))


@stage
async def routing__put_terms(bench):
    return PutTerms(supplier="acme", currency="EUR", parcel_minor=495, unit_minor=50)


@stage
async def routing__record_choice(bench):
    return CHOICE


@stage
async def routing__note_shares(bench):
    await bench.do(CHOICE)
    share = Share(sku="MUG", supplier="acme", quantity=2)
    return NoteShares(order_id=ORDER, plan=ORDER, shares=(share,))


@stage
async def routing__release_route(bench):
    await bench.do(replace(CHOICE, choice=replace(CHOICE.choice, reviews=(LOOK,))))
    return ReleaseRoute(order_id=ORDER)


@stage
async def routing__note_conflict(bench):
    return ASKED


@stage
async def routing__leave_to_person(bench):
    await bench.do(CHOICE, ASKED)
    return LeaveToPerson(conflict_id=QUESTION, why="nobody")


@stage
async def routing__observe(bench):
    return Observe(
        supplier="acme",
        purchase_order=PURCHASE_ORDER,
        what="answered",
        at_ms=1_800_000_000_000,
        planned=2,
        accepted=2,
    )


async def planned(bench):
    """The order has a purchase order that did not leave."""
    await placed(bench)
    mugs = Allocation(sku="MUG", supplier="acme", quantity=2, price_minor=1_295)
    await bench.do(PlanPurchaseOrders(order_id=ORDER, allocations=(mugs,), currency="EUR"))
    await bench.do(noted())


@stage
async def shipping__hold_purchase_orders(bench):
    return HoldPurchaseOrders(order_id=ORDER, held=True)


@stage
async def routing__reroute(bench):
    await placed(bench)
    await bench.do(CONFLICT, CHOICE, replace(ASKED, quantity=CONFLICT.quantity))
    pick = Pick(sku="MUG", supplier="best", quantity=CONFLICT.quantity, cost_minor=600)
    return Reroute(
        conflict_id=QUESTION, sku="MUG", picks=(pick,), shipping_minor=0, paid_minor=1_295, seen=1
    )


@stage
async def orders__move_units(bench):
    await planned(bench)
    best = Source(supplier="best", quantity=1)
    return MoveUnits(order_id=ORDER, move="M1", sku="MUG", supplier="acme", sources=(best,))


@stage
async def routing__choose_supplier(bench):
    await planned(bench)
    await bench.do(CHOICE)
    return ChooseSupplier(
        order_id=ORDER, move="M1", sku="MUG", supplier="acme", to="best", quantity=1
    )
