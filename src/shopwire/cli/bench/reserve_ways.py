"""The usual ways to reserve a unit, with the bookkeeping that ours does: key, ledger, event."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from shopwire.kernel.queries import load_queries

SQL: Final = load_queries("shopwire.cli.bench", "reserve.sql")
WAYS: Final = ("select_for_update", "conditional_update", "skip_locked")
CONNECTIONS: Final = 32
"""More make all of them slower on two cores."""
_FINGERPRINT: Final = b"0123456789abcdef"
_ANSWER: Final = '{"versions":{"stock:S":1},"result":{"hold":"h","expires_at_ms":0}}'

_driver: Any = asyncpg

Reserve = Callable[[str, str], Awaitable[bool]]
"""Reserves one unit by (SKU, key); says whether there was one."""


class Way:
    """One of the usual ways on a database of its own."""

    def __init__(self, pool: Any, name: str) -> None:
        self._pool = pool
        self.reserve: Final[Reserve] = (
            self._locked if name == "select_for_update" else self._in_one_statement
        )
        self._statement = SQL["conditional_update" if name == "select_for_update" else name]
        self._ended = False

    def end(self) -> None:
        """Those who still wait for a connection leave."""
        self._ended = True

    async def _in_one_statement(self, sku: str, key: str) -> bool:
        values = (key, _FINGERPRINT, _ANSWER, sku)
        async with self._pool.acquire() as con:
            return not self._ended and await con.fetchval(self._statement, *values) is not None

    async def _locked(self, sku: str, key: str) -> bool:
        async with self._pool.acquire() as con:
            if self._ended:
                return False
            async with con.transaction():
                return await self._decided(con, sku, key)

    async def _decided(self, con: Any, sku: str, key: str) -> bool:
        if await con.fetchval(SQL["lock_row"], sku) < 1:
            return False
        values = (key, _FINGERPRINT, _ANSWER, sku)
        return await con.fetchval(self._statement, *values) is not None

    async def lines(self) -> int:
        """Ledger lines there are."""
        return int(await self._pool.fetchval(SQL["books_of_ways"]))


@asynccontextmanager
async def open_way(dsn: str, name: str, units: Mapping[str, int]) -> AsyncIterator[Way]:
    """A way with its tables, filled with units of SKUs."""
    pool = await _driver.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS)
    try:
        await pool.execute(SQL["create_ways"])
        seed = SQL["seed_units" if name == "skip_locked" else "seed_stock"]
        await pool.execute(seed, list(units), list(units.values()))
        await pool.execute("ANALYZE")
        yield Way(pool, name)
    finally:
        await pool.close()
