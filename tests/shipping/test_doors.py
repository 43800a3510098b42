"""The doors of carriers and suppliers, and what screens read: over HTTP, on PostgreSQL."""

import asyncio
import itertools
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec
import pytest
from tests.modules.shop import Shop, drifts, postgres_shop
from tests.shipping.desk import ORDER, accept, plan_of, po, send, ship, units
from tests.shipping.world import CLOCK, doors, secret_of

from shopwire.kernel.commands import Envelope
from shopwire.kernel.webhooks import sign
from shopwire.modules.shipping.api import (
    DismissNotice,
    KeepNotice,
    OpenReturn,
    RecordShipment,
    ReplayNotice,
    TrackingNotice,
)
from shopwire.modules.shipping.consumers import CONSUMERS
from shopwire.modules.shipping.http import routes
from shopwire.services.consumers import Consumers
from shopwire.services.notices import NOTICE_BYTES_MAX

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
DHL, ACME = "/api/webhooks/carriers/dhl", "/api/webhooks/suppliers/acme"
PARCEL = f"{ORDER}/S1"
_numbers = itertools.count(1)


class Web:
    """A shop, seen from outside."""

    def __init__(self, shop: Shop, client: httpx2.AsyncClient, consumers: Consumers) -> None:
        self.shop, self.client, self._consumers = shop, client, consumers

    async def say(
        self, door: str, kind: str, webhook_id: str = "", secret: str | None = None, **data: Any
    ) -> httpx2.Response:
        """A signed webhook."""
        body = msgspec.json.encode({"type": kind, "data": data})
        return await self.post(door, body, webhook_id, secret)

    async def post(
        self, door: str, body: bytes, webhook_id: str = "", secret: str | None = None
    ) -> httpx2.Response:
        _, _, _, group, name = door.split("/")
        known = secret_of(f"{group[:-1]}:{name}")
        headers = sign(
            [secret or known or ""],
            webhook_id or f"msg_{next(_numbers)}",
            body,
            now_ms=CLOCK.now_ms(),
        )
        return await self.client.post(door, content=body, headers=headers)

    async def seen(self, status: str, at_ms: int = 5, **more: Any) -> httpx2.Response:
        """The carrier saw the parcel."""
        fields = {"tracking": "T 1", "status": status, "at_ms": at_ms} | more
        return await self.say(DHL, "tracking.updated", **fields)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def followed(self) -> None:
        """The consumers have done what follows from the log, and from that."""
        for _ in range(3):
            await self._consumers.catch_up((await self.shop.log.heads()).next)

    async def own_events(self) -> int:
        return len(await self.shop.events())


@asynccontextmanager
async def web_of(dsn: str):
    async with postgres_shop(dsn) as shop:
        app = doors(shop.write_path, shop.reads, *routes(shop.reads))
        consumers = Consumers(shop.log, shop.write_path, shop.reads, CONSUMERS)
        running = asyncio.create_task(consumers.run())
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop.test") as client:
            try:
                yield Web(shop, client, consumers)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def web(database_url):
    async with web_of(database_url) as it:
        yield it


async def parcel(shop: Shop, tracking: str = "t1") -> str:
    """One parcel on its way."""
    await shop.do(plan_of({"acme": {"A": 3}}))
    own = await accept(shop, "acme", A=3)
    await shop.do(
        RecordShipment(
            purchase_order=own, reference="P1", carrier="DHL", tracking=tracking, lines=units(A=1)
        )
    )
    return own


# -- who gets in ------------------------------------------------------------------------------


