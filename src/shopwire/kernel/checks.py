"""Recomputed numbers: what `shopwire log verify` compares with what is kept."""

from typing import Final, Protocol

import msgspec

from shopwire.kernel.queries import Reads


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One number or document that is not what the log says it must be."""

    check: str
    where: str
    """What is wrong: a topic, a SKU and supplier, a partition and offset."""
    expected: str
    found: str


class Check(Protocol):
    """Recomputes something that a module keeps, in one snapshot of the database."""

    @property
    def name(self) -> str:
        """Short and unique, for example `inventory.pools`."""
        ...

    async def run(self, reads: Reads) -> list[Drift]:
        """Everything that differs; an empty list proves it right."""
        ...


DRIFTS_MAX: Final = 100
"""Differences that one query lists; it has failed with the first."""


class SqlCheck(msgspec.Struct, frozen=True):
    """A check that is one query: it takes a limit and returns where, found, expected as text."""

    name: str
    query: str

    async def run(self, reads: Reads) -> list[Drift]:
        """Up to DRIFTS_MAX differences."""
        return [
            Drift(
                check=self.name,
                where=row["subject"],
                expected=row["expected"] or "nothing",
                found=row["found"] or "nothing",
            )
            for row in await reads.fetch(self.query, DRIFTS_MAX)
        ]
