"""UsedOnce in PostgreSQL: one row an id, so that two processes cannot both have it."""

from typing import Final

from typing_extensions import override

from shopwire.adapters.postgres.pool import Pools
from shopwire.kernel.queries import load_queries
from shopwire.kernel.tickets import UsedOnce

FORGOTTEN_MAX: Final = 100
"""Rows that are too old and go with each use: more than one comes, so that they get fewer."""

_SQL: Final = load_queries("shopwire.adapters.postgres", "tickets.sql")


class PostgresUsedOnce(UsedOnce):
    """See UsedOnce. No state of the shop: nothing but these rows, which no command reads."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    @override
    async def use(self, id_: str, *, until_ms: int, now_ms: int) -> bool:
        """See UsedOnce."""
        found = await self._pools.write(_SQL["use"], id_, until_ms, now_ms, FORGOTTEN_MAX)
        return bool(found)
