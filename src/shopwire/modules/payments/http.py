"""What screens read of payments."""

from typing import Any

from shopwire.kernel.queries import Reads


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""
    return []
