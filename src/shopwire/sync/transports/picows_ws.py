"""WebSocket by picows, inside uvicorn: its protocol class takes over the upgraded connection.

uvicorn builds `ws_protocol_class(config, server_state, app_state)` on an upgrade, calls
`connection_made`, hands over the request as it came and sets the protocol. picows' WSProtocol is a
BufferedProtocol, so what it needs is another constructor and a `data_received` for that request.
Both sides are private code of theirs: versions are pinned and tests hold this to the same
conformance suite as the ASGI path.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final, cast

import msgspec
from picows import (
    WSAutoPingStrategy,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined] # missing in its stubs
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.identity import Caller
from shopwire.sync.arrivals import CallerOf, arrival
from shopwire.sync.codes import CloseCode
from shopwire.sync.crowd import address_of
from shopwire.sync.hub import Hub
from shopwire.sync.limits import CLOSE_GRACE_MS, WRITE_KERNEL_UNSENT_BYTES
from shopwire.sync.origins import Origins
from shopwire.sync.session import Session
from shopwire.sync.waiting import Send, State

_PICOWS: Final = logging.getLogger("shopwire.sync.picows")
_PICOWS.setLevel(logging.WARNING)  # it tells every connection at INFO
_LOG: Final = logging.LoggerAdapter(_PICOWS, {})
"""An adapter, since picows makes a logger for each connection out of a plain one."""
_HANDSHAKE_S: Final = 10.0
_READ_BUFFER_BYTES: Final = 2_048
"""First size of a connection's read buffer: clients say little."""
_TOO_BIG: Final = 1009
_NOT_UTF8: Final = 1007


def _nowhere(kind: int, frame: bytes) -> None:
    """Sends nothing: there is no connection yet."""


class PicowsWire(WSListener):
    """Wire and listener of one connection."""

    def __init__(self, hub: Hub, caller: Caller, forwarded: str) -> None:
        super().__init__()
        self._hub = hub
        self._caller = caller
        self._forwarded = forwarded
        self._transport: WSTransport
        self._session: Session | None = None
        self._parts: list[bytes] = []
        self._waiting_bytes = 0
        self._closing: asyncio.TimerHandle | None = None
        self.send: Send = _nowhere
        """Sends a frame: picows' own method once connected, since nothing is called as often."""

    # -- picows tells -------------------------------------------------------------------------

    @override
    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        self.send = cast("Send", transport.send)
        limits = self._hub.limits
        under = transport.underlying_transport
        under.set_write_buffer_limits(limits.write_high_bytes, limits.write_low_bytes)
        if (lowat := getattr(socket, "TCP_NOTSENT_LOWAT", None)) is not None:
            under.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, lowat, WRITE_KERNEL_UNSENT_BYTES
            )
        peer = under.get_extra_info("peername")
        address = address_of(peer[0], self._forwarded) if isinstance(peer, tuple) else ""
        self._session = self._hub.open(self, self._caller, address)
        if not transport.is_secure:
            self._take_place(self._session, under)

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame came; pings are answered by picows."""
        session = self._session
        if session is None:
            return
        kind = frame.msg_type
        if kind in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._collect(session, frame)
        elif kind == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif kind == WSMsgType.BINARY:
            session.on_binary()
        else:
            session.on_life()

    @override
    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection is gone."""
        if self._closing is not None:
            self._closing.cancel()
        if self._session is not None:
            self._session.on_closed()
            # Behind this the socket is closed, and another may get its number.
            self._hub.broadcast.leave(self._session)
            self._session = None

    @override
    def pause_writing(self) -> None:
        """The write buffer is over its high mark."""
        if self._session is not None:
            self._waiting_bytes = self._transport.underlying_transport.get_write_buffer_size()
            self._session.on_pause()

    @override
    def resume_writing(self) -> None:
        """The write buffer is below its low mark."""
        if self._session is not None:
            self._session.on_resume()

    # -- the hub tells many at once -----------------------------------------------------------

    def rest(self, data: bytes) -> None:
        """Goes on in the middle of a frame; what the socket does not take makes it wait."""
        self._transport.underlying_transport.write(data)

    def cut(self) -> None:
        """Ends the connection before anything else is written to it."""
        if self._session is not None:
            self._session.on_closed()
        self._cut()

    def _take_place(self, session: Session, under: Any) -> None:
        """From now on the session is not writable while even one byte waits for the socket.

        Bytes that wait here go behind those that were sent past this wire, or not at all.
        """
        if session.state is State.CLOSING:
            return
        if self._hub.broadcast.join(session, under.get_extra_info("socket").fileno()):
            under.set_write_buffer_limits(0, 0)  # calls `pause_writing` if something waits already

    # -- the session asks ---------------------------------------------------------------------

    def ping(self) -> None:
        """A WebSocket ping: browsers answer it by themselves."""
        self._transport.send_ping()

    def progressed(self) -> bool:
        """Whether the write buffer shrank."""
        before = self._waiting_bytes
        now = self._transport.underlying_transport.get_write_buffer_size()
        self._waiting_bytes = now
        return now < before

    def close(self, code: CloseCode) -> None:
        """Says why, and cuts where the other side does not answer."""
        self._end(code, code.reason)

    def _end(self, code: int, reason: str) -> None:
        self._transport.send_close(code, reason)  # type: ignore[arg-type] # any code is taken
        if self._closing is None:
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(CLOSE_GRACE_MS / 1_000, self._cut)

    def _cut(self) -> None:
        self._transport.disconnect(False)

    def _collect(self, session: Session, frame: WSFrame) -> None:
        if frame.fin and not self._parts:
            self._deliver(session, frame.get_payload_as_bytes())
            return
        self._parts.append(frame.get_payload_as_bytes())
        if sum(map(len, self._parts)) > self._hub.limits.message_bytes_max:
            self._parts.clear()
            self._end(_TOO_BIG, "message too big")
        elif frame.fin:
            data = b"".join(self._parts)
            self._parts.clear()
            self._deliver(session, data)

    def _deliver(self, session: Session, data: bytes) -> None:
        try:
            data.decode()
        except UnicodeDecodeError:
            self._end(_NOT_UTF8, "not UTF-8")
        else:
            session.on_message(data)