async def test_only_who_proves_himself_gets_in_and_others_leave_no_trace(web):
    await parcel(web.shop)
    before = await web.own_events()
    body = b'{"type":"tracking.updated","data":{"tracking":"T1","status":"delivered","at_ms":5}}'
    right = sign([secret_of("carrier:dhl")], "m1", body, now_ms=CLOCK.now_ms())
    late = sign([secret_of("carrier:dhl")], "m1", body, now_ms=CLOCK.now_ms() - 600_000)
    tries = {
        "unsigned": (DHL, body, {}),
        "another's": (DHL, body, sign([secret_of("carrier:ups")], "m1", body,
                                      now_ms=CLOCK.now_ms())),
        "another body": (DHL, body.replace(b"5", b"6"), right),
        "another door": ("/api/webhooks/carriers/ups", body, right),
        "too late": (DHL, body, late),
        "a stranger": ("/api/webhooks/carriers/stranger", body, right),
        "a supplier's": (ACME, body, right),
    }  # fmt: skip
    for name, (door, sent, headers) in tries.items():
        answer = await web.client.post(door, content=sent, headers=headers)
        assert (answer.status_code, answer.json()["name"]) == (401, "SignatureInvalid"), name
    assert await web.own_events() == before
    assert (await web.client.post(DHL, content=body, headers=right)).json() == {"status": "applied"}


UNREADABLE = [
    (b"{", 400),
    (b"\xff", 400),
    (b"[]", 422),
    (b'{"type":"other","data":{}}', 422),
    (b'{"type":"tracking.updated","data":{"tracking":"1","status":"lost","at_ms":1}}', 422),
    (b'{"type":"tracking.updated","data":{"tracking":"\\u0000","status":"label","at_ms":1}}', 400),
    (b'{"type":"tracking.updated","data":{"tracking":" ","status":"label","at_ms":1}}', 422),
    (b"[" * 50_000, 422),
    (b" " * (NOTICE_BYTES_MAX + 1), 413),
]


async def test_what_cannot_be_read_is_refused_though_it_is_signed(web):
    for body, status in UNREADABLE:
        answer = await web.post(DHL, body)
        assert answer.status_code == status, body[:80]
    assert await web.own_events() == 0


# -- carriers ---------------------------------------------------------------------------------


async def test_a_carrier_says_things_late_twice_and_in_any_order(web):
    own = await parcel(web.shop)
    told = [("delivered", 40), ("in_transit", 20), ("out_for_delivery", 30), ("delivered", 40)]
    for status, at_ms in told:
        answer = await web.seen(status, at_ms, event=f"{status}-{at_ms}")
        assert answer.json() == {"status": "applied"}
    document = await web.shop.document(f"shipment:{PARCEL}")
    assert document["status"] == "delivered"
    assert [point["at_ms"] for point in document["history"]] == [40, 30, 20]
    (line,) = (await web.shop.document(f"purchase_order:{own}"))["lines"]
    assert line["delivered"] == 1


async def test_the_same_webhook_a_hundred_times_at_once_is_one(web):
    await parcel(web.shop)
    before = await web.shop.version(f"shipment:{PARCEL}")
    answers = await asyncio.gather(*(web.seen("delivered", webhook_id="m1") for _ in range(100)))
    assert {(one.status_code, one.text) for one in answers} <= {(200, '{"status":"applied"}')}
    assert await web.shop.version(f"shipment:{PARCEL}") == before + 1
    other = await web.seen("exception", webhook_id="m1")
    assert (other.status_code, other.json()["name"]) == (422, "KeyReused")


async def test_an_unknown_parcel_is_kept_and_applied_when_it_is_known(web):
    answer = await web.seen("in_transit", webhook_id="m1")
    assert answer.json() == {"status": "kept", "because": "NotFound"}
    again = await web.seen("in_transit", webhook_id="m1")
    assert again.json() == {"status": "kept", "because": "NotFound"}
    (kept,) = (await web.get("/api/notices"))["items"]
    assert (kept["source"], kept["id"], kept["status"]) == ("carrier:dhl", "m1", "open")
    await parcel(web.shop)
    await web.followed()
    assert (await web.shop.document(f"shipment:{PARCEL}"))["status"] == "in_transit"
    assert (await web.get("/api/notices"))["items"] == []
    (applied,) = (await web.get("/api/notices", state="applied"))["items"]
    assert applied["id"] == "m1"
    assert [one for one in await drifts(web.shop) if one.check.startswith("shipping.")] == []


