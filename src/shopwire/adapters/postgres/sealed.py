"""Early copies on their way through NOTIFY: sealed with the log's own key.

Whoever may connect to a database may listen to and speak on every channel of it, without any right
to a table. So what is said there can be read, and made, only by who may read the log itself.
"""

import binascii
import hmac
import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shopwire.adapters.hints import Growth
from shopwire.adapters.limits import HINT_BYTES_MAX, HINT_EVENTS_MAX
from shopwire.kernel.events import NewEvent

BEGIN: Final = "#"
"""Stands before what is sealed."""
_UNPLACED: Final = -1
"""The offset of events of which only the database knows it."""
_NONCE_BYTES: Final = 12
EVENT_BYTES: Final = 64
"""What an event weighs beside its texts: lengths, numbers, its part of the growth; an estimate from
above."""


class _Growth(msgspec.Struct, frozen=True, array_like=True):
    """A growth on the wire."""

    epoch: int
    partition: int
    first: int
    count: int
    at_ms: int
    events: tuple[tuple[str, str, int, str, bytes, bytes, str], ...]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[_Growth, ...]).decode


class Seal:
    """Makes and opens the second half of a hint."""

    def __init__(self, key: bytes) -> None:
        """Args: `key` is the log's. The database itself proves with it what it adds to a hint."""
        self._key = key
        self._cipher = AESGCM(sha256(b"events" + key).digest())

    def close(self, growths: Sequence[Growth]) -> str:
        """Text without a comma or a colon."""
        plain = _encode([_wire(growth) for growth in growths])
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, plain, None)
        return binascii.b2a_base64(sealed, newline=False).decode()

    def close_unplaced(self, epoch: int, partition: int, events: Sequence[NewEvent]) -> str:
        """The same of a commit whose statement will say where its events came to be."""
        return self.close([Growth(epoch, partition, _UNPLACED, len(events), 0, events)])

    def open(self, text: str) -> tuple[Growth, ...] | None:
        """What somebody sealed with the same key; None of everything else."""
        found = self._open(text)
        return found if found is None or all(each.first >= 0 for each in found) else None

    def proof(self, told: str) -> str:
        """What the statement says behind its text; only who may read the key can."""
        return sha256(self._key + told.encode() + self._key).hexdigest()

    def open_placed(self, payload: str) -> tuple[Growth, ...] | None:
        """What a statement told, whose whole text is proven: `...#sealed:first:at_ms:proof`."""
        told, _, proof = payload.rpartition(":")
        if not hmac.compare_digest(self.proof(told).encode(), proof.encode()):
            return None
        told, first, at_ms = told.rsplit(":", 2)
        return tuple(
            msgspec.structs.replace(each, first=int(first), at_ms=int(at_ms))
            for each in self._open(told.rpartition(BEGIN)[2]) or ()
            if each.first == _UNPLACED
        )

    def _open(self, text: str) -> tuple[Growth, ...] | None:
        try:
            sealed = binascii.a2b_base64(text, strict_mode=True)
            nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            found = _decode(self._cipher.decrypt(nonce, rest, None))
        except (ValueError, InvalidTag, msgspec.DecodeError):
            return None
        return tuple(map(_growth, found))


def weight_of(events: Sequence[NewEvent]) -> int:
    """About how many bytes the events take, never less; more than a hint holds if they are many."""
    if len(events) > HINT_EVENTS_MAX:
        return HINT_BYTES_MAX + 1
    return sum(
        EVENT_BYTES
        + len(event.document)
        + len(event.facts)
        # Names may have letters of several bytes.
        + 4 * (len(event.tenant) + len(event.topic) + len(event.event_type) + len(event.command_id))
        for event in events
    )


def _wire(growth: Growth) -> _Growth:
    return _Growth(
        growth.epoch,
        growth.partition,
        growth.first,
        growth.count,
        growth.at_ms,
        tuple(
            (
                event.tenant,
                event.topic,
                event.version,
                event.event_type,
                event.document,
                event.facts,
                event.command_id,
            )
            for event in growth.events
        ),
    )


def _growth(found: _Growth) -> Growth:
    events = tuple(NewEvent(*fields) for fields in found.events)
    return Growth(found.epoch, found.partition, found.first, found.count, found.at_ms, events)
