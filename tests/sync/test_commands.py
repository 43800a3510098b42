"""Commands over a connection: limits, ends of connections and servers, and HTTP beside it."""

import asyncio

import httpx2
import pytest
from tests.e2e.shop import free_port
from tests.sync.commanding import commanding
from tests.sync.served import QUICK, eventually, serving

from shopwire.kernel.commands import Outcome
from shopwire.sync.client import SyncClient
from shopwire.sync.client_commands import CommandRefused
from shopwire.sync.limits import COMMANDS_MAX, Limits
from shopwire.sync.protocol import outcome_frame
from shopwire.testing.conformance.sync import connected
from shopwire.testing.conformance.sync_commands import OPERATION, answer, ask, wish

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(tmp_path):
    async with commanding(tmp_path) as shop:
        yield shop


@pytest.fixture
async def client(shop):
    client = SyncClient(shop.url, backoff_ms_min=5, seed=1)
    await client.start()
    yield client
    await client.stop()


def post(web, shop, key, body):
    return web.post(
        f"{shop.http_url}/api/commands/{OPERATION}", json=body, headers={"Idempotency-Key": key}
    )


def units(shelf, by=1):
    return {"shelf": shelf, "by": by}


@pytest.mark.parametrize("by", [1, 0])
async def test_a_key_used_over_http_is_known_on_the_connection_and_back(shop, by):
    async with connected(shop) as peer, httpx2.AsyncClient() as web:
        await peer.hello()
        first = await post(web, shop, "one", units("A", by))
        told = await ask(peer, wish(1, "A", by, key="one"))
        assert (told["status"], told["replayed"]) == (first.status_code, True)
        assert (told["body"] if by else {k: told[k] for k in first.json()}) == first.json()
        told = await ask(peer, wish(2, "A", by, key="two"))
        second = await post(web, shop, "two", units("A", by))
        assert second.headers["idempotency-replayed"] == "true"
        assert (told["body"] if by else {k: told[k] for k in second.json()}) == second.json()


def test_the_stored_bytes_are_in_the_frame_as_they_are():
    body = b'{"versions":{"stock:\xc3\xbc":1},"result":  1.50}'
    done = outcome_frame(7, Outcome(status=200, body=body, replayed=True))
    assert done == b'{"t":"done","id":7,"status":200,"replayed":true,"body":%b}' % body
    refused = outcome_frame(-1, Outcome(status=409, body=b'{"code":2104,"data":{}}'))
    assert refused == (b'{"t":"error","id":-1,"status":409,"replayed":false,"code":2104,"data":{}}')


async def test_more_commands_under_way_than_allowed_are_refused_until_one_is_answered(shop):
    shop.keeper.shut()
    async with connected(shop) as peer, connected(shop) as other:
        await peer.hello()
        await other.hello()
        for number in range(COMMANDS_MAX + 1):
            peer.say(wish(number, "A"))
        error = await answer(peer, COMMANDS_MAX)
        assert (error["code"], error["temporary"]) == (1012, True)
        assert error["data"]["retry_ms"] > 0
        other.say(wish(1, "A", key="of the other"))
        await eventually(lambda: shop.keeper.waiting == COMMANDS_MAX + 1)
        shop.keeper.open()
        assert (await answer(other, 1))["t"] == "done"
        for number in range(COMMANDS_MAX):
            assert (await answer(peer, number))["t"] == "done"
        done = await ask(peer, wish(COMMANDS_MAX, "A"))
        assert done["body"]["result"] == {"units": COMMANDS_MAX + 2}


async def test_class_7_documents_and_beats_go_on_while_commands_wait(shop):
    shop.keeper.shut()
    async with connected(shop) as peer:
        await peer.hello()
        await peer.sub(["stock:B"])
        peer.say(wish(2, "A"))
        await shop.change([("stock:B", {"n": 1})])
        await peer.until_held("stock:B", 1)
        peer.say({"t": "ping", "id": 3})
        await peer.until("pong")
        shop.keeper.open()
        assert (await answer(peer, 2))["t"] == "done"


async def test_a_command_that_waits_when_its_connection_ends_takes_effect_once(shop):
    shop.keeper.shut()
    async with connected(shop) as peer:
        await peer.hello()
        peer.say(wish(1, "A", key="mine"))
        await eventually(lambda: shop.keeper.waiting == 1)
    await eventually(lambda: not shop.hub.fanout.sessions)
    shop.keeper.open()
    await eventually(lambda: shop.keeper.taken == 1)
    async with connected(shop) as peer:
        await peer.hello()
        done = await ask(peer, wish(9, "A", key="mine"))
        assert (done["replayed"], done["body"]["result"]) == (True, {"units": 1})


