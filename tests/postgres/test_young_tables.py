"""Plans that are made while a shop's tables are empty, and kept while they grow."""

import json

import asyncpg
import pytest
from tests.databases import TABLES

from shopwire.services.parts import MODULES

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
FOLLOWED = ("orders", "payments", "shipping", "routing")
"""Modules whose rows are looked up one by one."""


async def test_rows_are_found_by_their_group_in_tables_that_nobody_analysed(database_url):
    con = await asyncpg.connect(database_url)
    try:
        if con.get_server_version() < (18,):
            pytest.skip("the planner can be told since PostgreSQL 18")
        await con.execute("SET plan_cache_mode = force_generic_plan")
        followed = [
            table
            for module in MODULES
            if module.name in FOLLOWED
            for table in module.tables
            if not table.kind.append_only
        ]
        assert followed
        async with con.transaction():  # autovacuum cannot look at what is locked
            await con.execute("SET LOCAL session_replication_role = replica")
            names = [f'"{row[0]}"' for row in await con.fetch(TABLES)]
            await con.execute(f"TRUNCATE {', '.join(names)}")
            for table in followed:
                await con.execute(f"PREPARE loading AS {table.load}")
                text = await con.fetchval("EXPLAIN (FORMAT JSON) EXECUTE loading('{a}', '{b}')")
                await con.execute("DEALLOCATE loading")
                assert table.kind.group_field in conditions(json.loads(text)), table.kind
    finally:
        await con.close()


async def test_migrations_tell_the_planner_of_each_table_that_tenants_are_few(databases):
    assert not databases.untold, "end the migration with: SELECT tenants_are_few();"


def conditions(plan: object) -> str:
    """What indexes are asked for, anywhere in a plan."""
    if isinstance(plan, list):
        return " ".join(conditions(one) for one in plan)
    if isinstance(plan, dict):
        return " ".join([str(plan.get("Index Cond", "")), conditions([*plan.values()])])
    return ""
