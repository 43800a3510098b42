"""Tickets: one connection each, at whichever process of the shop."""

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import httpx2
import pytest
from joserfc import jwt
from tests.access.test_tokens import FakeClock

from shopwire.adapters.memory import tickets as in_memory
from shopwire.adapters.memory.tickets import MemoryUsedOnce
from shopwire.adapters.postgres.pool import Pools
from shopwire.adapters.postgres.tickets import PostgresUsedOnce
from shopwire.adapters.security.keys import keys_at, new_keys
from shopwire.adapters.security.tickets import SKEW_MS, TICKET_AUDIENCE, TICKET_MS, Tickets
from shopwire.adapters.security.tokens import Tokens
from shopwire.kernel.access_errors import TicketUsed, Unauthenticated
from shopwire.kernel.identity import LOCAL, Caller
from shopwire.services.hub_node import HubOptions, open_hub_node

pytestmark = pytest.mark.anyio

ANNA = Caller(
    role="supplier", subject="erp", supplier="acme", issuer="https://id.example", token_id="t",
    issued_at_ms=5, expires_at_ms=7,
)  # fmt: skip


class Process:
    def __init__(self, keys, used, clock) -> None:
        self.clock = clock
        self.tokens = Tokens(keys, clock)
        self.tickets = Tickets(self.tokens, used, clock)


def two(clock=None):
    clock = clock or FakeClock(1_795_000_000_000)
    keys, used = new_keys(), MemoryUsedOnce()
    return Process(keys, used, clock), Process(keys, used, clock)


async def test_a_ticket_stands_for_its_caller_once_at_any_process():
    one, other = two()
    for caller in (ANNA, LOCAL, Caller()):
        ticket = one.tickets.issue(caller)
        assert await other.tickets.redeem(ticket) == caller
        for process in (one, other):
            with pytest.raises(TicketUsed):
                await process.tickets.redeem(ticket)


async def test_a_ticket_gets_too_old():
    one, other = two()
    ticket, late = one.tickets.issue(ANNA), one.tickets.issue(ANNA)
    one.clock.advance(TICKET_MS)
    await other.tickets.redeem(ticket)
    one.clock.advance(1)
    with pytest.raises(TicketUsed):
        await other.tickets.redeem(late)


async def test_a_session_is_no_ticket_and_a_ticket_no_session():
    one, _ = two()
    token, _ = one.tokens.issue("operator", "anna", ttl_ms=60_000)
    with pytest.raises(TicketUsed):
        await one.tickets.redeem(token)
    with pytest.raises(Unauthenticated):
        one.tokens.authenticate(one.tickets.issue(LOCAL))


@pytest.mark.parametrize("changed", [{"aud": "shopwire"}, {"iss": "x"}, {"jti": None}, {"exp": 1}])
async def test_what_the_shop_has_not_made_is_no_ticket(changed):
    one, _ = two()
    claims = {"iss": "shopwire", "aud": TICKET_AUDIENCE, "jti": "j" * 24, "exp": 1_795_000_060}
    claims["caller"] = {"role": "operator", "subject": "local"}
    assert await one.tickets.redeem(one.tokens.sign(dict(claims))) == LOCAL
    claims["jti"] = "k" * 24
    left = {name: value for name, value in (claims | changed).items() if value is not None}
    stranger = new_keys().keys[0]
    forged = jwt.encode({"alg": "Ed25519", "kid": stranger.kid}, claims, stranger, ["Ed25519"])
    for ticket in (one.tokens.sign(left), forged, "", "x", "a.b.c"):
        with pytest.raises(TicketUsed):
            await one.tickets.redeem(ticket)


@asynccontextmanager
async def remembering(kind, url):
    if kind == "memory":
        yield MemoryUsedOnce()
        return
    pools = await Pools.open(url, writers_max=4)
    try:
        yield PostgresUsedOnce(pools)
    finally:
        await pools.close()


@pytest.mark.postgres
@pytest.mark.parametrize("kind", ["memory", "postgres"])
async def test_an_id_is_given_out_once_until_it_is_too_old(kind, database_url):
    async with remembering(kind, database_url) as used:
        asked = [used.use("a" * 20, until_ms=2_000, now_ms=1_000) for _ in range(20)]
        assert sorted(await asyncio.gather(*asked)) == [False] * 19 + [True]
        for n in range(150):
            assert await used.use(f"{n:020}", until_ms=2_000, now_ms=1_000)
        assert not await used.use("a" * 20, until_ms=9_000, now_ms=2_000)
        assert await used.use("b" * 20, until_ms=9_000, now_ms=2_001)
    if kind == "postgres":
        connection = await asyncpg.connect(database_url)
        left = await connection.fetchval("SELECT count(*) FROM ticket_used")
        await connection.close()
        assert left == 152 - 100  # what is too old goes, a hundred at a time


async def test_a_memory_that_is_full_takes_nobody(monkeypatch):
    monkeypatch.setattr(in_memory, "USED_MAX", 2)
    used = MemoryUsedOnce()
    assert await used.use("a", until_ms=2_000, now_ms=1_000)
    assert await used.use("b", until_ms=3_000, now_ms=1_000)
    assert not await used.use("c", until_ms=3_000, now_ms=1_000)
    assert await used.use("c", until_ms=3_000, now_ms=2_000)


def test_a_used_ticket_is_remembered_longer_than_any_clock_takes_it():
    assert SKEW_MS >= TICKET_MS


@pytest.mark.postgres
async def test_two_hubs_take_a_ticket_of_either_and_never_twice(database_url, tmp_path):
    keys_at(tmp_path / "keys.json")
    options = HubOptions(
        database_url=database_url, bus=("nats://127.0.0.1:1",), data=tmp_path, port=0
    )

    @asynccontextmanager
    async def hub():
        async with open_hub_node(options) as node:
            transport = httpx2.ASGITransport(app=node.app(), raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
                yield web

    async with hub() as one, hub() as other:
        made = (await one.post("/api/tickets")).json()["ticket"]
        asked = [web.get(f"/api/status?ticket={made}") for web in (one, other) * 10]
        answers = [answer.status_code for answer in await asyncio.gather(*asked)]
        assert sorted(answers) == [200] + [401] * 19
        for maker, taker in ((one, other), (other, one)):
            made = (await maker.post("/api/tickets")).json()["ticket"]
            assert (await taker.get(f"/api/status?ticket={made}")).status_code == 200
        for web in (one, other):
            again = await web.get(f"/api/status?ticket={made}")
            assert again.json()["code"] == 1106
