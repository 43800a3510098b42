"""What HTTP answers: commands, refusals, health."""

import json

import httpx2
import pytest
from structlog.testing import capture_logs
from tests.services.conftest import Shop

from shopwire.kernel.limits import COMMAND_BYTES_MAX
from shopwire.services.container import ServeOptions

pytestmark = pytest.mark.anyio

TAKE = "/api/commands/shelf.take_units"
ONE = {"sku": "MUG-1", "units": 1}


def keyed(key: str = "key-1") -> dict[str, str]:
    return {"Idempotency-Key": key}


def error_of(answer: httpx2.Response) -> dict:
    body = answer.json()
    assert set(body) == {"code", "name", "message", "temporary", "remedy", "data"}
    assert answer.headers["content-type"] == "application/json"
    return body


async def test_a_command_is_answered_with_its_result(web: httpx2.AsyncClient):
    answer = await web.post(TAKE, json=ONE, headers=keyed())
    assert answer.status_code == 200
    assert answer.json()["result"] == {"left": 4}
    assert "idempotency-replayed" not in answer.headers


async def test_a_retry_gets_the_same_bytes_and_is_marked(web: httpx2.AsyncClient):
    first = await web.post(TAKE, json=ONE, headers=keyed())
    again = await web.post(TAKE, content=b'{"units": 1,   "sku": "MUG-1"}', headers=keyed())
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_key_of_another_body_is_refused_without_the_first_answer(web: httpx2.AsyncClient):
    await web.post(TAKE, json=ONE, headers=keyed())
    other = await web.post(TAKE, json=ONE | {"units": 2}, headers=keyed())
    assert other.status_code == 422
    assert error_of(other)["name"] == "KeyReused"
    assert "left" not in other.text


async def test_a_refusal_is_replayed_too(web: httpx2.AsyncClient):
    answers = [await web.post(TAKE, json=ONE | {"units": 9}, headers=keyed()) for _ in range(2)]
    assert [a.status_code for a in answers] == [409, 409]
    assert error_of(answers[0])["data"] == {"sku": "MUG-1", "requested": 9, "available": 5}
    assert answers[1].headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "KeyMissing"),
        ({"Idempotency-Key": ""}, "KeyMalformed"),
        ({"Idempotency-Key": "x" * 256}, "KeyMalformed"),
        ({"Idempotency-Key": b"sch\xc3\xb6n"}, "KeyMalformed"),
    ],
)
async def test_a_change_needs_a_usable_key(web: httpx2.AsyncClient, headers: dict, name: str):
    answer = await web.post(TAKE, json=ONE, headers=headers)
    assert answer.status_code == 400
    assert error_of(answer)["name"] == name


@pytest.mark.parametrize(
    ("body", "status", "name", "field"),
    [
        (b"", 400, "MalformedRequest", "body"),
        (b"{", 400, "MalformedRequest", "body"),
        (b'{"sku": "\xff", "units": 1}', 400, "MalformedRequest", "body"),
        (b"[" * 50_000, 422, "InvalidField", "body"),
        (b'{"sku": "a\\u0000b", "units": 1}', 400, "MalformedRequest", "body"),
        (b"[]", 422, "InvalidField", "body"),
        (b"{}", 422, "InvalidField", "body"),
        (b'{"sku": "A", "units": 1.5}', 422, "InvalidField", "units"),
        (b'{"sku": "A", "units": "1"}', 422, "InvalidField", "units"),
        (b'{"sku": "A", "units": 1, "x": 1}', 422, "InvalidField", "body"),
    ],
)
async def test_a_bad_body_is_told_where_it_is_bad(
    web: httpx2.AsyncClient, body: bytes, status: int, name: str, field: str
):
    answer = await web.post(TAKE, content=body, headers=keyed())
    assert answer.status_code == status
    assert error_of(answer)["name"] == name
    assert error_of(answer)["data"]["field"] == field


async def test_a_bad_body_does_not_use_its_key_up(web: httpx2.AsyncClient):
    await web.post(TAKE, content=b"{}", headers=keyed())
    assert (await web.post(TAKE, json=ONE, headers=keyed())).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", "/api/nothing", 404, "NotFound"),
        ("GET", "/api", 404, "NotFound"),
        ("POST", "/nothing", 404, "NotFound"),
        ("POST", "/api/commands/shelf.fly", 404, "UnknownOperation"),
        ("GET", TAKE, 405, "MethodNotAllowed"),
        ("DELETE", "/api/status", 405, "MethodNotAllowed"),
        ("GET", "/pictures/cup.png", 404, "NotFound"),
        ("GET", "/pictures/%00.svg", 400, "MalformedRequest"),
        ("GET", "/api/status?x=%00", 400, "MalformedRequest"),
    ],
)
async def test_frameworks_refusals_have_our_shape(
    web: httpx2.AsyncClient, method: str, path: str, status: int, name: str
):
    answer = await web.request(method, path, headers=keyed(), content=b"{}")
    assert answer.status_code == status
    assert error_of(answer)["name"] == name
    if status == 405:
        assert answer.headers["allow"]


