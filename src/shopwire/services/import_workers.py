"""Feeds that a process beside the shop's own takes in: begun when one comes, ended when none do."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, BinaryIO, Final

import msgspec
import structlog
from typing_extensions import override

from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.source_errors import ImportCutOff
from shopwire.kernel.write_path import WritePath
from shopwire.services.ending import end_tasks
from shopwire.services.import_request import ImportRequest, Progress, Summary, raised_from
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
    ToShop,
    refusal_of,
)
from shopwire.services.importing import Importer
from shopwire.services.logs import PROCESS_VARIABLE
from shopwire.services.pacing import Pacing

WORKER_BYTES_MIN: Final = 64 * 1024
"""Feeds of fewer bytes, some thousand rows, are taken in by the shop's own process."""
WORKER_IDLE_MS: Final = 300_000
"""After so long without a feed the process ends, and gives its memory back."""
WORKER_READY_MS_MAX: Final = 30_000
"""How long it may take to start; then the shop's own process takes the feed in."""

_log: Final = structlog.get_logger()
Asked = Submit | ClaimLease | RenewLease | DropLease
_MODULE: Final = "shopwire.services.import_worker"


class ImportWorker:
    """One process at a time, for all feeds."""

    def __init__(self, write_path: WritePath, pacing: Pacing, *, dsn: str, partitions: int) -> None:
        self._write_path, self._pacing = write_path, pacing
        self._begin = Begin(dsn=dsn, partitions=partitions)
        handlers = write_path.handlers.items()
        self._decoders = {
            name: msgspec.msgpack.Decoder(handler.command).decode for name, handler in handlers
        }
        self._starting = asyncio.Lock()
        self._link: _Link | None = None
        self._closed = False
        self._idle: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._link.pid if self._link is not None and not self._link.ended else None

    async def take(self, job: Callable[..., Run | Approve]) -> Summary | None:
        """What came of a feed; None where there is no such process, and nothing was done.

        Raises what an import raises, and ImportCutOff where the process ended in the middle of it.
        """
        link = await self._linked()
        if link is None:
            return None
        if self._idle is not None:
            self._idle.cancel()
        try:
            return await link.take(job)
        finally:
            if not link.jobs and not self._closed:
                loop = asyncio.get_running_loop()
                self._idle = loop.call_later(WORKER_IDLE_MS / 1_000, link.hang_up)

    async def stop(self) -> None:
        """Ends the process; what it was at is left as a crash leaves it."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        async with self._starting:
            link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _linked(self) -> "_Link | None":
        async with self._starting:
            if self._closed:
                return None
            if self._link is not None and self._link.ended:
                await self._link.close()
                self._link = None
            if self._link is None:
                self._link = await self._started()
            return self._link

    async def _started(self) -> "_Link | None":
        """Begins one; None where that fails, and the log says why."""
        link = _Link(self._answer, self._pacing)
        try:
            async with asyncio.timeout(WORKER_READY_MS_MAX / 1_000):
                await link.open(self._begin)
        except (OSError, TimeoutError) as problem:
            _log.warning("imports.no_process", reason=repr(problem))
            await link.close()
            return None
        except BaseException:  # who waited for it is cancelled
            await link.close()
            raise
        _log.info("imports.process", pid=link.pid)
        return link

    async def _answer(self, asked: Asked) -> Told:
        (came,) = await asyncio.gather(self._done(asked), return_exceptions=True)
        if isinstance(came, BaseException):
            return Told(number=asked.number, error=refusal_of(came))
        return came

    async def _done(self, asked: Asked) -> Told:
        number = asked.number
        match asked:
            case Submit():
                return Told(number=number, outcomes=await self._submitted(asked.envelopes))
            case ClaimLease():
                found = await self._write_path.claim_lease(asked.claim)
                if isinstance(found, Outcome):
                    return Told(number=number, outcomes=[found])
                return Told(number=number, lease=found)
            case RenewLease():
                return Told(number=number, lease=await self._write_path.renew_lease(asked.lease))
            case DropLease():
                await self._write_path.drop_lease(asked.lease)
                return Told(number=number)

    async def _submitted(self, sent: list[Sent]) -> list[Outcome]:
        envelopes = [
            Envelope(
                command=self._command(one), key=one.key, principal=one.principal, tenant=one.tenant
            )
            for one in sent
        ]
        async with self._pacing.piece(lambda: self._write_path.bulk_ms):
            return await self._write_path.submit_many(envelopes)

    def _command(self, sent: Sent) -> Command:
        command: Command = self._decoders[sent.operation](sent.command)
        return command


class _Link:
    """A process, and what is said to it and heard from it."""

    def __init__(self, answer: Callable[[Asked], Awaitable[Told]], pacing: Pacing) -> None:
        self._answer, self._pacing = answer, pacing
        self._numbers = count(1)
        self.jobs: dict[int, asyncio.Future[Summary]] = {}
        self._busy = False
        self._process: asyncio.subprocess.Process | None = None
        self._channel: Channel[ToShop] | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self.ended = False

    @property
    def pid(self) -> int | None:
        """The process, once there is one."""
        return self._process.pid if self._process is not None else None

    async def open(self, begin: Begin) -> None:
        """Returns when it takes feeds in; raises OSError where it does not come to that."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", _MODULE, str(theirs.fileno())),
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    env=os.environ | {PROCESS_VARIABLE: "imports"},
                    start_new_session=True,  # a terminal's Ctrl-C is for the shop, which ends it
                )
            except BaseException:
                ours.close()
                raise
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        self._channel = Channel(reader, writer, ToShop)
        await self._channel.send(begin)
        messages = self._channel.messages()
        if not isinstance(await anext(messages, None), Ready):
            raise ConnectionResetError("it ended before it was ready")
        self._hearing = asyncio.create_task(self._hear(messages))

    async def take(self, job: Callable[..., Run | Approve]) -> Summary:
        """What came of a feed."""
        assert self._channel is not None
        number = next(self._numbers)
        done: asyncio.Future[Summary] = asyncio.get_running_loop().create_future()
        self.jobs[number] = done
        try:
            await self._channel.send(job(number=number))
            return await done
        except OSError as problem:
            raise ImportCutOff from problem
        except asyncio.CancelledError:
            with suppress(OSError):
                await self._channel.send(Cancel(number=number))
            raise
        finally:
            del self.jobs[number]

    def hang_up(self) -> None:
        """Tells the process to end; it does when it has heard that."""
        self.ended = True
        if self._channel is not None:
            self._channel.close()

    async def close(self) -> None:
        """Returns once the process is gone, and nothing of it is under way here."""
        self.hang_up()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._hearing is not None:
            await self._hearing
        await end_tasks(self._answering)

    async def _hear(self, messages: AsyncIterator[ToShop]) -> None:
        async for message in messages:
            if isinstance(message, Done):
                self._settle(message)
            elif not isinstance(message, Ready):
                answering = asyncio.create_task(self._answer_to(message))
                self._answering.add(answering)
                answering.add_done_callback(self._answering.discard)
        self.ended = True
        if self.jobs:
            _log.error("imports.cut_off", feeds=len(self.jobs))
        for job in self.jobs.values():
            if not job.done():
                job.set_exception(ImportCutOff())

    def _settle(self, done: Done) -> None:
        job = self.jobs.get(done.number)
        if job is None or job.done():
            return
        if done.error is not None:
            job.set_exception(raised_from(done.error))
        elif done.summary is not None:
            job.set_result(done.summary)

    async def _answer_to(self, asked: Asked) -> None:
        assert self._channel is not None
        told = await self._answer(asked)
        with suppress(OSError):  # it has ended: who waits for its feed hears of that
            await self._tell_shoppers()
            await self._channel.send(told)

    async def _tell_shoppers(self) -> None:
        """Says whether somebody buys, where that has changed."""
        assert self._channel is not None
        if self._busy != self._pacing.busy:
            self._busy = self._pacing.busy
            await self._channel.send(Shoppers(busy=self._busy))


