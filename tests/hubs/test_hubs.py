"""Which hubs there are, which pages may use them, what a child is told."""

import asyncio
import contextlib

import msgspec
import pytest
from tests.e2e.shop import free_port
from tests.hubs.brokers import NatsHarness
from tests.hubs.lines import Office, World, reached
from tests.sync.simulated import FakeClock

from shopwire.adapters.bus import server
from shopwire.adapters.bus.memory import MemoryBroker, MemoryBus
from shopwire.adapters.bus.server import EmbeddedNats
from shopwire.kernel.errors import SetupProblem
from shopwire.services.cors import Cors
from shopwire.services.hub_node import HubOptions, open_hub_node
from shopwire.services.hubs import SILENT_MS_MAX, Hubs, announce
from shopwire.services.reach import page_origins
from shopwire.services.settings import Settings, load_settings
from shopwire.services.supervisor import environment, hub_settings, supervise
from shopwire.sync.origins import Origins
from shopwire.testing.conformance.bus import until_turned

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bus():
    bus = MemoryBus(MemoryBroker())
    await bus.start()
    return bus


@contextlib.asynccontextmanager
async def announced(bus, hub, address, clock):
    task = asyncio.create_task(announce(bus, hub, address, clock))
    await asyncio.sleep(0)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_hubs_come_and_go_and_without_any_it_is_the_one_that_was_asked(bus):
    clock = FakeClock()
    hubs = Hubs(bus, clock)
    assert hubs.addresses("shop.example:8000") == ["/sync"]
    async with (
        announced(bus, "one", ":8001", clock),
        announced(bus, "two", "https://sync2.shop.example/sync", clock),
    ):
        assert hubs.addresses("shop.example:8000") == [
            "http://shop.example:8001/sync",
            "https://sync2.shop.example/sync",
        ]
        assert hubs.addresses("[::1]:8000")[0] == "http://[::1]:8001/sync"
        assert Hubs(bus, clock).addresses("a")[0] == "http://a:8001/sync"  # one who comes later
    assert hubs.addresses("shop.example:8000") == ["/sync"]


async def test_a_silent_hub_is_left_out_unless_nobody_can_say_anything(bus):
    clock = FakeClock()
    hubs = Hubs(bus, clock)
    bus.tell("hub:one", 1, b'{"address":":8001"}')
    bus.tell("hub:two", 1, b"nonsense")
    clock.ms += SILENT_MS_MAX
    assert hubs.addresses("a") == ["http://a:8001/sync"]
    bus._broker.go_down()
    clock.ms += 60_000
    assert hubs.addresses("a") == ["http://a:8001/sync"]
    bus._broker.come_back()
    assert hubs.addresses("a") == ["http://a:8001/sync"]
    clock.ms += SILENT_MS_MAX + 1
    assert hubs.addresses("a") == ["/sync"]


async def answered(method, origin, host="shop.example:8001"):
    async def app(_scope, _receive, send):
        headers = [(b"access-control-allow-origin", b"*")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin else [])
    sent = []

    async def send(message):
        sent.append(message)

    cors = Cors(app, Origins(["http://shop.example:8000"], hosts=frozenset({"shop.example"})))
    await cors({"type": "http", "method": method, "headers": headers}, None, send)
    return sent[0]["status"], sent[0]["headers"]


async def test_only_pages_of_named_origins_read_with_credentials():
    for method in ("GET", "OPTIONS"):
        _status, headers = await answered(method, "http://shop.example:8000")
        assert (b"access-control-allow-origin", b"http://shop.example:8000") in headers
        assert (b"access-control-allow-origin", b"*") not in headers
        assert (b"access-control-allow-credentials", b"true") in headers
        for origin, host in [
            ("http://evil.example:8000", "shop.example:8001"),
            ("http://shop.example:8000", "evil.example:8001"),
            (None, "shop.example:8001"),
        ]:
            _status, headers = await answered(method, origin, host)
            assert b"access-control-allow-credentials" not in dict(headers)


def test_a_child_has_exactly_the_settings_of_its_parent(monkeypatch):
    monkeypatch.setenv("SHOPWIRE_CONFIG", "/nowhere.toml")
    monkeypatch.setenv("SHOPWIRE_ADDRESS", "of the parent")
    monkeypatch.setenv("SHOPWIRE_PG_BIN", "/kept")
    settings = Settings(
        port=1234, database_url="postgresql://a:b@/c?host=/x", bus=("nats://n1:4222", "nats://n2"),
        allow_origins=("https://a.example",), access="login",
    )  # fmt: skip
    environ = environment(settings)
    assert environ["SHOPWIRE_PG_BIN"] == "/kept"
    assert load_settings({}, environ=environ).settings == settings


def test_a_hub_takes_the_pages_of_its_shop_and_a_port_of_its_own():
    settings = hub_settings(Settings(port=8000, allow_hosts=("shop.example",)), 1, "http://x:8000")
    assert settings.port == 8002
    assert settings.allow_origins == tuple(page_origins("127.0.0.1", 8000, ["shop.example"]))
    assert "http://localhost:8000" in settings.allow_origins
    assert "http://shop.example:8000" in settings.allow_origins
    assert hub_settings(Settings(port=0), 1, "http://x:33333").port == 0


def test_a_number_of_hubs_that_cannot_be_is_refused():
    with pytest.raises(SetupProblem, match="from 1 to"):
        supervise(msgspec.structs.replace(Settings(), hubs=1_000), on_ready=lambda *_: None)


async def test_a_real_broker_is_killed_and_wiped_under_load_and_nothing_is_missed(data_folder):
    world, harness = World(), await NatsHarness(data_folder).start()
    world.bus = harness.open
    try:
        relay = await world.relay(Office())
        log = await world.follow(poll_ms=200, late_ms=50)
        for turn in range(3):
            for _ in range(50):
                await world.append(3)
                await asyncio.sleep(0)
            await harness.kill()
            for _ in range(50):
                await world.append(3)
                await asyncio.sleep(0)
            await harness.revive(wiped=turn % 2 == 0)
        await world.until_all()
        await reached(relay, len(world.taken))
        await until_turned(log.bus, up=True)  # it may have come back later than the relay's
        assert log.source == "bus"
        kept = await harness.kept(1, 0)
        assert kept[0].first == 0
        assert [run.first for run in kept[1:]] == [run.next for run in kept[:-1]]
        assert kept[-1].next == 900
    finally:
        await world.close()
        await harness.close()


async def test_a_port_that_another_broker_took_meanwhile_is_drawn_again(data_folder, monkeypatch):
    first, second = (EmbeddedNats(data_folder / name) for name in ("one", "two"))
    await first.start()
    drawn = [first._port, first._port, free_port()]
    monkeypatch.setattr(server, "_free_port", lambda: drawn.pop(0))
    try:
        await second.start()
        assert not drawn
        assert first.pid != second.pid
    finally:
        await first.stop()
        await second.stop()


async def test_a_hub_without_the_keys_of_its_shop_does_not_start(tmp_path):
    options = HubOptions(database_url="postgresql:///nowhere", bus=("nats://x",), data=tmp_path)
    with pytest.raises(SetupProblem, match="keys"):
        async with open_hub_node(options):
            pass
    assert not (tmp_path / "keys.json").exists()
