"""Feeds from far sides to the shopper's screen, on PostgreSQL: what comes, and what stays away."""

import asyncio
from contextlib import asynccontextmanager
from io import BytesIO

import asyncpg
import httpx2
import pytest
from tests.callers import open_callers
from tests.gone import database_is_settled
from tests.modules.shop import error_of, postgres_shop
from tests.sources.far_side import put, reply, web
from tests.sources.shop import sources

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.fetching import Place
from shopwire.kernel.ids import new_id
from shopwire.kernel.webhooks import new_secret, sign
from shopwire.modules.inventory.api import HoldLine, HoldStock
from shopwire.modules.sources.api import (
    BeginFetch,
    PauseSource,
    PutRule,
    PutSource,
    RunNow,
    Schedule,
)
from shopwire.modules.sources.limits import BREAKER_FAILURES, LEASE_MS, SOURCE_RUNS_KEPT
from shopwire.modules.sources.store import DUE_FETCHES
from shopwire.services.app import AppParts, build_app
from shopwire.services.importing import ImportRequest
from shopwire.services.pages import Pages
from shopwire.services.parts import module_routes
from shopwire.services.pulse import Pulse
from shopwire.services.source_door import PUSH_BYTES_MAX, source_routes
from shopwire.services.sourcing import Sourcing
from shopwire.services.telemetry import Readings, Telemetry

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

FEED = b"sku,title,stock,cost\nA,Mug,10,2\nB,Jug,4,2\n"
EVERY_30 = Schedule(every_minutes=30)
SECRET = new_secret(b"s" * 32)


def source(url, **more):  # noqa: ANN003 - fields of the command
    place = Place(kind="http", address=f"{url}/feed.csv")
    return PutSource(**({"supplier": "acme", "place": place, "schedule": EVERY_30} | more))


def words(runs):
    return [(run["outcome"], run["error"]) for run in runs]


async def test_a_feed_reaches_the_screen_and_its_silence_too(database_url, tmp_path):
    async with web() as far, sources(database_url, tmp_path) as own:
        far.answers["/feed.csv"] = reply(200, FEED, etag='"1"')
        await own.shop.do(source(far.url))
        await own.shop.do(PutRule(supplier="acme", when_stale="pause"))
        await own.tick()
        assert await own.available() == 10
        hold = HoldStock(hold_id="h", lines=(HoldLine(sku="A", quantity=2),), ttl_ms=60_000)
        await own.shop.do(hold)
        far.answers["/feed.csv"] = reply(304)
        await own.tick(31)
        assert words(await own.runs()) == [("taken", ""), ("unchanged", "")]
        assert (await own.supply())["state"] == "fresh"

        far.answers["/feed.csv"] = reply(503)
        for _ in range(BREAKER_FAILURES):
            await own.tick(40)
        supply = await own.supply()
        assert (supply["state"], supply["breaker"]) == ("failed", "open")
        assert supply["skus"] == 2
        # The data is stale by now: what is held stays promised, and nothing more is offered.
        assert await own.available() == 0
        more = HoldStock(hold_id="i", lines=(HoldLine(sku="A", quantity=1),), ttl_ms=60_000)
        assert error_of(await own.shop.ask(more))["name"] == "StockShort"
        assert await own.drifts() == []

        far.answers["/feed.csv"] = reply(200, FEED, etag='"2"')
        await own.shop.do(RunNow(supplier="acme"))
        await own.tick()
        supply = await own.supply()
        assert (supply["state"], supply["breaker"]) == ("fresh", "closed")
        assert await own.available() == 8
        assert await own.drifts() == []


