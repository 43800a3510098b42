"""What every event stream of sync protocol 1 does; see docs/protocol/sync-v1.md section 7.

Subclass `EventsConformance` and provide the fixture `target`, as for `SyncConformance`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from shopwire.sync.reducer import Replica
from shopwire.testing.conformance.sync import Address, Target

WAIT_S = 90
"""Longer than anything here takes; reached only by a defect."""
TEXT = "the same in every version, so that a change is smaller " * 3
Query = Sequence[tuple[str, str]]


class Stream:
    """A browser's EventSource, as far as the protocol needs it."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.last_id = ""
        self.replica = Replica()
        self.status = 0
        self.headers = b""

    async def read_head(self) -> None:
        """Status and headers."""
        async with asyncio.timeout(WAIT_S):
            self.headers = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        self.status = int(self.headers.split()[1])

    async def body(self) -> dict[str, Any]:
        """A JSON answer instead of a stream."""
        length = int(self.headers.partition(b"content-length:")[2].split()[0])
        body: dict[str, Any] = json.loads(await self._reader.readexactly(length))
        return body

    async def event(self) -> tuple[str, dict[str, Any]]:
        """The next event as (name, data); lines of the transfer coding are skipped."""
        name = "message"
        async with asyncio.timeout(WAIT_S):
            while True:
                line = await self._reader.readline()
                assert line, "the stream ended"
                text = line.rstrip(b"\r\n").decode()
                if text.startswith("id: "):
                    self.last_id = text[4:]
                elif text.startswith("event: "):
                    name = text[7:]
                elif text.startswith("data: "):
                    break
        data: dict[str, Any] = json.loads(text[6:])
        if name == "message":
            self.replica.apply(data)
        return name, data

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """Everything up to the first message of a kind, beats left out."""
        heard: list[dict[str, Any]] = []
        while True:
            _, message = await self.event()
            if message["t"] != "beat" or kind == "beat":
                heard.append(message)
            if message["t"] == kind:
                return heard


@asynccontextmanager
async def streaming(target: Address, query: Query, *headers: str) -> AsyncIterator[Stream]:
    """A stream that is open, or was refused."""
    url = urlsplit(target.events_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    stream = Stream(reader)
    try:
        lines = [f"GET {url.path}?{urlencode(query)} HTTP/1.1", f"Host: {url.netloc}", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await stream.read_head()
        yield stream
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def _topics(*names: str) -> Query:
    return [("topic", name) for name in names]


class EventsConformance:
    """The rules of the event stream, one by one."""

    async def test_snapshots_then_changes(self, target: Target) -> None:
        """As a sub would have got them, with a cursor behind each event."""
        await target.change([("stock:sse", {"n": 0, "text": TEXT})])
        async with streaming(target, _topics("stock:sse", "price:sse")) as stream:
            assert stream.status == 200
            assert b"text/event-stream" in stream.headers
            epoch = (await stream.until("live"))[0]["epoch"]
            assert stream.replica.versions == {"stock:sse": 1, "price:sse": 0}
            changes = [("stock:sse", {"n": 1, "text": TEXT}), ("price:sse", {"n": 1})]
            await target.change(changes)
            (batch,) = await stream.until("batch")
            assert [item["t"] for item in batch["items"]] == ["patch", "snap"]
            assert stream.replica.docs["stock:sse"].document == {"n": 1, "text": TEXT}
            assert stream.last_id == f"{epoch}:2.1"

    async def test_a_browser_that_reconnects_goes_on_from_its_last_event(
        self, target: Target
    ) -> None:
        """Only what changed meanwhile is sent."""
        await target.change([("stock:l1", {"n": 0, "text": TEXT}), ("stock:l2", {"n": 0})])
        async with streaming(target, _topics("stock:l1", "stock:l2")) as stream:
            await stream.until("live")
            last = stream.last_id
        await target.change([("stock:l2", {"n": 1})])
        header = f"Last-Event-ID: {last}"
        async with streaming(target, _topics("stock:l1", "stock:l2"), header) as stream:
            heard = await stream.until("live")
            items = [m for m in heard if m["t"] in {"snap", "patch"}]
            assert [(item["topic"], item["v"]) for item in items] == [("stock:l2", 2)]
            assert stream.last_id.endswith(":1.2")

    async def test_have_in_the_address_counts_like_in_a_sub(self, target: Target) -> None:
        """For clients that kept documents over a reload."""
        await target.change([("stock:have", {"n": 0})])
        async with streaming(target, _topics("stock:have")) as stream:
            epoch = (await stream.until("live"))[0]["epoch"]
        query = [*_topics("stock:have"), ("have", "stock:have@1"), ("epoch", str(epoch))]
        async with streaming(target, query) as stream:
            assert [message["t"] for message in await stream.until("live")] == ["welcome", "live"]

    @pytest.mark.parametrize("cursor", ["garbage", "1:2", "1:1.x", "1:1.2.3", "x:1.1", "1:-1.1"])
    async def test_a_cursor_that_is_not_understood_is_refused(
        self, target: Target, cursor: str
    ) -> None:
        """Going on silently would hide a gap."""
        header = f"Last-Event-ID: {cursor}"
        async with streaming(target, _topics("stock:c1", "stock:c2"), header) as stream:
            assert stream.status == 400
            assert (await stream.body())["code"] == 1000

    async def test_a_cursor_of_another_epoch_starts_anew(self, target: Target) -> None:
        """Welcome, reset, and everything again."""
        await target.change([("stock:old", {"n": 0})])
        header = "Last-Event-ID: 999999:1"
        async with streaming(target, _topics("stock:old"), header) as stream:
            kinds = [message["t"] for message in await stream.until("live")]
            assert kinds == ["welcome", "reset", "snap", "live"]
            assert stream.replica.versions == {"stock:old": 1}

    async def test_a_new_epoch_starts_the_topics_again_by_itself(self, target: Target) -> None:
        """The client cannot ask."""
        await target.change([("stock:new", {"n": 0})])
        async with streaming(target, _topics("stock:new")) as stream:
            before = (await stream.until("live"))[0]["epoch"]
            await target.new_epoch()
            await stream.until("reset")
            await stream.until("live")
            assert stream.replica.epoch != before
            assert stream.replica.versions == {"stock:new": 1}

    @pytest.mark.parametrize(
        ("query", "status", "code"),
        [
            ([], 400, 1000),
            (_topics("nonsense"), 404, 1010),
            (_topics("stock:ok", "unknown:x"), 404, 1010),
            (_topics(*(f"stock:{n}" for n in range(201))), 429, 1011),
            ([*_topics("stock:A"), ("have", "stock:A@x")], 400, 1000),
            ([*_topics("stock:A"), ("epoch", "-1")], 400, 1000),
        ],
    )
    async def test_what_cannot_be_streamed_is_an_error_with_its_status(
        self, target: Target, query: Query, status: int, code: int
    ) -> None:
        """JSON of the numbered table, before anything is streamed."""
        async with streaming(target, query) as stream:
            assert stream.status == status
            assert (await stream.body())["code"] == code

    async def test_beats_come_without_an_id(self, target: Target) -> None:
        """They move no cursor."""
        async with streaming(target, _topics("stock:beat")) as stream:
            await stream.until("live")
            before = stream.last_id
            await stream.until("beat")
            assert stream.last_id == before
