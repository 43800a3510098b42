"""Which hubs there are: each says so over the bus, every process answers who asks."""

import asyncio
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import structlog
from litestar import Request, Response, get

from shopwire.kernel.bus import Bus
from shopwire.kernel.clock import Clock

ANNOUNCE_EVERY_MS: Final = 1_000
"""How often a hub says that it is there."""
SILENT_MS_MAX: Final = 3_500
"""A hub that said nothing for so long is left out, as long as the bus works at all."""
HUBS_MAX: Final = 64
"""Hubs that are remembered; further ones are not told to clients."""
HUB_TOPIC: Final = "hub:"
"""Prefix of the states by which hubs announce themselves."""
OPS_TOPIC: Final = "ops:"
"""Prefix of the states that screens show."""
OWN_SYNC: Final = "/sync"
"""The hub of the very process that is asked."""

_log: Final = structlog.get_logger()


class Announcement(msgspec.Struct, frozen=True):
    """What a hub says of itself.

    `address` is where its sync endpoint is: whole, as `https://sync1.shop.example/sync`, or
    `:8001`, the same machine as the one that was asked, at that port. None says that it leaves.
    """

    address: str | None


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Announcement).decode


class Hubs:
    """The hubs that are known to be there now."""

    def __init__(self, bus: Bus, clock: Clock, *, own: str | None = None) -> None:
        """Args: `own` is the address of this process's hub, where it is one of them."""
        self._bus = bus
        self._clock = clock
        self._own = own
        self._heard: dict[str, tuple[str, float]] = {}
        self._up_since_ms = clock.monotonic_ms()
        bus.watch(self._turned)
        bus.hear(self.hear)

    def hear(self, topic: str, _version: int, document: bytes) -> None:
        """A state of the bus; those that are no announcements are somebody else's."""
        if not topic.startswith(HUB_TOPIC):
            return
        try:
            said = _decode(document)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if said.address is None:
            self._heard.pop(topic, None)
        elif topic in self._heard or len(self._heard) < HUBS_MAX:
            self._heard[topic] = (said.address, self._clock.monotonic_ms())

    def addresses(self, host: str, scheme: str = "http") -> list[str]:
        """Sync endpoints as a client can use them that reached us as `host`.

        Never empty: without any hub it is the one of the process that was asked.
        """
        self._forget()
        known = {address: None for address, _ in self._heard.values()}
        if self._own is not None:
            known[self._own] = None
        return [_whole(each, host, scheme) for each in known] or [OWN_SYNC]

    def _forget(self) -> None:
        if not self._bus.up:
            return  # nobody can say anything: what is known is the best guess
        now_ms = self._clock.monotonic_ms()
        for topic, (_, heard_ms) in list(self._heard.items()):
            if now_ms - max(heard_ms, self._up_since_ms) > SILENT_MS_MAX:
                del self._heard[topic]

    def _turned(self, up: bool) -> None:
        if up:
            self._up_since_ms = self._clock.monotonic_ms()


def _whole(address: str, host: str, scheme: str) -> str:
    if not address.startswith(":"):
        return address
    name = urlsplit(f"//{host}").hostname or "localhost"
    name = f"[{name}]" if ":" in name else name
    return f"{scheme}://{name}{address}{OWN_SYNC}"


async def announce(bus: Bus, hub: str, address: str, clock: Clock) -> None:
    """Says until it is cancelled that a hub is there, and at the end that it leaves."""
    said = _encode(Announcement(address))
    try:
        while True:
            bus.tell(HUB_TOPIC + hub, clock.now_ms(), said)
            await asyncio.sleep(ANNOUNCE_EVERY_MS / 1_000)
    finally:
        bus.tell(HUB_TOPIC + hub, clock.now_ms(), _encode(Announcement(None)))


def hub_routes(hubs: Hubs | None) -> list[Any]:
    """The endpoint `GET /api/hubs`; without a bus there is the process's own hub only."""

    @get("/api/hubs", summary="Where live documents can be had")
    async def list_hubs(request: Request[Any, Any, Any]) -> Response[dict[str, list[str]]]:
        host, scheme = request.headers.get("host", "localhost"), request.url.scheme
        found = [OWN_SYNC] if hubs is None else hubs.addresses(host, scheme)
        return Response({"hubs": found}, headers={"cache-control": "no-store"})

    return [list_hubs]


def log_bus(bus: Bus) -> None:
    """Says in the log when the broker goes and comes."""
    down: list[bool] = []

    def turned(up: bool) -> None:
        if up:
            down.clear()
            _log.info("bus.up")
        elif not down:
            down.append(True)
            _log.warning("bus.down")

    bus.watch(turned)
