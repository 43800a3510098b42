"""What every server of sync protocol 1 does, checked from outside over WebSocket or events.

Subclass `SyncConformance`, provide the fixture `target`; it needs the server's address and a way
to change things behind it, nothing else. docs/protocol/sync-v1.md is what is checked.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import pytest
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from typing_extensions import override

from shopwire.sync.reducer import Replica

WAIT_S = 90
"""Longer than anything here takes; reached only by a defect."""
Changes = Sequence[tuple[str, Any]]
"""Topics and their new documents."""


class Address(Protocol):
    """Where a server is."""

    url: str
    """Of the WebSocket, `ws://127.0.0.1:1234/sync`."""
    events_url: str
    """Of server-sent events, `http://127.0.0.1:1234/sync/sse`; empty where there are none."""


class Target(Address, Protocol):
    """The server under test."""

    async def change(self, changes: Changes) -> None:
        """Commits new documents of topics, all in one command; returns when durable."""
        ...

    async def new_epoch(self) -> None:
        """Gives the log a new epoch."""
        ...

    async def newest(self, topic: str) -> tuple[int, Any]:
        """Version and document as the database has them."""
        ...


class _Frames(WSListener):
    def __init__(self) -> None:
        super().__init__()
        self.messages: asyncio.Queue[dict[str, Any] | int] = asyncio.Queue()

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.messages.put_nowait(json.loads(frame.get_payload_as_bytes()))
        elif frame.msg_type == WSMsgType.CLOSE:
            self.messages.put_nowait(int.from_bytes(frame.get_payload_as_bytes()[:2], "big"))
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    @override
    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.messages.put_nowait(1006)


class Peer:
    """A client that says and hears exactly what a test tells it to."""

    def __init__(self, transport: WSTransport, listener: _Frames) -> None:
        self.transport = transport
        self._messages = listener.messages
        self.replica = Replica()

    def say(self, message: Any) -> None:
        """Sends JSON, or a string as it is."""
        text = message if isinstance(message, str) else json.dumps(message)
        self.transport.send(WSMsgType.TEXT, text.encode())

    async def hear(self) -> dict[str, Any] | int:
        """The next message, beats left out; a close as its code."""
        while True:
            message = await asyncio.wait_for(self._messages.get(), WAIT_S)
            if isinstance(message, int):
                return message
            self.replica.apply(message)
            if message["t"] != "beat":
                return message

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """Everything up to the first message of a kind, it included."""
        heard: list[dict[str, Any]] = []
        while True:
            message = await self.hear()
            assert isinstance(message, dict), f"closed with {message} before {kind}"
            heard.append(message)
            if message["t"] == kind:
                return heard

    async def code(self) -> int:
        """The close code, after whatever else comes."""
        while True:
            message = await self.hear()
            if isinstance(message, int):
                return message

    async def until_held(self, topic: str, version: int) -> None:
        """Hears on until a topic is there."""
        while topic not in self.replica.docs or self.replica.docs[topic].version < version:
            assert isinstance(await self.hear(), dict)

    async def hello(self, epoch: int | None = None) -> dict[str, Any]:
        """Opens the session and returns the welcome."""
        self.say({"t": "hello", "proto": 1, "epoch": epoch})
        return (await self.until("welcome"))[-1]

    async def sub(self, topics: Sequence[str], sub: int = 1, **more: Any) -> list[dict[str, Any]]:
        """Subscribes and returns the items up to live."""
        self.say({"t": "sub", "id": sub, "topics": list(topics), **more})
        return items_of((await self.until("live"))[:-1])


def items_of(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Items out of their batches."""
    items: list[dict[str, Any]] = []
    for message in messages:
        items += message["items"] if message["t"] == "batch" else [message]
    return items


@asynccontextmanager
async def connected(target: Address) -> AsyncIterator[Peer]:
    """A fresh connection."""
    listener = _Frames()
    transport, _ = await ws_connect(lambda: listener, target.url)
    try:
        yield Peer(transport, listener)
    finally:
        transport.disconnect(False)
        await transport.wait_disconnected()


