"""Server-sent events: the same documents, the cursor in the event's id."""

import asyncio
import json
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import pytest
from tests.sync.served import eventually, serving

from shopwire.sync.reducer import Replica

pytestmark = pytest.mark.anyio
WAIT_S = 10


class Stream:
    """A browser's EventSource, as far as the protocol needs it."""

    def __init__(self, reader) -> None:
        self.reader = reader
        self.last_id = None
        self.replica = Replica()
        self.status = 0
        self.headers = b""

    async def open(self, port, query, headers, writer):
        path = f"/sync/sse?{urlencode(query)}"
        lines = [f"GET {path} HTTP/1.1", "Host: x", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        self.headers = await self.reader.readuntil(b"\r\n\r\n")
        self.status = int(self.headers.split()[1])

    async def body(self):
        length = int(self.headers.lower().partition(b"content-length:")[2].split()[0])
        return json.loads(await self.reader.readexactly(length))

    async def event(self):
        """The next event as (name, data), chunked transfer undone."""
        async with asyncio.timeout(WAIT_S):
            name = "message"
            data = None
            while True:
                line = await self.reader.readline()
                assert line, "the stream ended"
                text = line.rstrip(b"\r\n").decode()
                if text.startswith("id: "):
                    self.last_id = text[4:]
                elif text.startswith("event: "):
                    name = text[7:]
                elif text.startswith("data: "):
                    data = json.loads(text[6:])
                    break
        if name == "message":
            self.replica.apply(data)
        return name, data

    async def until(self, kind):
        heard = []
        while not heard or heard[-1]["t"] != kind:
            heard.append((await self.event())[1])
        return heard


@asynccontextmanager
async def streaming(shop, query, *headers: str):
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
    stream = Stream(reader)
    try:
        await stream.open(shop.port, query, headers, writer)
        yield stream
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


@pytest.fixture(params=["uvicorn with picows", "plain"])
async def shop(request):
    async with serving(picows=request.param != "plain") as shop:
        yield shop


TEXT = "the same in every version " * 6


async def test_snapshots_then_changes(shop):
    await shop.change([("stock:A", {"n": 0, "text": TEXT})])
    async with streaming(shop, [("topic", "stock:A"), ("topic", "price:A")]) as stream:
        assert stream.status == 200
        assert b"text/event-stream" in stream.headers
        await stream.until("live")
        assert stream.replica.versions == {"stock:A": 1, "price:A": 0}
        await shop.change([("stock:A", {"n": 1, "text": TEXT}), ("price:A", {"n": 1})])
        batch = (await stream.until("batch"))[-1]
        assert [item["t"] for item in batch["items"]] == ["patch", "snap"]
        assert stream.replica.docs["stock:A"].document == {"n": 1, "text": TEXT}
        assert stream.last_id == "1:2.1"


async def test_a_browser_that_reconnects_goes_on_from_its_last_event(shop):
    await shop.change([("stock:A", {"n": 0, "text": TEXT}), ("stock:B", {"n": 0})])
    topics = [("topic", "stock:A"), ("topic", "stock:B")]
    async with streaming(shop, topics) as stream:
        await stream.until("live")
        last = stream.last_id
    await shop.change([("stock:B", {"n": 1})])
    async with streaming(shop, topics, f"Last-Event-ID: {last}") as stream:
        heard = await stream.until("live")
        assert [(m["topic"], m["v"]) for m in heard if m["t"] in {"snap", "patch"}] == [
            ("stock:B", 2)
        ]
        assert stream.last_id == "1:1.2"


async def test_have_in_the_address_counts_like_in_a_sub(shop):
    await shop.change([("stock:A", {"n": 0})])
    query = [("topic", "stock:A"), ("have", "stock:A@1"), ("epoch", "1")]
    async with streaming(shop, query) as stream:
        assert [m["t"] for m in await stream.until("live")] == ["welcome", "live"]


@pytest.mark.parametrize("cursor", ["", "garbage", "1:2", "1:1.x", "1:1.2.3", "x:1.1"])
async def test_a_cursor_that_is_not_understood_is_refused(shop, cursor):
    topics = [("topic", "stock:A"), ("topic", "stock:B")]
    async with streaming(shop, topics, f"Last-Event-ID: {cursor}") as stream:
        if cursor:
            assert stream.status == 400
            assert (await stream.body())["code"] == 1000
        else:
            assert stream.status == 200


async def test_a_cursor_of_another_epoch_starts_anew(shop):
    await shop.change([("stock:A", {"n": 0})])
    async with streaming(shop, [("topic", "stock:A")], "Last-Event-ID: 77:1") as stream:
        kinds = [message["t"] for message in await stream.until("live")]
        assert kinds == ["welcome", "reset", "snap", "live"]
        assert stream.replica.versions == {"stock:A": 1}


async def test_a_new_epoch_starts_the_topics_again_by_itself(shop):
    await shop.change([("stock:A", {"n": 0})])
    async with streaming(shop, [("topic", "stock:A")]) as stream:
        await stream.until("live")
        await shop.new_epoch()
        await stream.until("reset")
        await stream.until("live")
        assert stream.replica.epoch == 2
        assert stream.replica.versions == {"stock:A": 1}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ([], 400, 1000),
        ([("topic", "nonsense")], 404, 1010),
        ([("topic", "offer:A/x")], 404, 1010),
        ([("topic", f"stock:{n}") for n in range(201)], 429, 1011),
        ([("topic", "stock:A"), ("have", "stock:A@x")], 400, 1000),
        ([("topic", "stock:A"), ("epoch", "-1")], 400, 1000),
    ],
)
async def test_what_cannot_be_streamed_is_an_error_with_its_status(shop, query, status, code):
    async with streaming(shop, query) as stream:
        assert stream.status == status
        assert (await stream.body())["code"] == code


async def test_a_server_that_stops_says_so(shop):
    async with streaming(shop, [("topic", "stock:A")]) as stream:
        await stream.until("live")
        shop.hub.close_sessions()
        name = "message"
        while name != "close":
            name, data = await stream.event()
        assert data["code"] == 4000


async def test_beats_come_without_an_id(shop):
    async with streaming(shop, [("topic", "stock:A")]) as stream:
        await stream.until("live")
        before = stream.last_id
        await stream.until("beat")
        assert stream.last_id == before


async def test_a_stream_that_is_left_is_forgotten(shop):
    async with streaming(shop, [("topic", "stock:A")]) as stream:
        await stream.until("live")
        assert shop.hub.stats().screens == 1
    await eventually(lambda: not shop.hub.stats().connections)
