"""The routes of carts, orders and the checkout, as HTTP sees them."""

import asyncio
from typing import Any

import httpx2
import msgspec
import pytest
from litestar import Litestar
from litestar.exceptions import HTTPException
from tests.callers import open_callers
from tests.orders.paying import Till, body, bought, decline, till
from tests.orders.world import CART, ORDER, lines

from shopwire.kernel.errors import ShopwireError
from shopwire.modules.carts import http as carts_http
from shopwire.modules.inventory.api import ReportStock, SetPolicy
from shopwire.modules.orders import http as orders_http
from shopwire.services.checkout_door import checkout_routes
from shopwire.services.problems import on_defect, on_http, on_known
from shopwire.services.route_rights import RouteGuard

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


def web(shop: Till) -> httpx2.AsyncClient:
    reads = shop.shop.reads
    app = Litestar(
        route_handlers=[
            *carts_http.routes(reads),
            *orders_http.routes(reads),
            *checkout_routes(shop.door, reads),
        ],
        guards=[RouteGuard(open_callers())],
        exception_handlers={
            ShopwireError: on_known,
            HTTPException: on_http,
            Exception: on_defect,
        },
        openapi_config=None,
        logging_config=None,
    )
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://shop.test")


async def buy(
    client: httpx2.AsyncClient, key: str | None = "key-1", **more: Any
) -> httpx2.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/api/checkout", content=body(**more), headers=headers)


async def test_a_checkout_over_http(database_url):
    async with till(database_url) as shop, web(shop) as client:
        await shop.article("A", acme=5)
        await shop.put("A", 2)
        first, again = await buy(client), await buy(client)
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.content == again.content
        assert "Idempotency-Replayed" not in first.headers
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (await buy(client, None)).json()["name"] == "KeyMissing"
        assert (await buy(client, email="eve@example.org")).status_code == 422
        assert (await client.get(f"/api/orders/{ORDER}")).json()["doc"]["status"] == "placed"
        assert (await client.get(f"/api/carts/{CART}")).json()["doc"]["status"] == "ordered"


async def test_refusals_over_http(database_url):
    async with till(database_url) as shop, web(shop) as client:
        await shop.article("A", acme=5)
        shop.provider.decides = decline
        declined = await buy(client, lines=[bought()])
        assert (declined.status_code, declined.json()["name"]) == (402, "PaymentDeclined")
        short = await buy(client, "key-2", lines=[bought(quantity=6)])
        assert (short.status_code, short.json()["data"]["available"]) == (409, 5)
        await shop.do(SetPolicy(sku="A", held_units_max=1))
        waiting = await buy(client, "key-3", lines=[bought(quantity=2)])
        assert (waiting.status_code, waiting.json()["name"]) == (409, "HoldLimit")
        assert int(waiting.headers["Retry-After"]) > 0
        await shop.do(SetPolicy(sku="A"))
        assert (await buy(client, "key-3", lines=[bought(quantity=2)])).status_code == 402


async def test_a_request_that_is_worked_on_says_when_to_come_back(database_url):
    async with till(database_url) as shop, web(shop) as client:
        await shop.article("A", acme=5)
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def wait(charge):
            asked.set()
            await go_on.wait()

        shop.provider.before = wait
        first = asyncio.create_task(buy(client, lines=[bought()]))
        await asked.wait()
        busy = await buy(client, lines=[bought()])
        assert (busy.status_code, busy.json()["name"]) == (409, "KeyInFlight")
        assert int(busy.headers["Retry-After"]) > 0
        go_on.set()
        assert (await first).status_code == 200


async def test_lists_over_http(database_url):
    async with till(database_url) as shop, web(shop) as client:
        await shop.article("A", acme=5)
        await shop.placed(lines=lines(("A", 4)))
        await shop.do(ReportStock(sku="A", supplier="acme", quantity=1))
        await shop.pump()
        orders = (await client.get("/api/orders", params={"status": "placed"})).json()
        assert [one["topic"] for one in orders["items"]] == [f"order:{ORDER}"]
        assert orders["next"] is None
        conflicts = (await client.get("/api/conflicts")).json()
        assert conflicts["items"][0]["doc"]["id"] == f"{ORDER}/C1"
        assert conflicts["items"][0]["stock"]["available"] == 0
        alternatives = (await client.get("/api/stock/A/alternatives?quantity=2")).json()
        assert alternatives == {"items": []}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/orders?status=nonsense", 400),
        ("/api/orders?cursor=x", 400),
        ("/api/orders/nothing", 404),
        ("/api/orders/cart-9999.1", 404),
        ("/api/carts/short", 422),
        ("/api/carts/cart-9999", 404),
        ("/api/conflicts?order=x", 404),
        ("/api/stock/A/alternatives?quantity=0", 422),
    ],
)
async def test_what_cannot_be_read_is_refused(database_url, path, status):
    async with till(database_url) as shop, web(shop) as client:
        answer = await client.get(path)
        assert answer.status_code == status, answer.text
        assert msgspec.json.decode(answer.content)["code"]
