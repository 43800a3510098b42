"""The doctor on access, sources, channels and the bus: what it sees, and how to mend it."""

import json
from pathlib import Path

import asyncpg
import pytest
from tests.channels.servers import http_server
from tests.e2e.shop import free_port

from shopwire.adapters.bus.server import EmbeddedNats
from shopwire.adapters.postgres.inspect import OVERDUE_MS, look_at
from shopwire.adapters.security.keys import keys_at
from shopwire.services.doctor_access import access_findings
from shopwire.services.doctor_work import NAMES_MAX, bus_finding, work_findings
from shopwire.services.findings import Finding
from shopwire.services.settings import Settings

pytestmark = pytest.mark.anyio


async def seen(host: str = "127.0.0.1", facts=None, **settings: object) -> dict[str, Finding]:
    found = await access_findings(Settings(**settings), host, facts)
    assert all(finding.remedy for finding in found if finding.verdict in ("warn", "fail"))
    return {finding.name: finding for finding in found}


async def test_a_shop_of_its_own_machine_is_fine_and_nothing_is_made(tmp_path: Path):
    found = await seen(data=tmp_path / "shop")
    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert not (tmp_path / "shop").exists()


async def test_keys_that_others_can_read_or_nobody_can_use_are_told(tmp_path: Path):
    path = tmp_path / "keys.json"
    keys_at(path)
    assert "1 in" in (await seen(data=tmp_path))["keys"].seen
    path.chmod(0o640)
    told = (await seen(data=tmp_path))["keys"]
    assert (told.verdict, "chmod 600" in told.remedy) == ("warn", True)
    path.write_text("{}")
    assert (await seen(data=tmp_path))["keys"].verdict == "fail"


@pytest.mark.parametrize(
    ("host", "settings", "verdict", "word"),
    [
        ("0.0.0.0", {}, "ok", "log in"),
        ("0.0.0.0", {"access": "open"}, "warn", "whoever reaches 0.0.0.0"),
        ("127.0.0.1", {"allow_hosts": ("shop.example",)}, "warn", "comes through shop.example"),
        ("127.0.0.1", {"allow_hosts": ("shop.example",), "access": "login"}, "ok", "log in"),
    ],
)
async def test_whoever_may_run_the_shop_is_told(tmp_path: Path, host, settings, verdict, word):
    told = (await seen(host, data=tmp_path, **settings))["access"]
    assert (told.verdict, word in told.seen) == (verdict, True), told


@pytest.mark.parametrize(
    ("origin", "verdict"),
    [
        ("https://shop.example", "ok"), ("http://localhost:5173", "ok"),
        ("http://shop.example", "warn"), ("shop.example", "warn"), ("*", "warn"),
        ("https://*.example", "warn"), ("https://shop.example/path", "warn"), ("https://[", "warn"),
    ],
)  # fmt: skip
async def test_origins_that_fit_nothing_or_too_much_are_told(tmp_path: Path, origin, verdict):
    assert (await seen(data=tmp_path, allow_origins=(origin,)))["origins"].verdict == verdict


async def test_the_issuer_is_asked_as_a_start_would(tmp_path: Path):
    public = [key.as_dict(private=False) for key in keys_at(tmp_path / "other.json").keys]
    answers = [(200, json.dumps({"keys": public}).encode()), (503, b"")]

    async def handle(*_request: object):
        return answers.pop(0)

    async with http_server(handle) as url:
        settings = {
            "data": tmp_path, "issuer": "https://id.example", "issuer_jwks": url,
            "issuer_audience": "shop", "allow_addresses": ("127.0.0.1",),
        }  # fmt: skip
        assert (await seen(**settings))["issuer"].seen.endswith("1 keys")
        away = (await seen(**settings))["issuer"]
    assert (away.verdict, "503" in away.seen) == ("warn", True)
    settings["issuer_audience"] = ""
    assert (await seen(**settings))["issuer"].verdict == "fail"


