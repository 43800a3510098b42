"""The Python client against a served shop: callers, facts, proofs, several hubs, commands."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from tests.sync.accounts import guarded
from tests.sync.commanding import commanding
from tests.sync.served import Shop, eventually, serving

from shopwire.kernel.identity import LOCAL
from shopwire.sync import client_access, client_commands
from shopwire.sync.client import SyncClient
from shopwire.sync.client_commands import CommandRefused
from shopwire.sync.reducer import Held
from shopwire.sync.rights import Rights
from shopwire.testing.conformance.sync_commands import OPERATION

pytestmark = pytest.mark.anyio
MINE, THEIRS = "cart:sh_me-1", "cart:sh_you-1"


def client_of(shop, **more: object):
    return SyncClient(shop.url, backoff_ms_min=5, seed=1, **more)


class Purse:
    """A provider that gives what it was given, and counts how often it was asked."""

    def __init__(self, *tokens: object) -> None:
        self.tokens, self.asked = list(tokens), 0

    async def __call__(self) -> str:
        self.asked += 1
        token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        if isinstance(token, Exception):
            raise token
        return token


# -- callers --------------------------------------------------------------------------------------


async def test_a_token_opens_what_is_the_caller_s_own_and_nothing_else():
    async with guarded() as shop:
        await shop.change([(MINE, {"n": 1}), (THEIRS, {"n": 2})])
        refused = []
        token = await shop.token("shopper", "sh_me", 60_000)
        told = lambda topic, why: refused.append((topic, why.reason))  # noqa: E731
        async with client_of(shop, token=token, on_refusal=told) as client:
            client.subscribe([MINE, THEIRS])
            await client.until_live()
            assert client.access.role == "shopper"
            assert client.held(MINE) == (1, {"n": 1})
            assert client.held(THEIRS) is None
            assert refused == [(THEIRS, "not_allowed")]
            assert client.refusal(THEIRS).code == 1010
            assert (client.status_of(MINE), client.status_of(THEIRS)) == ("live", "delayed")


async def test_a_token_that_ends_is_followed_by_another_on_the_same_connection():
    async with guarded() as shop:
        await shop.change([(MINE, {"n": 1})])
        short = await shop.token("shopper", "sh_me", 30_000)
        purse = Purse(short, await shop.token("shopper", "sh_me", 3_600_000))
        async with client_of(shop, token=purse) as client:
            client.subscribe([MINE])
            await client.until(lambda: client.access.subject == "sh_me")
            assert (client.connections, purse.asked) == (1, 2)
            await client.until_live()
            assert client.held(MINE).version == 1


async def test_what_a_refused_token_kept_away_comes_with_the_next(monkeypatch):
    monkeypatch.setattr(client_access, "TOKEN_RETRY_S_LEAST", 0.02)
    async with guarded() as shop:
        await shop.change([(MINE, {"n": 1})])
        good = await shop.token("shopper", "sh_me", 3_600_000)
        purse = Purse("no.good.token", OSError("the desk is closed"), good)
        async with client_of(shop, token=purse) as client:
            client.subscribe([MINE])
            await client.until(lambda: client.refusal(MINE) is not None)
            assert client.access.problem
            await client.until(lambda: client.held(MINE) is not None)
            assert (client.refusal(MINE), client.access.problem) == (None, None)
            assert client.connections == 1
            assert client.errors[0]["code"] == 1010


async def test_class_13_a_provider_that_hangs_keeps_nobody_from_what_is_public(monkeypatch):
    monkeypatch.setattr(client_access, "HELLO_TOKEN_S_MAX", 0.02)
    monkeypatch.setattr(client_access, "TOKEN_S_MAX", 3_600)  # nobody is helped by its end
    async with guarded() as shop:
        await shop.change([("stock:A", {"n": 1}), (MINE, {"n": 1})])
        late, token = asyncio.Event(), await shop.token("shopper", "sh_me", 3_600_000)

        async def slowly():
            await late.wait()
            return token

        async with client_of(shop, token=slowly) as client:
            client.subscribe(["stock:A", MINE])
            await client.until(lambda: client.held("stock:A") is not None, 60)
            assert client.held(MINE) is None
            late.set()
            await client.until(lambda: client.held(MINE) is not None)


async def test_class_14_a_right_that_is_withdrawn_takes_the_document_away():
    async with guarded() as shop:
        await shop.change([(MINE, {"n": 1})])
        told = []
        token = await shop.token("shopper", "sh_me", 3_600_000)
        async with client_of(shop, token=token, on_refusal=lambda *what: told.append(what)) as own:
            own.subscribe([MINE, "stock:A"])
            await own.until_live()
            await shop.withdraw("shopper", "sh_me")
            await own.until(lambda: own.refusal(MINE) is not None)
            assert own.held(MINE) is None
            assert [topic for topic, _ in told] == [MINE]
            await shop.change([("stock:A", {"n": 2})])
            await own.until(lambda: own.held("stock:A").version == 1)
            assert own.connections == 1


async def test_class_14_a_right_that_was_withdrawn_while_nobody_was_connected_takes_it_too():
    async with guarded() as shop:
        await shop.change([(MINE, {"n": 1}), ("stock:A", {"n": 1})])
        token = await shop.token("shopper", "sh_me", 3_600_000)
        async with client_of(shop, token=token) as own:
            own.subscribe([MINE, "stock:A"])
            await own.until_live()
            own.cut()
            await shop.withdraw("shopper", "sh_me")
            await own.until(lambda: own.refusal(MINE) is not None)
            assert own.held(MINE) is None
            assert own.held("stock:A").version == 1


# -- facts and proofs -----------------------------------------------------------------------------


async def test_every_version_of_a_fact_is_told_once_and_in_order_also_over_a_cut():
    topic = "order:sh_me-1.1"
    async with serving(rights=Rights(otherwise=LOCAL)) as shop:
        await shop.change([(topic, {"n": 1})])
        heard = []
        async with client_of(shop) as client:
            stop = client.on_fact(topic, heard.append)
            await client.until_live()
            await shop.change([(topic, {"n": 2})])
            client.cut()
            for n in range(3, 9):
                await shop.change([(topic, {"n": n})])
            await client.until(lambda: client.held(topic).version == 8)
            stop()
            await shop.change([(topic, {"n": 9})])
            await client.until(lambda: client.held(topic).version == 9)
        assert [fact.version for fact in heard] == list(range(1, 9))
        assert [fact.document["n"] for fact in heard] == list(range(1, 9))
        assert [fact.first for fact in heard] == [True] + [False] * 7
        assert {fact.skipped for fact in heard} == {0}


async def test_a_follower_that_fails_takes_nothing_from_the_others(caplog):
    async with serving() as shop:
        await shop.change([("stock:A", {"n": 1})])
        heard = []
        async with client_of(shop) as client:
            client.on_fact("stock:A", lambda _: 1 / 0)
            client.on_fact("stock:A", heard.append)
            await client.until(lambda: bool(heard))
            await client.until_live()
        assert "a follower of stock:A failed" in caplog.text


async def test_when_nothing_moves_a_digest_finds_what_differs():
    async with serving() as shop:
        await shop.change([("stock:A", {"n": 1}), ("stock:B", {"n": 1})])
        async with client_of(shop, idle_ms=20) as client:
            client.subscribe(["stock:A", "stock:B"])
            await client.until(lambda: client.digests == (1, 0))
            client.replica.docs["stock:A"] = Held(1, {"n": 666})
            await client.until(lambda: client.held("stock:A").document == {"n": 1})
            assert client.digests.differed == 1
            assert not client.replica.suspect


async def test_a_server_that_knows_no_digests_is_asked_once(monkeypatch):
    async with serving() as shop:
        client = client_of(shop, idle_ms=10)
        asked = []
        monkeypatch.setattr(client._proofs, "ask", lambda n, ask=client._proofs.ask: _old(ask(n)))

        def _old(question):
            asked.append(question)
            return question and {**question, "t": "digest-of-another-time"}

        async with client:
            await shop.change([("stock:A", {"n": 1})])
            client.subscribe(["stock:A"])
            await client.until(lambda: not client._proofs.supported)
            so_far = len(asked)  # it may have been idle before there was anything to prove
            await shop.change([("stock:A", {"n": 2})])
            await client.until(lambda: len(asked) > so_far)
            assert client.errors == []
            assert sum(question is not None for question in asked) == 1


# -- several hubs ---------------------------------------------------------------------------------


@asynccontextmanager
async def listing(hubs):
    """Answers every request with a list of hubs, and refuses to speak WebSocket."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"hubs": hubs}).encode()
        size = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + size + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def test_a_client_goes_to_another_hub_when_its_own_is_gone():
    shop, other = Shop(), Shop()
    other.state, other.log = shop.state, shop.log
    await shop.change([("stock:A", {"n": 1})])
    async with serving(other), serving(shop):
        hubs = [one.url.replace("ws:", "http:") for one in (shop, other)]
        async with listing([*hubs, "mailto:nobody", 7]) as port:
            home = f"ws://127.0.0.1:{port}/sync"
            client = SyncClient(home, hubs=True, backoff_ms_min=5, seed=3)
            await client.start()
            client.subscribe(["stock:A"])
            await client.until_live()
        first = client.url
        assert first in {shop.url, other.url}
        # The one in use says that it stops, and takes nobody back.
        gone = shop if first == shop.url else other
        gone.hub.close_sessions()
        await client.until(lambda: client.connections > 1 and client.url != first)
        await client.until_live()
        await shop.change([("stock:A", {"n": 2})])
        await client.until(lambda: client.held("stock:A").version == 2)
        await client.stop()


# -- commands -------------------------------------------------------------------------------------


async def test_a_command_without_an_answer_is_asked_for_over_http(tmp_path, monkeypatch):
    monkeypatch.setattr(client_commands, "OVER_HTTP_S", 0.1)
    async with commanding(tmp_path) as shop, client_of(shop) as client:
        client.subscribe(["stock:A"])
        await client.until_live()
        shop.keeper.shut()
        body = {"shelf": "A", "by": 1}
        done = await client.send(OPERATION, body, key="k1", timeout_s=60)
        assert done.result == {"units": 1}
        shop.keeper.open()
        await client.until_held(done.versions)
        again = await client.send(OPERATION, body, key="k1")
        assert (again.replayed, again.result) == (True, {"units": 1})
        assert (await shop.newest("stock:A"))[0] == 1
        with pytest.raises(CommandRefused, match="2002"):
            await client.send(OPERATION, {"shelf": "A", "by": 0})


async def test_two_intents_without_keys_are_two(tmp_path):
    async with commanding(tmp_path) as shop, client_of(shop) as client:
        body = {"shelf": "A", "by": 1}
        await client.send(OPERATION, body)
        assert (await client.send(OPERATION, body)).result == {"units": 2}
        await eventually(lambda: not client._asking._open)
