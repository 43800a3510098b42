"""WebSocket through ASGI: for servers other than uvicorn with picows, and behind test clients."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from shopwire.kernel.errors import ShopwireError
from shopwire.sync.arrivals import CallerOf, address_of_scope, arrival_of_scope
from shopwire.sync.hub import Hub
from shopwire.sync.limits import CLOSE_GRACE_MS
from shopwire.sync.origins import Origins
from shopwire.sync.session import Session
from shopwire.sync.transports.queued import QueuedWire

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
_TOO_BIG = 1009


async def serve_websocket(
    hub: Hub, callers: CallerOf, origins: Origins, scope: Scope, receive: Receive, send: Send
) -> None:
    """One connection of an ASGI server, until it ends."""
    await receive()
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if not origins.allow(headers.get(b"origin"), headers.get(b"host")):
        await send({"type": "websocket.close", "code": 1008, "reason": "origin"})
        return
    try:
        caller = await callers(arrival_of_scope(scope))
    except ShopwireError as problem:
        await send({"type": "websocket.close", "code": 1008, "reason": type(problem).__name__})
        return
    await send({"type": "websocket.accept"})
    wire = QueuedWire(hub.limits)
    session = hub.open(wire, caller, address_of_scope(scope))
    wire.session = session

    async def text(frame: bytes) -> None:
        await send({"type": "websocket.send", "text": frame.decode()})

    pump = asyncio.create_task(wire.pump(text))
    reader = asyncio.create_task(_read(hub, session, receive))
    try:
        await asyncio.wait((pump, reader), return_when=asyncio.FIRST_COMPLETED)
        if wire.closed is not None and not reader.done():
            await asyncio.wait((pump,), timeout=CLOSE_GRACE_MS / 1_000)
            code = wire.closed
            await _close(send, int(code), code.reason)
        elif reader.done() and not reader.cancelled() and reader.result() is not None:
            await _close(send, _TOO_BIG, "message too big")
    finally:
        session.on_closed()
        for task in (pump, reader):
            task.cancel()
        await asyncio.gather(pump, reader, return_exceptions=True)


async def _read(hub: Hub, session: Session, receive: Receive) -> int | None:
    """Reads until the client is gone, or returns the size of a message that is too large."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return None
        if (text := message.get("text")) is None:
            session.on_binary()
            continue
        data = text.encode("utf-8", "surrogatepass")
        if len(data) > hub.limits.message_bytes_max:
            return len(data)
        session.on_message(data)


async def _close(send: Send, code: int, reason: str) -> None:
    # The other side may be gone, which servers tell with exceptions of their own, or not read.
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_GRACE_MS / 1_000):
            await send({"type": "websocket.close", "code": code, "reason": reason})