async def test_a_hub_that_stops_waits_for_what_it_took(shop):
    shop.keeper.shut()
    async with connected(shop) as peer, httpx2.AsyncClient() as web:
        await peer.hello()
        peer.say(wish(1, "A", key="mine"))
        await eventually(lambda: shop.keeper.waiting == 1)
        stopping = asyncio.create_task(shop.hub.stop())
        assert await peer.code() == 4000
        assert not stopping.done()
        shop.keeper.open()
        await stopping
        assert shop.keeper.taken == 1
        told = await post(web, shop, "mine", units("A"))
        assert told.headers["idempotency-replayed"] == "true"


async def test_a_client_that_reads_no_answers_is_cut_and_its_commands_stay_single(tmp_path):
    limits = Limits(beat_ms=100, write_high_bytes=1, write_low_bytes=0, messages_burst_max=100_000)
    async with commanding(tmp_path, limits=limits) as shop:
        async with connected(shop) as peer:
            await peer.hello()
            (session,) = shop.hub.fanout.sessions
            session.on_pause()
            number = 0
            while session.state.name == "OPEN":
                number += 1
                peer.say(wish(number, "A", 0, key="the same"))
                await asyncio.sleep(0)
            assert await peer.code() == 4003
        await eventually(lambda: not shop.hub.fanout.sessions)
        async with connected(shop) as peer:
            await peer.hello()
            assert (await ask(peer, wish(1, "A")))["body"]["result"] == {"units": 1}


async def test_a_server_without_a_door_says_so(tmp_path):
    async with serving() as shop, connected(shop) as peer:
        assert (await peer.hello())["limits"]["commands_max"] == 0
        assert (await ask(peer, wish(1, "A")))["code"] == 1002


async def test_an_event_stream_says_that_it_takes_no_commands(shop):
    async with (
        httpx2.AsyncClient() as web,
        web.stream("GET", shop.events_url, params={"topic": "stock:A"}) as stream,
    ):
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                assert '"commands_max":0' in line
                break


# -- the Python client ----------------------------------------------------------------------------


async def test_the_client_sends_and_tells_result_versions_and_refusal(shop, client):
    client.subscribe(["stock:A"])
    done = await client.send(OPERATION, units("A", 3), key="k1")
    assert done == ({"stock:A": 1}, {"units": 3}, False)
    await client.until(lambda: (held := client.held("stock:A")) and held.version == 1)
    assert (await client.send(OPERATION, units("A", 3), key="k1")).replayed
    with pytest.raises(CommandRefused) as refused:
        await client.send(OPERATION, units("A", 0), key="k2")
    assert (refused.value.code, refused.value.data["rule"]) == (2002, "some")
    assert client.errors == []


async def test_class_6_the_client_asks_again_with_its_key_after_a_cut(shop, client):
    await client.until(lambda: client.status != "offline")
    shop.keeper.shut()
    sent = asyncio.create_task(client.send(OPERATION, units("A"), key="k1"))
    await eventually(lambda: shop.keeper.waiting == 1)
    client.cut()
    await eventually(lambda: shop.keeper.waiting == 2)
    shop.keeper.open()
    done = await sent
    assert done.result == {"units": 1}
    assert client.connections == 2
    assert (await client.send(OPERATION, units("A"), key="k2")).result == {"units": 2}


async def test_the_client_waits_for_a_server_that_is_not_there_yet(tmp_path):
    port = free_port()
    client = SyncClient(f"ws://127.0.0.1:{port}/sync", backoff_ms_min=5, seed=1)
    await client.start()
    sent = asyncio.create_task(client.send(OPERATION, units("A"), key="k1"))
    await client.until(lambda: client.close_code is not None)
    async with commanding(tmp_path, port=port):
        assert (await sent).result == {"units": 1}
        await client.stop()


async def test_the_client_sends_again_what_was_refused_for_now(tmp_path):
    limits = Limits(beat_ms=100, commands_max=1)
    async with commanding(tmp_path, limits=limits) as shop:
        client = SyncClient(shop.url, seed=1)
        await client.start()
        async with asyncio.TaskGroup() as group:
            sent = [
                group.create_task(client.send(OPERATION, units("A"), key=f"k{number}"))
                for number in range(5)
            ]
        assert {task.result().result["units"] for task in sent} == {1, 2, 3, 4, 5}
        await client.stop()


async def test_the_client_says_when_no_answer_came(shop, client):
    shop.keeper.shut()
    with pytest.raises(TimeoutError):
        await client.send(OPERATION, units("A"), key="k1", timeout_s=0.05)
    shop.keeper.open()
    assert (await client.send(OPERATION, units("A"), key="k1")).result == {"units": 1}
    assert QUICK.commands_max == COMMANDS_MAX
