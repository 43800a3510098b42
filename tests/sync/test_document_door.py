"""Documents by address: each state has one, and no address ever means an older or another one."""

import asyncio
import json
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sync.served import QUICK, Shop, eventually, serving

from shopwire.kernel.errors import StorageUnavailable
from shopwire.services.container import ServeOptions, open_container
from shopwire.sync.hub import Hub
from shopwire.sync.transports.documents import DocumentDoor, Place, address_of, read_address

pytestmark = pytest.mark.anyio


class Door:
    def __init__(self, hub, log) -> None:
        self.door = DocumentDoor(hub, log)

    async def get(self, address, method="GET", **headers: str):
        sent = []
        scope = {
            "type": "http", "method": method, "path": address, "raw_path": address.encode(),
            "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()],
        }  # fmt: skip
        await self.door(scope, None, _collect(sent))
        head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        body = sent[1]["body"]
        return sent[0]["status"], head, json.loads(body) if body else None


def _collect(sent):
    async def send(message):
        sent.append(message)

    return send


@pytest.fixture
async def shop():
    async with serving() as shop:
        shop.door = Door(shop.hub, shop.log)
        yield shop


@given(
    topic=st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1),
    epoch=st.integers(0, 2**40),
    version=st.integers(0, 2**50),
)
def test_an_address_means_what_it_was_made_of(topic, epoch, version):
    assert read_address(address_of(topic).encode()) == Place(topic)
    own = address_of(topic, epoch, version)
    assert read_address(own.encode()) == Place(topic, epoch, version)


@pytest.mark.parametrize(
    "path",
    [
        "/topics/stock:A", "/topics/stock%3aA", "/topics//stock%3AA", "/topics/./stock%3AA",
        "/topics/x/../stock%3AA", "/topics/stock%3AA/", "/topics/stock%3A%41", "/topics/",
        "/topics/stock%3AA@1", "/topics/stock%3AA@1.", "/topics/stock%3AA@01.1",
        "/topics/stock%3AA@1.01", "/topics/stock%3AA@-1.1", "/topics/stock%3AA@1.1@1.1",
        "/topics/stock%3AA@1.1%00", "/topics/stock%3AA%401.1x", "/topics/stock%3AA@1.1/x",
        "/topics/%ff%fe", "/TOPICS/stock%3AA", "/topics/stock%3AA?x",
    ],
)  # fmt: skip
async def test_another_way_to_spell_an_address_leads_nowhere(shop, path):
    await shop.change([("stock:A", {"n": 1})])
    status, head, body = await shop.door.get(path)
    assert (status, head["cache-control"]) == (404, "no-store")
    assert "doc" not in body


async def test_the_newest_names_the_address_that_stays(shop):
    await shop.change([("stock:A", {"n": 1})])
    status, head, body = await shop.door.get("/topics/stock%3AA")
    assert status == 200
    assert body == {"topic": "stock:A", "epoch": 1, "v": 1, "doc": {"n": 1}}
    assert "stale-if-error" in head["cache-control"]
    assert head["content-location"] == "/topics/stock%3AA@1.1"
    status, head, same = await shop.door.get(head["content-location"])
    assert (status, same) == (200, body)
    assert head["cache-control"].endswith("immutable")
    assert (await shop.door.get("/topics/stock%3AA", if_none_match='"1.1"'))[0] == 304
    assert (await shop.door.get("/topics/stock%3AA", if_none_match='W/"0.1", "1.2"'))[0] == 200
    status, head, body = await shop.door.get("/topics/stock%3AA", method="HEAD")
    assert (status, body) == (200, None)
    assert int(head["content-length"]) > 10


async def test_an_address_of_a_state_never_shows_another(shop):
    await shop.change([("stock:A", {"n": 1})])
    first = "/topics/stock%3AA@1.1"
    assert (await shop.door.get(first))[2]["doc"] == {"n": 1}
    await shop.change([("stock:A", {"n": 2})])
    assert (await shop.door.get("/topics/stock%3AA@1.2"))[2]["doc"] == {"n": 2}
    for address in (first, "/topics/stock%3AA@1.3", "/topics/stock%3AA@2.2"):
        status, head, _ = await shop.door.get(address)
        assert (status, head["cache-control"]) == (404, "no-store")


