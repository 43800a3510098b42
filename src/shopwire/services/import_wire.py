"""What the shop and the process that takes feeds in say to each other, over a pair of sockets.

Each message is its length in four bytes and then msgpack. Both sides are of one release: nothing of
this is kept, or read by anybody else.
"""

import asyncio
import logging
import struct
from collections.abc import AsyncIterator
from typing import Any, Final, Generic, TypeVar

import msgspec

from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import ErrorBody, InternalError, ShopwireError
from shopwire.kernel.storage import Claim, Lease
from shopwire.services.import_request import ImportRequest, Summary

M = TypeVar("M")
_LENGTH: Final = struct.Struct("<I")
_LOG: Final = logging.getLogger(__name__)


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    """Any of them; answers bear the number of what they answer."""

    number: int = 0


class Begin(_Message, frozen=True, tag="begin"):
    """The first message to the process: where the shop's database is."""

    dsn: str
    partitions: int


class Run(_Message, frozen=True, tag="run"):
    """A feed to take in, from a file."""

    request: ImportRequest
    path: str
    folder: str | None
    """The request's own, which is no value that msgpack has."""


class Approve(_Message, frozen=True, tag="approve"):
    """A held feed to take in, from the bytes that the shop keeps."""

    run: str
    principal: str
    tenant: str


class Cancel(_Message, frozen=True, tag="cancel"):
    """Nobody waits for the feed of this number any more."""


class Told(_Message, frozen=True, tag="told"):
    """What came of a request of the process."""

    outcomes: list[Outcome] = []
    lease: Lease | None = None
    error: ErrorBody | None = None


class Shoppers(_Message, frozen=True, tag="shoppers"):
    """Whether somebody buys, so that feeds are to go by small pieces."""

    busy: bool


class Ready(_Message, frozen=True, tag="ready"):
    """The process takes feeds in from now on."""


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """An envelope whose command is still packed."""

    operation: str
    command: msgspec.Raw
    key: str
    principal: str
    tenant: str


class Submit(_Message, frozen=True, tag="submit"):
    """Commands for the write path: `submit_many`."""

    envelopes: list[Sent]


class ClaimLease(_Message, frozen=True, tag="claim"):
    """A key to be taken for work of several transactions."""

    claim: Claim


class RenewLease(_Message, frozen=True, tag="renew"):
    """The same key, held on to."""

    lease: Lease


class DropLease(_Message, frozen=True, tag="drop"):
    """The same key, given back."""

    lease: Lease


class Done(_Message, frozen=True, tag="done"):
    """What came of a feed."""

    summary: Summary | None = None
    error: ErrorBody | None = None


ToWorker = Begin | Run | Approve | Cancel | Told | Shoppers
ToShop = Ready | Submit | ClaimLease | RenewLease | DropLease | Done


class Channel(Generic[M]):
    """Messages of one kind come in, and any go out, until the other side has ended."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kinds: Any
    ) -> None:
        """Args: `kinds` is the union of what comes in."""
        self._reader, self._writer = reader, writer
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(kinds).decode
        self._one = asyncio.Lock()

    async def send(self, message: _Message) -> None:
        """Returns once it is on its way; raises OSError where the other side has ended."""
        body = self._encode(message)
        async with self._one:
            self._writer.write(_LENGTH.pack(len(body)) + body)
            await self._writer.drain()

    async def messages(self) -> AsyncIterator[M]:
        """What comes, until the other side has ended, in the middle of a message or not.

        What is no message ends it as well: nothing behind it can be told apart.
        """
        while True:
            try:
                (size,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
                message: M = self._decode(await self._reader.readexactly(size))
            except (asyncio.IncompleteReadError, OSError):
                return
            except msgspec.MsgspecError:
                _LOG.exception("a message between the shop and its imports cannot be read")
                return
            yield message

    def close(self) -> None:
        """The other side sees the end."""
        self._writer.close()


def refusal_of(problem: BaseException) -> ErrorBody:
    """What the other side is told of an error; a defect stands in this side's log."""
    if isinstance(problem, ShopwireError):
        return problem.body()
    _LOG.error("a defect stopped an import", exc_info=problem)
    return InternalError().body()
