"""Every command over HTTP and over a connection: keys mean the same at both doors."""

import asyncio
import math

import httpx2
import msgspec
import pytest
from tests.callers import open_callers
from tests.idempotency.bench import envelope, others, play
from tests.idempotency.shipping_stages import STAGES
from tests.idempotency.test_matrix import OPERATIONS, every_command

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.identity import LOCAL
from shopwire.kernel.storage import Claim
from shopwire.services.app import AppParts, build_app
from shopwire.services.command_door import PRINCIPAL, CommandDoor
from shopwire.services.pages import Pages
from shopwire.services.parts import MODULES
from shopwire.services.pulse import Pulse
from shopwire.services.telemetry import Readings, Telemetry
from shopwire.sync.commands import Commands
from shopwire.sync.protocol import Cmd

INSIDE = frozenset(
    handler.command.operation
    for module in MODULES
    for handler in module.handlers
    if handler.command.internal
)
"""What only the shop itself sends: from outside there is no such command."""
LEASE_MS = 4_200


class Http:
    """`POST /api/commands/{operation}` of an application on a bench's shop."""

    def __init__(self, path, tmp_path) -> None:
        app = build_app(
            AppParts(
                write_path=path,
                pulse=Pulse(Readings, lambda *_: None, SystemClock()),
                telemetry=Telemetry("1"),
                pages=Pages(tmp_path),
                routes=(),
                callers=open_callers(),
                sync=None,
            )
        )
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        self.web = httpx2.AsyncClient(transport=transport, base_url="http://localhost")

    async def ask(self, operation, key, body):
        """Status, body, whether it was a replay, seconds to wait."""
        headers = {} if key is None else {"Idempotency-Key": key}
        url = f"/api/commands/{operation}"
        answer = await self.web.post(url, content=body, headers=headers)
        replayed = answer.headers.get("idempotency-replayed") == "true"
        wait = answer.headers.get("retry-after")
        return answer.status_code, answer.content, replayed, wait and int(wait)


class Socket:
    """Messages `cmd` of one connection."""

    caller = LOCAL

    def __init__(self, path, _tmp_path) -> None:
        self._frames: dict[int, asyncio.Future] = {}
        self._commands = Commands(CommandDoor(path).take, self._settle)

    def _settle(self, _session, frame):
        answered = msgspec.json.decode(frame)
        self._frames[answered["id"]].set_result(answered)

    async def ask(self, operation, key, body):
        """As over HTTP; the body without what belongs to the message."""
        number = len(self._frames)
        self._frames[number] = asyncio.get_running_loop().create_future()
        self._commands.run(self, Cmd(id=number, op=operation, key=key, body=msgspec.Raw(body)))
        frame = await self._frames[number]
        rest = {k: v for k, v in frame.items() if k not in ("id", "status", "replayed", "t")}
        said = rest.get("body", rest)
        wait_ms = rest.get("data", {}).get("retry_ms")
        return (
            frame["status"],
            msgspec.json.encode(said, order="deterministic"),
            frame.get("replayed", False),
            wait_ms and math.ceil(wait_ms / 1_000),
        )


@pytest.fixture(params=[Http, Socket])
def door(request, tmp_path):
    return lambda path: request.param(path, tmp_path)


def name_of(body):
    return msgspec.json.decode(body)["name"]


@every_command
def test_a_door_repeats_tells_bodies_apart_and_wants_a_key(operation, door):
    async def scene(bench):
        command = await STAGES[operation](bench)
        path = await bench.path()
        outside, body = door(path), msgspec.json.encode(command)
        before = bench.picture()
        for key in ("", "x" * 256, "a\x7fb"):
            status, said, *_ = await outside.ask(operation, key, body)
            assert (status, name_of(said)) == (400, "KeyMalformed"), key
        status, said, *_ = await outside.ask(operation, None, body)
        assert (status, name_of(said)) == (400, "KeyMissing")
        assert bench.picture() == before
        first = await outside.ask(operation, "k", body)
        if operation in INSIDE:
            assert (first[0], name_of(first[1])) == (404, "UnknownOperation")
            assert bench.picture() == before
            return
        after = bench.picture()
        assert first[0] == 200
        assert await outside.ask(operation, "k", body) == (200, first[1], True, None)
        for other in others(command):
            again = await outside.ask(operation, "k", msgspec.json.encode(other))
            assert (again[0], name_of(again[1]), again[2]) == (422, "KeyReused", False)
            assert b"versions" not in again[1]
        assert bench.picture() == after
        assert not (await path.submit(envelope(command, key="k"))).replayed

    play(scene)


@pytest.mark.parametrize("door", [Http, Socket])
@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - INSIDE))
def test_a_door_says_when_to_come_back_for_a_key_in_flight(operation, door, tmp_path):
    async def scene(bench):
        command = await STAGES[operation](bench)
        path = await bench.path()
        wish = envelope(command, principal=PRINCIPAL)
        claim = Claim(
            tenant=wish.tenant,
            principal=PRINCIPAL,
            operation=operation,
            key=wish.key,
            fingerprint=wish.fingerprint,
        )
        await path.claim_lease(claim, LEASE_MS)
        status, said, replayed, wait_s = await door(path, tmp_path).ask(
            operation, wish.key, msgspec.json.encode(command)
        )
        assert (status, name_of(said), replayed) == (409, "KeyInFlight", False)
        assert wait_s == math.ceil(LEASE_MS / 1_000)

    play(scene)


def test_no_door_takes_what_providers_suppliers_or_clocks_say():
    said = ("record_authorisation", "record_capture", "record_provider_event", "complete_order")
    assert {name for name in OPERATIONS if name.partition(".")[2] in said} <= INSIDE
