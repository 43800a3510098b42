"""What tests of processes that are gone wait for."""

import asyncpg


async def database_is_settled(dsn: str) -> None:
    """Returns once a database that was started just now believes that processes can be gone.

    Until then each may still take its name again.
    """
    con = await asyncpg.connect(dsn)
    try:
        await con.execute(
            "SELECT pg_sleep(greatest(0, extract(epoch FROM"
            " pg_postmaster_start_time() + interval '3.1 s' - clock_timestamp())))"
        )
    finally:
        await con.close()
