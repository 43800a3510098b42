"""Where this process may connect to: names that mean something internal are refused."""

import asyncio
import contextlib
import http.server
import socket
import threading

import pytest

from shopwire.adapters.outbound import (
    Allowed,
    guarded_client,
    is_public,
    open_socket,
    resolve_public,
)
from shopwire.kernel.errors import AddressRefused, InvalidField

pytestmark = pytest.mark.anyio

LOOPBACK = Allowed.of(["127.0.0.0/8"])


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "255.255.255.255", "224.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0"),
        *("fd00::1", "ff02::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1"),
        *("64:ff9b:1::1", "2001:0:1::1", "localhost", ""),
    ],
)
def test_internal_addresses_in_every_dress_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450::1", "64:ff9b::808:808"])
def test_public_addresses_are(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::1]", "LOCALHOST."]
)
async def test_every_way_to_write_this_machine_is_refused(host):
    with pytest.raises(AddressRefused):
        await resolve_public(host)


async def test_one_internal_address_among_public_ones_refuses_the_name(monkeypatch):
    await _answer(monkeypatch, "8.8.8.8", "10.0.0.1")
    with pytest.raises(AddressRefused):
        await resolve_public("mixed.example")


async def test_what_is_allowed_is_reached_and_its_neighbour_is_not(monkeypatch):
    allowed = Allowed.of(["10.1.0.0/16", "erp.local"])
    assert await resolve_public("10.1.2.3", allowed) == "10.1.2.3"
    with pytest.raises(AddressRefused):
        await resolve_public("10.2.0.1", allowed)
    await _answer(monkeypatch, "192.168.7.7")
    assert await resolve_public("ERP.local", allowed) == "192.168.7.7"
    with pytest.raises(InvalidField):
        Allowed.of(["10.0.0.0/99"])


async def test_a_name_that_changes_its_mind_changes_nothing(monkeypatch):
    """The request goes to the address that was judged; the name is not asked again."""
    with serving() as port:
        asked = await _answer(monkeypatch, "127.0.0.1")
        async with guarded_client(LOOPBACK) as client:
            reply = await client.get(f"http://shop.example:{port}/hello")
        assert reply.text == f"shop.example:{port} /hello"
        assert asked == ["shop.example"]


async def test_each_hop_of_a_redirect_is_judged_again():
    with serving(location="http://10.9.9.9/latest/meta-data") as port:
        async with guarded_client(LOOPBACK) as client:
            client.follow_redirects = True
            with pytest.raises(AddressRefused):
                await client.get(f"http://127.0.0.1:{port}/")


async def test_sockets_of_other_protocols_are_guarded_too():
    with pytest.raises(AddressRefused):
        await open_socket("127.0.0.1", 22)
    with serving() as port:
        (await open_socket("127.0.0.1", port, LOOPBACK)).close()


async def _answer(monkeypatch, *addresses: str):
    """From now on every name stands for these; addresses stay themselves."""
    loop, asked = asyncio.get_running_loop(), []
    real = loop.getaddrinfo

    async def lookup(host, port, **rest: int):
        if host.replace(".", "").isdigit():
            return await real(host, port, **rest)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (one, 0)) for one in addresses]

    monkeypatch.setattr(loop, "getaddrinfo", lookup)
    return asked


@contextlib.contextmanager
def serving(location=None):
    """A server on this machine that says what it was asked, or sends elsewhere; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302 if location else 200)
            if location:
                self.send_header("location", location)
            self.end_headers()
            self.wfile.write(f"{self.headers['host']} {self.path}".encode())

        def log_message(self, *_rest: object):
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
