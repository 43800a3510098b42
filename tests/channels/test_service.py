"""Suppliers with a service: the laws of the port over HTTP, and services that misbehave."""

import json

import pytest
from msgspec.structs import replace
from tests.channels.servers import HERE, Service, http_server
from tests.channels.world import road
from tests.shipping.desk import plan_of, po

from shopwire.adapters.suppliers import service as service_module
from shopwire.adapters.suppliers.service import SupplierService
from shopwire.kernel.purchasing import LineAnswer
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.modules.channels.api import ApiWay, FetchWay, PutChannel
from shopwire.services.ways import Asking, Ledger
from shopwire.testing.conformance.purchasing import SupplierChannelConformance, order_of

pytestmark = pytest.mark.anyio


class Outside:
    """A service that keeps its books well, behind the channel."""

    def __init__(self, url: str, service: Service) -> None:
        self.service = service
        self.channel = SupplierService(f"{url}/orders", timeout_ms=2_000, allowed=HERE)

    async def taken(self, order_id):
        return self.service.orders.get(order_id, {}).get("taken", 0)

    async def address(self, order_id):
        return bool(self.service.orders[order_id]["address"])

    async def lose(self, order_id, what):
        self.service.lost[order_id] = what

    async def ship(self, order_id):
        self.service.ship(order_id)


class TestService(SupplierChannelConformance):
    @pytest.fixture
    async def outside(self):
        service = Service()
        async with http_server(service.handle) as url:
            yield Outside(url, service)


@pytest.mark.parametrize(
    "answer", [(500, b"{}"), (401, b"{}"), (302, b""), (200, b"<html>"), (200, b"{}"), None]
)
async def test_whatever_is_no_answer_is_told_as_unknown(answer):
    async def handle(*_request: object):
        return answer

    async with http_server(handle) as url:
        channel = SupplierService(url, timeout_ms=2_000, allowed=HERE)
        with pytest.raises(ProviderUnavailable):
            await channel.send(order_of())


async def test_an_answer_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(service_module, "ANSWER_BYTES_MAX", 100)

    async def handle(*_request: object):
        return 200, b" " * 10_000

    async with http_server(handle) as url:
        with pytest.raises(ProviderUnavailable, match="too long"):
            await SupplierService(url, allowed=HERE).fetch("acme", "x")


async def test_an_order_that_a_service_rejects_is_refused():
    async def handle(*_request: object):
        return 422, b'{"error": "unknown article"}'

    async with http_server(handle) as url:
        answer = await SupplierService(url, allowed=HERE).send(order_of())
    assert (answer.state, answer.reason) == ("refused", "rejected_422")


async def test_an_internal_address_is_not_called():
    with pytest.raises(ProviderUnavailable, match="internal"):
        await SupplierService("http://127.0.0.1:9/orders").send(order_of())


async def test_the_service_knows_the_order_by_its_key_and_its_token():
    seen = {}

    async def handle(method, path, headers, body):
        seen.update(headers, path=path, body=json.loads(body))
        return 201, b'{"state": "received"}'

    async with http_server(handle) as url:
        channel = SupplierService(f"{url}/v1/orders/", token="word", allowed=HERE)
        order = order_of()
        lines = tuple(replace(one, supplier_sku=f"X-{one.sku}") for one in order.lines)
        await channel.send(replace(order, lines=lines))
    named = [(one["sku"], one["supplier_sku"]) for one in seen["body"]["lines"]]
    assert named == [("A", "X-A"), ("B", "X-B")]
    assert seen["idempotency-key"] == order_of().id == seen["body"]["purchase_order"]
    assert (seen["authorization"], seen["path"]) == ("Bearer word", "/v1/orders")


@pytest.mark.postgres
async def test_an_order_goes_to_a_service_and_stays_with_it(database_url):
    service = Service()
    async with http_server(service.handle) as url:
        way = ApiWay(url=f"{url}/orders")
        made = SupplierService(way.url, allowed=HERE)
        others: dict = {}
        async with road(database_url, {}, way=way, others=others) as it:
            ledger = Ledger(it.shop.write_path, it.shop.reads)
            it.ways._others["api"] = Asking(ledger, lambda _: made)
            await it.shop.do(plan_of({"acme": {"A": 2}}))

            async def known() -> bool:
                found = await it.shop.document(f"purchase_order:{po('acme')}")
                return found is not None and found["status"] == "acknowledged"

            await it.until(known)
            assert service.orders[po("acme")]["taken"] == 1
            first = order_of("cart-0000-zzz.1/acme", A=1)
            lines = (LineAnswer(sku="A", quantity=1),)
            assert (await it.ways.cancel("acme", first.id, lines)).never_received
            assert (await it.ways.send(first)).state == "refused"
            assert first.id not in service.orders, "it was never called for it"
            await it.shop.do(PutChannel(supplier="acme", way=FetchWay()))
            with pytest.raises(ProviderUnavailable, match="former way"):
                await it.ways.fetch("acme", po("acme"))
