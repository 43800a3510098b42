"""Orders on a real database: what the schema refuses, what the audit finds, races."""

import pytest
from tests.modules.shop import drifts
from tests.orders.world import lines, postgres_world

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


async def test_an_order_leaves_no_drift(database_url):
    async with postgres_world(database_url) as world:
        await world.article("A", acme=5)
        await world.article("B", acme=1, zeta=2)
        await world.placed(lines=lines(("A", 2), ("B", 3)))
        assert world.refused == []
        assert await drifts(world.shop) == []
