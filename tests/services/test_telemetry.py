"""The two tables of names are what the code does."""

import re
from pathlib import Path

import httpx2
import pytest
from tests.services.conftest import Shop

import shopwire.services
from shopwire.services.telemetry import LOG_EVENTS, METRICS, Readings

pytestmark = pytest.mark.anyio

SOURCES = Path(shopwire.services.__file__).parent
LOGGED = re.compile(
    r"_?log\.(?:debug|info|warning|error|critical|exception|log)\(\s*(?:[\w.]+,\s*)?\"([^\"]+)\""
)


async def test_metrics_are_those_of_the_table(shop: Shop, web: httpx2.AsyncClient):
    shop.telemetry.start_ms["database"] = 12.0
    await web.get("/healthz")
    text = (await web.get("/metrics")).text
    shown = {
        line.split()[2]: line.split()[3] for line in text.splitlines() if line.startswith("# TYPE")
    }
    ours = {name: kind for name, kind in shown.items() if not name.endswith("_created")}
    assert ours == {name: spec.kind for name, spec in METRICS.items()}


async def test_sampled_metrics_show_the_readings(shop: Shop, web: httpx2.AsyncClient):
    shop.readings = Readings(committed=7, queue=3, hub_lag_ms=250, database_up=False)
    lines = (await web.get("/metrics")).text.splitlines()
    assert 'shopwire_commands_total{outcome="committed"} 7.0' in lines
    assert "shopwire_queue_commands 3.0" in lines
    assert "shopwire_hub_lag_seconds 0.25" in lines
    assert "shopwire_database_up 0.0" in lines


async def test_routes_are_counted_by_template_not_by_path(shop: Shop, web: httpx2.AsyncClient):
    for name in ("mug", "cup", "bowl"):
        await web.get(f"/pictures/{name}.svg")
    await web.get("/api/no/such/thing")
    text = (await web.get("/metrics")).text
    assert 'shopwire_http_requests_total{route="/pictures/{name}",status="200"} 3.0' in text
    assert 'shopwire_http_requests_total{route="unmatched",status="404"} 1.0' in text


def test_log_events_are_those_of_the_table():
    found = {
        name
        for file in SOURCES.rglob("*.py")
        for name in LOGGED.findall(file.read_text(encoding="utf-8"))
    }
    assert found == set(LOG_EVENTS)
