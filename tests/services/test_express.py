"""The quick way through a door: whatever is asked, the answer of the framework's way."""

from typing import Any

import httpx2
import pytest
from litestar.config.cors import CORSConfig
from tests.callers import open_callers

from shopwire.adapters.memory import MemoryState, MemoryStorage
from shopwire.kernel.batch import refusal
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import QueueFull
from shopwire.kernel.limits import COMMAND_BYTES_MAX
from shopwire.kernel.payments import WEBHOOK_BYTES_MAX
from shopwire.kernel.trade_errors import SignatureInvalid
from shopwire.kernel.write_path import WritePath
from shopwire.services.app import AppParts, build_app
from shopwire.services.checkout_door import checkout_routes, quick_checkout
from shopwire.services.express import Express
from shopwire.services.pages import Pages
from shopwire.services.pulse import Pulse
from shopwire.services.route_rights import RouteGuard
from shopwire.services.telemetry import Readings, Telemetry
from shopwire.services.webhook_door import quick_webhooks, webhook_routes

pytestmark = pytest.mark.anyio

ORIGIN = "https://shop.example"
BUY = "/api/checkout"
TELL = "/api/webhooks/payments/simulator"


class Door:
    """Takes checkouts and webhooks; what is to come of one stands in its body."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def take(self, *asked: Any, **more: Any) -> Any:
        self.taken.append((asked, more))
        body = asked[-1]
        if body == b"busy":
            raise QueueFull(queue="test", retry_ms=1_500)
        if body == b"forged":
            raise SignatureInvalid(reason="no signature matches")
        if body == b"defect":
            raise ZeroDivisionError("a defect that tests provoke")
        if len(asked) == 3:
            return "applied"
        if body == b"full":
            return refusal(QueueFull(queue="test", retry_ms=2_500))
        if body == b"long":
            return Outcome(status=200, body=b'{"result":"%b"}' % (b"x" * 2_000))
        return Outcome(status=202, body=b'{"result":{}}', replayed=body == b"again")


async def answers(pages: Any, quick: bool, requests: list[tuple[str, str, dict[str, Any]]]) -> Any:
    """What is answered to each, and what the door was given."""
    door: Any = Door()
    telemetry = Telemetry("1.2.3")
    write_path = WritePath(MemoryStorage(MemoryState(1)), (), SystemClock())
    app = build_app(
        AppParts(
            write_path=write_path,
            pulse=Pulse(Readings, lambda *_: None, SystemClock()),
            telemetry=telemetry,
            pages=Pages(pages),
            routes=[*checkout_routes(door, door), *webhook_routes(door)],
            quick=[quick_checkout(door), quick_webhooks(door)] if quick else (),
            callers=open_callers(),
            sync=None,
            origins=(ORIGIN,),
        )
    )
    told = []
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://shop.test") as web:
        for method, path, more in requests:
            answer = await web.request(method, path, **more)
            body = {**answer.json(), "data": None, "message": ""} if answer.content else None
            told.append((path, more, answer.status_code, sorted(answer.headers.items()), body))
    counted = [
        line
        for line in telemetry.exposition().decode().splitlines()
        if line.startswith("shopwire_http_requests_total")
    ]
    return told, door.taken, counted


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    *(("POST", BUY, {"content": body}) for body in (b"", b"x", b"again", b"full", b"busy")),
    *(("POST", TELL, {"content": body}) for body in (b"", b"x", b"forged", b"busy")),
    *(
        ("POST", path, {"content": b"again", "headers": {"Origin": origin, "Cookie": "a=b"}})
        for path in (BUY, TELL)
        for origin in (ORIGIN, "https://evil.example", "http://shop.test", "null")
    ),
    ("POST", BUY, {"content": b"x", "headers": {"Idempotency-Key": "K-1"}}),
    ("POST", BUY, {"content": b"x", "headers": {"Authorization": "Bearer nonsense"}}),
    (
        "POST",
        TELL,
        {"content": b"x", "headers": {"Webhook-Id": "Ev-1", "X-Odd": "\xe9".encode("latin-1")}},
    ),
    ("POST", BUY, {"content": b"long"}),
    ("POST", BUY, {"content": b"long", "headers": {"Origin": ORIGIN}}),
    ("POST", BUY, {"content": b"long", "headers": {"Accept-Encoding": "identity"}}),
    ("POST", BUY, {"content": b"x" * COMMAND_BYTES_MAX}),
    ("POST", BUY, {"content": b"x" * (COMMAND_BYTES_MAX + 1)}),
    ("POST", TELL, {"content": b"x" * (WEBHOOK_BYTES_MAX + 1)}),
    ("GET", BUY, {}),
    ("OPTIONS", BUY, {"headers": {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}}),
    ("POST", f"{BUY}/", {"content": b"x"}),
    ("POST", f"{BUY}/more", {"content": b"x"}),
    ("POST", "/api/webhooks/payments/", {"content": b"x"}),
    ("POST", "/api/webhooks/payments/a/b", {"content": b"x"}),
    ("POST", "/api/webhooks/payments/a%20b", {"content": b"x"}),
]


async def test_the_quick_way_and_the_frameworks_way_answer_alike(tmp_path):
    quick = await answers(tmp_path, True, REQUESTS)
    slow = await answers(tmp_path, False, REQUESTS)
    for ours, theirs in zip(quick[0], slow[0], strict=True):
        assert ours[:3] == theirs[:3]
        assert headers_of(ours) == headers_of(theirs), ours[:2]
        assert ours[4] == theirs[4]
    assert [bodies(one) for one in quick[1]] == [bodies(one) for one in slow[1]]
    assert quick[2] == slow[2]


def headers_of(told: Any) -> dict[str, str]:
    """The headers of an answer; how long it is when compressed is its compressor's affair."""
    headers = dict(told[3])
    if headers.get("content-encoding") == "gzip":
        del headers["content-length"]
        # Where both vary the framework tells of the origin alone, which is an oversight of its.
        headers["vary"] = headers["vary"].partition(",")[0]
    return headers


