"""A leased key, held as long as the work under it goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import LeaseLost, StorageUnavailable
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.limits import CLAIM_LEASE_MS
from shopwire.kernel.storage import Claim, Lease

_NEVER_ANSWERED: Final = bytes(16)
"""Fingerprint of keys that only keep others away."""


class Leases(Protocol):
    """Who takes keys for work of several transactions: a write path."""

    async def claim_lease(self, claim: Claim) -> Lease | Outcome:
        """Takes a key, or tells how it was answered; see `WritePath`."""
        ...

    async def renew_lease(self, lease: Lease) -> Lease:
        """Holds on; raises LeaseLost."""
        ...

    async def drop_lease(self, lease: Lease) -> None:
        """Gives the key back."""
        ...


@asynccontextmanager
async def held_lease(write_path: Leases, lease: Lease) -> AsyncIterator[list[Lease]]:
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


@asynccontextmanager
async def alone(
    write_path: Leases, operation: str, key: str, *, tenant: str = DEFAULT_TENANT
) -> AsyncIterator[None]:
    """One worker at a time at something, over all processes; a dead one is waited for.

    Raises KeyInFlight with the rest of the holder's lease, and LeaseLost from within where the
    lease ran out and went to another: what this one did not do yet it must not do any more.
    """
    claim = Claim(
        tenant=tenant, principal="alone", operation=operation, key=key, fingerprint=_NEVER_ANSWERED
    )
    leased = await write_path.claim_lease(claim)
    assert isinstance(leased, Lease), "nobody answers such a key"
    working, lost, current = asyncio.current_task(), asyncio.Event(), [leased]
    assert working is not None

    async def renew() -> None:
        while True:
            await asyncio.sleep(CLAIM_LEASE_MS / 3_000)
            try:
                current[0] = await write_path.renew_lease(current[0])
            except StorageUnavailable:
                continue  # nobody else can take it over by the same database either
            except LeaseLost:
                lost.set()
                working.cancel()
                return

    renewing = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if lost.is_set():
            working.uncancel()
            raise LeaseLost from None
        raise
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        if not lost.is_set():
            with suppress(LeaseLost, StorageUnavailable):  # then it runs out by itself
                await write_path.drop_lease(current[0])
