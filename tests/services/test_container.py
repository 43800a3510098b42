"""The composition root on a real PostgreSQL: order, failure under load, recovery."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import SetupProblem, ShopwireError
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.modules.inventory.api import ReportStock, SellStock
from shopwire.modules.inventory.store import explain_stock
from shopwire.services.consumers import Consumers
from shopwire.services.container import Container, ServeOptions, open_container

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

BUYERS = 16
STOCK = 100_000
UP_S_MAX = 120.0


async def until_up(container: Container, *, restarts: int) -> None:
    """Waits for the watch to have started PostgreSQL again and seen it answer."""
    async with asyncio.timeout(UP_S_MAX):
        while container.database.restarts < restarts or not container.database.up:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # another process: no signal to wait on


async def buy(container: Container, name: str, stop: asyncio.Event) -> tuple[int, int]:
    """Buys one unit after the other, each until it is answered; returns units and retries."""
    bought = retries = 0
    while not stop.is_set():
        order = Envelope(
            command=SellStock(sku="MUG", quantity=1, reference=name), key=f"{name}-{bought}"
        )
        while True:
            try:
                outcome = await container.write_path.submit(order)
            except ShopwireError as problem:
                if not problem.temporary:
                    raise
                retries += 1
                await asyncio.sleep(0.02)  # what the error asks a client to do
                continue
            assert outcome.ok, outcome.body
            bought += 1
            break
    return bought, retries


async def test_a_postgres_killed_under_load_is_started_again_and_no_sale_is_lost_or_doubled(
    data_folder: Path,
):
    with capture_logs() as said:
        async with open_container(ServeOptions(data=data_folder)) as container:
            # An import can stand back only for shoppers that it is told of.
            assert container.checkout.pacing is container.importer.pacing
            report = ReportStock(sku="MUG", supplier="kiln", quantity=STOCK)
            await container.write_path.submit(Envelope(command=report, key="stock"))
            stop = asyncio.Event()
            buyers = [
                asyncio.create_task(buy(container, f"b{number}", stop)) for number in range(BUYERS)
            ]
            for kills in (1, 2):
                await asyncio.sleep(0.3)  # lets load build up; nothing is judged by it
                os.kill(container.database.server.pid, signal.SIGKILL)
                await container.database.server.died.wait()
                await until_up(container, restarts=kills)
            stop.set()
            results = await asyncio.gather(*buyers)
            sold = sum(bought for bought, _ in results)
            assert sum(retries for _, retries in results) > 0
            reads = container.store.reads
            ledger = await explain_stock(reads, DEFAULT_TENANT, "MUG", before=None, limit=1)
            assert ledger["pools"][0]["sold"] == sold
    told = [line["event"] for line in said]
    assert told.count("database.restarting") == 2
    # On a busy machine it may have been too slow to answer, besides; also when the shop stopped.
    assert told.count("database.up") >= 2
    assert told.count("database.down") - told.count("database.up") in {0, 1}
    assert "stop.failed" not in told


async def test_parts_stop_in_the_opposite_order_of_their_start(data_folder: Path):
    with capture_logs() as said:
        async with open_container(ServeOptions(data=data_folder)):
            pass
    started = [line["step"] for line in said if line["event"] == "start.step"]
    stopped = [line["step"] for line in said if line["event"] == "stop.step"]
    assert started[0] == "database"
    assert stopped == started[::-1]


async def test_a_folder_in_use_is_refused_and_its_owner_stays(data_folder: Path):
    options = ServeOptions(data=data_folder)
    with capture_logs():
        async with open_container(options) as first:
            with pytest.raises(SetupProblem, match="Another Shopwire"):
                async with open_container(options):
                    pass
            await first.store.log.heads()


async def test_what_was_written_is_there_after_the_next_start(data_folder: Path):
    options = ServeOptions(data=data_folder)
    report = ReportStock(sku="MUG", supplier="kiln", quantity=7)
    with capture_logs():
        async with open_container(options) as container:
            first = await container.write_path.submit(Envelope(command=report, key="stock"))
        async with open_container(options) as container:
            again = await container.write_path.submit(Envelope(command=report, key="stock"))
    assert again.replayed
    assert again.body == first.body


async def test_an_unreachable_database_of_ones_own_is_told(data_folder: Path):
    options = ServeOptions(data=data_folder, database_url="postgresql://nobody@127.0.0.1:1/none")
    with capture_logs(), pytest.raises(SetupProblem, match="cannot be used") as caught:
        async with open_container(options):
            pass
    assert "127.0.0.1:1" in str(caught.value)
    assert "nobody" not in str(caught.value)


async def test_a_part_that_ends_by_an_error_is_reported(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    async def broken(_self: Consumers) -> None:
        raise ZeroDivisionError("a defect that the test provokes")

    monkeypatch.setattr(Consumers, "run", broken)
    with capture_logs() as said:
        async with open_container(ServeOptions(data=data_folder)) as container:
            problem = await container.failed
    assert isinstance(problem, ZeroDivisionError)
    assert "part.failed" in [line["event"] for line in said]


async def test_two_shops_never_share_an_epoch(data_folder: Path):
    """A page that showed a former shop at the same address must not take the new one for it."""
    async with open_container(ServeOptions(data=data_folder)) as container:
        first = (await container.store.log.heads()).epoch
    async with open_container(ServeOptions(data=data_folder)) as container:
        assert (await container.store.log.heads()).epoch == first
    assert first > 1_700_000_000
