"""From where a server can be reached, and by which names."""

import ipaddress
from collections.abc import Iterable


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def names_of(host: str, allow_hosts: Iterable[str]) -> frozenset[str] | None:
    """Names that requests may be addressed to; None for any."""
    further = tuple(allow_hosts)
    if not is_loopback(host) and not further:
        return None
    return frozenset(name.lower() for name in ("localhost", "127.0.0.1", "[::1]", host, *further))


def page_origins(host: str, port: int, allow_hosts: Iterable[str]) -> list[str]:
    """Origins of the pages of a server, as far as they follow from where it listens."""
    names = dict.fromkeys(("127.0.0.1", "localhost", host, *allow_hosts))
    return [f"http://{f'[{name}]' if ':' in name else name}:{port}" for name in names]
