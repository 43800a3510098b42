"""A server that does what a rule says, message by message, and does not do anything by itself."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from shopwire.testing.conformance.clients.driver import WAIT_S

BEAT_MS: Final = 15_000
"""No rule takes so long: no client misses a beat."""
NOW_MS: Final = 1_795_000_000_000

Docs = Mapping[str, tuple[int, Any]]
"""Version and document by topic."""


class Line:
    """One connection of the client."""

    def __init__(self, socket: ServerConnection) -> None:
        self.epoch = 0
        self.said: list[dict[str, Any]] = []
        """Everything that the client sent."""
        self._socket = socket
        self._inbox: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._known: int | None = None

    async def run(self) -> None:
        """Reads until the end; signs of life are answered here."""
        try:
            async for text in self._socket:
                message = json.loads(text)
                self.said.append(message)
                if message["t"] == "ping":
                    await self.send({"t": "pong", "id": message["id"], "now": NOW_MS})
                else:
                    self._inbox.put_nowait(message)
        except ConnectionClosed:
            pass
        finally:
            self._inbox.put_nowait(None)

    @property
    def is_open(self) -> bool:
        """Whether the client is still there."""
        return self._socket.close_code is None

    async def send(self, *messages: Any) -> None:
        """One frame each."""
        for message in messages:
            await self._socket.send(json.dumps(message))

    def cut(self) -> None:
        """Ends as a network does: without a word."""
        self._socket.transport.abort()

    async def next(self, kind: str, *, wait_s: float | None = None) -> dict[str, Any]:
        """The next message of a kind; others before it are passed over."""
        try:
            async with asyncio.timeout(WAIT_S if wait_s is None else wait_s):
                while (message := await self._inbox.get()) is not None:
                    if message["t"] == kind:
                        return message
        except TimeoutError:
            raise AssertionError(f"the client sends no {kind!r}") from None
        raise AssertionError(f"the client left instead of sending {kind!r}")

    async def greet(self, epoch: int, role: str = "operator") -> dict[str, Any]:
        """Answers the hello, as a hub does: with a reset, where the client comes from elsewhere."""
        hello = await self.next("hello")
        self.epoch, self._known = epoch, hello.get("epoch")
        await self.send(
            {
                "t": "welcome", "proto": 1, "epoch": epoch, "head": [0], "now": NOW_MS,
                "lag_ms": 0, "beat_ms": BEAT_MS, "session": "kit", "role": role,
                "limits": {"topics_max": 1_000, "commands_max": 0},
            }
        )  # fmt: skip
        if self._known not in {None, epoch}:
            await self.reset(epoch)
        return hello

    async def reset(self, epoch: int) -> None:
        """Everything that the client holds is void."""
        self.epoch = epoch
        await self.send({"t": "reset", "epoch": epoch, "reason": "epoch_changed"})

    async def answer(self, docs: Docs) -> dict[str, Any]:
        """Takes subs until all topics were asked for, and gives what the client does not have."""
        left, last = set(docs), {}
        while left:
            last = await self.next("sub")
            left -= await self._give(last, docs)
        return last

    async def serve(self, docs: Docs) -> None:
        """Answers every sub until it is cancelled; topics that are not there are refused."""
        while True:
            await self._give(await self.next("sub"), docs, refused=True)

    async def _give(self, sub: dict[str, Any], docs: Docs, *, refused: bool = False) -> set[str]:
        """Answers a sub; returns the topics that are settled."""
        have = sub.get("have") or {}
        claimed = sub.get("epoch") if sub.get("epoch") is not None else self._known
        if have and claimed not in {None, self.epoch}:
            await self.reset(self.epoch)
            return set()
        asked = [topic for topic in sub["topics"] if topic in docs]
        for topic in sub["topics"] if refused else ():
            if topic not in docs:
                await self.send(refusal(sub["id"], topic))
        items = [snap(topic, *docs[topic]) for topic in asked if have.get(topic) != docs[topic][0]]
        if items:
            await self.send({"t": "batch", "items": items})
        await self.send({"t": "live", "id": sub["id"], "head": [0]})
        return set(asked)


class Stage:
    """`async with Stage()`: listens; each connection is taken by `line()`."""

    def __init__(self) -> None:
        self.url = ""
        self._lines: asyncio.Queue[Line] = asyncio.Queue()
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(self._take, "127.0.0.1", 0)
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/sync"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def line(self) -> Line:
        """The next connection that the client makes."""
        try:
            async with asyncio.timeout(WAIT_S):
                return await self._lines.get()
        except TimeoutError:
            raise AssertionError("the client does not connect") from None

    async def _take(self, socket: ServerConnection) -> None:
        line = Line(socket)
        self._lines.put_nowait(line)
        await line.run()


def refusal(number: int, topic: str) -> dict[str, Any]:
    """The caller may not see a topic."""
    return {
        "t": "error", "id": number, "status": 404, "code": 1010, "name": "TopicRefused",
        "message": "This topic is not for you.", "temporary": False, "remedy": "",
        "data": {"topic": topic, "reason": "not_allowed"},
    }  # fmt: skip


def snap(topic: str, version: int, doc: Any) -> dict[str, Any]:
    """A whole document."""
    return {"t": "snap", "topic": topic, "v": version, "doc": doc, "at": NOW_MS}


def patch(topic: str, version: int, changed: Any, *, base: int | None = None) -> dict[str, Any]:
    """What changed from one version to the next, unless `base` says another."""
    base = version - 1 if base is None else base
    return {"t": "patch", "topic": topic, "from": base, "v": version, "set": changed, "at": NOW_MS}
