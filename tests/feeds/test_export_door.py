"""Articles leave over HTTP: in pieces, and again only when something of them changed."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from litestar import Litestar
from tests.feeds.conftest import Shop

from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.identity import Caller
from shopwire.services.export_door import export_routes
from shopwire.services.problems import on_known
from shopwire.services.route_rights import RULES

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

HEAD = "id,title,category,sku,stock,cost\n"


@pytest.fixture
async def web(shop: Shop) -> AsyncIterator[httpx2.AsyncClient]:
    async def known(connection: Any, _handler: Any) -> None:
        name = connection.headers.get("x-supplier", "")
        connection.state.caller = Caller(role="supplier", subject="erp", supplier=name)

    app = Litestar(
        route_handlers=export_routes(shop.store.reads),
        guards=[known],
        exception_handlers={ShopwireError: on_known},
        openapi_config=None,
        logging_config=None,
    )
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_what_changed_is_sent_again_and_nothing_else(shop: Shop, web: httpx2.AsyncClient):
    await shop.take(HEAD + "mug,Mug,All,M,5,2.50\n", supplier="First")
    first = await web.get("/api/exports/generic")
    assert (first.status_code, first.text.count("\n")) == (200, 2)
    assert first.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="articles-generic.csv"' in first.headers["content-disposition"]
    seen = {"If-None-Match": first.headers["etag"]}
    same = await web.get("/api/exports/generic", headers=seen)
    assert (same.status_code, same.content) == (304, b"")
    assert (await web.get("/api/exports/shopify", headers=seen)).status_code == 200
    for other in ("?supplier=first", "?base=https://shop.example"):
        answer = await web.get(f"/api/exports/generic{other}", headers=seen)
        assert answer.status_code == 200, other
    assert (await web.get("/api/exports/generic", headers={"If-None-Match": "*"})).content == b""
    await shop.take(HEAD + "mug,Mug,All,M,4,2.50\n", supplier="First")
    again = await web.get("/api/exports/generic", headers=seen)
    assert (again.status_code, ",4,2.50," in again.text) == (200, True)


async def test_a_supplier_is_told_its_own_articles_alone(shop: Shop, web: httpx2.AsyncClient):
    await shop.take(HEAD + "mug,Mug,All,M,5,2.50\njug,Jug,All,J,1,9\n", supplier="First")
    await shop.take(HEAD + "mug,Mug,All,M,7,1.75\n", supplier="Second")
    own = await web.get("/api/portal/exports/generic", headers={"x-supplier": "second"})
    (line,) = own.text.splitlines()[1:]
    assert ",7,1.75," in line
    asked = "/api/portal/exports/generic?supplier=first"
    assert (await web.get(asked, headers={"x-supplier": "second"})).text == own.text
    assert "/api/exports/{form}" not in RULES  # for operators alone


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("excel", "form"),
        ("generic?base=ftp://x.example", "base"),
        ("generic?base=https://x.example/a", "base"),
        ("generic?base=nonsense", "base"),
    ],
)
async def test_what_there_is_not_is_said(web: httpx2.AsyncClient, path: str, field: str):
    answer = await web.get(f"/api/exports/{path}")
    assert (answer.status_code, answer.json()["data"]["field"]) == (422, field)
