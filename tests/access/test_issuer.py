"""Tokens of an outside issuer: its keys over a real local server, what is not believed of it."""

import asyncio
import contextlib
import json
from contextlib import asynccontextmanager

import httpx2
import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey
from tests.access.test_tokens import FakeClock, claims_of, signed
from tests.channels.servers import HERE, http_server
from tests.sync.served import eventually

from shopwire.adapters.outbound import NOTHING
from shopwire.adapters.security import jwks
from shopwire.adapters.security.issuer import OUTSIDE_LIFE_S_MAX, issuer_of
from shopwire.adapters.security.jwks import (
    JWKS_AGE_MS_MAX,
    JWKS_BYTES_MAX,
    JWKS_FLOOR_MS,
    JWKS_KEPT_MS_MAX,
    JWKS_KEYS_MAX,
    KeyShelf,
)
from shopwire.adapters.security.keys import KeyFile, keys_at, rotate
from shopwire.adapters.security.tokens import Tokens
from shopwire.kernel.access_errors import SigningKeyUnknown, TokenExpired, Unauthenticated
from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.identity import SHOPPER_PREFIX
from shopwire.modules.access.api import EndSessions
from shopwire.services.container import ServeOptions, open_container
from shopwire.services.issuers import IssuerOptions, all_tokens, outside_issuer

NAME = "https://id.example/"
pytestmark = pytest.mark.anyio


class World:
    """An issuer with keys and an address, and a shop's view of it."""

    def __init__(self) -> None:
        self.clock = FakeClock(1_795_000_000_000)
        self.keys = [OKPKey.generate_key("Ed25519", {"kid": "k1", "use": "sig"})]
        self.asked, self.answer, self.hold = 0, None, None
        self.url = ""

    async def handle(self, _method, _path, _headers, _body):
        self.asked += 1
        if self.hold is not None:
            await self.hold.wait()
        if self.answer is not None:
            return self.answer
        listed = [key.as_dict(private=False) for key in self.keys]
        return 200, json.dumps({"keys": listed}).encode()

    def options(self, **changed: object):
        return IssuerOptions(**{
            "issuer": NAME, "issuer_jwks": f"{self.url}/jwks.json", "issuer_audience": "shop",
            "issuer_roles": ("admins=operator", "supplier", "service", "=shopper"),
        } | changed)  # fmt: skip

    def open(self, **changed: object):
        return outside_issuer(self.options(**changed), self.clock, ["127.0.0.1"])

    def token(self, key=None, **changed: object):
        claims = claims_of(self.clock, iss=NAME, aud="shop", role="admins")
        said = {name: value for name, value in (claims | changed).items() if value is not None}
        return signed(key or self.keys[-1], said, alg=alg_of(key or self.keys[-1]))


def weak_key():
    with pytest.warns(SecurityWarning):
        return RSAKey.generate_key(1_024, {"kid": "weak"})


def alg_of(key):
    return {"OKP": "Ed25519", "EC": "ES256", "RSA": "RS256"}[key.key_type]


@asynccontextmanager
async def issuer():
    world = World()
    async with http_server(world.handle) as world.url:
        yield world


async def test_its_tokens_are_read_beside_ours(tmp_path):
    async with issuer() as world:
        world.keys += [
            ECKey.generate_key("P-256", {"kid": "k2"}), RSAKey.generate_key(2048, {"kid": "k3"}),
        ]  # fmt: skip
        outside = world.open()
        await outside.start()
        own = Tokens(keys_at(tmp_path / "keys.json"), world.clock)
        known = all_tokens(own, outside)
        ours, _ = own.issue("operator", "anna", ttl_ms=60_000)
        assert known.authenticate(ours).subject == "anna"
        for key in world.keys:
            caller = known.authenticate(world.token(key))
            assert (caller.role, caller.subject) == ("operator", "anna@id.example")
            assert caller.issuer == NAME
        assert world.asked == 1
        world.clock.advance(60_001)
        with pytest.raises(TokenExpired):
            known.authenticate(world.token(iat=1_795_000_000, exp=1_795_000_060))


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "shopwire"}, {"aud": None}, {"iss": "https://id.example"}, {"exp": None},
        {"iat": None}, {"exp": 1_795_000_000 + OUTSIDE_LIFE_S_MAX + 1}, {"sub": "a\nb"},
        {"role": "operator"}, {"role": ["admins", "service"]}, {"role": "shopper"},
        {"role": "supplier"}, {"sup": "acme"}, {"nbf": 1_795_000_000 + 120},
        {"role": 7, "sup": "a"},
    ],
    ids=repr,
)  # fmt: skip
async def test_what_its_tokens_may_not_say(changed):
    async with issuer() as world:
        outside = world.open()
        await outside.start()
        outside.tokens.authenticate(world.token())
        with pytest.raises(Unauthenticated):
            outside.tokens.authenticate(world.token(**changed))