async def test_a_notice_that_was_kept_while_its_parcel_became_known_finds_it(web):
    await parcel(web.shop)
    await web.followed()
    seen = TrackingNotice(carrier="dhl", tracking="T1", event="e", status="picked_up", at_ms=5)
    await web.shop.do(KeepNotice(source="carrier:dhl", id="m", notice=seen, because="NotFound"))
    await web.followed()
    assert (await web.shop.document(f"shipment:{PARCEL}"))["status"] == "picked_up"
    assert (await web.get("/api/notices"))["items"] == []


async def test_a_notice_and_its_parcel_find_each_other_whoever_is_first(web):
    orders = [f"cart-{number:04}-abc.1" for number in range(20)]
    for one in orders:
        await web.shop.do(plan_of({"acme": {"A": 1}}, order_id=one))
        await accept(web.shop, "acme", one, A=1)

    async def both(number: int, order_id: str) -> None:
        parcels = web.shop.do(
            RecordShipment(
                purchase_order=po("acme", order_id),
                reference="P",
                carrier="dhl",
                tracking=f"n{number}",
                lines=units(A=1),
            )
        )
        word = web.seen("delivered", tracking=f"N{number}")
        await asyncio.gather(*((parcels, word) if number % 2 else (word, parcels)))

    await asyncio.gather(*(both(number, one) for number, one in enumerate(orders)))
    await web.followed()
    for one in orders:
        assert (await web.shop.document(f"shipment:{one}/S1"))["status"] == "delivered"
    assert (await web.get("/api/notices"))["items"] == []


async def test_a_person_replays_or_dismisses_what_was_kept(web):
    await parcel(web.shop)
    future = CLOCK.now_ms() + 7 * 24 * 3_600_000
    for name in ("m1", "m2"):
        answer = await web.seen("in_transit", future, webhook_id=name)
        assert answer.json() == {"status": "kept", "because": "InvalidField"}
    await web.shop.do(ReplayNotice(source="carrier:dhl", id="m1"))
    await web.followed()
    kept = (await web.get("/api/notices"))["items"]
    assert [(one["id"], one["replays"]) for one in kept] == [("m2", 0), ("m1", 1)]
    await web.shop.do(DismissNotice(source="carrier:dhl", id="m1"))
    assert [one["id"] for one in (await web.get("/api/notices"))["items"]] == ["m2"]


# -- suppliers --------------------------------------------------------------------------------


async def test_a_supplier_accepts_and_ships_through_its_door(web):
    await web.shop.do(plan_of({"acme": {"A": 3}}))
    own = await send(web.shop, "acme")
    word = {"purchase_order": own, "lines": [{"sku": "A", "quantity": 2}],
            "supplier_reference": "X-1", "booked_at_ms": 5}  # fmt: skip
    for _ in range(2):
        answer = await web.say(ACME, "purchase_order.acknowledged", **word)
        assert answer.json() == {"status": "applied"}
    load = {"purchase_order": own, "reference": "P1", "carrier": "DHL", "tracking": "T1",
            "lines": [{"sku": "A", "quantity": 2}]}  # fmt: skip
    for _ in range(2):
        assert (await web.say(ACME, "purchase_order.shipped", **load)).json() == {
            "status": "applied"
        }
    document = await web.shop.document(f"purchase_order:{own}")
    assert (document["status"], document["answer"]) == ("shipped", "partial")
    much = await web.say(ACME, "purchase_order.shipped", **(load | {"reference": "P2"}))
    assert much.json() == {"status": "kept", "because": "PurchaseOrderState"}
    (kept,) = (await web.get("/api/notices"))["items"]
    assert kept["notice"]["purchase_order"] == own


async def test_a_supplier_refuses_through_its_door(web):
    await web.shop.do(plan_of({"acme": {"A": 3}}))
    own = await send(web.shop, "acme")
    await web.say(ACME, "purchase_order.refused", purchase_order=own, reason="discontinued")
    document = await web.shop.document(f"purchase_order:{own}")
    assert (document["status"], document["reason"]) == ("refused", "discontinued")


