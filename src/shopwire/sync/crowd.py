"""How many connections a caller and an address hold, and how often they speak, over all of them.

Whoever everybody is (nobody known, whoever is on this machine) has no number of its own to keep to.
"""

from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Final

from shopwire.kernel.access_errors import TooManyConnections
from shopwire.kernel.clock import Clock
from shopwire.kernel.identity import LOCAL, Caller
from shopwire.sync.limits import CONNECTIONS_RETRY_MS, Limits
from shopwire.sync.waiting import Bucket

_SITE_BITS: Final = 64
"""Of an IPv6 address: what one household or one machine gets."""
ADDRESSES_READ_MAX: Final = 4_096
"""Addresses that are remembered as read; the longest unused go first. Connections come in crowds
from one proxy, and reading its address thrice took a tenth of what a connection costs."""


class Seat:
    """What the connections of one caller, or of one address, have in common."""

    __slots__ = ("bucket", "count", "name")

    def __init__(self, name: str, bucket: Bucket) -> None:
        self.name = name
        self.bucket = bucket
        self.count = 0


class Crowd:
    """Keeps the seats that are taken; an empty one is forgotten."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self.seats: dict[str, Seat] = {}

    def check(self, caller: Caller, address: str) -> None:
        """Raises TooManyConnections where one more would be one too many."""
        for name, most in self._names(caller, address):
            seat = self.seats.get(name)
            if seat is not None and seat.count >= most:
                raise TooManyConnections(connections_max=most, retry_ms=CONNECTIONS_RETRY_MS)

    def take(self, caller: Caller, address: str) -> tuple[Seat, ...]:
        """The seats of one more connection."""
        limits, taken = self._limits, []
        for name, _ in self._names(caller, address):
            seat = self.seats.get(name)
            if seat is None:
                bucket = Bucket(
                    limits.crowd_messages_per_s_max,
                    limits.crowd_messages_burst_max,
                    self._clock.monotonic_ms(),
                )
                seat = self.seats[name] = Seat(name, bucket)
            seat.count += 1
            taken.append(seat)
        return tuple(taken)

    def leave(self, seats: tuple[Seat, ...]) -> None:
        """A connection gives its seats back."""
        for seat in seats:
            seat.count -= 1
            if not seat.count:
                del self.seats[seat.name]

    def _names(self, caller: Caller, address: str) -> list[tuple[str, int]]:
        names: list[tuple[str, int]] = []
        if caller.subject and caller != LOCAL:
            names.append((f"caller {caller.principal}", self._limits.caller_connections_max))
        site = site_of(address)
        if site:
            names.append((f"address {site}", self._limits.address_connections_max))
        return names


def site_of(address: str) -> str:
    """Whose address it is, as far as an address tells; empty for this machine and for none."""
    parsed = _parsed(address)
    if parsed is None or parsed.is_loopback:
        return ""
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return site_of(str(parsed.ipv4_mapped))
        return f"{IPv6Address(int(parsed) >> _SITE_BITS << _SITE_BITS)}/{_SITE_BITS}"
    return str(parsed)


def address_of(peer: str, forwarded: str) -> str:
    """Who is connected: a proxy on this machine says for whom it speaks, nobody else is asked.

    `forwarded` is the X-Forwarded-For header. Its last entry is the one that the proxy wrote.
    """
    parsed = _parsed(peer)
    if parsed is None or not parsed.is_loopback or not forwarded:
        return peer
    return forwarded.rpartition(",")[2].strip()


@lru_cache(ADDRESSES_READ_MAX)
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address.partition("%")[0])
    except (ValueError, AddressValueError):
        return None
