"""The server of bench `checkout`: the real one, in a process of its own, asked line by line.

Commands come as JSON lines on standard input, answers go to standard output.
"""

import asyncio
import json
import logging
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog
import uvloop

from shopwire.cli.bench.common import latencies
from shopwire.kernel.commands import Command, Envelope
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import load_queries
from shopwire.modules.inventory.api import Count, ReportStocks
from shopwire.modules.suppliers.api import PutOffer, RegisterSupplier
from shopwire.services.container import Container, ServeOptions, open_container
from shopwire.services.garbage import spare_what_lives_on
from shopwire.services.server import make_server

SUPPLIER: Final = "warehouse"
_SQL: Final = load_queries("shopwire.cli.bench", "checkout.sql")
_PRICED_S_MAX: Final = 60
_QUIET_S: Final = 0.4
"""Without a new event for so long, everything that follows from others is done."""


class Holding:
    """How long transactions of the write path hold their connection."""

    def __init__(self, container: Container) -> None:
        self.seconds: list[float] = []
        storage: Any = container.store.storage
        begin, write_at = storage.transaction, storage.write_at

        @asynccontextmanager
        async def timed(partitions: Sequence[int]) -> AsyncIterator[Any]:
            async with begin(partitions) as tx:
                began = time.perf_counter()
                try:
                    yield tx
                finally:
                    self.seconds.append(time.perf_counter() - began)

        async def timed_write(*decided: Any) -> None:
            began = time.perf_counter()
            try:
                await write_at(*decided)
            finally:
                self.seconds.append(time.perf_counter() - began)

        storage.transaction, storage.write_at = timed, timed_write


class Shop:
    """What the bench asks the server's process for."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._holding = Holding(container)

    async def seed(self, skus: Sequence[str], units: int) -> dict[str, Any]:
        """Stock and offers; returns the prices that follow."""
        await self._all([RegisterSupplier(id=SUPPLIER, name="Warehouse")])
        await self._all(
            PutOffer(sku=sku, supplier=SUPPLIER, cost_minor=500 + number, currency="EUR")
            for number, sku in enumerate(skus)
        )
        await self._all(
            ReportStocks(supplier=SUPPLIER, counts=(Count(sku=sku, quantity=units),))
            for sku in skus
        )
        reads = self._container.store.reads
        deadline = time.monotonic() + _PRICED_S_MAX
        while True:
            rows = await reads.fetch(_SQL["prices"], DEFAULT_TENANT)
            if len(rows) == len(skus):
                await self.settle(_PRICED_S_MAX)
                return {row["sku"]: row["amount_minor"] for row in rows}
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(rows)} of {len(skus)} articles have a price")
            await asyncio.sleep(0.05)  # the prices follow by a consumer, which tells nobody

    async def settle(self, seconds_max: float) -> dict[str, Any]:
        """Waits until nothing follows any more from what was done; None where that took longer."""
        began = quiet_since = time.monotonic()
        last: Sequence[int] = ()
        while (now := time.monotonic()) - began < seconds_max:
            heads = (await self._container.store.log.heads()).next
            if heads != last or self._container.write_path.queued:
                last, quiet_since = heads, now
            elif now - quiet_since >= _QUIET_S:
                return {"settled_s": round(quiet_since - began, 2)}
            await asyncio.sleep(_QUIET_S / 4)  # nobody tells that nothing more is to come
        return {"settled_s": None}

    async def look(self) -> dict[str, Any]:
        """What was spent since the last look."""
        held, self._holding.seconds = self._holding.seconds, []
        usage = resource.getrusage(resource.RUSAGE_SELF)
        stats = self._container.write_path.stats
        return {
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "transactions": len(held),
            "held": latencies(held),
            "commands": stats.commands,
            "batches": stats.batches,
        }

    async def _all(self, commands: Iterable[Command]) -> None:
        envelopes = [
            Envelope(command=command, key=f"seed-{number}")
            for number, command in enumerate(commands)
        ]
        for outcome in await self._container.write_path.submit_many(envelopes):
            if not outcome.ok:
                raise RuntimeError(outcome.body.decode())


async def _obey(shop: Shop) -> None:
    reader = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    actions = {"seed": shop.seed, "settle": shop.settle, "look": shop.look}
    while line := await reader.readline():
        wish = json.loads(line)
        action: Any = actions[wish.pop("do")]
        answer = await action(**wish)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


async def serve(dsn: str, data: Path) -> None:
    """Serves until standard input ends; nothing but errors is logged, as in a shop at work."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    port = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    options = ServeOptions(data=data, database_url=dsn)
    async with open_container(options) as container:
        shop = Shop(container)
        server = make_server(
            container.app(), ws="websockets-sansio", http=container.sync.http_protocol()
        )
        serving = asyncio.create_task(server.serve(sockets=[port]))
        await server.ready.wait()
        spare_what_lives_on()
        sys.stdout.write(json.dumps({"port": port.getsockname()[1]}) + "\n")
        sys.stdout.flush()
        await _obey(shop)
        container.stopping = True
        container.hub.close_sessions()
        server.stop()
        await serving


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], Path(sys.argv[2])))
