"""The embedded server: made, started, killed, found again, refused."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import asyncpg
import pytest

from shopwire.adapters.postgres import server as server_module
from shopwire.adapters.postgres.find import find_postgres
from shopwire.adapters.postgres.server import EmbeddedPostgres, attach, open_database
from shopwire.kernel.errors import SetupProblem

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.usefixtures("postgres")]


async def scalar(dsn: str, query: str):
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_data_is_kept_between_starts_and_commits_are_durable(data_folder: Path):
    async with open_database(data_folder) as opened:
        assert await scalar(opened.dsn, "SHOW fsync") == "on"
        assert await scalar(opened.dsn, "SHOW synchronous_commit") == "on"
        assert await scalar(opened.dsn, "SHOW min_wal_size") == "1GB"
        await scalar(opened.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    async with open_database(data_folder) as opened:
        assert await scalar(opened.dsn, "SELECT n FROM kept") == 7


async def test_a_second_owner_is_refused_and_a_command_attaches(data_folder: Path):
    async with open_database(data_folder) as first:
        with pytest.raises(SetupProblem, match="Another Shopwire"):
            await EmbeddedPostgres(data_folder).start()
        async with open_database(data_folder) as second:
            assert second.server is None
            assert second.dsn == first.dsn
        assert await scalar(first.dsn, "SELECT 1") == 1
    assert await attach(data_folder) is None


async def test_a_killed_server_is_noticed_and_recovers_what_was_committed(data_folder: Path):
    server = EmbeddedPostgres(data_folder)
    await server.start()
    await scalar(server.dsn(), "CREATE TABLE kept AS SELECT 8 AS n")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await asyncio.wait_for(server.died.wait(), 60)
    await server.stop()
    again = EmbeddedPostgres(data_folder)
    await again.start()
    assert await scalar(again.dsn(), "SELECT n FROM kept") == 8
    await again.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
async def test_a_killed_parent_takes_its_server_along(data_folder: Path):
    program = textwrap.dedent(f"""
        import asyncio, sys, pathlib
        from shopwire.adapters.postgres.server import EmbeddedPostgres
        async def main():
            server = EmbeddedPostgres(pathlib.Path({str(data_folder)!r}), fast=True)
            await server.start()
            print(server.pid, flush=True)
            await asyncio.Event().wait()
        asyncio.run(main())
    """)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert int(await asyncio.to_thread(parent.stdout.readline)) > 0
    parent.kill()
    parent.wait()
    parent.stdout.close()
    # The next start waits for the predecessor's end; without the kernel's signal it never comes.
    async with open_database(data_folder) as opened:
        assert opened.server is not None


async def test_a_long_path_still_has_a_usable_socket(data_folder: Path):
    deep = data_folder / ("long-name-" * 8) / ("longer-name-" * 8)
    deep.mkdir(parents=True)
    async with open_database(deep) as opened:
        assert await scalar(opened.dsn, "SELECT 1") == 1
        assert opened.server is not None
        elsewhere = Path(opened.server._host)
        assert elsewhere.is_dir()
    assert not elsewhere.exists()


async def test_a_cluster_of_another_version_is_refused_and_left_alone(data_folder: Path):
    (data_folder / "pg").mkdir()
    (data_folder / "pg" / "PG_VERSION").write_text("11\n")
    with pytest.raises(SetupProblem, match="made by PostgreSQL 11"):
        await EmbeddedPostgres(data_folder).start()
    assert (data_folder / "pg" / "PG_VERSION").read_text() == "11\n"


async def test_a_full_disk_is_refused_before_anything_is_made(data_folder: Path, monkeypatch):
    monkeypatch.setattr(server_module, "FREE_BYTES_MIN", 1 << 62)
    with pytest.raises(SetupProblem, match="MiB free"):
        await EmbeddedPostgres(data_folder).start()
    assert not (data_folder / "pg").exists()


async def test_a_folder_that_cannot_be_made_is_named(data_folder: Path):
    (data_folder / "file").write_text("")
    with pytest.raises(SetupProblem, match="cannot be used"):
        await EmbeddedPostgres(data_folder / "file" / "inside").start()


async def test_a_half_made_cluster_is_made_again(data_folder: Path):
    (data_folder / "pg.new").mkdir()
    (data_folder / "pg.new" / "PG_VERSION").write_text("18\n")
    async with open_database(data_folder) as opened:
        assert await scalar(opened.dsn, "SELECT 1") == 1


def test_a_folder_without_programs_says_what_is_missing(tmp_path: Path):
    with pytest.raises(SetupProblem, match="has no initdb"):
        find_postgres(str(tmp_path))


def test_an_old_server_is_refused(tmp_path: Path):
    for program in ("initdb", "postgres"):
        file = tmp_path / program
        file.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 12.1'\n")
        file.chmod(0o755)
    with pytest.raises(SetupProblem, match="older than 16"):
        find_postgres(str(tmp_path))