async def test_what_the_hub_holds_costs_no_read(shop):
    reader = _Reader(shop)
    await reader.watch("stock:A")
    for n in range(3):
        await shop.change([("stock:A", {"n": n})])
    await eventually(lambda: shop.hub.fanout.topics["stock:A"].version == 3)
    for version in (1, 2, 3):
        found = await shop.door.get(f"/topics/stock%3AA@1.{version}")
        assert found[2]["doc"] == {"n": version - 1}
    assert (await shop.door.get("/topics/stock%3AA"))[2]["v"] == 3
    assert shop.door.door.reads == 0


class _Reader:
    def __init__(self, shop) -> None:
        self.hub, self.frames = shop.hub, []

    async def watch(self, topic):
        self.session = self.hub.open(self)
        self.session.on_message(b'{"t":"hello","proto":1}')
        self.session.on_message(json.dumps({"t": "sub", "id": 1, "topics": [topic]}).encode())
        await eventually(lambda: any(b'"live"' in frame for frame in self.frames))

    def send(self, kind, frame):
        self.frames.append(frame)

    def ping(self): ...

    def progressed(self):
        return True

    def close(self, code): ...


class Slow:
    """A log whose reads wait until they are let go."""

    def __init__(self, log) -> None:
        self._log, self.go = log, asyncio.Event()
        self.broken = False

    def __getattr__(self, name) -> object:
        return getattr(self._log, name)

    async def documents(self, tenant, topics):
        await self.go.wait()
        if self.broken:
            raise StorageUnavailable(retry_ms=5)
        return await self._log.documents(tenant, topics)


async def test_many_who_ask_at_once_cost_one_read():
    shop = Shop()
    await shop.change([("stock:A", {"n": 1})])
    slow = Slow(shop.log)
    hub = Hub(shop.log, limits=QUICK)
    await hub.start()
    door = Door(hub, slow)
    asked = [asyncio.create_task(door.get("/topics/stock%3AA")) for _ in range(100)]
    await eventually(lambda: door.door.reads == 1)
    slow.go.set()
    answers = await asyncio.gather(*asked)
    assert {status for status, _, _ in answers} == {200}
    assert door.door.reads == 1
    slow.broken = True
    status, head, _ = await door.get("/topics/stock%3AB")
    assert (status, head["cache-control"]) == (503, "no-store")
    await hub.stop()


async def test_a_restored_log_shows_nothing_of_the_one_before(shop):
    await shop.change([("stock:A", {"n": 1})])
    await shop.new_epoch()
    shop.door = Door(shop.hub, shop.log)
    assert (await shop.door.get("/topics/stock%3AA@1.1"))[0] == 404
    assert (await shop.door.get("/topics/stock%3AA"))[2]["epoch"] == 2


@pytest.mark.parametrize("topic", ["payment:x", "cart:sh_1-a", "order:sh_1-a.1", "ops:pulse"])
async def test_only_what_everybody_may_see_has_an_address(shop, topic):
    await shop.change([(topic, {"secret": 1})])
    status, head, body = await shop.door.get(f"/topics/{quote(topic, safe='')}")
    assert (status, head["cache-control"]) == (404, "no-store")
    unknown = await shop.door.get("/topics/nothing%3Ax")
    assert unknown[0] == status
    assert "secret" not in json.dumps(body)


async def test_nothing_is_changed_here(shop):
    assert (await shop.door.get("/topics/stock%3AA", method="POST"))[0] == 405


@pytest.mark.postgres
async def test_it_stands_in_the_shop_that_runs(database_url, tmp_path):
    options = ServeOptions(data=tmp_path, database_url=database_url)
    async with open_container(options) as container:
        transport = httpx2.ASGITransport(app=container.app(), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            headers = {"idempotency-key": "k"}
            body = {"sku": "A", "supplier": "acme", "quantity": 4}
            await web.post("/api/commands/inventory.report_stock", json=body, headers=headers)
            answer = await web.get("/topics/stock%3AA")
            assert answer.json()["doc"]["available"] == 4
