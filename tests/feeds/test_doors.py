"""The same import by HTTP and by command line."""

import asyncio
import bz2
import gzip
import lzma
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import uvicorn
from tests.callers import open_callers
from tests.feeds.conftest import Shop
from tests.feeds.test_formats import zipped as zip_of

from shopwire.cli.main import run
from shopwire.kernel.clock import SystemClock
from shopwire.services import import_door
from shopwire.services.app import AppParts, build_app
from shopwire.services.import_door import import_routes
from shopwire.services.pages import Pages
from shopwire.services.parts import module_routes
from shopwire.services.pulse import Pulse
from shopwire.services.telemetry import Readings, Telemetry

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

FEED = "sku,title,stock,cost\nA,Mug,5,2\nB,Jug,-1,2\n"
BY_ACME = {"supplier": "Acme", "source": "acme.csv"}


def zipped(content: bytes) -> bytes:
    return zip_of(**{"feed.csv": content})


@pytest.fixture
async def web(shop: Shop, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    async def no_sync(_scope: Any, _receive: Any, _send: Any) -> None:
        raise AssertionError("nobody syncs here")

    app = build_app(
        AppParts(
            write_path=shop.write_path,
            pulse=Pulse(Readings, lambda *_: None, SystemClock()),
            telemetry=Telemetry("1"),
            pages=Pages(tmp_path),
            routes=[
                *module_routes(shop.store.reads),
                *import_routes(shop.write_path, shop.importer),
            ],
            callers=open_callers(),
            sync=no_sync,
            stopping=lambda: False,
        )
    )
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def post(web: httpx2.AsyncClient, content: bytes | str, key="key-1", **params: Any):
    return await web.post(
        "/api/imports",
        params=BY_ACME | params,
        content=content,
        headers={"Idempotency-Key": key},
    )


async def test_a_feed_that_is_sent_is_imported_and_shown(web: httpx2.AsyncClient):
    answer = await post(web, FEED)
    assert answer.status_code == 200
    summary = answer.json()
    assert (summary["rows"], summary["changed"], summary["quarantined"]) == (2, 1, 1)
    (listed,) = (await web.get("/api/imports")).json()["items"]
    assert listed["id"] == summary["id"]
    shown = (await web.get(f"/api/imports/{summary['id']}")).json()
    assert (shown["status"], shown["rows"]) == ("finished", 2)
    page = (await web.get(f"/api/imports/{summary['id']}/quarantine")).json()
    assert [(row["line"], row["code"], row["raw"]) for row in page["items"]] == [
        (3, "negative", "B,Jug,-1,2")
    ]
    assert page["next"] is None


async def test_a_retry_gets_the_first_summary_and_has_no_second_effect(
    web: httpx2.AsyncClient, shop: Shop
):
    first = await post(web, FEED)
    before = await shop.dump()
    again = await post(web, FEED)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert await shop.dump() == before


@pytest.mark.parametrize(
    ("content", "params"),
    [(FEED.replace("5", "6"), {}), (FEED, {"supplier": "Other"}), (FEED, {"encoding": "cp1252"})],
)
async def test_a_key_of_another_feed_is_refused(web: httpx2.AsyncClient, content, params):
    await post(web, FEED)
    answer = await post(web, content, **params)
    assert (answer.status_code, answer.json()["name"]) == (422, "KeyReused")


async def test_two_at_once_with_one_key_are_one_import(web: httpx2.AsyncClient, shop: Shop):
    answers = await asyncio.gather(post(web, FEED), post(web, FEED))
    assert sorted(answer.status_code for answer in answers) in ([200, 200], [200, 409])
    assert len(await shop.query("SELECT 1 FROM import_run")) == 1


async def test_who_sends_a_feed_may_name_its_run_once(web: httpx2.AsyncClient):
    own = "0123456789abcdef0123456789abcdef"
    assert (await post(web, FEED, run=own)).json()["id"] == own
    again = await post(web, FEED, key="key-2", run=own)
    assert (again.status_code, again.json()["name"]) == (409, "AlreadyExists")
    replayed = await post(web, FEED, run="another-name-for-the-same")
    assert replayed.json()["id"] == own
    short = await post(web, FEED, key="key-3", run="1")
    assert (short.status_code, short.json()["data"]["field"]) == (422, "run")


async def test_a_failure_gives_the_key_back(web: httpx2.AsyncClient, shop: Shop, monkeypatch):
    async def broken(*_args: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(shop.importer, "run", broken)
        assert (await post(web, FEED)).status_code == 500
    assert (await post(web, FEED)).status_code == 200


@pytest.mark.parametrize(
    ("content", "params", "status", "name"),
    [
        ("", {}, 400, "MalformedRequest"),
        ("x,y\n1,2\n", {}, 422, "ProfileUnknown"),
        (FEED, {"profile": "nope"}, 422, "ProfileUnknown"),
        (FEED, {"profile": "adventureworks-products"}, 422, "MappingInvalid"),
        (FEED, {"currency": "money"}, 422, "InvalidField"),
        (FEED, {"supplier": ""}, 422, "InvalidField"),
        (b"\x00\xff" * 10_000, {}, 422, "FeedUnreadable"),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_leaves_nothing(
    web: httpx2.AsyncClient, shop: Shop, content, params, status, name
):
    before = await shop.dump()
    answer = await post(web, content, **params)
    assert (answer.status_code, answer.json()["name"]) == (status, name)
    after = await shop.dump()
    lease = {"idempotency": [], "lease_holder": []}
    assert after | lease == before | lease
    mended = await post(web, FEED)
    assert mended.status_code == 200  # a refused feed has not used its key up


async def test_a_feed_without_a_key_is_refused(web: httpx2.AsyncClient):
    answer = await web.post("/api/imports", params=BY_ACME, content=FEED)
    assert (answer.status_code, answer.json()["name"]) == (400, "KeyMissing")


async def test_a_body_beyond_the_limit_is_refused_while_it_comes(
    web: httpx2.AsyncClient, shop: Shop, monkeypatch
):
    monkeypatch.setattr(import_door, "UPLOAD_BYTES_MAX", 1_000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1_000_000:
            sent += 500
            yield b"x" * 500

    answer = await web.post(
        "/api/imports", params=BY_ACME, content=endless(), headers={"Idempotency-Key": "k"}
    )
    assert (answer.status_code, answer.json()["name"]) == (413, "BodyTooLarge")
    assert await shop.query("SELECT 1 FROM import_run") == []


async def test_a_dry_run_by_http_writes_no_run(web: httpx2.AsyncClient, shop: Shop):
    answer = await post(web, FEED, dry_run=True)
    assert answer.json()["dry_run"] is True
    assert await shop.query("SELECT 1 FROM import_run") == []


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / "feed.csv"
    path.write_text(FEED)
    return path


async def command(*words: str | Path) -> int:
    return await asyncio.to_thread(run, ["import", *map(str, words)])


async def test_the_command_prints_one_object_and_says_by_its_code_what_came(
    feed: Path, database_url: str, capsys
):
    base = (feed, "--supplier", "Acme", "--database", database_url)
    assert await command(*base, "--json", "--dry-run") == 3
    summary = msgspec.json.decode(capsys.readouterr().out)
    assert (summary["rows"], summary["changed"], summary["dry_run"]) == (2, 1, True)
    feed.write_text(FEED.replace("-1", "1"))
    assert await command(*base, "--json") == 0
    assert msgspec.json.decode(capsys.readouterr().out)["changed"] == 2
    assert await command(*base) == 0
    text = capsys.readouterr().out
    assert "unchanged    2" in text
    assert "read as comma, UTF-8" in text
    feed.write_text(FEED + '"C')
    assert await command(*base) == 1
    assert "It ended early: line 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--profile", "nope"], 1, "no profile 'nope'"),
        (["--profile", "generic", "--mapping", "m.toml"], 1, "not both"),
        (["--mapping", "/nowhere.toml"], 1, "/nowhere.toml"),
        (["--as-of", "2026-11-23T10:00:00"], 1, "time zone"),
        (["--colour", "red"], 2, "colour"),
    ],
)
async def test_wrong_words_are_told(feed: Path, database_url: str, capsys, words, code, told):
    assert await command(feed, "--supplier", "A", "--database", database_url, *words) == code
    shown = capsys.readouterr()
    assert told in shown.err + shown.out


async def test_a_missing_file_is_told(tmp_path: Path, capsys):
    assert await command(tmp_path / "no.csv", "--supplier", "A") == 1
    assert "There is no file" in capsys.readouterr().err


@pytest.fixture
async def server(web: httpx2.AsyncClient) -> AsyncIterator[str]:
    """The application on a port."""
    app = web._transport.app
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none")
    running = uvicorn.Server(config)
    started = asyncio.Event()

    async def main(sockets: list[socket.socket]) -> None:
        await running.startup(sockets=sockets)
        started.set()
        await running.main_loop()
        await running.shutdown(sockets=sockets)

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config.load()
        running.lifespan = config.lifespan_class(config)
        serving = asyncio.create_task(main([listening]))
        await started.wait()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        running.should_exit = True
        await serving


def printed(out: str) -> dict[str, Any]:
    """The one object; the server of the test logs into the same stream."""
    (line,) = [line for line in out.splitlines() if line.startswith("{")]
    return msgspec.json.decode(line)


async def test_the_command_sends_a_feed_to_a_server(feed: Path, server: str, shop: Shop, capsys):
    words = (feed, "--supplier", "Acme", "--url", server, "--json")
    assert await command(*words) == 3
    summary = printed(capsys.readouterr().out)
    assert (summary["changed"], summary["quarantined"]) == (1, 1)
    (run_id,) = await shop.query("SELECT id, source FROM import_run")
    assert tuple(run_id) == (summary["id"], "feed.csv")
    assert await command(*words, "--profile", "nope") == 1
    error = printed(capsys.readouterr().out)["error"]
    assert error["name"] == "ProfileUnknown"
    assert "shopify" in error["data"]["known"]


async def test_a_server_that_is_none_is_told(feed: Path, tmp_path: Path, capsys):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert await command(feed, "--supplier", "A", "--url", url) == 1
    assert "did not answer" in capsys.readouterr().err
    mapping = tmp_path / "m.toml"
    mapping.write_text('[fields]\nsku = { columns = ["sku"] }\n')
    assert await command(feed, "--supplier", "A", "--url", url, "--mapping", mapping) == 1
    assert "cannot be sent" in capsys.readouterr().err


async def test_a_preview_over_http_writes_nothing(web: httpx2.AsyncClient, shop: Shop):
    before = await shop.dump()
    content = "code;title;cost\nA;Mug;2,50\n"
    mapping = "[fields]\nsku = { columns = ['code'] }\ntitle = { columns = ['title'] }\n"
    mapping += "cost = { columns = ['cost'] }"
    answer = await web.post(
        "/api/feeds/preview", content=content.encode(), params={"mapping": mapping}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"][0]["becomes"]["offer"]["cost_minor"] == 250
    assert await shop.dump() == before


@pytest.mark.parametrize("spooled", [1, 1_000_000], ids=["on disk", "in memory"])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zipped])
async def test_a_packed_feed_that_is_sent_is_read(
    web: httpx2.AsyncClient, monkeypatch, pack, spooled: int
):
    monkeypatch.setattr(import_door, "SPOOL_BYTES_MAX", spooled)
    answer = await web.post("/api/feeds/preview", content=pack(FEED.encode()))
    assert answer.status_code == 200, answer.text
    assert [row["outcome"] for row in answer.json()["rows"]] == ["used", "quarantined"]
