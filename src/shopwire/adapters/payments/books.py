"""The simulated provider's own books: what really was charged, whatever anybody was told."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec
from typing_extensions import override

BUSY_MS_MAX: Final = 5_000
"""How long one process waits for another that writes into the same file."""


class Entry(msgspec.Struct, kw_only=True):
    """One charge."""

    id: str
    amount_minor: int = 0
    currency: str = ""
    method: str = ""
    verdict: Literal["", "pending", "approved", "declined"] = ""
    """Empty where it was voided before anybody asked for it."""
    reason: str = ""
    voided: bool = False
    released_minor: int = 0
    captures: dict[str, int] = {}
    refunds: dict[str, int] = {}
    returned: dict[str, int] = {}
    """Refunds that came back."""
    disputed: dict[str, int] = {}
    """What shoppers' banks took back, by the dispute."""
    refused: dict[str, str] = {}
    """Movements that will never happen, as `<kind>/<id>`, with the reason."""
    tries: dict[str, int] = {}
    """How often each call was made."""

    @property
    def captured_minor(self) -> int:
        """Money that was really taken."""
        return sum(self.captures.values())

    @property
    def refunded_minor(self) -> int:
        """Money that was really given back and did not return."""
        return sum(self.refunds.values())

    @property
    def left_minor(self) -> int:
        """Promised, not taken and not given back."""
        if self.verdict != "approved":
            return 0
        return self.amount_minor - self.captured_minor - self.released_minor


class Book(Protocol):
    """Where the entries are kept."""

    def open(self, charge_id: str) -> AbstractContextManager[Entry]:
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
    def open(self, charge_id: str) -> Iterator[Entry]:
        yield self._entries.setdefault(charge_id, Entry(id=charge_id))

    @override
    def entries(self) -> list[Entry]:
        return list(self._entries.values())

    @override
    def close(self) -> None:
        return None


class FileBook(Book):
    """In a file that several processes share and that outlives them, as a provider would."""

    def __init__(self, path: Path) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(Entry).decode
        self._con = sqlite3.connect(path, timeout=BUSY_MS_MAX / 1_000, isolation_level=None)
        # The provider is elsewhere: its disk is not the shop's to wait for.
        self._con.execute("PRAGMA journal_mode = WAL")
        self._con.execute("PRAGMA synchronous = OFF")
        self._con.execute(
            "CREATE TABLE IF NOT EXISTS entry (id TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID"
        )

    @override
    @contextmanager
    def open(self, charge_id: str) -> Iterator[Entry]:
        self._con.execute("BEGIN IMMEDIATE")
        try:
            found = self._con.execute("SELECT body FROM entry WHERE id = ?", (charge_id,))
            row = found.fetchone()
            entry = self._decode(row[0]) if row else Entry(id=charge_id)
            yield entry
            self._con.execute(
                "INSERT OR REPLACE INTO entry VALUES (?, ?)", (charge_id, self._encode(entry))
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
