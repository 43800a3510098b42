"""What a checker found."""

from collections.abc import Sequence

import msgspec
from typing_extensions import override


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One contradiction between what was seen and what is claimed."""

    check: str
    """The name of the claim: `linearizable`, `bounds`, `ledger`, `log`, `effects`, `screens`."""
    where: str
    """A SKU, a pool, a partition and offset, a key."""
    reason: str
    calls: Sequence[str] = ()
    """The calls around it, as text."""

    @override
    def __str__(self) -> str:
        lines = [f"{self.check}: {self.where}: {self.reason}", *self.calls]
        return "\n    ".join(lines)
