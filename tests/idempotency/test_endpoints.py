"""Every endpoint that changes something, in the server as it runs: one effect for one request."""

import asyncio
import time
from collections.abc import Callable
from contextlib import asynccontextmanager

import asyncpg
import httpx2
import msgspec
import pytest
from msgspec.structs import replace

from shopwire.kernel.commands import Envelope
from shopwire.kernel.fetching import Place
from shopwire.kernel.webhooks import sign
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.sources.api import PutSource
from shopwire.modules.suppliers.api import PutOffer
from shopwire.services.container import ServeOptions, open_container

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

COPIES = 40
ADDRESS = {
    "name": "A. Person", "lines": ["Street 1"], "postal_code": "1", "city": "C", "country": "NL",
}  # fmt: skip


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent, and which table shows how often it took effect."""

    path: str
    body: bytes
    other: bytes
    """Another body that may not come under the same key."""
    effects: str
    """Query for the number of effects."""
    source: str = ""
    """Who signs it; empty where an Idempotency-Key tells requests apart."""
    mark: bool = True
    """Whether a repeat is marked as one."""


class Door:
    """The running server, asked from within its process."""

    def __init__(self, container, dsn) -> None:
        self.container, self.dsn = container, dsn
        transport = httpx2.ASGITransport(app=container.app(), raise_app_exceptions=False)
        self.web = httpx2.AsyncClient(transport=transport, base_url="http://localhost", timeout=60)

    async def send(self, request, key="key-1", *, body=None, headers=None):
        body = request.body if body is None else body
        if headers is None:
            headers = {} if key is None else {"Idempotency-Key": key}
            if request.source:
                secret = self.container.outside.secrets.of(request.source)
                headers = sign([secret], key, body, now_ms=time.time_ns() // 1_000_000)
        return await self.web.post(request.path, content=body, headers=headers)

    async def effects(self, request):
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetchval(request.effects)
        finally:
            await connection.close()

    async def until(self, query):
        """Returns when a query finds something."""
        wanted = Request(path="", body=b"", other=b"", effects=query)
        async with asyncio.timeout(120):
            while not await self.effects(wanted):  # noqa: ASYNC110 - it happens in the database
                await asyncio.sleep(0.05)

    async def do(self, *commands: object):
        for number, command in enumerate(commands):
            envelope = Envelope(command=command, key=f"stage-{number}")
            assert (await self.container.write_path.submit(envelope)).ok


@pytest.fixture
async def door(database_url, tmp_path):
    async with open_container(ServeOptions(data=tmp_path, database_url=database_url)) as container:
        yield Door(container, database_url)


# -- the requests -------------------------------------------------------------------------------


async def imports(_door):
    return Request(
        path="/api/imports?supplier=acme&source=acme.csv",
        body=b"sku,title,stock,cost\nA,Mug,5,2\n",
        other=b"sku,title,stock,cost\nA,Mug,6,2\n",
        effects="SELECT count(*) FROM import_run",
    )


async def checkout(door):
    await door.do(
        PutOffer(sku="MUG", supplier="acme", cost_minor=500, currency="EUR"),
        ReportStock(sku="MUG", supplier="acme", quantity=500),
    )
    await door.until("SELECT count(*) FROM documents WHERE topic = 'price:MUG'")
    (document,) = await door.container.store.log.documents("main", ["price:MUG"])
    price = msgspec.json.decode(document.body)["amount_minor"]

    def body(quantity):
        line = {"sku": "MUG", "quantity": quantity, "price_minor": price}
        fields = {"lines": [line], "currency": "EUR", "email": "person@example.org"}
        return msgspec.json.encode(fields | {"address": ADDRESS, "method": "card"})

    return Request(
        path="/api/checkout",
        body=body(1),
        other=body(2),
        effects="SELECT count(*) FROM customer_order",
    )


def told(kind, **data: object):
    return msgspec.json.encode({"type": kind, "data": data})


async def payments(_door):
    return Request(
        path="/api/webhooks/payments/simulator",
        body=told("charge.authorised", charge="cart-00000001.1", reference="r1"),
        other=told("charge.declined", charge="cart-00000001.1", reference="r1"),
        effects="SELECT count(*) FROM webhook_received",
        source="payments:simulator",
    )


async def carriers(_door):
    return Request(
        path="/api/webhooks/carriers/swiftpost",
        body=told("tracking.updated", tracking="T1", status="in_transit", at_ms=1),
        other=told("tracking.updated", tracking="T1", status="delivered", at_ms=2),
        effects="SELECT count(*) FROM kept_notice",
        source="carrier:swiftpost",
    )


async def suppliers(door):
    assert (await door.send(await checkout(door), "order")).status_code == 200
    await door.until("SELECT count(*) FROM purchase_order WHERE step = 'sent'")
    (order_id,) = await asyncio.gather(
        door.effects(Request(path="", body=b"", other=b"", effects="SELECT id FROM purchase_order"))
    )

    def body(reference):
        lines = [{"sku": "MUG", "quantity": 1}]
        fields = {"purchase_order": order_id, "supplier_reference": reference, "lines": lines}
        return told("purchase_order.acknowledged", **fields)

    return Request(
        path="/api/webhooks/suppliers/acme",
        body=body("A-1"),
        other=body("A-2"),
        effects="SELECT count(*) FROM events"
        " WHERE event_type = 'shipping.purchase_order_acknowledged'",
        source="supplier:acme",
    )


async def pushes(door):
    await door.do(PutSource(supplier="acme", place=Place(kind="push")))
    return Request(
        path="/api/webhooks/feeds/acme",
        body=b"sku,title,stock,cost\nA,Mug,5,2\n",
        other=b"sku,title,stock,cost\nA,Mug,6,2\n",
        effects="SELECT count(*) FROM import_run",
        source="supplier:acme",
    )


async def replays(door):
    known = replace(await payments(door), body=told("charge.strange", charge="cart-00000001.1"))
    assert (await door.send(known, "hook-1")).status_code == 200
    return Request(
        path="/api/webhooks/received/simulator/hook-1/replay?order_id=cart-00000001.1",
        body=b"",
        other=b"",
        effects="SELECT sum(tries)::bigint - 1 FROM webhook_received",
        mark=False,
    )


REQUESTS: dict[str, Callable] = {
    "/api/imports": imports,
    "/api/checkout": checkout,
    "/api/webhooks/payments/{provider:str}": payments,
    "/api/webhooks/carriers/{carrier:str}": carriers,
    "/api/webhooks/suppliers/{supplier:str}": suppliers,
    "/api/webhooks/feeds/{supplier:str}": pushes,
    "/api/webhooks/received/{provider:str}/{webhook_id:str}/replay": replays,
}
ELSEWHERE = {"/api/portal/cancellations", "/api/commands/{operation:str}"}
"""Held to the matrix elsewhere: in `test_command_doors`, and in the tests of the portal."""
BY_STATE = {
    "/api/imports/{run}/approve", "/api/imports/{run}/reject", "/api/imports/{run}/undo",
    "/api/imports/{run}/quarantine/{seq}",
}  # fmt: skip
"""They take no key: what a run is already says whether they may take effect."""
OF_A_CALLER = {
    "/api/sessions", "/api/sessions/refresh", "/api/tickets", "/api/feeds/preview",
    "/api/prices/preview", "/api/sources/test", "/api/sources/{supplier}/signing-secret",
}  # fmt: skip
"""They tell a caller something; nothing of the shop changes, and nothing is stored."""
REPLACING = {"/api/secrets/{name}"}
"""It puts a text under a name, outside the log: twice is the same as once."""
KEYED = [imports, checkout, replays]
SIGNED = [payments, carriers, suppliers, pushes]

keyed = pytest.mark.parametrize("build", KEYED, ids=lambda build: build.__name__)
signed = pytest.mark.parametrize("build", SIGNED, ids=lambda build: build.__name__)
every = pytest.mark.parametrize("build", [*KEYED, *SIGNED], ids=lambda build: build.__name__)


# -- the matrix ---------------------------------------------------------------------------------


async def test_every_endpoint_that_changes_something_is_in_the_matrix(door):
    api = door.container.app()._api
    changing = {
        route.path_format
        for route in api.routes
        if set(getattr(route, "methods", ())) & {"POST", "PUT", "PATCH", "DELETE"}
    }
    plain = {
        path.replace(":str}", "}")
        for path in (*REQUESTS, *ELSEWHERE, *BY_STATE, *OF_A_CALLER, *REPLACING)
    }
    assert changing == plain


@every
async def test_a_repeat_is_answered_byte_for_byte_and_has_no_effect(door, build):
    request = await build(door)
    first = await door.send(request)
    assert first.status_code == 200, first.content
    again = await door.send(request)
    assert (again.status_code, again.content) == (200, first.content)
    if not request.source and request.mark:
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
    assert await door.effects(request) == 1


@every
async def test_many_at_once_have_one_effect(door, build):
    request = await build(door)
    answers = await asyncio.gather(*(door.send(request) for _ in range(COPIES)))
    for answer in answers:
        if answer.status_code != 200:
            refused = (answer.status_code, answer.json()["name"])
            assert refused in {(409, "KeyInFlight"), (503, "QueueFull")}
            assert int(answer.headers["retry-after"]) >= 1
    done = {answer.content for answer in answers if answer.status_code == 200}
    assert len(done) == 1
    assert (await door.send(request)).content in done
    assert await door.effects(request) == 1


def feed(stock, rows=30):
    lines = [f"S{number},Mug {number},{stock},2" for number in range(rows)]
    return "\n".join(["sku,title,stock,cost", *lines, ""]).encode()


async def run_of(door, body, key):
    """An import's id and how it ended."""
    path = "/api/imports?supplier=acme&source=acme.csv"
    answer = await door.send(Request(path=path, body=body, other=b"", effects=""), key)
    return answer.json()["id"], answer.json()["status"]


