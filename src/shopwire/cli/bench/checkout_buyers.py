"""The buyers of bench `checkout`: a process with keep-alive connections and little else.

Commands come as JSON lines on standard input, answers go to standard output.
"""

import asyncio
import contextlib
import json
import random
import sys
import time
from typing import Any, Final, cast

import msgspec
import uvloop
from typing_extensions import override

WARM_UP_S: Final = 0.5
REPEAT_EVERY: Final = 50
"""Each checkout with such a number is sent a second time at once, under the same key."""
_ADDRESS: Final = {
    "name": "B. Uyer",
    "lines": ["Lane 1"],
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}
_decode: Final = msgspec.json.Decoder().decode


class Connection(asyncio.Protocol):
    """One keep-alive connection that asks one thing after the other."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed before the answer"))

    @override
    def data_received(self, data: bytes) -> None:
        self._rest += data
        head, found, body = self._rest.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._rest = body[length:]
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head[9:12]), body[:length]))

    async def ask(self, method: bytes, path: bytes, key: str, body: bytes) -> tuple[int, bytes]:
        """One request; returns status and body."""
        if self._transport is None:
            raise ConnectionError("closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(
            b"%b %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Idempotency-Key: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (method, path, key.encode(), len(body), body)
        )
        return await self._answer

    def close(self) -> None:
        """Leaves."""
        if self._transport is not None:
            self._transport.abort()


class Told(msgspec.Struct):
    """What came of all checkouts of a run."""

    sent: int = 0
    """Keys used."""
    placed: list[str] = []
    """Orders that were answered as placed."""
    refused: dict[str, int] = {}
    """Other answers, by what they said."""
    differing: int = 0
    """Repeats that were answered otherwise than the first."""
    times: list[float] = []
    """Seconds from asking to the answer, of what ended between warm-up and end."""
    ended: list[float] = []
    """When each of these ended, by the clock that all processes of the machine share."""


class Buyers:
    """Many shoppers at once, each with a connection of its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._runs = 0
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Ends the run that is under way before its time."""
        self._stopped.set()

    async def buy_paced(
        self, prices: dict[str, int], per_s: float, seconds: float
    ) -> dict[str, Any]:
        """Checkouts that begin at even distances, however long those before them take.

        Each is timed from the moment at which it was due: a shop that stands still for a while is
        felt by all who came meanwhile.
        """
        self._runs += 1
        self._stopped.clear()
        cpu, told, skus = time.process_time(), Told(), list(prices)
        chance = random.Random(f"{self._runs}/paced")  # noqa: S311 - the same in every run
        idle: list[Connection] = []
        began = time.perf_counter()
        counted_from, until = began + WARM_UP_S, began + WARM_UP_S + seconds

        async def shopper(number: int, due: float) -> None:
            connection = idle.pop() if idle else await self._connect()
            body = _checkout(chance.sample(skus, 2), prices)
            told.sent += 1
            key = f"{self._runs}-paced-{number}"
            _note(told, *await connection.ask(b"POST", b"/api/checkout", key, body))
            if due >= counted_from:
                told.ended.append(time.perf_counter())
                told.times.append(told.ended[-1] - due)
            idle.append(connection)

        async with asyncio.TaskGroup() as shoppers:
            number = 0
            while (due := began + number / per_s) < until and not self._stopped.is_set():
                with contextlib.suppress(TimeoutError):
                    wait_s = max(0.0, due - time.perf_counter())
                    await asyncio.wait_for(self._stopped.wait(), wait_s)
                shoppers.create_task(shopper(number, due))
                number += 1
        for connection in idle:
            connection.close()
        answer: dict[str, Any] = msgspec.to_builtins(told)
        return answer | {"cpu_s": time.process_time() - cpu}

    async def buy(
        self, prices: dict[str, int], hot: str | None, clients: int, seconds: float
    ) -> dict[str, Any]:
        """Checkouts of two lines, one after the other; the first line is `hot` where it is set."""
        self._runs += 1
        self._stopped.clear()
        cpu = time.process_time()
        told, skus = Told(), [sku for sku in prices if sku != hot]
        counted_from = time.perf_counter() + WARM_UP_S
        until = counted_from + seconds

        async def buyer(number: int) -> None:
            # A workload that is the same in every run; nothing secret hangs on it.
            chance = random.Random(f"{self._runs}/{number}")  # noqa: S311
            connection = await self._connect()
            count = 0
            while (began := time.perf_counter()) < until and not self._stopped.is_set():
                count += 1
                chosen = chance.sample(skus, 2) if hot is None else [hot, chance.choice(skus)]
                key, body = f"{self._runs}-{number}-{count}", _checkout(chosen, prices)
                told.sent += 1
                first = await connection.ask(b"POST", b"/api/checkout", key, body)
                if counted_from <= (done := time.perf_counter()) < until:
                    told.times.append(done - began)
                    told.ended.append(done)
                _note(told, *first)
                if count % REPEAT_EVERY == 0:
                    again = await connection.ask(b"POST", b"/api/checkout", key, body)
                    told.differing += again != first
            connection.close()

        await asyncio.gather(*(buyer(number) for number in range(clients)))
        answer: dict[str, Any] = msgspec.to_builtins(told)
        return answer | {"cpu_s": time.process_time() - cpu}

    async def look(self, clients: int, seconds: float) -> dict[str, Any]:
        """The cheapest answer that the server has, over as many connections: what HTTP costs."""
        until = time.perf_counter() + seconds
        count = 0

        async def looker() -> None:
            nonlocal count
            connection = await self._connect()
            while time.perf_counter() < until:
                await connection.ask(b"GET", b"/healthz", "k", b"")
                count += 1
            connection.close()

        await asyncio.gather(*(looker() for _ in range(clients)))
        return {"per_s": round(count / seconds, 1)}

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", self._port)
        return connection


def _checkout(skus: list[str], prices: dict[str, int]) -> bytes:
    lines = [{"sku": sku, "quantity": 1, "price_minor": prices[sku]} for sku in skus]
    return json.dumps(
        {
            "lines": lines,
            "currency": "EUR",
            "email": "buyer@example.org",
            "address": _ADDRESS,
            "method": "card",
        }
    ).encode()


def _note(told: Told, status: int, body: bytes) -> None:
    answer = _decode(body)
    if status == 200:
        told.placed.append(answer["result"]["order_id"])
    else:
        name = answer.get("name") or str(status)
        told.refused[name] = told.refused.get(name, 0) + 1


async def obey(port: int) -> None:
    """Does what standard input says until it ends."""
    reader = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    buyers = Buyers(port)
    actions = {"buy": buyers.buy, "buy_paced": buyers.buy_paced, "look": buyers.look}

    async def act(wish: dict[str, Any]) -> None:
        action: Any = actions[wish.pop("do")]
        sys.stdout.write(msgspec.json.encode(await action(**wish)).decode() + "\n")
        sys.stdout.flush()

    async with asyncio.TaskGroup() as acts:
        while line := await reader.readline():
            wish = json.loads(line)
            if wish["do"] == "stop":
                buyers.stop()
            else:
                acts.create_task(act(wish))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(obey(int(sys.argv[1])))
