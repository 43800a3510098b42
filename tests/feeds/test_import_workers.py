"""Feeds that a process beside the shop's own takes in: the same comes of them, whatever ends it."""

import asyncio
import io
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.feeds.conftest import Shop

from shopwire.kernel.commands import Envelope, Outcome
from shopwire.kernel.errors import AlreadyExists, InternalError, KeyInFlight, ProfileUnknown
from shopwire.kernel.ids import new_id
from shopwire.kernel.source_errors import ImportCutOff
from shopwire.modules.feeds.api import NoteChunk
from shopwire.modules.feeds.store import get_run
from shopwire.services import import_workers
from shopwire.services.import_approve import RUNNING
from shopwire.services.import_wire import Begin, Channel, Done, Run, ToShop, ToWorker
from shopwire.services.import_worker import Worker
from shopwire.services.import_workers import ImportWorker, WorkerImporter
from shopwire.services.importing import Importer, ImportRequest, Summary
from shopwire.services.pacing import Pacing

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

ROWS = 600
Send = Sequence[Envelope]


class Gate:
    """Stands before the shop's write path: counts commands, and lets one of a number wait."""

    def __init__(self, shop: Shop) -> None:
        self._real, self.seen = shop.write_path.submit_many, list[Any]()
        self.stops_at: type | None = None
        self.stopped, self.open = asyncio.Event(), asyncio.Event()
        self.fails: Exception | None = None
        shop.write_path.submit_many = self._submit  # type: ignore[method-assign]

    async def _submit(self, envelopes: Send) -> list[Outcome]:
        for one in envelopes:
            self.seen.append(one.command)
        if self.fails is not None:
            raise self.fails
        if self.stops_at is not None and isinstance(envelopes[0].command, self.stops_at):
            self.stopped.set()
            await self.open.wait()
        return await self._real(envelopes)

    def count(self, kind: type) -> int:
        return sum(isinstance(one, kind) for one in self.seen)


