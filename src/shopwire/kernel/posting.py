"""The port of media that carry purchase orders and tell nothing back: mail, files, webhooks.

What was handed over is kept in the shop's own rows; a medium only says, as well as it can, whether
something left. So an order leaves once though the far side keeps no books.
"""

from typing import Any, Protocol

import msgspec

from shopwire.kernel.purchasing import SupplierOrder


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase order in a bundle, under the short number that its supplier sees."""

    number: str
    order: SupplierOrder


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """Orders of one supplier that leave together. The same bundle has the same bytes each time."""

    id: str
    supplier: str
    control: int
    """Running number at this supplier, from 1; in X12 that of interchange and group."""
    begun_at_ms: int
    orders: tuple[Posted, ...]
    way: Any
    """Settings of the medium, as its channel holds them."""


class NotLeft(Exception):
    """Surely nothing left; it may be tried again. The text is for people and names no secret."""


class Medium(Protocol):
    """How bundles leave, in two steps.

    So a crash between them leaves a question that has an answer wherever the medium can give one.

    Law 1: `stage` may be repeated and lets nothing leave.
    Law 2: `release` either lets all of it leave, or raises NotLeft where surely nothing did, or
    ProviderUnavailable where that is unknown.
    Law 3: after `release` was begun, `released` says whether it left, and None where nobody can
    know. It is never guessed. False means: nothing of it will arrive, unless it is released again.
    """

    async def stage(self, bundle: Bundle) -> None:
        """Prepares it; raises NotLeft."""
        ...

    async def release(self, bundle: Bundle) -> None:
        """Lets it leave; raises NotLeft, ProviderUnavailable."""
        ...

    async def released(self, bundle: Bundle) -> bool | None:
        """Whether it left; raises ProviderUnavailable where it cannot be asked right now."""
        ...
