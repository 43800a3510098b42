"""The process that takes feeds in: reads, compares and sends; the shop's own decides.

It runs the same `Importer` as everybody. Its commands and leases go through the shop's write path,
so that one process decides (ADR 15), and its reads to the database itself. It is polite: whoever
serves shoppers has the processors first, and it holds no lock that somebody could wait for.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import uvloop
from msgspec.structs import replace
from typing_extensions import override

from shopwire.adapters.postgres.pool import Pools, PostgresReads
from shopwire.kernel.commands import Envelope, Outcome
from shopwire.kernel.storage import Claim, Lease
from shopwire.services.ending import end_tasks
from shopwire.services.import_request import Summary, raised_from
from shopwire.services.import_wire import (
    Approve,
    Begin,
    Cancel,
    Channel,
    ClaimLease,
    Done,
    DropLease,
    Ready,
    RenewLease,
    Run,
    Sent,
    Shoppers,
    Submit,
    Told,
    ToWorker,
    refusal_of,
)
from shopwire.services.importing import Importer
from shopwire.services.logs import configure_logs
from shopwire.services.pacing import Pacing
from shopwire.services.threads import let_the_loop_go_first

NICE: Final = 10
"""How far behind the shop's own process it stands in the queue for a processor."""
READERS_MAX: Final = 4
"""Connections that it reads by."""

_pack: Final = msgspec.msgpack.Encoder().encode


class ShopWritePath:
    """The shop's write path, from the process beside it."""

    def __init__(self, send: Callable[..., Awaitable[None]]) -> None:
        self._send = send
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Told]] = {}

    @property
    def bulk_ms(self) -> Sequence[float]:
        """Nothing: the shop itself knows what commands of feeds take, and makes the pauses."""
        return ()

    async def submit(self, envelope: Envelope) -> Outcome:
        """As `WritePath.submit`."""
        (outcome,) = await self.submit_many([envelope])
        return outcome

    async def submit_many(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """As `WritePath.submit_many`."""
        sent = [
            Sent(
                one.command.operation,
                msgspec.Raw(_pack(one.command)),
                one.key,
                one.principal,
                one.tenant,
            )
            for one in envelopes
        ]
        return (await self._ask(partial(Submit, envelopes=sent))).outcomes

    async def claim_lease(self, claim: Claim) -> Lease | Outcome:
        """As `WritePath.claim_lease`."""
        told = await self._ask(partial(ClaimLease, claim=claim))
        return told.lease or told.outcomes[0]

    async def renew_lease(self, lease: Lease) -> Lease:
        """As `WritePath.renew_lease`."""
        told = await self._ask(partial(RenewLease, lease=lease))
        assert told.lease is not None, "who renews gets a lease or an error"
        return told.lease

    async def drop_lease(self, lease: Lease) -> None:
        """As `WritePath.drop_lease`."""
        await self._ask(partial(DropLease, lease=lease))

    def hear(self, told: Told) -> None:
        """Takes an answer in."""
        waiting = self._waiting.get(told.number)
        if waiting is not None and not waiting.done():
            waiting.set_result(told)

    async def _ask(self, message: Callable[..., object]) -> Told:
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(message(number=number))
            told: Told = await answer
        finally:
            del self._waiting[number]
        if told.error is not None:
            raise raised_from(told.error)
        return told


class ToldPacing(Pacing):
    """As large a piece as the shop asks for, and no turns: the shop gives those to commands."""

    def __init__(self) -> None:
        super().__init__()
        self.shoppers = False

    @property
    @override
    def busy(self) -> bool:
        return self.shoppers

    @override
    @asynccontextmanager
    async def piece(
        self, spent_ms: Callable[[], Sequence[float]] | None = None
    ) -> AsyncIterator[None]:
        yield


class Worker:
    """Takes feeds in for one shop, several at once, until the shop's side ends."""

    def __init__(self, channel: Channel[ToWorker]) -> None:
        self._channel = channel
        self._pacing = ToldPacing()
        self._write_path = ShopWritePath(channel.send)
        self._jobs: dict[int, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Returns when the shop's side has ended; what is under way is left as by a crash.

        Raises where a feed's end cannot be told: then the shop sees this process end.
        """
        messages = self._channel.messages()
        begin = await anext(messages, None)
        if not isinstance(begin, Begin):
            return
        pools = await Pools.open(begin.dsn, writers_max=1, readers_max=READERS_MAX)
        try:
            importer = Importer(
                self._write_path,
                PostgresReads(pools),
                partitions=begin.partitions,
                pacing=self._pacing,
            )
            await self._channel.send(Ready())
            async with asyncio.TaskGroup() as group:
                await self._hear_all(messages, importer, group)
        finally:
            await pools.close()

    async def _hear_all(
        self, messages: AsyncIterator[ToWorker], importer: Importer, group: asyncio.TaskGroup
    ) -> None:
        try:
            async for message in messages:
                self._hear(importer, message, group)
        finally:
            await end_tasks([*self._jobs.values()])

    def _hear(self, importer: Importer, message: ToWorker, group: asyncio.TaskGroup) -> None:
        match message:
            case Told():
                self._write_path.hear(message)
            case Shoppers():
                self._pacing.shoppers = message.busy
            case Cancel():
                if message.number in self._jobs:
                    self._jobs[message.number].cancel()
            case Run() | Approve():
                job = group.create_task(self._job(importer, message))
                self._jobs[message.number] = job
                job.add_done_callback(lambda _: self._jobs.pop(message.number))

    async def _job(self, importer: Importer, job: Run | Approve) -> None:
        (came,) = await asyncio.gather(_taken(importer, job), return_exceptions=True)
        if isinstance(came, Summary):
            done = Done(number=job.number, summary=came)
        else:
            done = Done(number=job.number, error=refusal_of(came))
        with suppress(OSError):  # the shop has ended, and with it whoever asked
            await self._channel.send(done)


async def _taken(importer: Importer, job: Run | Approve) -> Summary:
    if isinstance(job, Approve):
        return await importer.approve(job.run, principal=job.principal, tenant=job.tenant)
    folder = None if job.folder is None else Path(job.folder)
    with _picked_up(Path(job.path)) as stream:
        return await importer.run(replace(job.request, folder=folder), stream)


def _picked_up(path: Path) -> BinaryIO:
    """A file, open, and gone from its folder: whoever is killed from now on leaves nothing."""
    stream = path.open("rb")
    path.unlink()
    return stream


async def _serve(descriptor: int) -> None:
    ours = socket.socket(fileno=descriptor)
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    await Worker(Channel(reader, writer, ToWorker)).serve()


def main() -> None:
    """Serves on the socket whose descriptor is the argument."""
    os.nice(NICE)
    configure_logs()
    let_the_loop_go_first()
    uvloop.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
