"""The simulated suppliers' own books: what they really received, whatever anybody was told."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec
from typing_extensions import override

from shopwire.kernel.purchasing import OrderedLine, ShipmentNotice

BUSY_MS_MAX: Final = 5_000
"""How long one process waits for another that writes into the same file."""


class Entry(msgspec.Struct, kw_only=True):
    """One purchase order as its supplier knows it."""

    id: str
    supplier: str = ""
    number: str = ""
    """The supplier's own; empty where the order never arrived."""
    lines: tuple[OrderedLine, ...] = ()
    addressed: bool = False
    """Whether it came with an address."""
    taken: int = 0
    """How often it was taken as an order: more than once is what must never happen."""
    state: Literal["none", "received", "acknowledged", "refused"] = "none"
    accepted: dict[str, int] = {}
    cancelled: dict[str, int] = {}
    parcels: list[ShipmentNotice] = []
    booked_at_ms: int | None = None
    blocked: bool = False
    """Cancelled before it arrived: it will be refused."""
    tries: dict[str, int] = {}
    """How often each call was made."""
    done: bool = False
    """Nothing more will happen by itself."""

    def shipped(self, sku: str) -> int:
        """Units that left."""
        return sum(
            line.quantity for parcel in self.parcels for line in parcel.lines if line.sku == sku
        )

    def left(self, sku: str) -> int:
        """Accepted units that neither left nor were given back."""
        return self.accepted.get(sku, 0) - self.cancelled.get(sku, 0) - self.shipped(sku)


class Book(Protocol):
    """Where the entries are kept."""

    def open(self, order_id: str) -> AbstractContextManager[Entry]:
        """The entry, a new one if there is none; what is changed inside is kept afterwards.

        Nobody else has it in hand meanwhile. There is no await inside.
        """
        ...

    def entries(self) -> list[Entry]:
        """All of them, for tests and audits to compare."""
        ...

    def close(self) -> None:
        """Gives the file back."""
        ...


class MemoryBook(Book):
    """For one process; gone with it."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    @override
    @contextmanager
    def open(self, order_id: str) -> Iterator[Entry]:
        yield self._entries.setdefault(order_id, Entry(id=order_id))

    @override
    def entries(self) -> list[Entry]:
        return list(self._entries.values())

    @override
    def close(self) -> None:
        return None


class FileBook(Book):
    """In a file that several processes share and that outlives them, as a supplier would."""

    def __init__(self, path: Path) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(Entry).decode
        self._con = sqlite3.connect(path, timeout=BUSY_MS_MAX / 1_000, isolation_level=None)
        # The suppliers are elsewhere: their disk is not the shop's to wait for.
        self._con.execute("PRAGMA journal_mode = WAL")
        self._con.execute("PRAGMA synchronous = OFF")
        self._con.execute("CREATE TABLE IF NOT EXISTS entry (id TEXT PRIMARY KEY, body BLOB)")

    @override
    @contextmanager
    def open(self, order_id: str) -> Iterator[Entry]:
        self._con.execute("BEGIN IMMEDIATE")
        try:
            found = self._con.execute("SELECT body FROM entry WHERE id = ?", (order_id,))
            row = found.fetchone()
            entry = self._decode(row[0]) if row else Entry(id=order_id)
            yield entry
            self._con.execute(
                "INSERT OR REPLACE INTO entry VALUES (?, ?)", (order_id, self._encode(entry))
            )
        except BaseException:
            self._con.execute("ROLLBACK")
            raise
        self._con.execute("COMMIT")

    @override
    def entries(self) -> list[Entry]:
        with closing(self._con.execute("SELECT body FROM entry ORDER BY id")) as rows:
            return [self._decode(body) for (body,) in rows]

    @override
    def close(self) -> None:
        self._con.close()
