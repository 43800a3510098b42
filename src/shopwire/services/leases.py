"""A leased key, held as long as the work under it goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shopwire.kernel.limits import CLAIM_LEASE_MS
from shopwire.kernel.storage import Lease
from shopwire.kernel.write_path import WritePath


@asynccontextmanager
async def held_lease(write_path: WritePath, lease: Lease) -> AsyncIterator[list[Lease]]:
    """Renews a lease; gives the key back if the work fails. The list holds the newest one."""
    current = [lease]

    async def renew() -> None:
        while True:
            await asyncio.sleep(CLAIM_LEASE_MS / 3_000)
            current[0] = await write_path.renew_lease(current[0])

    renewing = asyncio.create_task(renew())
    try:
        yield current
    except BaseException:
        await write_path.drop_lease(current[0])
        raise
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
