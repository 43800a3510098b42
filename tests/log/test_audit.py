"""`verify` finds whatever is not as the log says; `replay` mends what is derived."""

import json
import time

import pytest

from shopwire.adapters.postgres.store import open_store
from shopwire.cli import log as log_cli
from shopwire.kernel.checks import Drift
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import LogCorrupt, SetupProblem
from shopwire.kernel.write_path import WritePath
from shopwire.services import audit
from shopwire.testing.conformance.sample import COUNT_UP, TABLES, count_up

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


@pytest.fixture
async def store(postgres_harness):
    async with open_store(postgres_harness.dsn, TABLES) as store:
        path = WritePath(store.storage, [COUNT_UP], SystemClock())
        await path.start()
        await path.submit_many([count_up(f"k{n}", f"s{n % 9}") for n in range(100)])
        await path.react("follower", 0, 0, 2, [])
        await path.stop()
        yield store


async def test_a_log_that_was_only_written_by_us_has_no_drift(store):
    seen = []
    report = await audit.verify(store.pools, progress=lambda *step: seen.append(step))
    assert (report.drift, report.drift_total) == ([], 0)
    assert (report.events, report.topics, report.documents, report.consumers) == (100, 9, 9, 1)
    assert set(report.checks.values()) == {0}
    assert ("log", 100, 100) in seen


@pytest.mark.parametrize(
    ("damage", "proof"),
    [
        ('DELETE FROM events WHERE "offset" = 3', "log.contiguity"),
        ("UPDATE head SET next = next + 1 WHERE partition = 1", "log.contiguity"),
        ("UPDATE head SET next = next - 1 WHERE partition = 1", "log.end"),
        ('UPDATE events SET version = version + 1 WHERE "offset" = 2', "log.versions"),
        ('UPDATE events SET epoch = 7 WHERE "offset" = 2', "log.epochs"),
        ("UPDATE documents SET body = '{\"count\": 0}' WHERE topic = 'counter:s1/a'", "documents"),
        ("UPDATE documents SET version = version - 1 WHERE topic = 'counter:s1/a'", "documents"),
        ("DELETE FROM documents WHERE topic = 'counter:s1/a'", "documents"),
        ("INSERT INTO documents VALUES ('main', 'x:y', 1, 'null', 1, 0)", "documents"),
        ("UPDATE consumer_position SET next = 999", "consumers"),
    ],
)
async def test_every_damage_is_found(store, postgres_harness, damage, proof):
    await postgres_harness.run(f"ALTER TABLE events DISABLE TRIGGER ALL; {damage}")
    report = await audit.verify(store.pools)
    assert report.checks[proof] > 0
    assert proof in {drift.check for drift in report.drift}


async def test_a_reader_stops_at_a_hole_instead_of_passing_it(store, postgres_harness):
    await postgres_harness.run(
        'ALTER TABLE events DISABLE TRIGGER ALL; DELETE FROM events WHERE "offset" = 3'
    )
    assert len(await store.log.read(1, 0, 3)) == 3
    for start in (0, 3):
        with pytest.raises(LogCorrupt, match="offset 3 is missing"):
            await store.log.read(1, start, 100)


async def test_events_cannot_be_changed_by_plain_sql(store, postgres_harness):
    for statement in ("DELETE FROM events", "UPDATE events SET version = 1", "TRUNCATE events"):
        with pytest.raises(Exception, match="never changed"):
            await postgres_harness.run(statement)


async def test_replay_mends_the_documents(store, postgres_harness, monkeypatch):
    monkeypatch.setattr(audit, "REBUILD_EVENTS", 7)
    await postgres_harness.run(
        "UPDATE documents SET version = 77; DELETE FROM documents WHERE topic = 'counter:s1/a'"
    )
    assert (await audit.verify(store.pools)).drift_total
    assert await audit.rebuild_documents(store.pools) == 100
    assert (await audit.verify(store.pools)).drift_total == 0


async def test_a_modules_own_proof_is_run_on_the_same_snapshot(store):
    class Sums:
        name = "sample.sums"

        async def run(self, reads):
            (counted,) = await reads.fetch("SELECT sum(count) AS sum FROM sample_counter")
            (moved,) = await reads.fetch("SELECT sum(amount) AS sum FROM sample_line")
            if counted["sum"] == moved["sum"]:
                return []
            told = {"expected": str(moved["sum"]), "found": str(counted["sum"])}
            return [Drift(check=self.name, where="all", **told)]

    report = await audit.verify(store.pools, [Sums()])
    assert report.checks["sample.sums"] == 0


async def test_a_new_epoch_is_one_for_all_partitions(store):
    began_s = int(time.time())
    epoch = await audit.new_epoch(store.pools)
    assert epoch >= began_s  # counting on from a restored backup would repeat an epoch
    assert (await store.log.heads()).epoch == epoch
    assert await audit.new_epoch(store.pools) > epoch
    assert (await audit.verify(store.pools)).drift_total == 0


def test_the_commands_tell_machines_in_json(database_url, capsys):
    assert log_cli.verify(url=database_url, json=True) == 0
    assert json.loads(capsys.readouterr().out)["drift_total"] == 0
    assert log_cli.replay(url=database_url, json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"events": 0}
    assert log_cli.new_epoch(url=database_url, json=True) == 0
    assert json.loads(capsys.readouterr().out)["epoch"] > 1


def test_the_commands_tell_people(database_url, capsys):
    assert log_cli.tail(url=database_url) == 0
    assert log_cli.verify(url=database_url) == 0
    assert "drift 0 in 0 events" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(SetupProblem, match="no folder"):
        log_cli.verify(data=tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


async def test_a_database_without_our_tables_is_named_as_such(postgres_harness):
    await postgres_harness.run("DROP TABLE log_meta")
    with pytest.raises(SetupProblem, match="no log"):
        async with open_store(postgres_harness.dsn):
            pass
