"""What routing keeps of purchase orders and conflicts is bounded by what comes in."""

import asyncpg
import pytest
from tests.modules.shop import postgres_shop

from shopwire.modules.routing.domain import ROUTING_KEPT_MS

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

NOW_MS = 2_000_000_000_000
OLD_MS = NOW_MS - ROUTING_KEPT_MS - 1


async def watch(
    con: asyncpg.Connection, order: str, status: str, sent_at_ms: int, *, later: bool
) -> None:
    """A purchase order and what is watched of it; `later`: when it was sent is told after."""
    own = f"{order}/acme"
    await con.execute(
        "INSERT INTO purchase_order (tenant, order_id, id, supplier, n, plan, version, step,"
        " status, attempts, reason, wish, acknowledge_within_ms, ship_within_ms, planned_at_ms,"
        " send_at_ms, asks)"
        " VALUES ('main', $1, $2, 'acme', 1, 'p', 1, 'sent', $3, 1, '', '', 0, 0, 0, 0, 0)",
        order, own, status,
    )  # fmt: skip
    sent = None if later else sent_at_ms
    await con.execute(
        "INSERT INTO routing_watch (tenant, purchase_order, supplier, answer_counted,"
        " parcel_counted, planned, accepted, refused, short, sent_at_ms)"
        " VALUES ('main', $1, 'acme', false, false, 1, 0, 0, 0, $2)",
        own, sent,
    )  # fmt: skip
    if later:
        await con.execute(
            "UPDATE routing_watch SET sent_at_ms = $2 WHERE purchase_order = $1", own, sent_at_ms
        )


@pytest.mark.parametrize("later", [True, False], ids=["told later", "told at once"])
async def test_what_is_over_goes_half_a_year_after_it_began_and_nothing_else(database_url, later):
    async with postgres_shop(database_url):
        con = await asyncpg.connect(database_url)
        try:
            await watch(con, "over", "delivered", OLD_MS, later=later)
            await watch(con, "open", "sent", OLD_MS, later=later)
            await watch(con, "young", "delivered", OLD_MS + 1, later=later)
            await watch(con, "new", "sent", NOW_MS, later=later)
            left = await con.fetch("SELECT purchase_order FROM routing_watch ORDER BY 1")
            assert [row[0] for row in left] == ["new/acme", "open/acme", "young/acme"]
            for key, state, at_ms in (
                ("over", "moved", OLD_MS), ("open", "open", OLD_MS),
                ("young", "left", OLD_MS + 1), ("new", "open", NOW_MS),
            ):  # fmt: skip
                await con.execute(
                    "INSERT INTO routing_question VALUES"
                    " ('main', $1, 'o', 'S', 'acme', 1, 'refused', $2, $3)",
                    key, state, at_ms,
                )  # fmt: skip
            left = await con.fetch("SELECT conflict_id FROM routing_question ORDER BY 1")
            assert [row[0] for row in left] == ["new", "open", "young"]
        finally:
            await con.close()
