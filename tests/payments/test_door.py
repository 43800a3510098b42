"""The door of payment providers over HTTP: who gets past it, and who leaves no trace."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest
from litestar import Litestar
from litestar.exceptions import HTTPException
from structlog.testing import capture_logs
from tests.modules.shop import handlers, postgres_shop
from tests.payments.market import SECRET, Market, market

from shopwire.adapters.payments import Simulator
from shopwire.kernel.commands import Decision
from shopwire.kernel.errors import ConstraintRefused, ShopwireError
from shopwire.kernel.payments import WEBHOOK_BYTES_MAX
from shopwire.kernel.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from shopwire.modules.payments.api import OpenPayment, RecordProviderEvent
from shopwire.modules.payments.http import routes
from shopwire.services.problems import on_defect, on_http, on_known
from shopwire.services.webhook_door import WebhookDoor, webhook_routes

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

DOOR = "/api/webhooks/payments/simulator"
ORDER = "cart-0001.1"
TOTAL = 2_095
_numbers = itertools.count(1)


def message(kind: str = "charge.authorised", **data: Any) -> bytes:
    told = {"charge": ORDER, "reference": "sim_1", "amount_minor": TOTAL, "currency": "EUR"}
    return msgspec.json.encode({"type": kind, "data": told | data})


class Outside:
    """Somebody on the other side of the door."""

    def __init__(self, shop: Market, client: httpx2.AsyncClient) -> None:
        self.shop, self.client = shop, client

    async def say(
        self, body: bytes, *, webhook_id: str = "", secret: str = SECRET, at_ms: int = 0,
        door: str = DOOR, **changed: str,
    ) -> httpx2.Response:  # fmt: skip
        """A webhook that is right, or as wrong as told."""
        now_ms = self.shop.clock.now_ms() + at_ms
        headers = sign([secret], webhook_id or f"evt_{next(_numbers)}", body, now_ms=now_ms)
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        sent = {name.encode(): value.encode() for name, value in headers.items() if value}
        return await self.client.post(door, content=body, headers=sent)

    async def state(self) -> tuple[Any, ...]:
        """Everything that a webhook could have changed."""
        heads = (await self.shop.shop.log.heads()).next
        rows = await self.shop.shop.reads.fetch("SELECT id FROM webhook_received ORDER BY id")
        return (heads, [row["id"] for row in rows])


@pytest.fixture
async def outside(database_url) -> AsyncIterator[Outside]:
    async with market(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 1)
        await shop.buy(method="card_pending_silent")
        app = Litestar(
            route_handlers=[*webhook_routes(shop.webhooks), *routes(shop.shop.reads)],
            exception_handlers={
                ShopwireError: on_known,
                HTTPException: on_http,
                Exception: on_defect,
            },
            openapi_config=None,
            logging_config=None,
        )
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop") as client:
            yield Outside(shop, client)


# -- who does not get past --------------------------------------------------------------------


async def refused(outside: Outside, answer: Any, status: int, before: tuple[Any, ...]) -> None:
    assert answer.status_code == status, answer.text
    assert await outside.state() == before
    assert (await outside.shop.order(ORDER))["status"] == "checking_out"


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": "whsec_" + base64.b64encode(b"somebody else's secret is it").decode()},
        {"webhook_signature": "v1,AAAA"},
        {"webhook_signature": "v1,\u00e9"},
        {"webhook_signature": ""},
        {"webhook_timestamp": ""},
        {"webhook_timestamp": "1"},
        {"webhook_id": ""},
        {"at_ms": -6 * 60_000},
        {"at_ms": 6 * 60_000},
        {"door": "/api/webhooks/payments/stripe"},
        {"door": "/api/webhooks/payments/nobody"},
    ],
    ids=repr,
)  # fmt: skip
async def test_a_forged_or_stale_webhook_changes_nothing_and_is_logged_once(outside, changed):
    before = await outside.state()
    if changed == {"webhook_id": ""}:
        answer = await outside.client.post(DOOR, content=message(), headers={"x": "y"})
    else:
        with capture_logs() as logs:
            answer = await outside.say(message(), **changed)
        assert [log["event"] for log in logs] == ["webhook.refused"]
        assert ORDER not in repr(logs)
    await refused(outside, answer, 401, before)
    assert answer.json()["name"] == "SignatureInvalid"


async def test_an_id_with_a_point_in_it_is_refused(outside):
    before = await outside.state()
    body = message()
    headers = sign([SECRET], "evt_1", body, now_ms=outside.shop.clock.now_ms())
    stamp = headers[TIMESTAMP_HEADER]
    moved = headers | {ID_HEADER: f"evt_1.{stamp}"}
    answer = await outside.client.post(DOOR, content=body, headers=moved)
    await refused(outside, answer, 401, before)


async def test_a_body_that_was_written_again_is_refused(outside):
    before = await outside.state()
    body = message()
    again = msgspec.json.format(body, indent=2)
    headers = sign([SECRET], "evt_1", body, now_ms=outside.shop.clock.now_ms())
    answer = await outside.client.post(DOOR, content=again, headers=headers)
    await refused(outside, answer, 401, before)


async def test_after_a_secret_was_changed_the_old_one_is_refused(outside):
    before = await outside.state()
    new = "whsec_" + base64.b64encode(b"the provider's next secret..").decode()
    shop = outside.shop
    shop.simulator._secrets = [new]
    await refused(outside, await outside.say(message()), 401, before)
    shop.simulator._secrets = [new, SECRET]
    assert (await outside.say(message())).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"nonsense", 400),
        (b'{"type": "charge.authorised"}', 400),
        (b'{"type": "charge.authorised", "data": {"amount_minor": 1.5}}', 400),
        (b'{"type": "charge.authorised", "data": {"amount_minor": 1e99}}', 400),
        (message(reason="\u0000"), 400),
        (b"\xff\xff", 400),
        (b"[" * 100_000, 400),
    ],
)
async def test_a_proved_body_that_is_none_is_malformed(outside, body, status):
    before = await outside.state()
    await refused(outside, await outside.say(body), status, before)


async def test_a_body_beyond_the_limit_is_not_even_proved(outside):
    before = await outside.state()
    answer = await outside.say(b"x" * (WEBHOOK_BYTES_MAX + 1))
    await refused(outside, answer, 413, before)


# -- who gets past ----------------------------------------------------------------------------


async def test_a_webhook_before_the_answer_places_the_order(outside):
    answer = await outside.say(message())
    assert (answer.status_code, answer.json()) == (200, {"outcome": "applied"})
    assert (await outside.shop.order(ORDER))["status"] == "placed"
    assert (await outside.shop.payment(ORDER))["state"] == "authorised"


async def test_a_declined_webhook_fails_the_order(outside):
    await outside.say(message("charge.declined", amount_minor=0, reason="stolen_card"))
    order = await outside.shop.order(ORDER)
    assert order["status"] == "failed"
    assert await outside.shop.stock() == 5


async def test_the_same_webhook_a_hundred_times_at_once_has_one_effect(outside):
    body = message()
    answers = await asyncio.gather(*(outside.say(body, webhook_id="evt_same") for _ in range(100)))
    assert {(one.status_code, one.text) for one in answers} == {(200, answers[0].text)}
    assert answers[0].json() == {"outcome": "applied"}
    assert (await outside.shop.order(ORDER))["status"] == "placed"
    assert (await outside.shop.payment(ORDER))["captured_minor"] == 0
    await outside.shop.settle()
    assert (await outside.shop.payment(ORDER))["captured_minor"] in (0, TOTAL)


async def test_a_captured_webhook_within_its_five_minutes_does_nothing_again(outside):
    await outside.say(message(), webhook_id="evt_1")
    before = await outside.state()
    for at_ms in (-200_000, 200_000):
        answer = await outside.say(message(), webhook_id="evt_1", at_ms=at_ms)
        assert answer.json() == {"outcome": "applied"}
    assert await outside.state() == before


async def test_the_same_id_with_another_body_changes_nothing(outside):
    await outside.say(message(), webhook_id="evt_1")
    before = await outside.state()
    answer = await outside.say(message("charge.declined"), webhook_id="evt_1")
    assert answer.json() == {"outcome": "duplicate"}
    assert await outside.state() == before


async def test_news_that_nobody_understands_is_kept_and_can_be_read(outside):
    body = message("subscription.renewed", reason="x")
    with capture_logs() as logs:
        answer = await outside.say(body, webhook_id="evt_odd")
    assert answer.json() == {"outcome": "unknown_kind"}
    assert [log["event"] for log in logs] == ["webhook.kept"]
    await outside.say(message(), webhook_id="evt_good")
    listed = (await outside.client.get("/api/webhooks/received?open=true")).json()
    (kept,) = listed["items"]
    assert (kept["id"], kept["name"], kept["raw"]) == (
        "evt_odd", "subscription.renewed", body.decode(),
    )  # fmt: skip
    page = (await outside.client.get("/api/webhooks/received?limit=1")).json()
    assert [one["id"] for one in page["items"]] == ["evt_good"]
    cursor = {"limit": 1, "cursor": page["next"]}
    page = (await outside.client.get("/api/webhooks/received", params=cursor)).json()
    assert ([one["id"] for one in page["items"]], page["next"]) == (["evt_odd"], None)
    bad = await outside.client.get("/api/webhooks/received?cursor=soon")
    assert bad.status_code == 400


async def test_what_came_too_early_is_taken_again_by_hand_when_its_cause_is_gone(outside):
    early = message("charge.refunded", movement="r1", amount_minor=100)
    assert (await outside.say(early, webhook_id="evt_r")).json() == {"outcome": "early"}
    replay = f"/api/webhooks/received/simulator/evt_r/replay?order_id={ORDER}"
    keyed = {"Idempotency-Key": "by-hand-1"}
    assert (await outside.client.post(replay)).status_code == 400
    assert (await outside.client.post(replay, headers=keyed)).json() == {"outcome": "early"}
    await outside.say(message("charge.captured", movement="c1"))
    explained = (await outside.client.get(f"/api/payments/{ORDER}")).json()
    assert explained["payment"]["refunded_minor"] == 100
    assert {one["id"]: one["outcome"] for one in explained["webhooks"]}["evt_r"] == "applied"
    assert len(explained["ledger"]) == 4
    missing = replay.replace("evt_r", "evt_none")
    other = {"Idempotency-Key": "by-hand-2"}
    assert (await outside.client.post(missing, headers=other)).status_code == 404


async def test_a_payment_that_nobody_knows_is_not_found(outside):
    assert (await outside.client.get("/api/payments/cart-none.1")).status_code == 404


async def test_a_webhook_finds_its_payment_by_the_providers_id(outside):
    await outside.say(message())
    explained = (await outside.client.get(f"/api/payments/{ORDER}")).json()
    (asked,) = explained["movements"]
    await outside.say(message("charge.captured", movement=asked["id"]))
    taken = message("dispute.taken", charge="", movement="d1", amount_minor=500)
    assert (await outside.say(taken)).json() == {"outcome": "applied"}
    assert (await outside.shop.payment(ORDER))["charged_back_minor"] == 500
    stranger = message("dispute.taken", charge="", reference="sim_none", movement="d2")
    assert (await outside.say(stranger)).json() == {"outcome": "unknown_payment"}


async def test_news_out_of_order_end_in_the_same_state(outside):
    await outside.say(message("charge.captured", movement="c1"))
    assert (await outside.shop.order(ORDER))["status"] == "placed"
    await outside.say(message())
    await outside.say(message("charge.declined", amount_minor=0))
    payment = await outside.shop.payment(ORDER)
    assert (payment["state"], payment["captured_minor"]) == ("captured", TOTAL)


async def test_a_promise_of_another_amount_places_nothing_and_is_kept(outside):
    answer = await outside.say(message(amount_minor=1))
    assert answer.json() == {"outcome": "refused"}
    assert (await outside.shop.order(ORDER))["status"] == "checking_out"


async def test_a_process_that_died_before_completing_is_made_up_for_by_the_next_delivery(
    outside, monkeypatch
):
    async def died(*_: Any) -> None:
        raise ConnectionError

    shop = outside.shop
    monkeypatch.setattr(shop.webhooks, "_complete", died)
    headers = sign([SECRET], "evt_1", message(), now_ms=shop.clock.now_ms())
    with pytest.raises(ConnectionError):
        await shop.webhooks.take("simulator", headers, message())
    assert (await shop.order(ORDER))["status"] == "checking_out"
    monkeypatch.undo()
    await outside.say(message(), webhook_id="evt_1")
    assert (await shop.order(ORDER))["status"] == "placed"


async def test_what_the_database_refuses_is_kept_as_that(database_url):
    """The application's check is gone: the constraint is the one who refuses."""

    def careless(command: RecordProviderEvent, view: Any, context: Any) -> Decision:
        if command.refused:
            return kept(command, view, context)
        raise ConstraintRefused(constraint="payment_bounds")

    kept = next(one for one in handlers() if one.command is RecordProviderEvent).decide
    own = [
        msgspec.structs.replace(one, decide=careless) if one.command is RecordProviderEvent else one
        for one in handlers()
    ]
    async with postgres_shop(database_url, own) as shop:
        await shop.do(
            OpenPayment(
                order_id=ORDER, amount_minor=5, currency="EUR", provider="simulator", method="card"
            )
        )
        simulator = Simulator([SECRET])
        now_ms = simulator.courier._clock.now_ms()

        async def complete(*_: Any) -> None:
            raise AssertionError("nothing was promised")

        door = WebhookDoor(
            shop.write_path,
            shop.reads,
            {"simulator": simulator},
            complete,
            simulator.courier._clock,
        )
        headers = sign([SECRET], "evt_1", message(), now_ms=now_ms)
        assert await door.take("simulator", headers, message()) == "refused"
        (row,) = await shop.reads.fetch("SELECT outcome, error FROM webhook_received")
        assert (row["outcome"], row["error"]) == ("refused", "ConstraintRefused")


def test_the_headers_are_the_standards():
    assert {ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER} == {
        "webhook-id", "webhook-timestamp", "webhook-signature",
    }  # fmt: skip
