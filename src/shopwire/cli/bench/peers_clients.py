"""The screens of bench `peers`: one load generator, a dialect for each engine's protocol.

All of them share the socket, the frames and the search for changes in them; a frame that many
screens get alike is searched once. What differs is how a dialect says what it wants, and with what
it comes back.
"""

import asyncio
import json
import random
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

from typing_extensions import override

from shopwire.cli.bench.fanout_clients import Arrivals, Screen
from shopwire.sync.reducer import decode_server

NUMBER: Final = re.compile(rb'"n":\s*(\d+)')
LIVE_S_MAX: Final = 30.0
"""Wait for a screen to have what it asked for; longer ends the run of this engine."""
_TOGETHER: Final = 100
"""Connections opened at once."""


class Viewer(Screen, ABC):
    """A screen that notes what came when; one that `keeps` also holds it, as a page does."""

    address = "/"
    """What it asks the server for."""
    subprotocol = ""

    def __init__(self, arrivals: Arrivals, topics: Sequence[str], token: str = "") -> None:
        super().__init__(arrivals, topics, token)
        self.topics = topics
        self.log: list[tuple[float, list[int]]] = []
        """Moment and numbers of the changes, as they came."""
        self.keeps = False
        self.held: dict[str, int] = {}
        """Topic to the number of the change that the page shows."""
        self.seen: set[int] = set()
        """Numbers of all changes that ever came."""
        self.stepped_back = 0
        self.back_s: list[float] = []
        """Seconds of each return, from asking for a connection to being live."""

    @override
    def handshake(self) -> bytes:
        more = f"Sec-WebSocket-Protocol: {self.subprotocol}\r\n" if self.subprotocol else ""
        return (
            f"GET {self.address} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Version: 13\r\n{more}\r\n"
        ).encode()

    @override
    def data_received(self, data: bytes) -> None:
        self._arrivals.bytes += len(data)
        super().data_received(data)

    @override
    def heard(self, payload: bytes) -> None:
        numbers = self._arrivals.numbers(payload)
        if numbers:
            self._arrivals.frames += 1
            self.log.append((time.monotonic(), numbers))
            self.seen.update(numbers)
        if self.keeps:
            for topic, n in self.read(payload):
                self.apply(topic, n)
        if not self.live.done() or not numbers:
            self.control(payload)

    def control(self, payload: bytes) -> None:
        """What is no change: the engine's greetings and questions."""

    @abstractmethod
    def read(self, payload: bytes) -> Iterable[tuple[str, int]]:
        """Topic and number of what a message changes for whoever keeps it."""

    def apply(self, topic: str, n: int) -> None:
        """Shows it, as a page does: what comes is the newest."""
        self.stepped_back += n < self.held.get(topic, 0)
        self.held[topic] = n

    def be_live(self) -> None:
        """It has what it asked for."""
        if not self.live.done():
            self.live.set_result(None)

    async def connect(self, port: int) -> None:
        """Connects, again if it was before; live on return."""
        loop = asyncio.get_running_loop()
        self.renew()
        await loop.create_connection(lambda: self, "127.0.0.1", port)
        await asyncio.wait_for(self.live, LIVE_S_MAX)

    async def come_back(self, port: int, away_s: float) -> None:
        """Loses its connection without a word, and returns as its protocol knows best."""
        self.close()
        await asyncio.sleep(away_s)
        began = time.monotonic()
        await self.connect(port)
        self.back_s.append(time.monotonic() - began)


class ShopwireViewer(Viewer):
    """Ours: comes back with the versions that it holds."""

    address = "/sync"
    epoch: int | None = None

    def __init__(self, arrivals: Arrivals, topics: Sequence[str], token: str = "") -> None:
        super().__init__(arrivals, topics, token or f"sh_{random.getrandbits(64):x}")
        self._versions: dict[str, int] = {}

    @override
    def hello(self) -> None:
        known = {"have": self._versions, "epoch": self.epoch} if self._versions else {}
        self.say({"t": "hello", "proto": 1, "epoch": self.epoch, "short": True, **self._token})
        self.say({"t": "sub", "id": 1, "topics": list(self.topics), **known})

    @override
    def control(self, payload: bytes) -> None:
        if self.keeps and payload.startswith(b'{"t":"welcome"'):
            self.epoch = json.loads(payload)["epoch"]

    @override
    def read(self, payload: bytes) -> Iterator[tuple[str, int]]:
        message = decode_server(payload)
        for item in message.get("items", (message,)):
            if item["t"] in {"snap", "patch"} and item["v"] > self._versions.get(item["topic"], 0):
                self._versions[item["topic"]] = item["v"]
                yield item["topic"], (item.get("set") or item["doc"])["n"]


class WsViewer(Viewer):
    """A hand-written gateway on `ws`: asks for everything again."""

    @override
    def hello(self) -> None:
        self.say({"topics": list(self.topics)})

    @override
    def control(self, payload: bytes) -> None:
        if payload.startswith(b'{"rows":'):
            self.be_live()

    @override
    def read(self, payload: bytes) -> Iterator[tuple[str, int]]:
        message = json.loads(payload)
        for row in message.get("rows", (message,)):
            yield row["topic"], int(row["n"])