async def test_a_run_is_one_process_own_and_a_dead_one_is_followed(database_url, tmp_path):
    async with web() as far, sources(database_url, tmp_path) as own:
        far.answers["/feed.csv"] = reply(200, FEED)
        await own.shop.do(source(far.url))
        (job,) = await own.due(DUE_FETCHES)
        await asyncio.gather(*(own.sourcing.fetch(job) for _ in range(4)))
        assert words(await own.runs()) == [("taken", "")]
        assert len(far.asked) == 1
        # Another begins and dies.
        await own.shop.do(RunNow(supplier="acme"))
        await own.shop.do(BeginFetch(supplier="acme", name="main", at_ms=own.clock.now_ms()))
        await own.tick()
        assert len(far.asked) == 1
        own.clock.ahead_ms += LEASE_MS
        await own.tick()
        assert words(await own.runs()) == [("taken", ""), ("lost", ""), ("taken", "")]
        assert await own.drifts() == []
        await _tampered(database_url)
        assert {one.check for one in await own.drifts()} == {"sources.runs"}


async def test_the_run_of_a_process_that_is_gone_is_followed_at_once(database_url, tmp_path):
    async with web() as far, sources(database_url, tmp_path) as own:
        far.answers["/feed.csv"] = reply(200, FEED)
        await own.shop.do(source(far.url))
        (job,) = await own.due(DUE_FETCHES)
        async with postgres_shop(database_url) as other:
            other.write_path.drop_lease = lambda _: asyncio.sleep(0)
            stuck = Stuck()
            dies = Sourcing(other.write_path, other.reads, own.importer, {"http": stuck}, own.clock)
            running = asyncio.create_task(dies.fetch(job))
            await stuck.reached.wait()
            await own.tick()
            assert await own.runs() == []
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await database_is_settled(database_url)
        await own.tick()
        lost, taken = await own.runs()
        assert (lost["outcome"], taken["outcome"]) == ("lost", "taken")
        assert "process ended" in lost["reason"]
        assert await own.drifts() == []


class Stuck:
    """A source that never comes to an end."""

    def __init__(self) -> None:
        self.reached, self.left = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def open(self, place, marks):
        self.reached.set()
        try:
            await asyncio.Event().wait()
            yield
        finally:
            self.left.set()


async def test_who_lost_its_run_to_another_stops_and_says_nothing(database_url, tmp_path):
    async with sources(database_url, tmp_path) as own:
        stuck, renewing, shop = Stuck(), asyncio.Event(), own.shop
        await shop.do(source("http://127.0.0.1:9"))

        async def pause(_seconds):
            await renewing.wait()

        slow = Sourcing(
            shop.write_path, shop.reads, own.importer, {"http": stuck}, own.clock, pause=pause
        )
        (job,) = await own.due(DUE_FETCHES)
        running = asyncio.create_task(slow.fetch(job))
        await stuck.reached.wait()
        own.clock.ahead_ms += LEASE_MS
        await shop.do(BeginFetch(supplier="acme", name="main", at_ms=own.clock.now_ms()))
        renewing.set()
        await running
        await stuck.left.wait()
        assert words(await own.runs()) == [("lost", "")]


async def _tampered(dsn):
    """The schema lets no run begin while one is under way, whoever asks."""
    connection = await asyncpg.connect(dsn)
    try:
        following = "UPDATE source SET fence = fence + 1"
        await connection.execute(following)
        with pytest.raises(asyncpg.CheckViolationError, match="has not ended"):
            await connection.execute(following)
        with pytest.raises(asyncpg.CheckViolationError, match="cannot follow"):
            await connection.execute("UPDATE source SET fence = fence + 2")
        with pytest.raises(asyncpg.CheckViolationError, match="never changed"):
            await connection.execute("UPDATE source_fetch SET bytes = 0")
    finally:
        await connection.close()