def bodies(taken: Any) -> Any:
    """What a door was given, of the headers those that it may look at."""
    asked, more = taken
    return [
        {name: part[name] for name in sorted(part)} if isinstance(part, dict) else part
        for part in asked
    ], more


@pytest.mark.parametrize("path", [BUY, TELL])
async def test_a_defect_is_told_without_its_words(tmp_path, path):
    ((_, _, status, _, body),), _, _ = await answers(
        tmp_path, True, [("POST", path, {"content": b"defect"})]
    )
    assert status == 500
    assert body["name"] == "InternalError"


class Line:
    """One request without a client between: what comes is given, what is answered is kept."""

    def __init__(self, *parts: dict[str, Any], length: int | None = None) -> None:
        self.door: Any = Door()
        self.left = list(parts)
        self.status: int | None = None
        self._length = length

    async def ask(self) -> int | None:
        doors, cors = [quick_checkout(self.door)], CORSConfig(allow_origins=[])
        express = Express(doors, RouteGuard(open_callers()), cors)
        told = [] if self._length is None else [(b"content-length", b"%d" % self._length)]
        scope = {"method": "POST", "path": BUY, "headers": told, "query_string": b""}
        assert express.takes(scope)
        await express(scope, self._receive, self._send)
        return self.status

    async def _receive(self) -> Any:
        return self.left.pop(0)

    async def _send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)


def part(size: int) -> dict[str, Any]:
    return {"type": "http.request", "body": b"x" * size, "more_body": True}


async def test_who_leaves_in_the_middle_of_a_body_is_not_served():
    line = Line(part(2), {"type": "http.disconnect"})
    assert await line.ask() is None
    assert not line.door.taken


async def test_a_body_that_is_too_long_is_read_no_further():
    announced = Line(part(1), length=COMMAND_BYTES_MAX + 1)
    assert await announced.ask() == 413
    assert len(announced.left) == 1
    quiet = Line(part(COMMAND_BYTES_MAX), part(1), part(1))
    assert await quiet.ask() == 413
    assert len(quiet.left) == 1
    assert not announced.door.taken + quiet.door.taken
