"""The kit from the command line: against a server with a back door, without one, and a bad one."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from tests.sync.accounts import guarded

from shopwire.kernel.identity import LOCAL
from shopwire.sync.digests import digest_of
from shopwire.testing.conformance.__main__ import FAILED, NOT_RUN, PASSED, main
from shopwire.testing.conformance.rules import SUITES, rules_of

pytestmark = pytest.mark.anyio


class BackDoor:
    """docs/protocol/conformance.md, for a shop of the tests."""

    def __init__(self, shop) -> None:
        self.shop = shop

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length:")[2].split()[0])
        body = json.loads(await reader.readexactly(size))
        what = head.split()[1].decode().strip("/")
        answer = getattr(self, what, None)
        status, told = (200, await answer(**body)) if answer else (404, None)
        text = json.dumps(told).encode()
        writer.write(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%b" % (status, len(text), text))
        await writer.drain()
        writer.close()

    async def change(self, changes):
        await self.shop.change([tuple(change) for change in changes])

    async def new_epoch(self):
        await self.shop.new_epoch()

    async def newest(self, topic):
        version, document = await self.shop.newest(topic)
        return {"version": version, "document": document}

    async def token(self, role, subject, lasts_ms):
        return {"token": await self.shop.token(role, subject, lasts_ms)}


@asynccontextmanager
async def back_door(shop):
    door = BackDoor(shop)
    server = await asyncio.start_server(door.serve, "127.0.0.1", 0)
    try:
        door.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield door
    finally:
        server.close()
        await server.wait_closed()


async def run(*arguments: str):
    """In a thread: it has a loop of its own, beside the server's."""
    return await asyncio.to_thread(main, list(arguments))


async def test_every_rule_that_is_offered_is_kept_and_the_others_are_told(capsys):
    async with guarded(otherwise=LOCAL) as shop, back_door(shop) as door:
        assert await run(shop.url, "--control", door.url) == PASSED
    lines = capsys.readouterr().out.splitlines()
    skipped = [line for line in lines if line.startswith("skipped")]
    # This back door takes no rights back.
    assert len(skipped) == 2
    assert all("the back door has no withdraw" in line for line in skipped)
    assert lines[-1].endswith("0 failed, 2 skipped")


async def test_without_a_back_door_what_can_be_checked_is_checked(capsys):
    async with guarded() as shop:
        assert await run(shop.url, "--suite", "sync", "--only", "message") == PASSED
        out = capsys.readouterr().out
        assert "ok       sync      the first message is hello" in out
        assert await run(shop.url, "--only", "travel together") == NOT_RUN
        assert "(needs --control)" in capsys.readouterr().out


async def test_a_broken_rule_is_named_with_its_line(capsys, monkeypatch):
    monkeypatch.setattr("shopwire.sync.documents.digest_of", lambda _: digest_of([b"x"]))
    async with guarded(otherwise=LOCAL) as shop, back_door(shop) as door:
        code = await run(shop.url, "--control", door.url, "--only", "holds the same")
    out = capsys.readouterr().out
    assert code == FAILED
    assert "failed   proofs    who holds the same is told so" in out
    assert "sync_proofs.py:" in out
    assert 'assert (await peer.hear()) == {"t": "same", "id": 9}' in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["ws://127.0.0.1:1/sync"],
        ["http://127.0.0.1:1/sync"],
        ["ws://127.0.0.1:1/sync", "--only", "no rule says this"],
    ],
)
async def test_a_server_that_is_not_there_is_no_failure_of_a_rule(arguments, capsys):
    assert await run(*arguments) == NOT_RUN
    assert capsys.readouterr().err


def test_every_suite_gives_its_rules():
    rules = {suite: list(rules_of(suite)) for suite in SUITES}
    assert all(rules.values())
    names = [(rule.suite, rule.name) for found in rules.values() for rule in found]
    assert len(names) == len(set(names)) >= 85
