"""Looks at a broker without leaving anything there."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.client import Client

LOOK_S_MAX: Final = 3.0
"""A broker that takes longer to answer counts as unreachable."""


class BusFacts(msgspec.Struct, frozen=True):
    """What a broker says of itself."""

    version: str = ""
    keeps: bool = False
    """Whether it has JetStream."""
    problem: str = ""
    """Why nothing is known; empty where it answered."""


async def look_at_bus(servers: Sequence[str]) -> BusFacts:
    """Asks whichever of the servers answers first."""
    client, heard = Client(), [""]

    async def hear(problem: Exception) -> None:
        heard.append(str(problem) or type(problem).__name__)

    try:
        async with asyncio.timeout(LOOK_S_MAX):
            await client.connect(
                list(servers),
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=max(1, int(LOOK_S_MAX)),
                error_cb=hear,
            )
            version = str(client.connected_server_version)
            try:
                await client.jetstream().account_info()
            except (nats.js.errors.Error, nats.errors.Error):
                return BusFacts(version)
            return BusFacts(version, keeps=True)
    except (nats.errors.Error, OSError, TimeoutError, ValueError) as problem:
        return BusFacts(problem=heard[-1] or str(problem) or type(problem).__name__)
    finally:
        with suppress(nats.errors.Error, OSError, TimeoutError):
            await client.close()
