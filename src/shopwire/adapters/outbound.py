"""Where this process may connect to: addresses of the public net, and those that a setting allows.

Whoever may write down an address (an operator, a supplier's redirect) must not reach through us
what only we can reach: this machine, its network, a cloud's metadata. So a host is resolved once,
its address is judged, and the connection goes to that address: a name that means something else
a moment later changes nothing.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from functools import cache
from typing import Final

import httpx2
import msgspec
from typing_extensions import override

from shopwire.kernel.errors import AddressRefused, InvalidField

CONNECT_S_MAX: Final = 10.0
"""A connection that is not there by then counts as refused."""
ADDRESSES_MAX: Final = 32
"""Addresses of one name that are judged; a name with more is refused."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL: Final = ipaddress.ip_network("64:ff9b:1::/48")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Allowed(msgspec.Struct, frozen=True):
    """Internal addresses that may be reached all the same: networks, and names of hosts."""

    networks: tuple[_Network, ...] = ()
    hosts: frozenset[str] = frozenset()
    """Lower case; such a name may stand for any address."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Allowed":
        """From texts like `10.1.0.0/16`, `127.0.0.1`, `erp.local`; raises InvalidField."""
        networks: list[_Network] = []
        hosts: list[str] = []
        for text in texts:
            try:
                networks.append(ipaddress.ip_network(text))
            except ValueError:
                if "/" in text or not text.strip():
                    reason = f"{text[:60]!r} is neither a network, an address nor a host's name"
                    raise InvalidField(field="allow_addresses", reason=reason) from None
                hosts.append(_plain(text))
        return cls(tuple(networks), frozenset(hosts))

    def names(self, host: str) -> bool:
        """Whether a host's name, or the address that it is, stands here; nothing is resolved."""
        name = _plain(host)
        try:
            return name in self.hosts or _is_allowed(name, self)
        except ValueError:
            return False


NOTHING: Final = Allowed()
"""Only the public net."""


async def resolve_public(host: str, allowed: Allowed = NOTHING, *, port: int = 0) -> str:
    """The address to connect to for a host's name or address, as text.

    Raises AddressRefused where it stands for no address, or for one that is not of the public net
    and not allowed. One bad address among several refuses the name: which of them is reached must
    not be a matter of luck.
    """
    name = _plain(host)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            name, port or None, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError, ValueError) as problem:
        raise AddressRefused(host=host[:253], reason="it cannot be resolved") from problem
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    if not 0 < len(addresses) <= ADDRESSES_MAX:
        raise AddressRefused(host=host[:253], reason="it stands for no address, or for too many")
    if name not in allowed.hosts:
        for address in addresses:
            if not is_public(address) and not _is_allowed(address, allowed):
                raise AddressRefused(host=host[:253], reason="it is an internal address")
    return addresses[0]


def is_public(text: str) -> bool:
    """Whether an address is one of the public net; what stands inside of it counts, too.

    An IPv4 address in a dress of IPv6 (mapped, 6to4, Teredo, NAT64) is judged as what it reaches.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None or address in _NAT64_LOCAL or address.teredo is not None:
            return False
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
    return address.is_global and not address.is_multicast and not address.is_reserved


async def open_socket(host: str, port: int, allowed: Allowed = NOTHING) -> socket.socket:
    """A connected socket for protocols other than HTTP, not blocking.

    Raises AddressRefused, and OSError or TimeoutError where nobody answers.
    """
    address = await resolve_public(host, allowed, port=port)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        async with asyncio.timeout(CONNECT_S_MAX):
            await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


class GuardedTransport(httpx2.AsyncBaseTransport):
    """HTTP that reaches only what may be reached; every hop of a redirect is judged again.

    The request goes to the judged address; name in Host, certificate and TLS stay the host's.
    Connections are not kept, since two names with one address must not share one. Proxies of the
    environment are not used. Raises AddressRefused, and what httpx2 raises.
    """

    def __init__(self, allowed: Allowed = NOTHING) -> None:
        self._allowed: Final = allowed
        self._inner: Final = httpx2.AsyncHTTPTransport(
            verify=_trust(),
            trust_env=False,
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        if request.url.scheme not in ("http", "https"):
            raise AddressRefused(host=host[:253], reason="only http and https are spoken")
        address = await resolve_public(host, self._allowed)
        judged = httpx2.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return await self._inner.handle_async_request(judged)

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()


def guarded_client(
    allowed: Allowed = NOTHING, *, timeout_s: float = CONNECT_S_MAX
) -> httpx2.AsyncClient:
    """An HTTP client with that transport; it follows no redirect by itself."""
    return httpx2.AsyncClient(
        transport=GuardedTransport(allowed), timeout=timeout_s, trust_env=False
    )


async def read_bounded(response: httpx2.Response, bytes_max: int) -> bytes | None:
    """The body of an answer that is being streamed; None for one that is longer."""
    held = bytearray()
    async for part in response.aiter_bytes():
        held += part
        if len(held) > bytes_max:
            return None
    return bytes(held)


@cache
def _trust() -> ssl.SSLContext:
    """Whom TLS believes. Made once: reading the authorities takes the loop 70 ms."""
    return httpx2.create_ssl_context(trust_env=False)


def _plain(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _is_allowed(text: str, allowed: Allowed) -> bool:
    address: _Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in allowed.networks)