async def test_its_shoppers_are_never_ours_and_stay_the_same():
    async with issuer() as world:
        outside = world.open()
        await outside.start()
        read = outside.tokens.authenticate
        ours = "sh_0123456789abcdef0123"
        mine = read(world.token(role=None, sub=ours)).subject
        assert mine.startswith(SHOPPER_PREFIX)
        assert mine != ours
        assert "-" not in mine
        assert read(world.token(role=None, sub=ours, jti="other")).subject == mine
        assert read(world.token(role="supplier", sub="erp", sup="acme")).supplier == "acme"
        assert read(world.token(sub="local")).principal == "operator:local@id.example"
        assert len(read(world.token(sub="x" * 250)).account) < 60
        assert read(world.token()).token_id  # an ended session finds it


async def test_roles_are_found_below_other_claims():
    async with issuer() as world:
        outside = world.open(issuer_role_claim="realm_access.roles")
        await outside.start()
        told = {"realm_access": {"roles": ["offline", "admins"]}}
        assert outside.tokens.authenticate(world.token(role=None, **told)).role == "operator"


async def test_a_signature_by_a_way_that_is_not_named_is_refused():
    plain = RSAKey.generate_key(2048, {"kid": "ps"})
    async with issuer() as world:
        world.keys += [
            ECKey.generate_key("P-256", {"kid": "k2"}), weak_key(),
            RSAKey.import_key(plain.as_dict(private=True) | {"alg": "PS256"}),
        ]  # fmt: skip
        outside = world.open(issuer_algorithms=("ES256", "RS256"))
        await outside.start()
        outside.tokens.authenticate(world.token(world.keys[1]))
        for key in (world.keys[0], world.keys[2], plain):
            with pytest.raises(Unauthenticated):
                outside.tokens.authenticate(world.token(key))


async def test_a_new_key_is_asked_for_at_once_and_made_up_ones_make_no_traffic():
    async with issuer() as world:
        outside = world.open()
        await outside.start()
        shelf, read = outside.shelf, outside.tokens.authenticate
        old = world.token()
        world.keys = [OKPKey.generate_key("Ed25519", {"kid": "new"})]
        fresh = world.token()
        with pytest.raises(Unauthenticated) as told:  # just read: asking again would not help
            read(fresh)
        assert not isinstance(told.value, SigningKeyUnknown)
        world.clock.advance(JWKS_FLOOR_MS)
        with pytest.raises(SigningKeyUnknown):
            read(fresh)
        world.hold = asyncio.Event()
        waiting = [asyncio.create_task(shelf.read()) for _ in range(20)]
        await asyncio.sleep(0)
        world.hold.set()
        assert all(await asyncio.gather(*waiting))
        assert world.asked == 2
        assert read(fresh).role == "operator"
        with pytest.raises(Unauthenticated):  # the issuer took that key back
            read(old)
        strange = OKPKey.generate_key("Ed25519", {"kid": "made-up"})
        for _ in range(50):
            with pytest.raises(Unauthenticated):
                read(world.token(strange))
            await shelf.read()
        assert world.asked == 2