async def test_a_body_over_the_limit_is_refused_with_the_limit(web: httpx2.AsyncClient):
    large = json.dumps(ONE | {"sku": "x" * COMMAND_BYTES_MAX}).encode()
    answer = await web.post(TAKE, content=large, headers=keyed())
    assert answer.status_code == 413
    assert error_of(answer)["data"] == {"bytes_max": COMMAND_BYTES_MAX}


async def test_a_defect_is_told_by_its_incident_only(web: httpx2.AsyncClient):
    with capture_logs():
        answer = await web.post(TAKE, json=ONE | {"units": -1}, headers=keyed())
    assert answer.status_code == 500
    assert error_of(answer)["name"] == "InternalError"
    assert error_of(answer)["data"]["incident"]
    assert "provoke" not in answer.text


async def test_ready_only_while_the_database_answers(shop: Shop, web: httpx2.AsyncClient):
    assert (await web.get("/readyz")).status_code == 200
    shop.readings.database_up = False
    shop.pulse.beat()
    answer = await web.get("/readyz")
    assert (answer.status_code, error_of(answer)["name"]) == (503, "StorageUnavailable")
    assert answer.headers["retry-after"] == "1"
    assert (await web.get("/healthz")).status_code == 200
    assert (await web.get("/api/status")).json()["database"] == "down"


async def test_a_stopping_server_is_not_ready(shop: Shop, web: httpx2.AsyncClient):
    shop.stopping = True
    assert error_of(await web.get("/readyz"))["name"] == "ShuttingDown"


async def test_every_answer_has_security_headers(web: httpx2.AsyncClient):
    for path in ("/", "/api/status", "/api/nothing", "/pictures/mug.svg"):
        headers = (await web.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src" in headers["content-security-policy"]


async def test_the_schema_is_served_and_names_the_command_door(web: httpx2.AsyncClient):
    answer = await web.get("/api/schema")
    assert answer.status_code == 200
    door = answer.json()["paths"]["/api/commands/{operation}"]["post"]
    assert any(p["name"].lower() == "idempotency-key" for p in door["parameters"])


async def test_a_picture_is_an_image_that_may_be_kept(web: httpx2.AsyncClient):
    answer = await web.get("/pictures/mug--any.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "max-age" in answer.headers["cache-control"]
    assert answer.text.startswith("<svg")


async def test_a_long_answer_is_compressed_for_those_who_can(web: httpx2.AsyncClient):
    zipped = await web.get("/metrics", headers={"accept-encoding": "gzip"})
    plain = await web.get("/metrics", headers={"accept-encoding": "identity"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    ("host", "allowed", "status"),
    [
        ("127.0.0.1:8000", (), 200),
        ("localhost:8000", (), 200),
        ("[::1]:8000", (), 200),
        ("evil.example:8000", (), 400),
        ("", (), 400),
        ("shop.example", ("shop.example",), 200),
    ],
)
async def test_a_server_on_loopback_answers_to_its_names_only(
    shop: Shop, web: httpx2.AsyncClient, host: str, allowed: tuple[str, ...], status: int
):
    shop.app._hosts = ServeOptions(data=shop.pages, allow_hosts=allowed).hosts
    assert (await web.get("/api/status", headers={"host": host})).status_code == status
    assert ServeOptions(data=shop.pages, host="0.0.0.0").hosts is None


PREFLIGHT = {
    "origin": "https://shop.example",
    "access-control-request-method": "POST",
    "access-control-request-headers": "idempotency-key",
}


async def test_other_pages_may_not_use_the_api(web: httpx2.AsyncClient):
    for answer in (
        await web.options(TAKE, headers=PREFLIGHT),
        await web.get("/api/status", headers={"origin": "https://shop.example"}),
    ):
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origins", [("https://shop.example",)])
async def test_a_named_origin_may_use_the_api(web: httpx2.AsyncClient):
    asked = await web.options(TAKE, headers=PREFLIGHT)
    assert asked.headers["access-control-allow-origin"] == "https://shop.example"
    headers = keyed() | {"origin": "https://shop.example"}
    answer = await web.post(TAKE, json=ONE, headers=headers)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    other = await web.get("/api/status", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
