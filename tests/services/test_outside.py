"""Whom the process talks to, and with which secrets."""

import asyncio
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from shopwire.adapters.memory import MemoryLog, MemoryState, MemoryStorage
from shopwire.kernel.errors import SetupProblem, ShuttingDown
from shopwire.kernel.purchasing import LineAnswer, SupplierOrder
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.kernel.webhooks import sign, verify
from shopwire.services.loopback import Loopback
from shopwire.services.outside import FetchedOrders, OutsideOptions, open_outside
from shopwire.services.secrets import Secrets
from shopwire.testing.conformance.sample import new_event

pytestmark = pytest.mark.anyio

ORDER = SupplierOrder(id="cart-0001.1/acme", supplier="acme", lines=())
LINES = (LineAnswer(sku="A", quantity=2),)


def test_the_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path):
    path = tmp_path / "new" / "webhooks.secret"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Secrets.at(path).of("supplier:acme"), range(8)))
    assert len(set(made)) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_each_sender_has_a_secret_of_its_own_that_proves_it(tmp_path):
    secrets = Secrets.at(tmp_path / "s")
    mine, other = secrets.of("supplier:acme"), secrets.of("carrier:acme")
    assert mine != other
    headers = sign([mine], "msg_1", b"{}", now_ms=1_000)
    assert verify(secrets.known("supplier:acme"), headers, b"{}", now_ms=1_000) == "msg_1"


def test_a_secret_that_was_cut_is_refused(tmp_path):
    (tmp_path / "s").write_bytes(b"short")
    with pytest.raises(SetupProblem, match="5 bytes"):
        Secrets.at(tmp_path / "s")


async def test_stripe_without_its_key_does_not_start(tmp_path):
    log = MemoryLog(MemoryState())
    options = OutsideOptions(data=tmp_path, payments="stripe")
    with pytest.raises(SetupProblem, match="stripe_key_file"):
        async with open_outside(options, log):
            pass
    await log.close()


async def test_the_simulator_remembers_what_it_took_over_restarts(tmp_path):
    log = MemoryLog(MemoryState())
    for _ in range(2):
        async with open_outside(OutsideOptions(data=tmp_path), log) as outside:
            assert list(outside.providers) == [outside.provider] == ["simulator"]
    assert (tmp_path / "simulated" / "payments.sqlite").exists()
    await log.close()


async def test_a_purchase_order_that_nobody_answered_can_be_cancelled():
    state = MemoryState()
    log, storage = MemoryLog(state), MemoryStorage(state)
    channel = FetchedOrders(log)
    topic = f"purchase_order:{ORDER.id}"
    assert (await channel.send(ORDER)).state == "received"
    with pytest.raises(ProviderUnavailable):
        await channel.cancel("acme", ORDER.id, LINES)
    async with storage.transaction([0]) as tx:
        await tx.append(0, [new_event(topic, 1, document={"answer": None})])
    given = await channel.cancel("acme", ORDER.id, LINES)
    assert (given.lines, given.never_received) == (LINES, True)
    async with storage.transaction([0]) as tx:
        await tx.append(0, [new_event(topic, 2, document={"answer": "accepted"})])
    with pytest.raises(ProviderUnavailable):
        await channel.cancel("acme", ORDER.id, LINES)
    await log.close()


async def test_loopback_brings_a_request_to_the_application_and_back():
    loopback, seen = Loopback(), []
    with pytest.raises(ShuttingDown):
        await loopback.post("/x", {}, b"")

    async def app(scope, receive, send):
        await asyncio.sleep(0)
        message = await receive()
        seen.append((scope["method"], scope["path"], dict(scope["headers"])[b"a-b"], message))
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    loopback.app = app
    assert await loopback.post("/x", {"A-B": "c"}, b"body") == 202
    assert seen[0][:3] == ("POST", "/x", b"c")
    assert seen[0][3]["body"] == b"body"