def sync_protocol(hub: Hub, origins: Origins) -> Callable[..., WSProtocol]:
    """For uvicorn's `ws_protocol_class`, bound to a hub; its first argument is who comes.

    That is a caller, or what a door answers somebody whose credentials are no good.
    """

    class SyncProtocol(WSProtocol):  # type: ignore[misc] # untyped base
        """One connection; uvicorn counts it and shuts it down like its own."""

        def __init__(
            self,
            who: Caller | ShopwireError,
            *,
            config: Any,
            server_state: Any,
            app_state: Any,
            **_: Any,
        ) -> None:
            super().__init__(
                None,
                "",
                False,
                partial(_listener, hub, origins, who),
                _LOG,
                False,
                _HANDSHAKE_S,
                False,
                0,
                0,
                WSAutoPingStrategy.PING_WHEN_IDLE,
                True,
                hub.limits.message_bytes_max,
                None,
                _READ_BUFFER_BYTES,
            )
            self._connections = server_state.connections

        @override
        def connection_made(self, transport: Any) -> None:
            self._connections.add(self)
            super().connection_made(transport)

        @override
        def connection_lost(self, exc: Exception | None) -> None:
            self._connections.discard(self)
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            """The upgrade request, which uvicorn has read already."""
            view = memoryview(data)
            while view:
                buffer = self.get_buffer(-1)
                size = min(len(buffer), len(view))
                buffer[:size] = view[:size]
                view = view[size:]
                self.buffer_updated(size)

        def shutdown(self) -> None:
            """The server stops."""
            hub.close_sessions()

    return SyncProtocol


def _listener(
    hub: Hub, origins: Origins, who: Caller | ShopwireError, request: WSUpgradeRequest
) -> WSListener | WSUpgradeResponseWithListener:
    """A session for whoever may have one, else the refusal."""
    headers = request.headers
    if not origins.allow(headers.get("Origin"), headers.get("Host")):
        refused = WSUpgradeResponse.create_error_response(HTTPStatus.FORBIDDEN, b"origin")
        return WSUpgradeResponseWithListener(refused, None)
    if isinstance(who, ShopwireError):
        said = msgspec.json.encode(who.body())
        refused = WSUpgradeResponse.create_error_response(HTTPStatus(who.status), said)
        return WSUpgradeResponseWithListener(refused, None)
    return PicowsWire(hub, who, headers.get("X-Forwarded-For") or "")


def http_protocol(
    hub: Hub, callers: CallerOf, origins: Origins, path: str = "/sync"
) -> type[HttpToolsProtocol]:
    """A class for `uvicorn.Config(http=...)` that sends upgrades of `path` to picows.

    Everything else goes where the configuration says: ASGI for HTTP and for other WebSockets.
    """
    sync_class = sync_protocol(hub, origins)
    wanted = path.encode()

    class SyncHttpProtocol(HttpToolsProtocol):
        """uvicorn's protocol with one more way out."""

        @override
        def _should_upgrade_to_ws(self) -> bool:
            return self._is_sync() or super()._should_upgrade_to_ws()

        @override
        def handle_websocket_upgrade(self) -> None:
            if not self._is_sync():
                super().handle_websocket_upgrade()
                return
            # Nothing is read until it is known who comes: that may have to be asked.
            self.transport.pause_reading()
            self._asking = asyncio.ensure_future(self._who())
            self._asking.add_done_callback(self._upgrade)

        async def _who(self) -> Caller | ShopwireError:
            headers = {name: value.decode("latin-1") for name, value in self.headers}
            query = self.url.partition(b"?")[2].decode("latin-1")
            try:
                return await callers(
                    arrival(headers.get(b"authorization"), headers.get(b"cookie"), query)
                )
            except ShopwireError as problem:
                return problem

        def _upgrade(self, asked: asyncio.Future[Caller | ShopwireError]) -> None:
            if asked.cancelled() or asked.exception() is not None:
                self.transport.abort()
                asked.result()  # the loop's handler tells of the defect
            elif not self.transport.is_closing():
                made: Any = partial(sync_class, asked.result())
                self.ws_protocol_class = made
                super().handle_websocket_upgrade()
                self.transport.resume_reading()

        @override
        def shutdown(self) -> None:
            hub.close_sessions()
            super().shutdown()

        def _is_sync(self) -> bool:
            return self.url.partition(b"?")[0] == wanted

    return SyncHttpProtocol
