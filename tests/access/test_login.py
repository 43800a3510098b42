"""A server that wants logins: HTTP and sync, from the first operator to the closed account."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx2
import pytest
from tests.sync.served import eventually
from tests.sync.simulated import SimWire

from shopwire.cli.main import run
from shopwire.kernel.commands import Envelope
from shopwire.kernel.identity import owner_of_cart
from shopwire.modules.access.api import Grant, PutAccount
from shopwire.modules.inventory.api import ReportStock
from shopwire.services.container import ServeOptions, open_container

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

WORD = "correct horse battery"
LINE = {"sku": "A", "quantity": 1, "accepted_minor": 900, "currency": "EUR"}


class Shop:
    def __init__(self, container, web) -> None:
        self.container, self.web = container, web
        self.keys = iter(range(1_000_000))

    def as_(self, session):
        return {"authorization": f"Bearer {session['token']}"} if session else {}

    async def session(self, status=200, **asked: str):
        answer = await self.web.post("/api/sessions", json=asked)
        self.web.cookies.clear()
        assert answer.status_code == status, answer.text
        return answer.json()

    async def send(self, session, operation, key=None, **body: object):
        headers = self.as_(session) | {"idempotency-key": key or f"k{next(self.keys)}"}
        answer = await self.web.post(f"/api/commands/{operation}", json=body, headers=headers)
        return answer.status_code, answer.json()

    async def get(self, session, path):
        return (await self.web.get(path, headers=self.as_(session))).status_code

    async def do(self, command):
        outcome = await self.container.write_path.submit(
            Envelope(command=command, key=f"own{next(self.keys)}")
        )
        assert outcome.ok, outcome.body


@asynccontextmanager
async def shop(database_url, folder):
    options = ServeOptions(data=folder, database_url=database_url, access="login")
    async with open_container(options) as container:
        transport = httpx2.ASGITransport(app=container.app(), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            yield Shop(container, web)


async def in_a_thread(*arguments: str):
    assert await asyncio.to_thread(run, arguments) == 0


async def test_operators_log_in_and_are_shut_out(database_url, tmp_path):
    secret, other = tmp_path / "word", tmp_path / "other"
    secret.write_text(WORD + "\n")
    other.write_text("another good word\n")
    config = tmp_path / "shop.toml"
    config.write_text(f'database_url = "{database_url}"\ndata = "data"\n')
    more = ("--config", str(config))
    await in_a_thread("user", "add", "anna", "--password-file", str(secret), *more)
    async with shop(database_url, tmp_path / "data") as one:
        assert await one.get(None, "/api/orders") == 403
        assert await one.get(None, "/api/products") == 200
        assert (await one.send(None, "catalog.put_category", path=["X"]))[0] == 403
        await one.session(401, role="operator")
        await one.session(401, role="operator", user="anna", password="wrong")
        await one.session(401, role="operator", user="nobody", password=WORD)
        anna = await one.session(role="operator", user="anna", password=WORD)
        assert await one.get(anna, "/api/orders") == 200
        assert (await one.send(anna, "catalog.put_category", path=["X"]))[0] == 200

        wire = SimWire()
        session = one.container.hub.open(wire, one.container.access.rights.caller(anna["token"]))
        session.on_message(b'{"t":"hello","proto":1}')
        session.on_message(b'{"t":"sub","id":1,"topics":["ops:pulse","stock:A"]}')
        await until(wire, "live")
        await in_a_thread("user", "close", "anna", *more)
        assert (await until(wire, "revoke"))["topic"] == "ops:pulse"
        assert await one.get(anna, "/api/orders") == 401
        await one.session(401, role="operator", user="anna", password=WORD)
        await in_a_thread("user", "add", "anna", "--password-file", str(other), *more)
        await one.session(401, role="operator", user="anna", password=WORD)
        assert await one.get(anna, "/api/orders") == 401


async def until(wire, kind):
    """The first message of a kind; the hub sends on its own tasks."""
    found = []

    def came():
        found[:] = [m for frame in wire.frames if (m := json.loads(frame))["t"] == kind]
        return bool(found)

    await eventually(came)
    return found[0]


async def test_shoppers_keep_to_their_own_carts_and_keys(database_url, tmp_path):
    async with shop(database_url, tmp_path) as one:
        await one.do(ReportStock(sku="A", supplier="acme", quantity=9))
        me, other = await one.session(role="shopper"), await one.session(role="shopper")
        assert me["subject"] != other["subject"]
        mine = f"{me['subject']}-cart1"
        assert owner_of_cart(mine) == me["subject"]
        line = LINE | {"cart_id": mine, "shopper": me["subject"]}
        assert (await one.send(other, "carts.put_line", **line))[0] == 403
        stolen = line | {"shopper": other["subject"]}
        assert (await one.send(other, "carts.put_line", **stolen))[0] == 403
        assert (await one.send(None, "carts.put_line", **line))[0] == 403
        status, said = await one.send(me, "carts.put_line", key="same", **line)
        assert status != 403, said
        theirs = f"{other['subject']}-cart1"
        line = LINE | {"cart_id": theirs, "shopper": other["subject"]}
        # The same key of another caller is another intent: neither a replay nor a conflict.
        again, _ = await one.send(other, "carts.put_line", key="same", **line)
        assert again == status
        assert await one.get(other, f"/api/carts/{mine}") == 403
        assert await one.get(me, f"/api/carts/{mine}") in {200, 404}
        assert await one.get(me, "/api/orders") == 403
        assert (await one.send(me, "inventory.report_stock", sku="A", supplier="acme"))[0] == 422
        stock = {"sku": "A", "supplier": "acme", "quantity": 1}
        assert (await one.send(me, "inventory.report_stock", **stock))[0] == 403
        body = {"cart_id": mine, "currency": "EUR", "email": "a@b.example", "method": "card",
                "address": {"name": "A", "street": "B", "city": "C", "postcode": "1",
                            "country": "DE"}}  # fmt: skip
        headers = one.as_(other) | {"idempotency-key": "buy"}
        answer = await one.web.post("/api/checkout", json=body, headers=headers)
        assert answer.status_code in {403, 422}, answer.text


async def test_a_suppliers_token_is_about_its_own(database_url, tmp_path):
    async with shop(database_url, tmp_path) as one:
        issue = one.container.access.sessions._tokens.issue
        made, _ = issue("supplier", "acme-erp", ttl_ms=60_000, supplier="acme")
        acme = {"token": made}
        stock = {"sku": "A", "supplier": "acme", "quantity": 5}
        assert (await one.send(acme, "inventory.report_stock", **stock))[0] == 200
        stock["supplier"] = "zenith"
        status, said = await one.send(acme, "inventory.report_stock", **stock)
        assert (status, said["name"]) == (403, "Forbidden")
        order = {"purchase_order": "x.1/zenith", "supplier": "zenith", "reason": "no"}
        assert (await one.send(acme, "shipping.refuse_purchase_order", **order))[0] == 403
        assert await one.get(acme, "/api/orders") == 403


async def test_a_program_does_what_it_was_granted(database_url, tmp_path):
    async with shop(database_url, tmp_path) as one:
        made, _ = one.container.access.sessions._tokens.issue("service", "stats", ttl_ms=60_000)
        stats, body = {"token": made}, {"path": ["X"]}
        assert (await one.send(stats, "catalog.put_category", **body))[0] == 403
        await one.do(PutAccount(account="service:stats"))
        await one.do(Grant(account="service:stats", what="catalog.put_category"))
        async with asyncio.timeout(60):
            while (await one.send(stats, "catalog.put_category", **body))[0] == 403:  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # the book follows the log


async def test_cookies_work_for_the_shops_own_pages_alone(database_url, tmp_path):
    async with shop(database_url, tmp_path) as one:
        answer = await one.web.post("/api/sessions", json={"role": "shopper"})
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        me = (await one.web.get("/api/sessions/me")).json()
        assert me["role"] == "shopper"
        again = await one.web.post("/api/sessions", json={"role": "shopper"})
        assert again.json()["subject"] == me["subject"]
        for origin, status in (("http://127.0.0.1", 200), ("https://evil.example", 403)):
            told = await one.web.post("/api/sessions/refresh", headers={"origin": origin})
            assert told.status_code == status, told.text
        await one.web.delete("/api/sessions")
        assert (await one.web.get("/api/sessions/me")).json()["role"] == "anonymous"


async def test_a_ticket_is_good_for_one_connection(database_url, tmp_path):
    async with shop(database_url, tmp_path) as one:
        me = await one.session(role="shopper")
        made = (await one.web.post("/api/tickets", headers=one.as_(me))).json()
        path = f"/api/sessions/me?ticket={made['ticket']}"
        assert (await one.web.get(path)).json()["subject"] == me["subject"]
        answer = await one.web.get(path)
        assert (answer.status_code, answer.json()["name"]) == (401, "TicketUsed")


async def test_guessing_is_slowed_down(database_url, tmp_path):
    async with shop(database_url, tmp_path) as one:
        asked = {"role": "operator", "user": "anna", "password": "wrong"}
        answers = [await one.web.post("/api/sessions", json=asked) for _ in range(11)]
        assert [a.status_code for a in answers] == [401] * 10 + [429]
        assert int(answers[-1].headers["retry-after"]) > 60