async def test_what_a_person_decides_about_imports_takes_effect_once(door):
    async def at_once(path, body=b""):
        request = Request(path=f"/api/imports/{path}", body=body, other=b"", effects="")
        answers = await asyncio.gather(*(door.send(request, None) for _ in range(8)))
        assert any(answer.status_code == 200 for answer in answers), answers[0].content
        assert all(answer.status_code in {200, 404, 409, 422} for answer in answers)

    async def count(kind, entity):
        query = f"SELECT count(*) FROM events WHERE topic = '{kind}:{entity}'"
        return await door.effects(Request(path="", body=b"", other=b"", effects=query))

    first, _ = await run_of(door, feed(5) + b"BAD,Bad,-1,2\n", "first")
    await at_once(f"{first}/quarantine/1", b'{"cells": {"stock": "7"}}')
    assert await count("stock", "BAD") == 1
    held, status = await run_of(door, feed(0), "held")
    assert status == "held"
    before = await count("stock", "S1")
    await at_once(f"{held}/approve")
    assert await count("stock", "S1") == before + 1
    await at_once(f"{held}/undo")
    assert await count("stock", "S1") == before + 2
    again, status = await run_of(door, feed(0), "again")
    assert status == "held"
    await at_once(f"{again}/reject")
    assert await count("stock", "S1") == before + 2