async def test_files_of_a_folder_are_taken_one_after_the_other(database_url, tmp_path):
    async with sources(database_url, tmp_path) as own:
        put(tmp_path / "inbox/acme/1.csv", FEED.decode(), age_s=90)
        put(tmp_path / "inbox/acme/2.csv", FEED.decode().replace("10", "7"), age_s=60)
        put(tmp_path / "inbox/acme/3.csv", "\x00\x01 nothing of a feed", age_s=30)
        place = Place(kind="folder", address="acme")
        await own.shop.do(PutSource(supplier="acme", place=place, schedule=EVERY_30))
        for _ in range(3):
            await own.tick()
        runs = await own.runs()
        assert [run["outcome"] for run in runs] == ["taken", "taken", "failed"]
        assert [run["file"] for run in runs] == ["1.csv", "2.csv", "3.csv"]
        assert runs[2]["reason"]
        assert await own.available() == 7
        assert sorted(path.name for path in (tmp_path / "inbox/acme").iterdir()) == [
            "done",
            "failed",
        ]


async def test_a_feed_that_is_held_is_old_data_until_a_person_lets_it_in(database_url, tmp_path):
    def feed(stock):
        rows = "".join(f"S{n},Thing {n},{stock},2\n" for n in range(40))
        return f"sku,title,stock,cost\n{rows}".encode()

    async with web() as far, sources(database_url, tmp_path) as own:
        far.answers["/feed.csv"] = reply(200, feed(5), etag='"1"')
        await own.shop.do(source(far.url))
        await own.tick()
        good_ms = (await own.supply())["good_ms"]
        far.answers["/feed.csv"] = reply(200, feed(0), etag='"2"')
        await own.tick(31)
        far.answers["/feed.csv"] = reply(304)
        await own.tick(31)
        runs = await own.runs()
        assert [run["outcome"] for run in runs] == ["taken", "held", "held"]
        assert (await own.supply())["good_ms"] == good_ms
        assert await own.available("S1") == 5
        await own.importer.approve(runs[1]["run"], principal="ann")
        await own.followed()
        assert (await own.supply())["good_ms"] > good_ms
        await own.tick(31)
        assert (await own.runs())[-1]["outcome"] == "unchanged"
        assert await own.available("S1") == 0
        assert await own.drifts() == []


# -- pushed -------------------------------------------------------------------------------------


def door(own, tmp_path):
    async def no_sync(_scope, _receive, _send):
        raise AssertionError("nobody syncs here")

    def secrets_of(name):
        return (SECRET,) if name == "supplier:acme" else ()

    clock = SystemClock()
    shop = own.shop
    app = build_app(
        AppParts(
            write_path=shop.write_path,
            pulse=Pulse(Readings, lambda *_: None, clock),
            telemetry=Telemetry("1"),
            pages=Pages(tmp_path),
            routes=[
                *module_routes(shop.reads),
                *source_routes(shop.write_path, shop.reads, own.sourcing, secrets_of, clock),
            ],
            callers=open_callers(),
            sync=no_sync,
            stopping=lambda: False,
        )
    )
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


async def pushed(client, body=FEED, key="msg_1", secret=SECRET, supplier="acme"):
    headers = sign([secret], key, body, now_ms=SystemClock().now_ms())
    return await client.post(f"/api/webhooks/feeds/{supplier}", content=body, headers=headers)