@pytest.mark.postgres
async def test_what_waits_for_somebody_is_named_with_how_to_mend_it(tmp_path: Path, database_url):
    facts = await look_at(database_url)
    assert {finding.verdict for finding in work_findings(facts)} == {"ok"}
    told = (await seen("0.0.0.0", facts, data=tmp_path))["access"]
    assert (told.verdict, "user add" in told.remedy) == ("warn", True)
    connection = await asyncpg.connect(database_url)
    try:
        for statement in ROWS:
            await connection.execute(statement)
    finally:
        await connection.close()
    facts = await look_at(database_url)
    assert facts.overdue == tuple(f"s{n}/feed" for n in range(1, 8))
    assert (facts.left_alone, facts.stopped) == (("late/feed",), ("old",))
    assert (facts.held, facts.waiting, facts.operators) == (("run1",), ("b1",), 1)
    found = {finding.name: finding for finding in work_findings(facts)}
    assert {finding.verdict for finding in found.values()} == {"warn"}
    assert all(finding.remedy for finding in found.values())
    assert "late/feed" in found["sources"].seen
    assert (await seen("0.0.0.0", facts, data=tmp_path))["access"].verdict == "ok"
    assert len(facts.overdue) > NAMES_MAX


async def test_a_bus_is_asked_whether_it_is_there_and_keeps_anything(tmp_path: Path):
    assert (await bus_finding((), 0)).verdict == "ok"
    away = await bus_finding((f"nats://user:word@127.0.0.1:{free_port()}",), 0)
    assert (away.verdict, "word" in away.seen) == ("warn", False)
    broker = EmbeddedNats(tmp_path)
    await broker.start()
    try:
        told = await bus_finding((broker.url,), 0)
        assert (told.verdict, "JetStream" in told.seen) == ("ok", True), told
    finally:
        await broker.stop()


NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
SOURCE = """INSERT INTO source (tenant, supplier, name, version, place, currency, as_of, state,
    anchor_ms, due_ms, why, fence, began_ms, lease_until_ms, running_why, failures, failed_at,
    marks) SELECT 'main', %s, 'feed', 1, '{}', 'EUR', 'none', 'active', 0, %s, 0, '[]', '{}'"""
LATE = f"{NOW} - {OVERDUE_MS} - 1000"
ROWS = [
    SOURCE % ("'s' || n", f"{LATE}, 'schedule', 0, NULL, NULL, NULL")
    + " FROM generate_series(1, 7) n",
    SOURCE % ("'soon'", f"{NOW} - 1000, 'schedule', 0, NULL, NULL, NULL"),
    SOURCE % ("'late'", f"NULL, NULL, 1, 0, {LATE}, 'schedule'"),
    """INSERT INTO supply (tenant, supplier, version, rule, since_ms, state, caution, breaker,
        breaker_reason, breaker_failures, opened) VALUES
        ('main', 'old', 1, '{}', 0, 'stale', '{}', 'closed', '', 0, 0),
        ('main', 'new', 1, '{}', 0, 'fresh', '{}', 'closed', '', 0, 0)""",
    f"""INSERT INTO channel_bundle (tenant, id, supplier, control, version, kind, way, state,
        letters, trouble, tries, begun_at_ms, due_at_ms, receipt)
        VALUES
        ('main', 'b1', 'acme', 1, 1, '', '{{}}', 'staging', '["p"]', '', 0, 0, {LATE}, 'none'),
        ('main', 'b2', 'acme', 2, 1, '', '{{}}', 'staging', '["p"]', '', 0, 0, {NOW}, 'none')""",
    """INSERT INTO import_run (tenant, id, version, supplier, profile, source, status, rows,
        changed, unchanged, quarantined, kept, notes, started_at_ms) VALUES
        ('main', 'run1', 1, 'acme', 'generic', 'f', 'held', 0, 0, 0, 0, 0, '[]', 0),
        ('main', 'run2', 1, 'acme', 'generic', 'f', 'finished', 0, 0, 0, 0, 0, '[]', 0)""",
    """INSERT INTO access_account VALUES
        ('main', 'operator:anna', 1, false, '$argon2id$x', 0, '[]'),
        ('main', 'operator:bert', 1, true, '$argon2id$x', 0, '[]'),
        ('main', 'operator:carl', 1, false, '', 0, '[]')""",
]
