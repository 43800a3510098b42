"""Recomputed numbers: what `shopwire log verify` compares with what is kept."""

from typing import Protocol

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