async def test_keys_are_kept_while_it_is_away_and_not_for_ever():
    async with issuer() as world:
        outside = world.open()
        await outside.start()
        shelf = outside.shelf
        assert (shelf.state().state, shelf.state().keys) == ("fresh", 1)
        good = (await world.handle("", "", {}, b""))[1]
        for answer in (
            (503, good), (302, good), (200, b"{"), (200, b'{"keys": []}'), (200, b"[]"), None,
            (200, good + b" " * JWKS_BYTES_MAX),
            (200, json.dumps({"keys": [world.keys[0].as_dict()] * (JWKS_KEYS_MAX + 1)}).encode()),
        ):  # fmt: skip
            world.clock.advance(JWKS_AGE_MS_MAX)
            world.answer = answer or (200, b"")
            assert not await shelf.read()
        assert shelf.state().state == "stale"
        assert shelf.state().problem
        now = world.token(exp=world.clock.now_ms() // 1_000 + 60)
        assert outside.tokens.authenticate(now).role == "operator"
        world.clock.advance(JWKS_KEPT_MS_MAX)
        assert not await shelf.read()
        assert shelf.state().state == "none"
        with pytest.raises(Unauthenticated):
            outside.tokens.authenticate(world.token())
        world.answer = None
        world.clock.advance(JWKS_FLOOR_MS)
        assert await shelf.read()
        assert outside.tokens.authenticate(world.token()).role == "operator"


async def test_an_issuer_that_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(jwks, "JWKS_S_MAX", 0.05)
    async with issuer() as world:
        world.hold = asyncio.Event()
        outside = world.open()
        await outside.start()
        assert outside.shelf.state().state == "none"
        world.hold.set()


async def test_one_that_answers_drop_by_drop_is_not_waited_for_either(monkeypatch):
    monkeypatch.setattr(jwks, "JWKS_S_MAX", 0.2)
    gone = asyncio.Event()

    async def drip(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError):  # given up before it was read
            await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        left = asyncio.create_task(reader.read())
        while not left.done():
            writer.write(b" ")
            await asyncio.wait({left}, timeout=0.02)
        # Who leaves with a drop unread leaves by a reset.
        await asyncio.gather(left, return_exceptions=True)
        writer.close()
        gone.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        shelf = KeyShelf(url, FakeClock(0), HERE)
        # Long enough for any machine, and far less than all of the answer would take.
        async with asyncio.timeout(60):
            assert not await shelf.read()
            await gone.wait()


async def test_it_reaches_nothing_that_only_we_can_reach():
    clock = FakeClock(1_795_000_000_000)
    async with issuer() as world:
        inner = KeyShelf(world.url.replace("http:", "https:"), clock, NOTHING)
        assert not await inner.read()
        assert inner.state().problem.startswith("This process does not connect")
        assert world.asked == 0
        for address in (world.url, "http://id.example/k", "ftp://id.example/k", "https:///k"):
            with pytest.raises(SetupProblem):
                KeyShelf(address, clock, NOTHING)
        assert await KeyShelf(world.url, clock, HERE).read()


async def test_a_file_is_read_again_like_an_address(tmp_path):
    async with issuer() as world:
        path = tmp_path / "jwks.json"
        path.write_bytes((await world.handle("", "", {}, b""))[1])
        outside = world.open(issuer_jwks=str(path))
        await outside.start()
        assert outside.tokens.authenticate(world.token()).role == "operator"
        path.unlink()
        world.clock.advance(JWKS_FLOOR_MS)
        assert not await outside.shelf.read()
        assert outside.tokens.authenticate(world.token()).role == "operator"


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "shopwire"}, {"issuer_audience": ""}, {"issuer_algorithms": ("HS256",)},
        {"issuer_algorithms": ("none",)}, {"issuer_roles": ("root",)},
        {"issuer_roles": ("x=anonymous",)}, {"issuer_jwks": None}, {"issuer": None},
    ],
    ids=repr,
)  # fmt: skip
async def test_a_configuration_that_proves_nothing_is_refused(wrong):
    async with issuer() as world:
        with pytest.raises(SetupProblem):
            world.open(**wrong)
    assert issuer_of(NAME, audience="a").roles == {"shopper": "shopper"}


def test_our_own_new_key_is_read_without_a_restart(tmp_path):
    path, clock = tmp_path / "keys.json", FakeClock(1_795_000_000_000)
    file = KeyFile(path)
    running = Tokens(file.keys, clock, find=file.changed)
    new, _ = Tokens(rotate(path), clock).issue("operator", "anna", ttl_ms=60_000)
    assert running.authenticate(new).subject == "anna"
    path.write_text("{")
    running.look_again()
    assert running.authenticate(new).subject == "anna"


@pytest.mark.postgres
async def test_a_running_shop_takes_them_through_every_change(database_url, tmp_path):
    async with issuer() as world:
        options = ServeOptions(
            data=tmp_path, database_url=database_url, access="login",
            allow_addresses=("127.0.0.1",),
            **{name: getattr(world.options(), name) for name in IssuerOptions.__struct_fields__},
        )  # fmt: skip
        async with open_container(options) as container:
            # The shop's own clock says when the issuer may be asked again.
            container.access.outside.shelf._clock = world.clock
            world.clock.ms = container.access.own._clock.now_ms()
            transport = httpx2.ASGITransport(app=container.app(), raise_app_exceptions=False)
            reading = container.access.outside.tokens.authenticate
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:

                async def ask(token, path="/api/sessions/me", method="GET"):
                    headers = {"authorization": f"Bearer {token}"}
                    return await web.request(method, path, headers=headers)

                first = world.token()
                assert (await ask(first)).json()["subject"] == "anna@id.example"
                world.keys.append(OKPKey.generate_key("Ed25519", {"kid": "k2"}))
                now_s = world.clock.now_ms() // 1_000
                world.clock.advance(10 * JWKS_FLOOR_MS)
                asked = world.asked
                rotated = await ask(world.token(iat=now_s, exp=now_s + 600))
                assert rotated.json()["role"] == "operator", rotated.text
                assert world.asked == asked + 1
                # Its sessions are its own to make longer.
                refused = await ask(first, "/api/sessions/refresh", "POST")
                assert (refused.status_code, refused.json()["code"]) == (401, 1101)
                shown = (await ask(first, "/metrics")).text
                assert "shopwire_issuer_keys 2.0" in shown
                assert "shopwire_issuer_keys_age_seconds" in shown
                # A token that names no jti is ended with its account's sessions all the same.
                ended = Envelope(command=EndSessions(account="operator:anna@id.example"), key="e")
                assert (await container.write_path.submit(ended)).ok
                await eventually(lambda: not container.access.rights.stands(reading(first)))
                assert (await ask(first)).status_code == 401