async def test_a_supplier_does_not_speak_for_another(web):
    await web.shop.do(plan_of({"bolt": {"A": 3}}))
    own = await send(web.shop, "bolt")
    before = await web.shop.version(f"purchase_order:{own}")
    for target in (own, "nothing", f"{ORDER}/acme"):
        answer = await web.say(ACME, "purchase_order.refused", purchase_order=target, reason="none")
        assert answer.json() == {"status": "kept", "because": "NotFound"}
    assert await web.shop.version(f"purchase_order:{own}") == before
    for kept in (await web.get("/api/notices"))["items"]:
        await web.shop.do(ReplayNotice(source=kept["source"], id=kept["id"]))
    await web.followed()
    assert await web.shop.version(f"purchase_order:{own}") == before


# -- what screens read ------------------------------------------------------------------------


async def test_purchase_orders_are_listed_by_supplier_and_state_page_by_page(web):
    orders = [f"cart-{number:04}-abc.1" for number in range(5)]
    for one in orders:
        await web.shop.do(plan_of({"acme": {"A": 1}, "bolt": {"A": 1}}, order_id=one))
    await send(web.shop, "acme", orders[2])
    every = await pages(web, "/api/purchase-orders", limit=3)
    assert len(every) == len(set(every)) == 10
    assert await pages(web, "/api/purchase-orders", limit=2, supplier="acme") == [
        po("acme", one) for one in reversed(orders)
    ]
    assert await pages(web, "/api/purchase-orders", state="sent") == [po("acme", orders[2])]
    both = await pages(web, "/api/purchase-orders", limit=1, supplier="acme", state="planned")
    assert len(both) == 4
    assert await pages(web, "/api/purchase-orders", supplier="nobody") == []
    of_one = await pages(web, "/api/purchase-orders", limit=1, order=orders[2])
    assert of_one == [one for one in every if one.startswith(f"{orders[2]}/")] != []
    wrong = await web.client.get("/api/purchase-orders", params={"state": "eaten"})
    assert wrong.status_code == 400


async def pages(web: Web, path: str, **query: Any) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await web.get(path, **query, **cursor)
        found += [one["id"] for one in page["items"]]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


async def test_one_purchase_order_is_read_with_its_conversation(web):
    await parcel(web.shop)
    found = await web.get(f"/api/purchase-orders/{po('acme')}")
    assert found["id"] == po("acme")
    assert found["status"] == "partly_shipped"
    assert found["conversation"]["attempts"] == 1
    assert found["version"] == await web.shop.version(f"purchase_order:{po('acme')}")
    missing = await web.client.get("/api/purchase-orders/nothing/here")
    assert missing.status_code == 404


async def test_parcels_and_returns_of_an_order_are_listed_page_by_page(web):
    own = await parcel(web.shop)
    await ship(web.shop, own, "P2", A=1)
    await ship(web.shop, own, "P3", A=1)
    for _ in range(3):
        await web.shop.do(OpenReturn(order_id=ORDER, lines=units(A=1)))
    shipments = await pages(web, f"/api/orders/{ORDER}/shipments", limit=2)
    assert shipments == [f"{ORDER}/S{n}" for n in (1, 2, 3)]
    returns = await pages(web, f"/api/orders/{ORDER}/returns", limit=2)
    assert returns == [f"{ORDER}/R{n}" for n in (1, 2, 3)]
    assert await pages(web, "/api/returns", limit=1, state="announced") == returns[::-1]
    assert await pages(web, "/api/returns", state="closed") == []
    assert await pages(web, "/api/orders/nothing.1/shipments") == []


async def test_a_cursor_that_was_never_given_out_is_refused(web):
    lists = ["/api/purchase-orders", "/api/notices", "/api/returns", "/api/orders/a.1/shipments"]
    cursors = ["", "x", "AAAA", "bnVsbA", "WzFlOTksImEiXQ", "WyJhIl0", "WzFlMzBd", "é"]
    for path in lists:
        for cursor in cursors:
            answer = await web.client.get(path, params={"cursor": cursor})
            told = (answer.status_code, answer.json()["name"])
            assert told == (400, "MalformedRequest"), (path, cursor)


async def test_an_operators_command_over_the_door_is_not_the_shops_own(web):
    outcome = await web.shop.write_path.submit(
        Envelope(command=plan_of({"acme": {"A": 1}}), key="k", principal="local")
    )
    assert outcome.status == 404
