"""A source is tried out before it is kept; secrets go in and never come out."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from litestar import Litestar
from tests.sources.far_side import reply, web

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import ShopwireError
from shopwire.services.places import FeedPlaces
from shopwire.services.problems import on_known
from shopwire.services.source_desk import SECRET_TEXT_BYTES_MAX, source_desk_routes

pytestmark = pytest.mark.anyio

FEED = b"sku,title,stock,cost\nA,Mug,5,2\nB,Jug,-1,2\n"


class NoReads:
    """Nothing is asked of the database where no profile is named."""

    async def fetch(self, *_: Any) -> list[Any]:
        raise AssertionError("a look reads nothing")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    places = FeedPlaces(
        data=tmp_path, clock=SystemClock(), allow_addresses=("127.0.0.1",), source_folders=()
    )
    app = Litestar(
        route_handlers=source_desk_routes(NoReads(), places, lambda source: f"whsec_{source}"),
        exception_handlers={ShopwireError: on_known},
        openapi_config=None,
    )
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def asked(kind: str, address: str, secret_text: str = "", **more: Any) -> dict[str, Any]:
    place = {"kind": kind, "address": address, **more}
    return {"source": {"supplier": "acme", "place": place}, "secret_text": secret_text}


async def test_a_tried_folder_keeps_every_file_where_it_is(
    desk: httpx2.AsyncClient, tmp_path: Path
):
    (folder := tmp_path / "inbox" / "acme").mkdir(parents=True)
    for name, body in (("a.csv", FEED), ("b.csv", FEED)):
        (folder / name).write_bytes(body)
        os.utime(folder / name, (1, 1))
    found = (await desk.post("/api/sources/test", json=asked("folder", "acme"))).json()
    assert (found["file"], found["more"]) == ("a.csv", True)
    assert (found["preview"]["used"], found["preview"]["quarantined"]) == (1, 1)
    (folder / "a.csv").write_bytes(b"")
    os.utime(folder / "a.csv", (1, 1))
    refused = await desk.post("/api/sources/test", json=asked("folder", "acme"))
    assert refused.json()["name"] == "SourceRefused"
    assert sorted(one.name for one in folder.iterdir()) == ["a.csv", "b.csv"]


async def test_a_folder_without_a_file_is_reached_all_the_same(desk: httpx2.AsyncClient):
    found = (await desk.post("/api/sources/test", json=asked("folder", "acme"))).json()
    assert found == {"bytes": 0, "file": "", "more": False, "preview": None}


async def test_a_look_uses_a_secret_that_is_kept_nowhere(desk: httpx2.AsyncClient, tmp_path: Path):
    async with web() as far:
        far.answers["/feed.csv"] = reply(200, FEED)
        wanted = asked("http", f"{far.url}/feed.csv", "Bearer new", secret="key")
        assert (await desk.post("/api/sources/test", json=wanted)).status_code == 200
        assert not (tmp_path / "secrets").exists()
        await desk.post("/api/secrets/key", content=b"Bearer kept\n")
        wanted = asked("http", f"{far.url}/feed.csv", secret="key")
        assert (await desk.post("/api/sources/test", json=wanted)).status_code == 200
        sent = [headers["authorization"] for _, headers in far.asked]
    assert sent == ["Bearer new", "Bearer kept"]


@pytest.mark.parametrize(
    ("wanted", "name", "field"),
    [
        (asked("http", "ftp://a"), "InvalidField", "place.address"),
        (asked("http", "http://10.0.0.1/x"), "AddressRefused", None),
        (asked("push", ""), "InvalidField", "place.kind"),
        (asked("http", "http://127.0.0.1/x", secret="none"), "SecretMissing", None),
        (asked("sftp", "sftp://a@b/c", secret="none"), "InvalidField", "place.host_key"),
        ({"source": 1}, "MalformedRequest", "body"),
    ],
)
async def test_what_cannot_be_tried_is_told_with_its_field(
    desk: httpx2.AsyncClient, wanted: Any, name: str, field: str | None
):
    answer = (await desk.post("/api/sources/test", json=wanted)).json()
    assert answer["name"] == name
    assert field is None or answer["data"]["field"] == field


async def test_a_secret_is_written_whole_for_its_owner_alone(
    desk: httpx2.AsyncClient, tmp_path: Path
):
    for text in (b"first", b"-----BEGIN KEY-----\nsecond\n"):
        answer = await desk.post("/api/secrets/acme.sftp-1", content=text)
        assert (answer.status_code, answer.json()) == (200, {"name": "acme.sftp-1"})
    path = tmp_path / "secrets" / "acme.sftp-1"
    assert path.read_bytes() == b"-----BEGIN KEY-----\nsecond\n"
    assert path.stat().st_mode & 0o777 == 0o600
    listed = await desk.get("/api/secrets")
    assert listed.json() == {"items": ["acme.sftp-1"]}
    assert (await desk.get("/api/secrets/acme.sftp-1")).status_code == 405
    for name, text in (("..", b"x"), (".a", b"x"), ("a b", b"x"), ("a", b" "), ("a", b"\xff")):
        refused = await desk.post(f"/api/secrets/{name}", content=text)
        assert refused.status_code in {404, 405, 422}, name
    large = await desk.post("/api/secrets/a", content=b"x" * (SECRET_TEXT_BYTES_MAX + 1))
    assert large.status_code == 422
    assert [one.name for one in path.parent.iterdir()] == ["acme.sftp-1"]


async def test_a_suppliers_signing_secret_is_shown_and_kept_by_nobody(desk: httpx2.AsyncClient):
    answer = await desk.post("/api/sources/acme/signing-secret")
    assert answer.json() == {"secret": "whsec_supplier:acme"}
    assert answer.headers["cache-control"] == "no-store"
    assert (await desk.post("/api/sources/A%20B/signing-secret")).status_code == 422
