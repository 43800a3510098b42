"""How accounts are kept, and what doors read of them."""

from typing import Any, Final

import msgspec

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.access.domain import Account

_SQL: Final = load_queries("shopwire.modules.access")

TABLES: Final = (Table(Account, _SQL["load_access_account"], _SQL["save_access_account"]),)
CHECKS: Final = (SqlCheck("access.accounts", _SQL["audit_access_documents"]),)

ACCOUNTS_MAX: Final = 1_000
"""Accounts that one list shows."""


class Decided(msgspec.Struct, frozen=True):
    """What keeps an account out, or lets it in."""

    closed: bool = False
    void_before_ms: int = 0
    grants: frozenset[str] = frozenset()


async def read_decided(reads: Reads, tenant: str) -> dict[str, Decided]:
    """Everything that was decided about accounts, by account."""
    rows = await reads.fetch(_SQL["accounts_decided_about"], tenant)
    return {
        row["account"]: Decided(
            row["closed"], row["void_before_ms"], frozenset(msgspec.json.decode(row["grants"]))
        )
        for row in rows
    }


async def password_of(reads: Reads, tenant: str, account: str) -> str:
    """The hash of an open account's password; empty where there is none."""
    rows = await reads.fetch(_SQL["password_of"], tenant, account)
    return str(rows[0]["password_hash"]) if rows else ""


async def list_accounts(reads: Reads, tenant: str) -> list[dict[str, Any]]:
    """Accounts by name, without their passwords."""
    rows = await reads.fetch(_SQL["accounts"], tenant, ACCOUNTS_MAX)
    return [dict(row) | {"grants": msgspec.json.decode(row["grants"])} for row in rows]
