"""Names of things: tenants, partitions, topics, command ids."""

import hashlib
import os
import time
import uuid
import zlib
from functools import lru_cache
from typing import Final

DEFAULT_TENANT: Final = "main"
"""The shop of an installation that serves only one."""

COMMAND_NAMESPACE: Final = uuid.UUID("6d6f7468-6572-4c0d-8a11-73686f707769")
"""Namespace of ids that are derived, so that a retry makes the same id again."""
_NAMED: Final = hashlib.sha1(COMMAND_NAMESPACE.bytes, usedforsecurity=False)
"""The digest of the namespace, to be gone on with: a copy costs less than a new one."""
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The digit that tells the layout of a UUID, by the digest's own."""


KEYS_KNOWN_MAX: Final = 16_384
"""Keys whose partition is remembered, some 200 bytes each; of others it is worked out again."""


def new_id() -> str:
    """A fresh id that sorts by time (UUID version 7, RFC 9562)."""
    stamp = time.time_ns() // 1_000_000
    raw = bytearray(stamp.to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return str(uuid.UUID(bytes=bytes(raw)))


def derived_id(*parts: str) -> str:
    """The same id for the same parts, always: what makes a retried effect recognisable.

    It is `uuid.uuid5(COMMAND_NAMESPACE, ...)`, spelt out because each command needs one.
    """
    digest = _NAMED.copy()
    digest.update("\x1f".join(parts).encode())
    text = digest.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


@lru_cache(maxsize=KEYS_KNOWN_MAX)
def partition_of(tenant: str, key: str, partitions: int) -> int:
    """The partition that owns `key`; stable over processes, machines and releases."""
    return zlib.crc32(f"{tenant}/{key}".encode()) % partitions


def topic_of(kind: str, entity: str) -> str:
    """The name under which an entity's public document is subscribed to: `stock:SKU-1`."""
    return f"{kind}:{entity}"


def home_of_order(own_id: str) -> str:
    """The key that an order and all that belongs to it live under: the id of its cart.

    An order is `{cart}.{attempt}`; its purchase orders, shipments, returns and conflicts have ids
    that begin with `{order}/`.
    """
    return own_id.partition("/")[0].rpartition(".")[0]