async def test_a_supplier_pushes_its_feed_and_nobody_else_does(database_url, tmp_path):
    async with sources(database_url, tmp_path) as own, door(own, tmp_path) as client:
        assert (await pushed(client)).json()["name"] == "NotFound"
        await own.shop.do(PutSource(supplier="acme", place=Place(kind="push")))
        other = new_secret(b"o" * 32)
        for answer in (
            await pushed(client, secret=other),
            await pushed(client, supplier="other"),
            await client.post("/api/webhooks/feeds/acme", content=FEED),
        ):
            assert (answer.status_code, answer.json()["name"]) == (401, "SignatureInvalid")
        first = await pushed(client)
        assert (first.status_code, first.json()["status"]) == (200, "taken")
        again = await pushed(client)
        assert again.content == first.content
        assert again.headers["idempotency-replayed"] == "true"
        assert (await pushed(client, b"other", "msg_1")).json()["name"] == "KeyReused"
        assert words(await own.runs()) == [("taken", "")]
        await own.followed()
        assert await own.available() == 10

        bad = (await pushed(client, b"<html>no</html>", "msg_2")).json()
        assert (bad["status"], bool(bad["reason"])) == ("failed", True)
        begin = BeginFetch(supplier="acme", name="main", at_ms=own.clock.now_ms(), trigger="push")
        await own.shop.do(begin)
        busy = await pushed(client, key="msg_3")
        assert (busy.status_code, busy.json()["name"]) == (409, "SourceBusy")
        own.clock.ahead_ms += LEASE_MS
        assert (await pushed(client, key="msg_3")).json()["status"] in ("taken", "unchanged")
        await own.shop.do(PauseSource(supplier="acme"))
        assert (await pushed(client, key="msg_4")).status_code == 404
        assert await own.drifts() == []

        listed = (await client.get("/api/sources")).json()
        assert [one["supplier"] for one in listed["suppliers"]] == ["acme"]
        assert listed["sources"][0]["place"] == {"kind": "push"} | listed["sources"][0]["place"]
        page = (await client.get("/api/sources/acme/main/runs", params={"limit": 1})).json()
        assert len(page["items"]) == 1
        older = {"limit": 1, "cursor": page["next"]}
        next_page = (await client.get("/api/sources/acme/main/runs", params=older)).json()
        assert next_page["items"][0]["fence"] == page["next"] - 1


async def test_an_import_of_ones_own_may_count_as_a_push(database_url, tmp_path):
    async with sources(database_url, tmp_path) as own:
        await own.shop.do(PutSource(supplier="acme", place=Place(kind="push")))

        async def bring():
            request = ImportRequest(run=new_id(), supplier="acme", source="own.csv")
            return await own.importer.run(request, BytesIO(FEED))

        assert (await own.sourcing.carry("acme", "main", 9, bring)).rows == 2
        (run,) = await own.runs()
        assert (run["outcome"], run["rows"], run["bytes"]) == ("taken", 2, 9)
        begin = BeginFetch(supplier="acme", name="main", at_ms=own.clock.now_ms(), trigger="push")
        await own.shop.do(begin)
        assert (await own.sourcing.carry("acme", "main", 9, bring)).rows == 2
        assert len(await own.runs()) == 1


async def test_what_is_too_large_to_be_pushed_is_refused_before_it_is_read(database_url, tmp_path):
    async with sources(database_url, tmp_path) as own, door(own, tmp_path) as client:
        headers = sign([SECRET], "m", b"x", now_ms=SystemClock().now_ms())
        headers["content-length"] = str(PUSH_BYTES_MAX + 1)
        answer = await client.post("/api/webhooks/feeds/acme", content=b"x", headers=headers)
        assert answer.json()["name"] == "BodyTooLarge"


async def test_the_oldest_runs_of_a_source_go_and_the_numbers_stay_right(database_url, tmp_path):
    async with sources(database_url, tmp_path) as own:
        await own.shop.do(PutSource(supplier="acme", place=Place(kind="push")))
        con = await asyncpg.connect(database_url)
        try:
            await con.execute(
                "INSERT INTO source_fetch SELECT 'main', 'acme', 'main', n, 'push', n, n, 'taken',"
                " 0, 0, NULL, '', '', '' FROM generate_series(1, 2003) AS n"
            )
            await con.execute("ALTER TABLE source DISABLE TRIGGER ALL")
            await con.execute("UPDATE source SET fence = 2003")
            with pytest.raises(asyncpg.CheckViolationError):
                await con.execute("DELETE FROM source_fetch WHERE fence = 1000")
            found = await con.fetchrow("SELECT min(fence), count(*) FROM source_fetch")
        finally:
            await con.close()
        assert tuple(found) == (4, SOURCE_RUNS_KEPT)
        assert await own.drifts() == []
