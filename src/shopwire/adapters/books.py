"""Books of simulated others, apart from the shop's: what really was done, whatever was told."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec
from typing_extensions import override

BUSY_MS_MAX: Final = 5_000
"""How long one process waits for another that writes into the same file."""

E = TypeVar("E", bound=msgspec.Struct)


class Book(Protocol[E]):
    """Where the entries are kept."""

    def open(self, entry_id: str) -> AbstractContextManager[E]:
        """The entry, a new one if there is none; what is changed inside is kept afterwards.

        Nobody else has it in hand meanwhile. There is no await inside.
        """
        ...

    def entries(self) -> list[E]:
        """All of them, for tests and audits to compare."""
        ...

    def close(self) -> None:
        """Gives the file back."""
        ...


class MemoryBook(Book[E], Generic[E]):
    """For one process; gone with it. A kind of entries has a class of its own, which names it."""

    kind: type[E]
    """What an entry is; made of its `id` alone where there is none."""

    def __init__(self) -> None:
        self._entries: dict[str, E] = {}

    @override
    @contextmanager
    def open(self, entry_id: str) -> Iterator[E]:
        if entry_id not in self._entries:
            self._entries[entry_id] = _begun(self.kind, entry_id)
        yield self._entries[entry_id]

    @override
    def entries(self) -> list[E]:
        return list(self._entries.values())

    @override
    def close(self) -> None:
        return None


class FileBook(Book[E], Generic[E]):
    """In a file that several processes share and that outlives them, as somebody else would."""

    kind: type[E]
    """What an entry is; made of its `id` alone where there is none."""

    def __init__(self, path: Path) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(self.kind).decode
        self._con = sqlite3.connect(path, timeout=BUSY_MS_MAX / 1_000, isolation_level=None)
        # Whose books these are is elsewhere: that disk is not the shop's to wait for.
        self._con.execute("PRAGMA journal_mode = WAL")
        self._con.execute("PRAGMA synchronous = OFF")
        self._con.execute(
            "CREATE TABLE IF NOT EXISTS entry (id TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID"
        )

    @override
    @contextmanager
    def open(self, entry_id: str) -> Iterator[E]:
        self._con.execute("BEGIN IMMEDIATE")
        try:
            found = self._con.execute("SELECT body FROM entry WHERE id = ?", (entry_id,))
            row = found.fetchone()
            entry = self._decode(row[0]) if row else _begun(self.kind, entry_id)
            yield entry
            self._con.execute(
                "INSERT OR REPLACE INTO entry VALUES (?, ?)", (entry_id, self._encode(entry))
            )
        except BaseException:
            self._con.execute("ROLLBACK")
            raise
        self._con.execute("COMMIT")

    @override
    def entries(self) -> list[E]:
        with closing(self._con.execute("SELECT body FROM entry ORDER BY id")) as rows:
            return [self._decode(body) for (body,) in rows]

    @override
    def close(self) -> None:
        self._con.close()


def _begun(kind: type[E], entry_id: str) -> E:
    make: Any = kind
    begun: E = make(id=entry_id)
    return begun