@keyed
async def test_another_body_under_the_same_key_is_refused_and_shows_nothing(door, build):
    request = await build(door)
    first = await door.send(request)
    other = replace(request, path=request.path.replace("00000001", "00000002"))
    answer = await door.send(other, body=request.other)
    assert (answer.status_code, answer.json()["name"]) == (422, "KeyReused")
    assert first.content not in answer.content
    assert await door.effects(request) == 1


@keyed
@pytest.mark.parametrize("key", [None, "x" * 256, "tab\tkey", "café"], ids=repr)
async def test_a_missing_or_malformed_key_is_refused(door, build, key):
    request = await build(door)
    headers = {} if key is None else {"Idempotency-Key": key.encode()}
    answer = await door.send(request, headers=headers)
    name = "KeyMissing" if key is None else "KeyMalformed"
    assert (answer.status_code, answer.json()["name"]) == (400, name)
    assert await door.effects(request) == 0


@signed
async def test_what_is_not_signed_by_its_sender_has_no_effect(door, build):
    request = await build(door)
    before = await door.effects(request)
    forged = replace(request, source="supplier:somebody-else")
    late = sign(
        [door.container.outside.secrets.of(request.source)], "key-1", request.body, now_ms=1_000
    )
    for answer in (
        await door.send(request, headers={}),
        await door.send(forged),
        await door.send(request, headers=late),
    ):
        assert (answer.status_code, answer.json()["name"]) == (401, "SignatureInvalid")
    assert await door.effects(request) == before


@signed
async def test_the_same_message_with_other_words_has_no_second_effect(door, build):
    request = await build(door)
    first = await door.send(request)
    assert first.status_code == 200
    other = await door.send(request, body=request.other)
    assert other.status_code == 200 or other.json()["name"] == "KeyReused"
    assert await door.effects(request) == 1


@asynccontextmanager
async def _at_work(door, build):
    """Somebody is in the middle of the request."""
    request = await build(door)
    entered, leave = asyncio.Event(), asyncio.Event()
    yield request, entered, leave


async def test_an_import_that_is_under_way_is_in_flight(door, monkeypatch):
    async with _at_work(door, imports) as (request, entered, leave):
        run = door.container.importer.run

        async def slow(*args: object):
            entered.set()
            await leave.wait()
            return await run(*args)

        monkeypatch.setattr(door.container.importer, "run", slow)
        first = asyncio.create_task(door.send(request))
        await entered.wait()
        second = await door.send(request)
        assert (second.status_code, second.json()["name"]) == (409, "KeyInFlight")
        assert int(second.headers["retry-after"]) >= 1
        leave.set()
        assert (await first).status_code == 200
        assert (await door.send(request)).content == (await first).content
        assert await door.effects(request) == 1


async def test_a_checkout_that_is_under_way_is_in_flight(door, monkeypatch):
    async with _at_work(door, checkout) as (request, entered, leave):
        provider = door.container.outside.providers["simulator"]
        authorise = provider.authorise

        async def slow(charge):
            entered.set()
            await leave.wait()
            return await authorise(charge)

        monkeypatch.setattr(provider, "authorise", slow)
        first = asyncio.create_task(door.send(request))
        await entered.wait()
        second = await door.send(request)
        assert (second.status_code, second.json()["name"]) == (409, "KeyInFlight")
        assert int(second.headers["retry-after"]) >= 1
        leave.set()
        assert (await first).status_code == 200
        again = await door.send(request)
        assert (again.content, again.headers["idempotency-replayed"]) == (
            (await first).content,
            "true",
        )
        assert await door.effects(request) == 1