class SocketIoViewer(Viewer):
    """The same on Socket.IO, by its WebSocket transport."""

    address = "/socket.io/?EIO=4&transport=websocket"

    @override
    def hello(self) -> None:
        """Engine.IO speaks first."""

    @override
    def control(self, payload: bytes) -> None:
        if payload.startswith(b"0{"):
            self.send(b"40")
        elif payload.startswith(b"40"):
            self.send(b"42" + json.dumps(["watch", list(self.topics)]).encode())
        elif payload == b"2":
            self.send(b"3")
        elif payload.startswith(b'42["rows"'):
            self.be_live()

    @override
    def read(self, payload: bytes) -> Iterator[tuple[str, int]]:
        if payload.startswith(b"42"):
            name, content = json.loads(payload[2:])
            for row in content if name == "rows" else (content,):
                yield row["topic"], int(row["n"])


class NchanViewer(Viewer):
    """nchan's own WebSocket subprotocol, which names the message to come back with."""

    subprotocol = "ws+meta.nchan"
    _last = ""

    def __init__(self, arrivals: Arrivals, topics: Sequence[str], token: str = "") -> None:
        super().__init__(arrivals, topics, token)
        self.address = "/sub/" + ",".join(topics)

    @override
    def handshake(self) -> bytes:
        if self._last:
            channels = self.address.partition("?")[0]
            self.address = f"{channels}?last_event_id={quote(self._last)}"
        return super().handshake()

    @override
    def hello(self) -> None:
        if self._last:
            self.be_live()

    @override
    def control(self, payload: bytes) -> None:
        if len(self.log) >= len(self.topics):
            self.be_live()

    @override
    def read(self, payload: bytes) -> Iterator[tuple[str, int]]:
        head, _, body = payload.partition(b"\n\n")
        self._last = head.split(b"\n")[0].removeprefix(b"id: ").decode()
        row = json.loads(body)
        yield row["topic"], row["n"]


class CentrifugoViewer(Viewer):
    """Centrifugo's JSON protocol, with recovery by offset and epoch of each channel."""

    address = "/connection/websocket"

    def __init__(self, arrivals: Arrivals, topics: Sequence[str], token: str = "") -> None:
        super().__init__(arrivals, topics, token)
        self._places: dict[str, dict[str, Any]] = {}
        self._answers = 0

    @override
    def hello(self) -> None:
        self._answers = 0
        wishes: list[dict[str, Any]] = [{"id": 1, "connect": {}}]
        for at, topic in enumerate(self.topics):
            place = {"recover": True, **self._places[topic]} if topic in self._places else {}
            wishes.append({"id": 2 + at, "subscribe": {"channel": topic, **place}})
        self.send(b"\n".join(json.dumps(wish).encode() for wish in wishes))

    @override
    def control(self, payload: bytes) -> None:
        if payload == b"{}":
            self.send(b"{}")
            return
        for line in payload.split(b"\n"):
            answer = json.loads(line)
            if "error" in answer:
                raise ConnectionError(f"Centrifugo refused: {answer['error']}")
            self._answers += "id" in answer
        if self._answers > len(self.topics):
            self.be_live()

    @override
    def read(self, payload: bytes) -> Iterator[tuple[str, int]]:
        for line in payload.split(b"\n"):
            message = json.loads(line)
            if push := message.get("push"):
                self._places[push["channel"]]["offset"] = push["pub"]["offset"]
                yield push["channel"], push["pub"]["data"]["n"]
            elif "subscribe" in message:
                topic, answer = self.topics[message["id"] - 2], message["subscribe"]
                self._places[topic] = {name: answer.get(name, 0) for name in ("offset", "epoch")}
                for missed in answer.get("publications", ()):
                    self._places[topic]["offset"] = missed["offset"]
                    yield topic, missed["data"]["n"]


class Crowd:
    """All screens of a run, in this process."""

    def __init__(self, kind: Callable[..., Viewer], wishes: Sequence[Sequence[str]]) -> None:
        self._arrivals = Arrivals(NUMBER)
        self.heard: Sequence[Viewer] = [kind(self._arrivals, wish) for wish in wishes]

    async def open(self, port: int, endpoint: int) -> None:
        """All of them have what they asked for on return."""
        del endpoint
        for at in range(0, len(self.heard), _TOGETHER):
            async with asyncio.TaskGroup() as group:
                for viewer in self.heard[at : at + _TOGETHER]:
                    group.create_task(viewer.connect(port))

    async def fetch(self) -> None:
        """Nothing to bring: they note what comes."""

    async def forget(self) -> None:
        """From here on it counts."""
        self._arrivals.start(0)
        for viewer in self.heard:
            viewer.log.clear()

    def cpu_s(self) -> float:
        """CPU of all of them together, since some moment."""
        return time.process_time()

    def bytes(self) -> int | None:
        """What came through their sockets since it counts, None where nobody knows."""
        return self._arrivals.bytes

    async def close(self) -> None:
        """All leave."""
        for viewer in self.heard:
            viewer.close()
