"""Which modules there are, and which routes they bring."""

from typing import Any, Final

from shopwire.kernel.module import Module
from shopwire.kernel.queries import Reads

MODULES: Final[tuple[Module, ...]] = ()
"""In the order in which their consumers start."""


def module_routes(_reads: Reads) -> list[Any]:
    """Litestar handlers of all modules."""
    return []
