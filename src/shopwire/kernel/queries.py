"""SQL with a name and a home: `queries.sql` files, read once."""

import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final, Protocol

_HEADING: Final = re.compile(r"^-- (?P<name>[a-z][a-z0-9_]*) --$", re.MULTILINE)


def load_queries(package: str, file: str = "queries.sql") -> dict[str, str]:
    """Reads the named blocks of a package's SQL file.

    A block starts with a line `-- name --`, then one line of why, then the query. Raises
    ValueError where two blocks share a name.
    """
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    parts = _HEADING.split(text)[1:]
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{package}/{file} names a query twice")
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}


class Reads(Protocol):
    """Read-only access for screens and reports; decisions use a View instead."""

    async def fetch(self, query: str, *args: Any) -> list[Mapping[str, Any]]:
        """Rows of one named query; raises StorageUnavailable."""
        ...