class Workshop:
    """A shop whose feeds go to a process, however small they are."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.pacing = shop, Pacing()
        self.gate = Gate(shop)
        partitions = shop.store.storage.partitions
        self.worker = ImportWorker(
            shop.write_path, self.pacing, dsn=shop.dsn, partitions=partitions
        )
        self.importer = WorkerImporter(
            shop.write_path,
            shop.store.reads,
            partitions=partitions,
            pacing=self.pacing,
            worker=self.worker,
        )

    async def take(self, content: str, **more: Any) -> Summary:
        return await self.importer.run(request(**more), io.BytesIO(content.encode()))

    @property
    def process(self) -> asyncio.subprocess.Process:
        link = self.worker._link
        assert link is not None
        assert link._process is not None
        return link._process


def request(**more: Any) -> ImportRequest:
    defaults: dict[str, Any] = {"run": new_id(), "supplier": "ACME", "source": "feed.csv"}
    return ImportRequest(**defaults | more)


def feed(stock: int, rows: int = ROWS, name: str = "S") -> str:
    lines = (f"{name}{at},Article {at},{stock},2.00\n" for at in range(rows))
    return "sku,title,stock,cost\n" + "".join(lines)


async def until_free(workshop: Workshop, run: str) -> None:
    """Returns once nobody is at a run any more."""
    while True:
        try:
            async with workshop.importer.alone(RUNNING, run):
                return
        except KeyInFlight:
            await asyncio.sleep(0.01)  # another process: no signal to wait on


@pytest.fixture
async def workshop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Workshop]:
    monkeypatch.setattr(import_workers, "WORKER_BYTES_MIN", 1)
    workshop = Workshop(shop)
    yield workshop
    await workshop.worker.stop()


async def test_both_processes_make_the_same_of_a_feed(workshop: Workshop):
    bad = feed(5) + "bad,Bad,-1,2.00\n"
    first = await workshop.take(bad)
    assert (first.status, first.changed, first.quarantined) == ("finished", ROWS, 1)
    assert workshop.worker.pid is not None
    (row,) = await workshop.shop.quarantine(first.id)
    assert row["code"] == first.bad_rows[0].code
    # What one process remembers of it the other one knows again, and the other way round.
    again = await workshop.shop.take(bad)
    assert (again.changed, again.unchanged, again.quarantined) == (0, ROWS, 1)
    changed = await workshop.shop.take(feed(6))
    assert changed.changed == ROWS
    once_more = await workshop.take(feed(6))
    assert (once_more.changed, once_more.unchanged) == (0, ROWS)
    assert not await workshop.shop.drift()


async def test_a_small_feed_stays_where_it_is(workshop: Workshop, monkeypatch):
    monkeypatch.setattr(import_workers, "WORKER_BYTES_MIN", len(feed(5)) + 1)
    assert (await workshop.take(feed(5))).changed == ROWS
    assert workshop.worker.pid is None


async def test_who_follows_a_feed_row_by_row_has_it_taken_in_here(workshop: Workshop):
    told: list[int] = []
    stream = io.BytesIO(feed(5).encode())
    await workshop.importer.run(request(), stream, lambda _, place: told.append(place))
    assert told[-1] == len(feed(5))
    assert workshop.worker.pid is None


async def test_a_refusal_is_the_same_from_there(workshop: Workshop):
    nothing = "a,b\n1,2\n"
    with pytest.raises(ProfileUnknown) as here:
        await Importer.run(workshop.importer, request(), io.BytesIO(nothing.encode()))
    with pytest.raises(ProfileUnknown) as there:
        await workshop.take(nothing)
    assert there.value.body() == here.value.body()
    done = await workshop.take(feed(5))
    with pytest.raises(AlreadyExists):
        await workshop.take(feed(6), run=done.id)


async def test_a_defect_here_ends_the_feed_and_not_the_process(workshop: Workshop):
    await workshop.take(feed(5))
    pid, workshop.gate.fails = workshop.worker.pid, RuntimeError("a defect that a test provokes")
    with pytest.raises(InternalError):
        await workshop.take(feed(6))
    workshop.gate.fails = None
    assert (await workshop.take(feed(6))).changed == ROWS
    assert workshop.worker.pid == pid


async def test_a_process_that_is_killed_tells_and_the_next_feed_brings_the_rest(
    workshop: Workshop,
):
    run, gate = new_id(), workshop.gate
    gate.stops_at = NoteChunk
    taking = asyncio.create_task(workshop.take(feed(5), run=run))
    await gate.stopped.wait()
    assert workshop.worker.pid is not None
    os.kill(workshop.worker.pid, signal.SIGKILL)
    with capture_logs() as said, pytest.raises(ImportCutOff):
        await taking
    assert {"event": "imports.cut_off", "feeds": 1, "log_level": "error"} in said
    gate.stops_at = None
    gate.open.set()
    after = await workshop.take(feed(7))
    assert after.status == "finished"
    known = await get_run(workshop.shop.store.reads, "main", run)
    assert known["status"] == "interrupted"
    rows = await workshop.shop.query("SELECT count(*) FROM stock_pool WHERE reported = 7")
    assert rows[0][0] == ROWS
    assert not await workshop.shop.drift()


async def test_whoever_is_killed_in_the_middle_of_a_feed_leaves_no_file(
    workshop: Workshop, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    workshop.gate.stops_at = NoteChunk
    taking = asyncio.create_task(workshop.take(feed(5)))
    await workshop.gate.stopped.wait()
    assert not list(tmp_path.iterdir())
    workshop.gate.open.set()
    assert (await taking).status == "finished"
    monkeypatch.setattr(import_workers, "_MODULE", "shopwire.no_such_module")
    await workshop.worker._link.close()  # type: ignore[union-attr]
    assert (await workshop.take(feed(6))).status == "finished"
    assert not list(tmp_path.iterdir())


async def test_who_waits_no_longer_ends_the_feed_and_not_the_process(workshop: Workshop):
    gate = workshop.gate
    gate.stops_at = NoteChunk
    run = new_id()
    taking = asyncio.create_task(workshop.take(feed(5), run=run))
    await gate.stopped.wait()
    pid = workshop.worker.pid
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    await until_free(workshop, run)
    gate.stops_at = None
    gate.open.set()
    assert (await workshop.take(feed(7))).status == "finished"
    assert workshop.worker.pid == pid


async def test_feeds_of_two_suppliers_go_side_by_side_in_one_process(workshop: Workshop):
    one, two = await asyncio.gather(
        workshop.take(feed(5)), workshop.take(feed(6, name="T"), supplier="Other")
    )
    assert (one.changed, two.changed) == (ROWS, ROWS)
    assert not await workshop.shop.drift()


async def test_a_held_feed_is_approved_there(workshop: Workshop):
    await workshop.take(feed(5))
    held = await workshop.take(feed(0))
    assert held.status == "held"
    approved = await workshop.importer.approve(held.id, principal="ann")
    assert (approved.status, approved.changed) == ("finished", ROWS)


async def test_it_goes_by_small_pieces_while_somebody_buys(workshop: Workshop):
    await workshop.take(feed(5))
    at_once = workshop.gate.count(NoteChunk)
    with workshop.pacing.shopper():
        await workshop.take(feed(6))
    in_pieces = workshop.gate.count(NoteChunk) - at_once
    await workshop.take(feed(7))
    assert in_pieces > at_once


async def test_without_feeds_it_ends_by_itself_and_begins_anew_with_the_next(
    workshop: Workshop, monkeypatch
):
    monkeypatch.setattr(import_workers, "WORKER_IDLE_MS", 0)
    await workshop.take(feed(5))
    process = workshop.process
    assert await process.wait() == 0
    assert workshop.worker.pid is None
    assert (await workshop.take(feed(6))).changed == ROWS


async def test_where_there_is_no_such_process_the_shop_s_own_does_it(
    workshop: Workshop, monkeypatch
):
    monkeypatch.setattr(import_workers, "_MODULE", "shopwire.no_such_module")
    with capture_logs() as said:
        assert (await workshop.take(feed(5))).changed == ROWS
    assert "imports.no_process" in {line["event"] for line in said}


async def test_it_ends_with_the_shop(workshop: Workshop):
    gate = workshop.gate
    gate.stops_at = NoteChunk
    taking = asyncio.create_task(workshop.take(feed(5)))
    await gate.stopped.wait()
    process = workshop.process
    await workshop.worker.stop()
    with pytest.raises(ImportCutOff):
        await taking
    assert process.returncode is not None
    gate.open.set()
    gate.stops_at = None
    assert (await workshop.take(feed(6))).status == "finished"
    assert workshop.worker.pid is None


class Heard(Channel[ToWorker]):
    """The process's side of a channel, whose messages come from a list."""

    def __init__(self, *messages: ToWorker) -> None:
        self._come, self.more = messages, asyncio.Event()

    async def messages(self) -> AsyncIterator[ToWorker]:
        for message in self._come:
            yield message
        await self.more.wait()

    async def send(self, message: Any) -> None:
        if isinstance(message, Done):
            raise TypeError("a defect that a test provokes")


async def test_a_process_that_cannot_tell_the_end_of_a_feed_ends():
    begin = Begin(dsn="postgresql://nobody@127.0.0.1:1/nothing", partitions=8)
    feed = Run(number=1, request=request(), path="/no/such/file", folder=None)
    with pytest.raises(ExceptionGroup):
        await Worker(Heard(begin, feed)).serve()


async def test_what_is_no_message_ends_what_is_heard(caplog: pytest.LogCaptureFixture):
    ours, theirs = socket.socketpair()
    with theirs:
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        channel: Channel[ToShop] = Channel(reader, writer, ToShop)
        theirs.sendall(b"\x01\x00\x00\x00\xc1" * 2)
        assert [message async for message in channel.messages()] == []
        assert "cannot be read" in caplog.text
        channel.close()
