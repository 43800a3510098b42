"""The portal's door: a supplier sees and answers what is its own, and nothing else."""

import httpx2
import pytest
from litestar import Litestar
from tests.channels.world import ADA, address_of
from tests.modules.shop import postgres_shop
from tests.shipping.desk import ORDER, accept, plan_of, po, send, ship, units

from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.identity import Caller
from shopwire.modules.shipping.api import CancelPurchaseOrders
from shopwire.services.portal_door import portal_routes
from shopwire.services.problems import on_known

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
OWN = po("acme")


@pytest.fixture
async def door(database_url):
    async with postgres_shop(database_url) as shop:

        async def known(connection, _handler):
            name = connection.headers["x-supplier"]
            connection.state.caller = Caller(role="supplier", subject="erp", supplier=name)

        app = Litestar(
            route_handlers=portal_routes(shop.write_path, shop.reads, address_of),
            guards=[known],
            exception_handlers={ShopwireError: on_known},
            openapi_config=None,
            logging_config=None,
        )
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            yield shop, web


async def orders_of(web, supplier: str, state: str = "open"):
    answer = await web.get(f"/api/portal/orders?state={state}", headers={"x-supplier": supplier})
    return answer.json()["items"]


async def test_a_supplier_sees_its_own_orders_from_the_moment_they_left(door):
    shop, web = door
    await shop.do(plan_of({"acme": {"A": 2}, "zenith": {"B": 1}}))
    assert await orders_of(web, "acme") == []
    await send(shop, "acme")
    (seen,) = await orders_of(web, "acme")
    assert (seen["doc"]["id"], seen["doc"]["status"]) == (OWN, "sent")
    assert "order_id" not in seen["doc"]
    assert seen["ship_to"]["city"] == ADA.city
    assert await orders_of(web, "zenith") == []
    await shop.do(CancelPurchaseOrders(order_id=ORDER, wish="w", reason="shopper"))
    assert await orders_of(web, "zenith", "done") == [], "it never heard of it"


async def test_an_address_is_shown_as_long_as_something_has_to_go_there(door):
    shop, web = door
    await shop.do(plan_of({"acme": {"A": 2}}))
    await accept(shop, "acme", A=2)
    await ship(shop, OWN, A=2)
    assert await orders_of(web, "acme") == []
    (seen,) = await orders_of(web, "acme", "done")
    assert (seen["doc"]["status"], seen["ship_to"]) == ("shipped", None)


@pytest.mark.parametrize(
    ("agrees", "status", "left"), [(True, "acknowledged", 1), (False, "acknowledged", 3)]
)
async def test_a_cancellation_is_answered_by_the_supplier_it_asks(door, agrees, status, left):
    shop, web = door
    await shop.do(plan_of({"acme": {"A": 3}}))
    await accept(shop, "acme", A=3)
    body = {"purchase_order": OWN, "lines": [{"sku": "A", "quantity": 2}], "agrees": agrees}

    async def says(supplier: str):
        headers = {"x-supplier": supplier, "idempotency-key": "k"}
        return await web.post("/api/portal/cancellations", json=body, headers=headers)

    await shop.do(
        CancelPurchaseOrders(order_id=ORDER, wish="w", reason="shopper", lines=units(A=2))
    )
    assert (await says("zenith")).status_code == 404
    first = await says("acme")
    assert first.status_code == 200
    again = await says("acme")
    assert (again.status_code, again.content) == (200, first.content)
    found = await shop.document(f"purchase_order:{OWN}")
    line = found["lines"][0]
    assert (found["status"], line["accepted"], line["cancelling"]) == (status, left, 0)
