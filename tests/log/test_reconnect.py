"""A writer whose server end dies goes on with another connection."""

import asyncpg
import pytest

from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.errors import StorageUnavailable
from shopwire.kernel.events import NewEvent

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


def event(version: int) -> NewEvent:
    return NewEvent("main", "stock:A", version, "test.happened", b"{}", b"null", f"c{version}")


async def test_an_append_after_its_backend_was_killed_takes_another_one(database_url):
    async with open_store(database_url) as store:
        await store.log.append(0, [event(1)])
        killer = await asyncpg.connect(database_url)
        try:
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        finally:
            await killer.close()
        for _ in range(3):
            try:
                place = await store.log.append(0, [event(2)])
            except StorageUnavailable:
                continue
            break
        else:
            pytest.fail("the writer never came back")
        assert place.offset == 1
        assert (await store.log.heads()).next[0] == 2
