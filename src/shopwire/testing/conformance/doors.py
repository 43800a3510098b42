"""Four doors behind one interface: what a client says and hears, whichever way it came in.

A driver does what docs/protocol says a client does at its door and nothing more; it holds what it
was told in a `Replica`, by the rules of section 5. So one suite can ask all of them the same.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, ClassVar, Final, Protocol

import httpx2
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from typing_extensions import override

from shopwire.sync.reducer import Replica

WAIT_S: Final = 60.0
"""Longer than anything here takes; reached only by a defect."""
POLL_WAIT_MS: Final = 2_000
"""How long a long-poll is asked to wait for news."""
_ABNORMAL: Final = 1006
Message = dict[str, Any]


class Doors(Protocol):
    """Where a server's doors are."""

    url: str
    """Of the WebSocket, `ws://127.0.0.1:1234/sync`."""
    events_url: str
    """Of server-sent events, `http://127.0.0.1:1234/sync/sse`."""
    poll_url: str
    """Of long-poll, `http://127.0.0.1:1234/sync/poll`."""
    graphql_url: str
    """Of GraphQL's WebSocket, `ws://127.0.0.1:1234/graphql`."""


class DoorClosedError(Exception):
    """The server ended what was asked for; nothing more comes."""


class Door(ABC):
    """A client at one door. `subscribe`, then `hear` again and again, then `close`.

    Refusals are heard as messages of type `error` with their number, wherever the door puts them;
    the end of a connection as `close` with its code.
    """

    name: ClassVar[str]
    topics_max: ClassVar[int] = 1_000
    """Topics that it takes; more are refused with 1011."""
    whole: ClassVar[bool] = False
    """Whether a topic that is refused refuses all that were asked for with it."""
    stays: ClassVar[bool] = True
    """Whether the server knows of it all the time: who comes and goes may get whole what changed
    in between, since nothing is kept for those who are away."""

    def __init__(self, doors: Doors, token: str = "") -> None:
        """Args: `token` of the caller; without it the door is entered without credentials."""
        self.doors, self.token = doors, token
        self.replica = Replica()
        self.topics: dict[str, None] = {}
        self.heard: list[Message] = []
        """All messages, beats included."""
        self.told: list[tuple[str, int]] = []
        """Each version that was taken, in order."""
        self.doubled: list[tuple[str, int]] = []
        """Versions that came though they, or later ones, were held."""
        self.missed: list[str] = []
        """Topics that had a gap."""

    async def subscribe(
        self,
        topics: Sequence[str],
        have: Mapping[str, int] | None = None,
        epoch: int | None = None,
    ) -> None:
        """Asks for topics beside those that are there already.

        `have` and `epoch` are what a client claims to hold; without them, what this one holds.
        """
        self.topics.update(dict.fromkeys(topics))
        claimed = self._held() if have is None else dict(have)
        known = self.replica.epoch if epoch is None else epoch
        async with asyncio.timeout(WAIT_S):
            await self._ask(list(topics), claimed, known)

    async def unsubscribe(self, topics: Iterable[str]) -> None:
        """Goes on with the other topics alone."""
        gone = [topic for topic in topics if self.topics.pop(topic, self) is None]
        for topic in gone:
            self.replica.docs.pop(topic, None)
        async with asyncio.timeout(WAIT_S):
            await self._leave(gone)

    async def hear(self) -> Message:
        """The next message, applied; raises DoorClosedError behind the end."""
        async with asyncio.timeout(WAIT_S):
            message = await self._next()
        self.heard.append(message)
        for item in items_of([message]):
            held = self.replica.docs.get(item["topic"])
            if held is not None and item["v"] <= held.version:
                self.doubled.append((item["topic"], item["v"]))
        change = self.replica.apply(message)
        self.told += [(topic, held.version) for topic, held in change.steps]
        self.missed += sorted(change.missed)
        if message["t"] == "revoke":
            self.topics.pop(message["topic"], None)
        elif message["t"] == "error" and message["code"] == 1010:
            self.topics.pop(message["data"]["topic"], None)
            self.replica.docs.pop(message["data"]["topic"], None)
        await self._after(message, sorted(change.missed))
        return message

    async def _after(self, message: Message, missed: list[str]) -> None:
        """What a message asks of its client: topics with a gap are fetched again."""
        if missed:
            await self._ask(missed, self._held(), self.replica.epoch)

    @abstractmethod
    async def close(self) -> None:
        """Leaves."""

    @abstractmethod
    async def _ask(self, topics: list[str], have: dict[str, int], epoch: int | None) -> None: ...

    @abstractmethod
    async def _leave(self, topics: list[str]) -> None: ...

    @abstractmethod
    async def _next(self) -> Message: ...

    def _held(self) -> dict[str, int]:
        """What is held without doubt."""
        versions = self.replica.versions
        return {topic: v for topic, v in versions.items() if topic not in self.replica.missed}

    # -- for those who ask ----------------------------------------------------------------------

    async def until(self, *kinds: str) -> list[Message]:
        """Everything up to the first message of one of the kinds, it included, beats left out."""
        found: list[Message] = []
        async with asyncio.timeout(WAIT_S):
            while True:
                message = await self.hear()
                if message["t"] in kinds:
                    return [*found, message]
                if message["t"] != "beat":
                    found.append(message)

    async def until_held(self, topic: str, version: int) -> None:
        """Hears on until a topic is there."""
        async with asyncio.timeout(WAIT_S):
            while topic not in self.replica.docs or self.replica.docs[topic].version < version:
                await self.hear()

    async def until_taken(self, topic: str) -> Message:
        """Hears on until a topic is taken back; returns what says so.

        By `revoke`; a door without a standing connection may say it by a refusal instead.
        """
        while True:
            (*_, message) = await self.until("revoke", "error")
            if topic in {message.get("topic"), message.get("data", {}).get("topic")}:
                return message