class SyncConformance:
    """The rules of the protocol, one by one."""

    async def test_the_first_contact_goes_as_specified(self, target: Target) -> None:
        """Welcome, snapshots of what exists and what never did, live."""
        await target.change([("stock:first", {"available": 3})])
        async with connected(target) as peer:
            welcome = await peer.hello()
            assert welcome["proto"] == 1
            assert welcome["lag_ms"] < 3_000
            assert {"topics_max", "message_bytes_max"} <= welcome["limits"].keys()
            items = await peer.sub(["stock:first", "stock:never"])
            assert {item["topic"]: (item["t"], item["v"], item["doc"]) for item in items} == {
                "stock:first": ("snap", 1, {"available": 3}),
                "stock:never": ("snap", 0, None),
            }

    async def test_changes_follow_without_gap_or_double(self, target: Target) -> None:
        """Subscribing while changes are being made."""
        await target.change([("stock:busy", _document(0))])

        async def keep_changing() -> None:
            for number in range(1, 60):
                await target.change([("stock:busy", _document(number))])

        writing = asyncio.create_task(keep_changing())
        async with connected(target) as peer:
            await peer.hello()
            await peer.sub(["stock:busy"])
            await writing
            await peer.until_held("stock:busy", 60)
            assert peer.replica.missed == {}
            assert peer.replica.docs["stock:busy"] == (60, _document(59))

    async def test_topics_of_one_command_travel_together(self, target: Target) -> None:
        """One batch, also over kinds."""
        topics = ["stock:pair", "price:pair", "product:pair"]
        await target.change([(topic, _document(0)) for topic in topics])
        async with connected(target) as peer:
            await peer.hello()
            await peer.sub(topics)
            await target.change([(topic, _document(1)) for topic in topics])
            (batch,) = await peer.until("batch")
            assert sorted(item["topic"] for item in batch["items"]) == sorted(topics)
            assert {item["v"] for item in batch["items"]} == {2}

    async def test_a_patch_carries_the_change_alone(self, target: Target) -> None:
        """Fields set, fields removed."""
        text = "long enough that sending it again would cost more than the change " * 3
        await target.change([("product:patched", {"a": 1, "b": 2, "text": text})])
        async with connected(target) as peer:
            await peer.hello()
            await peer.sub(["product:patched"])
            await target.change([("product:patched", {"a": 5, "text": text, "ü": None})])
            (patch,) = await peer.until("patch")
            assert (patch["from"], patch["v"]) == (1, 2)
            assert patch["set"] == {"a": 5, "ü": None}
            assert patch["del"] == ["b"]

    async def test_a_gone_entity_is_null_at_its_next_version(self, target: Target) -> None:
        """And a later one comes back."""
        await target.change([("product:gone", _document(0))])
        async with connected(target) as peer:
            await peer.hello()
            await peer.sub(["product:gone"])
            for document in (None, _document(1)):
                await target.change([("product:gone", document)])
                (snap,) = await peer.until("snap")
                assert snap["doc"] == document

    async def test_a_client_that_comes_back_gets_what_it_lacks(self, target: Target) -> None:
        """Nothing for what is current, the newest for what is not."""
        await target.change([("stock:same", _document(0)), ("stock:moved", _document(0))])
        async with connected(target) as peer:
            epoch = (await peer.hello())["epoch"]
            await peer.sub(["stock:same", "stock:moved"])
            have = peer.replica.versions
        await target.change([("stock:moved", _document(1))])
        await target.change([("stock:moved", _document(2))])
        async with connected(target) as peer:
            await peer.hello(epoch)
            items = await peer.sub(["stock:same", "stock:moved"], have=have)
            assert [(item["topic"], item["v"]) for item in items] == [("stock:moved", 3)]

    async def test_an_unknown_epoch_is_reset_and_its_versions_are_ignored(
        self, target: Target
    ) -> None:
        """Class 8 of the known bugs: a foreign cursor that sticks silently."""
        await target.change([("stock:epoch", _document(0))])
        async with connected(target) as peer:
            welcome = await peer.hello(epoch=999_999)
            (reset,) = await peer.until("reset")
            assert reset["epoch"] == welcome["epoch"]
            (item,) = await peer.sub(["stock:epoch"], have={"stock:epoch": 1})
            assert item["doc"] == _document(0)

    async def test_a_version_that_the_log_never_had_is_reset(self, target: Target) -> None:
        """The same class, within an epoch."""
        await target.change([("stock:future", _document(0))])
        async with connected(target) as peer:
            epoch = (await peer.hello())["epoch"]
            peer.replica.epoch = epoch
            peer.say({"t": "hello", "proto": 1, "epoch": epoch})
            await peer.until("error")
        async with connected(target) as peer:
            await peer.hello(epoch)
            peer.say({"t": "sub", "id": 1, "topics": ["stock:future"], "have": {"stock:future": 9}})
            (*_, reset) = await peer.until("reset")
            assert reset["reason"] == "cursor_unknown"
            (item,) = await peer.sub(["stock:future"], 2)
            assert item["v"] == 1

    async def test_a_new_epoch_reaches_a_live_connection(self, target: Target) -> None:
        """Class 9: every subscription is reset, and the same socket goes on."""
        topics = [f"stock:many-{number}" for number in range(20)]
        await target.change([(topic, _document(0)) for topic in topics])
        async with connected(target) as peer:
            before = (await peer.hello())["epoch"]
            await peer.sub(topics)
            await target.new_epoch()
            (*_, reset) = await peer.until("reset")
            assert reset["epoch"] != before
            assert peer.replica.docs == {}
            assert len(await peer.sub(topics, 2)) == 20

    async def test_a_topic_may_be_fetched_again(self, target: Target) -> None:
        """A sub without `have` for a topic that is live."""
        await target.change([("stock:again", _document(0))])
        async with connected(target) as peer:
            await peer.hello()
            for sub in (1, 2):
                (item,) = await peer.sub(["stock:again"], sub)
                assert (item["t"], item["v"]) == ("snap", 1)

    async def test_an_unsubscribed_topic_is_quiet(self, target: Target) -> None:
        """A later change of another topic comes alone."""
        await target.change([("stock:off", _document(0)), ("stock:on", _document(0))])
        async with connected(target) as peer:
            await peer.hello()
            await peer.sub(["stock:off", "stock:on"])
            peer.say({"t": "unsub", "id": 2, "topics": ["stock:off", "stock:nobody"]})
            peer.say({"t": "ping", "id": 3})
            await peer.until("pong")
            await target.change([("stock:off", _document(1)), ("stock:on", _document(1))])
            message = await peer.hear()
            assert isinstance(message, dict)
            assert [item["topic"] for item in items_of([message])] == ["stock:on"]

    async def test_refused_topics_do_not_hold_up_the_others(self, target: Target) -> None:
        """One error each, then live for the rest."""
        await target.change([("stock:good", _document(0))])
        bad = ["nonsense", "stock:", "unknown:x", "stock:\u0007", "stock:" + "x" * 300]
        async with connected(target) as peer:
            await peer.hello()
            peer.say({"t": "sub", "id": 7, "topics": [*bad, "stock:good"]})
            heard = await peer.until("live")
            errors = [message for message in heard if message["t"] == "error"]
            assert [(error["code"], error["id"]) for error in errors] == [(1010, 7)] * len(bad)
            assert peer.replica.docs["stock:good"].version == 1

    async def test_garbage_is_answered_and_harms_nobody(self, target: Target) -> None:
        """Each with error 1000; the connection goes on."""
        garbage = [
            "",
            "{",
            "[]",
            "null",
            '"hello"',
            "{}",
            '{"t":"sparkle","id":5}',
            '{"t":"sub","id":"x","topics":[]}',
            '{"t":"sub","id":1}',
            '{"t":"sub","id":1,"topics":"stock:A"}',
            '{"t":"sub","id":1,"topics":[1]}',
            '{"t":"sub","id":1,"topics":[],"have":{"a":1.5}}',
            "[" * 5_000,
        ]
        async with connected(target) as peer:
            await peer.hello()
            for text in garbage:
                peer.say(text)
                (error,) = await peer.until("error")
                assert error["code"] == 1000
            peer.say({"t": "ping", "id": 1})
            assert (await peer.until("pong"))[-1]["id"] == 1

    async def test_too_much_garbage_ends_the_connection(self, target: Target) -> None:
        """With a code that says not to come back."""
        async with connected(target) as peer:
            await peer.hello()
            for _ in range(20):
                peer.say("{")
            assert await peer.code() == 4501

    async def test_the_first_message_is_hello(self, target: Target) -> None:
        """Anything else ends the connection."""
        for text in ('{"t":"ping","id":1}', '{"t":"sub","id":1,"topics":["stock:A"]}', "garbage"):
            async with connected(target) as peer:
                peer.say(text)
                assert await peer.code() == 4500

    async def test_another_protocol_version_is_refused_with_what_is_spoken(
        self, target: Target
    ) -> None:
        """Error 1009, then 4502."""
        async with connected(target) as peer:
            peer.say({"t": "hello", "proto": 2})
            (error,) = await peer.until("error")
            assert (error["code"], error["data"]["supported"]) == (1009, [1])
            assert await peer.code() == 4502

    async def test_binary_messages_end_the_connection(self, target: Target) -> None:
        """There are none in this protocol."""
        async with connected(target) as peer:
            await peer.hello()
            peer.transport.send(WSMsgType.BINARY, b"\x00\x01")
            assert await peer.code() == 4500

    async def test_an_oversized_message_ends_the_connection(self, target: Target) -> None:
        """Whole or in fragments."""
        async with connected(target) as peer:
            limit = (await peer.hello())["limits"]["message_bytes_max"]
            peer.transport.send(WSMsgType.TEXT, b" " * (limit + 1))
            assert await peer.code() == 1009
        async with connected(target) as peer:
            await peer.hello()
            part = b" " * (limit // 2 + 1)
            peer.transport.send(WSMsgType.TEXT, part, False)
            peer.transport.send(WSMsgType.CONTINUATION, part, True)
            assert await peer.code() == 1009

    async def test_a_message_in_fragments_is_one_message(self, target: Target) -> None:
        """As RFC 6455 allows."""
        async with connected(target) as peer:
            await peer.hello()
            peer.transport.send(WSMsgType.TEXT, b'{"t":"pi', False)
            peer.transport.send(WSMsgType.CONTINUATION, b'ng","id"', False)
            peer.transport.send(WSMsgType.CONTINUATION, b":4}", True)
            assert (await peer.until("pong"))[-1]["id"] == 4

    async def test_too_many_topics_are_refused_whole(self, target: Target) -> None:
        """Error 1011; what was subscribed before stays."""
        async with connected(target) as peer:
            most = (await peer.hello())["limits"]["topics_max"]
            await peer.sub(["stock:kept"])
            peer.say({"t": "sub", "id": 2, "topics": [f"stock:t{n}" for n in range(most)]})
            (*_, error) = await peer.until("error")
            assert (error["code"], error["id"], error["data"]["topics_max"]) == (1011, 2, most)
            await target.change([("stock:kept", _document(0))])
            await peer.until_held("stock:kept", 1)

    async def test_a_flood_is_refused_and_then_ended(self, target: Target) -> None:
        """Error 1012, which is temporary, then 4003."""
        async with connected(target) as peer:
            await peer.hello()
            for number in range(600):
                peer.say({"t": "ping", "id": number})
            (*_, error) = await peer.until("error")
            assert (error["code"], error["temporary"]) == (1012, True)
            assert error["data"]["retry_ms"] > 0
            assert await peer.code() == 4003

    async def test_another_client_is_not_hurt_by_any_of_it(self, target: Target) -> None:
        """One that breaks every rule beside one that keeps them."""
        await target.change([("stock:calm", _document(0))])
        async with connected(target) as calm, connected(target) as wild:
            await calm.hello()
            await calm.sub(["stock:calm"])
            await wild.hello()
            for _ in range(300):
                wild.say("garbage")
            await wild.code()
            await target.change([("stock:calm", _document(1))])
            await calm.until_held("stock:calm", 2)

    async def test_beats_come_and_tell_the_lag(self, target: Target) -> None:
        """Also where nothing changes."""
        async with connected(target) as peer:
            welcome = await peer.hello()
            beat: Any = None
            while beat is None or beat["t"] != "beat":
                beat = await asyncio.wait_for(peer._messages.get(), WAIT_S)  # noqa: SLF001
            assert beat["lag_ms"] < 3_000
            assert len(beat["head"]) == len(welcome["head"])

    async def test_what_is_held_equals_what_the_database_has(self, target: Target) -> None:
        """Many topics, many changes, one look at the end."""
        topics = [f"stock:eq-{number}" for number in range(10)]
        async with connected(target) as peer:
            await peer.hello()
            await peer.sub(topics)
            for number in range(40):
                await target.change([(topics[number % 10], _document(number))])
            for topic in topics:
                version, document = await target.newest(topic)
                await peer.until_held(topic, version)
                assert peer.replica.docs[topic] == (version, document)

    async def test_unreadable_text_is_answered(self, target: Target) -> None:
        """A text message that is no UTF-8: an error or the close that RFC 6455 asks for."""
        async with connected(target) as peer:
            await peer.hello()
            peer.transport.send(WSMsgType.TEXT, b'{"t":"ping","id":1,"x":"\xff"}')
            message = await peer.hear()
            if isinstance(message, int):
                assert message == 1007
            else:
                assert message["code"] == 1000

    async def test_a_stranger_page_is_refused(self, target: Target) -> None:
        """A browser tells the origin of the page that connects."""
        with pytest.raises(Exception, match="403"):
            await ws_connect(_Frames, target.url, extra_headers={"Origin": "https://evil.example"})


def _document(number: int) -> dict[str, Any]:
    return {"n": number, "text": "the same in every version, so that a change is smaller " * 3}
