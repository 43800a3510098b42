"""GraphQL: the documents, lists, commands, messages and rights of the other doors."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx2
import pytest
import strawberry
import websockets
from graphql import get_introspection_query
from tests.sync.served import Server, eventually

from shopwire.services.container import ServeOptions, open_container
from shopwire.services.graphql_limits import QueryLimits
from shopwire.sync.reducer import Replica

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

REPORT = {"sku": "A", "supplier": "acme", "quantity": 4}
COMMAND = """mutation ($operation: String!, $key: String!, $body: JSON!) {
  command(operation: $operation, key: $key, body: $body) { versions result replayed }
}"""
TOPICS = """subscription ($names: [String!]!, $have: JSON, $epoch: BigInt) {
  topics(names: $names, have: $have, epoch: $epoch)
}"""


class Shop:
    def __init__(self, container, web, port) -> None:
        self.container, self.web, self.port = container, web, port

    async def ask(self, query, token=None, **variables: object):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        answer = await self.web.post("/graphql", json=body, headers=headers)
        return answer.json()

    async def command(self, operation, key, body, token=None):
        return await self.ask(COMMAND, token, operation=operation, key=key, body=body)

    def token(self, role, subject, **more: object):
        return self.container.access.sessions._tokens.issue(role, subject, ttl_ms=60_000, **more)[0]

    @asynccontextmanager
    async def socket(self, **payload: object):
        address = f"ws://127.0.0.1:{self.port}/graphql"
        async with websockets.connect(address, subprotocols=["graphql-transport-ws"]) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            yield Line(socket)


class Line:
    def __init__(self, socket) -> None:
        self.socket, self.replica, self.kinds = socket, Replica(), []

    async def next(self):
        async with asyncio.timeout(60):
            return json.loads(await self.socket.recv())

    async def subscribe(self, *names: str, number="1", **more: object):
        variables = {"names": names} | more
        payload = {"query": TOPICS, "variables": variables}
        await self.socket.send(json.dumps({"type": "subscribe", "id": number, "payload": payload}))

    async def until(self, kind):
        while True:
            said = await self.next()
            assert said["type"] == "next", said
            message = said["payload"]["data"]["topics"]
            self.replica.apply(message)
            self.kinds.append(message["t"])
            if message["t"] == kind:
                return message


@asynccontextmanager
async def opened(database_url, folder, access):
    options = ServeOptions(data=folder, database_url=database_url, access=access)
    async with open_container(options) as container:
        app = container.app()
        server = Server(container.hub, app=app)
        server.server.config.ws = "websockets-sansio"
        await server.start()
        base = f"http://127.0.0.1:{server.port}"
        async with httpx2.AsyncClient(base_url=base) as web:
            yield Shop(container, web, server.port)
        await server.stop()


@pytest.fixture
async def shop(database_url, tmp_path):
    async with opened(database_url, tmp_path, "open") as shop:
        yield shop


@pytest.fixture
async def guarded(database_url, tmp_path):
    async with opened(database_url, tmp_path, "login") as shop:
        yield shop


async def test_a_command_and_what_it_did(shop):
    first = await shop.command("inventory.report_stock", "k", REPORT)
    assert first["data"]["command"]["versions"] == {"stock:A": 1}
    again = await shop.command("inventory.report_stock", "k", REPORT)
    assert again["data"]["command"] == first["data"]["command"] | {"replayed": True}
    over_http = await shop.web.post(
        "/api/commands/inventory.report_stock", json=REPORT, headers={"idempotency-key": "k"}
    )
    assert over_http.headers["idempotency-replayed"] == "true"
    said = await shop.ask(
        '{ stock(sku: "A") { sku available status preorder_until_ms }'
        ' documents(topics: ["stock:A", "stock:B"]) { topic v doc } }'
    )
    stock = {"sku": "A", "available": 4, "status": "low", "preorder_until_ms": None}
    assert said["data"]["stock"] == stock
    assert said["data"]["documents"][0]["doc"]["available"] == 4
    assert said["data"]["documents"][1] is None


async def test_products_come_with_prices_and_stock_a_page_at_a_time(shop):
    for n in range(3):
        sku = f"S{n}"
        product = {"id": f"p{n}", "title": f"Cup {n}", "variants": [{"sku": sku}]}
        body = {"source": "acme", "product": product}
        await shop.command("catalog.put_product", f"p{n}", body)
        await shop.command("inventory.report_stock", f"s{n}", REPORT | {"sku": sku})
    query = """query ($cursor: String) {
      products(sort: "title", limit: 2, cursor: $cursor) {
        total next items { v doc { id title variants { sku } } stocks { sku available } }
      }
    }"""
    first = (await shop.ask(query))["data"]["products"]
    assert [item["doc"]["id"] for item in first["items"]] == ["p0", "p1"]
    assert first["items"][0]["stocks"] == [{"sku": "S0", "available": 4}]
    second = (await shop.ask(query, cursor=first["next"]))["data"]["products"]
    assert [item["doc"]["id"] for item in second["items"]] == ["p2"]
    assert second["next"] is None


async def test_errors_have_the_numbers_of_the_table(shop):
    refused = await shop.command("inventory.sell_stock", "k", {"sku": "A", "quantity": 9})
    (error,) = refused["errors"]
    assert (error["extensions"]["code"], error["extensions"]["name"]) == (2104, "StockShort")
    assert error["extensions"]["data"]["requested"] == 9
    for operation, key, code in (("no.such", "k", 1002), ("inventory.sell_stock", "", 1005)):
        said = await shop.command(operation, key, {"sku": "A", "quantity": 1})
        assert said["errors"][0]["extensions"]["code"] == code
    said = await shop.ask('{ products(sort: "nothing") { total } }')
    assert said["errors"][0]["extensions"]["code"] == 1001


async def test_the_messages_are_those_of_every_door(shop):
    await shop.command("inventory.report_stock", "1", REPORT)
    async with shop.socket() as line:
        assert (await line.next())["payload"] == {"role": "operator"}
        await line.subscribe("stock:A", "stock:B")
        await line.until("live")
        assert line.kinds[0] == "welcome"
        await shop.command("inventory.report_stock", "2", REPORT | {"quantity": 9})
        await line.until("patch")
        assert line.replica.docs["stock:A"].document["available"] == 9
        have, epoch = line.replica.versions, line.replica.epoch
    await shop.command("inventory.report_stock", "3", REPORT | {"quantity": 7})
    async with shop.socket() as line:
        await line.next()
        line.replica.epoch = epoch
        await line.subscribe("stock:A", "stock:B", have=have, epoch=epoch)
        await line.until("live")
        assert line.replica.docs["stock:A"].document["available"] == 7
        assert "stock:B" not in line.replica.docs  # what it has is not sent again
        await line.socket.send(json.dumps({"type": "complete", "id": "1"}))
        await eventually(lambda: shop.container.hub.stats().connections == 0)


async def test_what_one_has_is_read_or_refused_by_its_number(shop):
    async with shop.socket() as line:
        await line.next()
        await line.subscribe("stock:A", have={"stock:A": "three"})
        said = await line.next()
        assert said["type"] == "next", said
        (error,) = said["payload"]["errors"]
        assert error["extensions"]["code"] == 1001


async def test_another_epoch_starts_anew(shop):
    await shop.command("inventory.report_stock", "1", REPORT)
    async with shop.socket() as line:
        await line.next()
        await line.subscribe("stock:A", have={"stock:A": 1}, epoch=12)
        await line.until("live")
        assert line.kinds[:3] == ["welcome", "reset", "snap"]


async def test_rights_are_kept(guarded):
    shopper = guarded.token("shopper", "sh_me")
    operator = guarded.token("operator", "anna")
    refused = await guarded.command("inventory.report_stock", "k", REPORT, shopper)
    assert refused["errors"][0]["extensions"]["code"] == 1103
    assert (await guarded.command("inventory.report_stock", "k", REPORT, operator))["data"]
    for query in ('{ documents(topics: ["payment:x"]) { doc } }', "{ orders { next } }"):
        for token in (None, shopper):
            said = await guarded.ask(query, token)
            assert said["errors"][0]["extensions"]["code"] == 1010
        assert "errors" not in await guarded.ask(query, operator)
    said = await guarded.ask('{ order(id: "sh_other-1.1") { id } }', shopper)
    assert said["errors"][0]["extensions"]["code"] == 1010
    forged = await guarded.ask("{ products { total } }", "forged")
    assert forged["code"] == 1101
    assert "errors" in await guarded.ask("{ __schema { types { name } } }", operator)
    async with guarded.socket(token=shopper) as line:
        assert (await line.next())["payload"] == {"role": "shopper"}
        await line.subscribe("payment:x", "stock:A")
        await line.until("error")
        await line.until("live")
    async with guarded.socket(token="forged") as line:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await line.next()
        assert closed.value.rcvd.code == 4403


@pytest.mark.parametrize(
    "query",
    [
        "{" + " ".join(f"a{n}: products {{ total }}" for n in range(30)) + "}",
        "{ products { items { doc { " + "x { " * 9 + "y" + " }" * 9 + " } } } }",
        "{" + "products { total } " * 400 + "}",
        "{ documents(topics: [" + '"stock:A" ' * 201 + "]) { v } }",
        "{ nothing }", "mutation { nothing }", "{",
    ],
    ids=["aliases", "depth", "tokens", "topics", "unknown", "mutation", "broken"],
)  # fmt: skip
async def test_what_asks_too_much_is_refused(shop, query):
    said = await shop.ask(query)
    assert said["errors"], said
    assert not said.get("data")


ITEMS = "items { v doc { id title variants { sku title } } prices { sku amount_minor } }"


def aliased(count, text):
    return " ".join(f"a{n}: {text}" for n in range(count))


TOO_LARGE = {
    "aliases": [
        "{ " + aliased(21, "__typename") + " }",
        "{ ...F ...F } fragment F on Query { " + aliased(11, "__typename") + " }",
    ],
    "complexity": [
        "{ " + aliased(20, f"products {{ {ITEMS} }}") + " }",
        "query ($n: Int!) { " + aliased(12, "products(limit: $n) { ...P }") + " }"
        f" fragment P on ProductPage {{ {ITEMS} }}",
        (
            "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...C ...C ...C }"
            f" fragment C on Query {{ products(limit: 100) {{ {ITEMS} }} ...D ...D }}"
            f" fragment D on Query {{ products(limit: 100) {{ {ITEMS} }} }}"
        ),
    ],
    "introspection_depth": [
        '{ __type(name: "Query") { ' + "ofType { " * 20 + "name" + " }" * 21 + " }"
    ],
}
UNFIT = [
    "{ products { items { doc { variants { sku { a { b { c { d } } } } } } } } }",
    "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
    "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
]


async def test_what_asks_too_much_has_a_number_and_does_not_run(shop, monkeypatch):
    async def never(*_: object, **__: object):
        raise AssertionError("it was run")

    monkeypatch.setattr("shopwire.services.graphql_door.list_products", never)
    for limit, queries in TOO_LARGE.items():
        for query in queries:
            said = await shop.ask(query, n=100)
            assert not said.get("data")
            (error,) = said["errors"]
            told = error["extensions"]
            assert (told["code"], told["data"]["limit"]) == (1015, limit), query
            assert told["data"]["found"] > told["data"]["max"]
    for query in UNFIT:
        said = await shop.ask(query)
        assert said["errors"]
        assert not said.get("data")


def test_depth_is_counted_over_every_kind_of_nesting():
    kind = strawberry.type(type("T0", (), {"__annotations__": {"leaf": int}}))
    for level in range(1, 9):
        kind = strawberry.type(type(f"T{level}", (), {"__annotations__": {"t": kind | None}}))
    query = strawberry.type(type("Query", (), {"__annotations__": {"t": kind | None}, "t": None}))
    schema = strawberry.Schema(query, extensions=[QueryLimits])
    fine = "{ t { t { t { t { ... on T5 { t { t { t { __typename } } } } } } } } }"
    assert schema.execute_sync(fine, root_value=query()).errors is None
    over = (
        "{ t { t { t { t { ...F } } } } } fragment F on T5 { t { t { t { t { __typename } } } } }"
    )
    (error,) = schema.execute_sync(over).errors
    assert error.extensions["data"] == {"limit": "depth", "max": 8, "found": 9}


async def test_a_page_of_a_shop_and_the_tools_question_are_not_too_much(shop):
    page = f"{{ products(limit: 100) {{ total next {ITEMS} }} }}"
    assert "errors" not in await shop.ask(page)
    told = await shop.ask(get_introspection_query(descriptions=True))
    assert {kind["name"] for kind in told["data"]["__schema"]["types"]} >= {
        "Query",
        "StockDocument",
    }


async def test_a_subscription_that_asks_too_much_is_refused_before_it_runs(shop):
    many = " ".join("same: topics(names: $names)" for _ in range(21))
    async with shop.socket() as line:
        await line.next()
        for query, names, limit in (
            (f"subscription ($names: [String!]!) {{ {many} }}", ["stock:A"], "aliases"),
            (TOPICS, ["a"] * 20_000, "complexity"),
        ):
            payload = {"query": query, "variables": {"names": names}}
            await line.socket.send(json.dumps({"type": "subscribe", "id": "2", "payload": payload}))
            said = await line.next()
            assert said["type"] == "error", said
            (error,) = said["payload"]
            told = error["extensions"]
            assert (told["code"], told["data"]["limit"]) == (1015, limit)
        assert shop.container.hub.stats().connections == 0


async def test_nothing_is_asked_by_a_mere_link(shop):
    answer = await shop.web.get("/graphql", params={"query": "{ products { total } }"})
    assert answer.status_code >= 400