class WorkerImporter(Importer):
    """The shop's own, which leaves feeds that are not small to the process beside it."""

    def __init__(self, *args: Any, worker: ImportWorker, **named: Any) -> None:
        super().__init__(*args, **named)
        self._worker = worker

    @override
    async def run(
        self, request: ImportRequest, stream: BinaryIO, progress: Progress | None = None
    ) -> Summary:
        if progress is None and _size(stream) >= WORKER_BYTES_MIN:
            with _laid_down() as file:
                await asyncio.to_thread(shutil.copyfileobj, stream, file)
                file.flush()
                folder = None if request.folder is None else str(request.folder)
                told = msgspec.structs.replace(request, folder=None)
                job = partial(Run, request=told, path=file.name, folder=folder)
                summary = await self._worker.take(job)
            if summary is not None:
                return summary
            stream.seek(0)
        return await super().run(request, stream, progress)

    @override
    async def approve(
        self,
        run: str,
        *,
        principal: str = "import",
        tenant: str = DEFAULT_TENANT,
        progress: Progress | None = None,
    ) -> Summary:
        if progress is None:
            job = partial(Approve, run=run, principal=principal, tenant=tenant)
            summary = await self._worker.take(job)
            if summary is not None:
                return summary
        return await super().approve(run, principal=principal, tenant=tenant, progress=progress)


def _size(stream: BinaryIO) -> int:
    """In bytes; the stream is at its start afterwards, as it was."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return size


@contextmanager
def _laid_down() -> Iterator[IO[bytes]]:
    """A new file under a name, which is gone once it was picked up, or afterwards."""
    with NamedTemporaryFile(prefix="shopwire-feed-", delete=False) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)