def items_of(messages: Sequence[Message]) -> list[Message]:
    """Items of messages, out of their batches."""
    items: list[Message] = []
    for message in messages:
        if message["t"] == "batch":
            items += [item for item in message["items"] if item["t"] in {"snap", "patch"}]
        elif message["t"] in {"snap", "patch"}:
            items.append(message)
    return items


# -- WebSocket ------------------------------------------------------------------------------------


class _Frames(WSListener):
    def __init__(self) -> None:
        super().__init__()
        self.messages: asyncio.Queue[Message] = asyncio.Queue()

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.messages.put_nowait(json.loads(frame.get_payload_as_bytes()))
        elif frame.msg_type == WSMsgType.CLOSE:
            payload = frame.get_payload_as_bytes()
            code = int.from_bytes(payload[:2], "big")
            self.messages.put_nowait({"t": "close", "code": code, "reason": payload[2:].decode()})
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    @override
    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.messages.put_nowait({"t": "close", "code": _ABNORMAL, "reason": "cut off"})


class _Socket:
    """A WebSocket that carries JSON."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url, self._headers = url, dict(headers)
        self._transport: WSTransport | None = None
        self._listener = _Frames()
        self._ended = False

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    async def open(self) -> None:
        self._transport, _ = await ws_connect(
            lambda: self._listener, self._url, extra_headers=self._headers
        )

    def say(self, message: Message) -> None:
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, json.dumps(message).encode())

    async def hear(self) -> Message:
        if self._ended:
            raise DoorClosedError
        message = await self._listener.messages.get()
        self._ended = message.get("t") == "close"
        return message

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.disconnect(False)
            await self._transport.wait_disconnected()


class WebSocketDoor(Door):
    """`/sync`: the door with a voice of its own for each subscription."""

    name = "websocket"

    def __init__(self, doors: Doors, token: str = "") -> None:
        super().__init__(doors, token)
        self._socket = _Socket(doors.url, {})
        self._ids = 0

    @override
    async def _ask(self, topics: list[str], have: dict[str, int], epoch: int | None) -> None:
        if not self._socket.is_open:
            await self._socket.open()
            token = {"token": self.token} if self.token else {}
            self._socket.say({"t": "hello", "proto": 1, "epoch": epoch, **token})
            if epoch is not None and (await self.until("welcome"))[-1]["epoch"] != epoch:
                return  # the reset that follows asks for them
        self._sub(topics, {topic: have[topic] for topic in topics if topic in have}, epoch)

    def _sub(self, topics: list[str], have: dict[str, int], epoch: int | None) -> None:
        claimed = {} if epoch is None else {"epoch": epoch}
        self._ids += 1
        self._socket.say({"t": "sub", "id": self._ids, "topics": topics, "have": have, **claimed})

    @override
    async def _leave(self, topics: list[str]) -> None:
        self._ids += 2
        self._socket.say({"t": "unsub", "id": self._ids - 1, "topics": topics})
        self._socket.say({"t": "ping", "id": self._ids})
        while (await self.hear()).get("id") != self._ids:
            continue  # items on their way may still come; the pong stands behind them
        for topic in topics:
            self.replica.docs.pop(topic, None)

    @override
    async def _next(self) -> Message:
        return await self._socket.hear()

    @override
    async def _after(self, message: Message, missed: list[str]) -> None:
        if message["t"] == "reset" and self.topics:
            self._sub(list(self.topics), {}, None)
        elif missed:
            self._sub(missed, {}, None)

    @override
    async def close(self) -> None:
        await self._socket.close()


# -- HTTP -----------------------------------------------------------------------------------------


class _OverHttp(Door):
    """What the doors below HTTP share: a header for the token, errors as JSON bodies."""

    def __init__(self, doors: Doors, token: str = "") -> None:
        super().__init__(doors, token)
        self._web = httpx2.AsyncClient(timeout=WAIT_S)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @override
    async def close(self) -> None:
        await self._web.aclose()


def _refusal(status: int, body: bytes) -> Message:
    return {"t": "error", "id": 1, "status": status, **json.loads(body)}


class EventsDoor(_OverHttp):
    """`/sync/sse`: topics stand in the address, so that other topics are another stream."""

    name = "events"
    topics_max = 200
    whole = True

    def __init__(self, doors: Doors, token: str = "") -> None:
        super().__init__(doors, token)
        self._stream = AsyncExitStack()
        self._lines: AsyncIterator[str] | None = None
        self._refused: Message | None = None

    @override
    async def _ask(self, topics: list[str], have: dict[str, int], epoch: int | None) -> None:
        await self._stream.aclose()
        query: list[tuple[str, str | int | float | bool | None]]
        query = [("topic", topic) for topic in self.topics]
        query += [("have", f"{topic}@{v}") for topic, v in have.items() if topic in self.topics]
        query += [] if epoch is None else [("epoch", str(epoch))]
        stream = self._web.stream("GET", self.doors.events_url, params=query, headers=self._headers)
        answer = await self._stream.enter_async_context(stream)
        self._lines = None
        if answer.status_code == 200:
            self._lines = answer.aiter_lines()
        else:
            self._refused = _refusal(answer.status_code, await answer.aread())

    @override
    async def _leave(self, topics: list[str]) -> None:
        await self._ask([], self._held(), self.replica.epoch)

    @override
    async def _next(self) -> Message:
        if self._refused is not None:
            refused, self._refused = self._refused, None
            return refused
        if self._lines is None:
            raise DoorClosedError
        ends = False
        async for line in self._lines:
            if line == "event: close":
                ends = True
            elif line.startswith("data: "):
                message: Message = json.loads(line.removeprefix("data: "))
                return {"t": "close", **message} if ends else message
        self._lines = None
        return {"t": "close", "code": _ABNORMAL, "reason": "cut off"}

    @override
    async def close(self) -> None:
        await self._stream.aclose()
        await super().close()


class PollDoor(_OverHttp):
    """`/sync/poll`: each request says what is held, so that the server keeps nothing."""

    name = "poll"
    stays = False

    def __init__(self, doors: Doors, token: str = "") -> None:
        super().__init__(doors, token)
        self._answered: list[Message] = []
        self._claim: tuple[dict[str, int], int | None] | None = None

    @override
    async def _ask(self, topics: list[str], have: dict[str, int], epoch: int | None) -> None:
        self._claim = (have, epoch)

    @override
    async def _leave(self, topics: list[str]) -> None:
        self._claim = None

    @override
    async def _next(self) -> Message:
        while not self._answered:
            await self._poll()
        return self._answered.pop(0)

    async def _poll(self) -> None:
        if not self.topics:
            raise DoorClosedError
        have, epoch = self._claim or (self._held(), self.replica.epoch)
        known = {topic: v for topic, v in have.items() if topic in self.topics}
        body = {"topics": list(self.topics), "have": known, "wait_ms": POLL_WAIT_MS}
        if epoch is not None:
            body["epoch"] = epoch
        answer = await self._web.post(self.doors.poll_url, json=body, headers=self._headers)
        self._claim = None
        if answer.status_code != 200:
            self._answered = [_refusal(answer.status_code, answer.content)]
            if answer.status_code == 401:
                self.token = ""  # a token that was taken back: what is public goes on without
            else:
                self.topics.clear()
            return
        told = answer.json()
        self._answered = told["messages"]
        if "close" in told:
            self._answered.append({"t": "close", **told["close"]})


# -- GraphQL --------------------------------------------------------------------------------------

SUBSCRIPTION: Final = """subscription ($names: [String!]!, $have: JSON, $epoch: BigInt) {
  topics(names: $names, have: $have, epoch: $epoch)
}"""
"""What is subscribed to."""


class GraphqlDoor(Door):
    """`/graphql` by graphql-transport-ws: other topics are another subscription."""

    name = "graphql"

    def __init__(self, doors: Doors, token: str = "") -> None:
        super().__init__(doors, token)
        self._socket = _Socket(
            doors.graphql_url, {"Sec-WebSocket-Protocol": "graphql-transport-ws"}
        )
        self._number = 0

    @override
    async def _ask(self, topics: list[str], have: dict[str, int], epoch: int | None) -> None:
        if not self._socket.is_open:
            await self._socket.open()
            token = {"token": self.token} if self.token else {}
            self._socket.say({"type": "connection_init", "payload": token})
        if self._number:
            self._socket.say({"type": "complete", "id": str(self._number)})
        self._number += 1
        known = {topic: v for topic, v in have.items() if topic in self.topics}
        variables = {"names": list(self.topics), "have": known, "epoch": epoch}
        payload = {"query": SUBSCRIPTION, "variables": variables}
        self._socket.say({"type": "subscribe", "id": str(self._number), "payload": payload})

    @override
    async def _leave(self, topics: list[str]) -> None:
        await self._ask([], self._held(), self.replica.epoch)

    @override
    async def _next(self) -> Message:
        while True:
            frame = await self._socket.hear()
            if frame.get("t") == "close":
                return frame
            if frame["type"] == "ping":
                self._socket.say({"type": "pong"})
            elif frame.get("id") == str(self._number):
                message = _unpacked(frame)
                if message is not None:
                    return message

    @override
    async def close(self) -> None:
        await self._socket.close()


def _unpacked(frame: Message) -> Message | None:
    """The message in a frame of graphql-transport-ws, errors with their numbers."""
    payload = frame.get("payload")
    if frame["type"] == "error":
        errors = payload
    elif isinstance(payload, dict):
        errors = payload.get("errors")
    else:
        return None
    if errors:
        return {"t": "error", "id": 1, **errors[0]["extensions"]}
    message: Message = payload["data"]["topics"] if isinstance(payload, dict) else {}
    return message


DOORS: Final[Mapping[str, type[Door]]] = {
    door.name: door for door in (WebSocketDoor, EventsDoor, PollDoor, GraphqlDoor)
}
"""All doors, by name."""
