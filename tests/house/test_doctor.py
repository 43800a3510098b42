"""The doctor: what it sees, what it advises, with which code it ends."""

import json
import socket
from pathlib import Path

import asyncpg
import pytest
from tests.e2e.shop import free_port

from shopwire.adapters.postgres.inspect import look_at
from shopwire.adapters.postgres.migrate import load_migrations
from shopwire.adapters.postgres.server import EmbeddedPostgres
from shopwire.cli.doctor import doctor
from shopwire.kernel.errors import SetupProblem
from shopwire.services import doctor as examination
from shopwire.services.doctor import Patient, examine
from shopwire.services.findings import Finding


async def findings(data: Path, **changes: object) -> dict[str, Finding]:
    values = {"data": data, "host": "127.0.0.1", "port": 0} | changes
    found = await examine(Patient(**values))
    assert len({finding.name for finding in found}) == len(found)
    for finding in found:
        assert finding.verdict not in ("warn", "fail") or finding.remedy, finding
    return {finding.name: finding for finding in found}


@pytest.mark.anyio
@pytest.mark.usefixtures("postgres")
async def test_an_empty_folder_is_fine_and_stays_empty(data_folder: Path):
    found = await findings(data_folder)
    for name in ("python", "packages", "postgresql", "account", "data", "port"):
        assert found[name].verdict == "ok", found[name]
    assert list(data_folder.iterdir()) == []


@pytest.mark.anyio
async def test_a_folder_that_is_none_is_refused(data_folder: Path):
    (data_folder / "file").write_text("")
    assert (await findings(data_folder / "file" / "shop"))["data"].verdict == "fail"


@pytest.mark.anyio
async def test_a_cluster_of_another_version_is_named(data_folder: Path):
    (data_folder / "pg").mkdir()
    (data_folder / "pg" / "PG_VERSION").write_text("11\n")
    found = (await findings(data_folder))["data"]
    assert (found.verdict, "PostgreSQL 11" in found.seen) == ("fail", True)


@pytest.mark.anyio
async def test_a_full_disk_is_named(data_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(examination, "FREE_BYTES_MIN", 1 << 62)
    assert (await findings(data_folder))["disk"].verdict == "fail"


@pytest.mark.anyio
async def test_a_missing_postgresql_is_named(data_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHOPWIRE_PG_BIN", str(data_folder))
    assert (await findings(data_folder))["postgresql"].verdict == "fail"


@pytest.mark.anyio
@pytest.mark.postgres
async def test_a_running_shop_is_looked_into(data_folder: Path, postgres: EmbeddedPostgres):
    server = EmbeddedPostgres(data_folder, fast=True)
    await server.start()
    try:
        found = await findings(data_folder)
    finally:
        await server.stop()
    assert "answers" in found["database"].seen
    assert found["durability"].verdict == "warn"  # a fast server is for tests
    assert found["schema"].verdict == "ok"


@pytest.mark.anyio
@pytest.mark.postgres
async def test_looking_at_a_database_makes_nothing_in_it(postgres: EmbeddedPostgres):
    connection = await asyncpg.connect(postgres.dsn("postgres"))
    try:
        facts = await look_at(postgres.dsn("postgres"))
        tables = await connection.fetchval("SELECT to_regclass('schema_migration')::text")
    finally:
        await connection.close()
    assert facts.pending == [migration.name for migration in load_migrations()]
    assert not facts.has_log
    assert tables is None


@pytest.mark.anyio
@pytest.mark.postgres
async def test_a_shops_database_is_up_to_date(data_folder: Path, database_url: str):
    found = await findings(data_folder, database_url=database_url)
    assert found["schema"].seen == "up to date"


@pytest.mark.anyio
async def test_a_database_that_is_away_is_a_problem_with_a_reason():
    with pytest.raises(SetupProblem, match="cannot be used"):
        await look_at(f"postgresql://nobody@127.0.0.1:{free_port()}/none")


@pytest.mark.anyio
async def test_a_silent_database_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shopwire.adapters.postgres.inspect.LOOK_MS_MAX", 200)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(SetupProblem, match="does not answer"),
    ):
        # Without TLS: given up in the middle of asking for it, the driver leaves an error behind.
        await look_at(
            f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none?sslmode=disable"
        )


@pytest.mark.anyio
async def test_a_port_in_use_is_named_with_a_free_one(data_folder: Path):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        found = await findings(data_folder, port=bound.getsockname()[1])
    assert found["port"].verdict == "fail"
    assert "--port" in found["port"].seen


def test_exit_code_and_json_tell_the_worst(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    async def bad(_patient: Patient) -> list[Finding]:
        return [Finding("a", "ok", "fine"), Finding("b", "fail", "broken [/bold]", "mend it")]

    async def doubtful(_patient: Patient) -> list[Finding]:
        return [Finding("a", "note", "aside"), Finding("b", "warn", "odd", "look")]

    monkeypatch.setattr("shopwire.cli.doctor.examine", bad)
    assert doctor(data=tmp_path) == 1
    assert "broken [/bold]" in capsys.readouterr().out
    assert doctor(data=tmp_path, json=True) == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "fail"
    monkeypatch.setattr("shopwire.cli.doctor.examine", doubtful)
    assert doctor(data=tmp_path) == 3


def test_settings_are_told_with_where_they_came_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SHOPWIRE_DATA", str(tmp_path / "shop"))
    (tmp_path / "shopwire.toml").write_text("port = 0")
    doctor(config=tmp_path / "shopwire.toml", json=True)
    told = {f["name"]: f["seen"] for f in json.loads(capsys.readouterr().out)["findings"]}
    assert f"port = 0 ({tmp_path / 'shopwire.toml'})" in told["settings"]
    assert f"data = {tmp_path / 'shop'} (SHOPWIRE_DATA)" in told["settings"]
