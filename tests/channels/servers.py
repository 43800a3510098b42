"""Real servers of suppliers on this machine: HTTP services, receivers of webhooks and of mail."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

from shopwire.adapters.outbound import Allowed

HERE = Allowed.of(["127.0.0.0/8"])
Handle = Callable[[str, str, dict[str, str], bytes], Awaitable[tuple[int, bytes] | None]]
"""(method, path, headers, body) to status and body, or None to close without a word."""


@asynccontextmanager
async def http_server(handle: Handle) -> AsyncIterator[str]:
    """One request a connection, as small as HTTP can be; gives its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *rest = head.strip().split("\r\n")
            method, path, _ = first.split(" ")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in rest)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            reply = await handle(method, unquote(path), headers, body)
            if reply is not None:
                status, content = reply
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
                    f"content-length: {len(content)}\r\nconnection: close\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # who gives up soon may leave before the request is read, or its answer written
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"


class Service:
    """A supplier's service as docs/how-to describes it: books by idempotency key."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.blocked: set[str] = set()
        self.lost: dict[str, str] = {}
        self.keys: list[str] = []

    async def handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes] | None:
        own_id, _, verb = path.removeprefix("/orders").strip("/").rpartition("/cancel")
        if method == "POST" and path == "/orders":
            return self._take(headers, json.loads(body))
        if method == "POST" and path.endswith("/cancel"):
            return self._cancel(own_id or verb, json.loads(body)["lines"])
        entry = self.orders.get(path.removeprefix("/orders/"))
        return (404, b"{}") if entry is None else (200, self._answer(entry))

    def _take(self, headers: dict[str, str], order: dict[str, Any]) -> tuple[int, bytes] | None:
        own_id = order["purchase_order"]
        self.keys.append(headers["idempotency-key"])
        lost = self.lost.pop(own_id, "")
        if lost == "request":
            return None
        if own_id not in self.orders:
            self.orders[own_id] = {
                "taken": 0, "cancelled": {}, "parcels": [], "number": f"N{len(self.orders) + 1}",
                "lines": {line["sku"]: line["quantity"] for line in order["lines"]},
                "address": order["ship_to"], "refused": own_id in self.blocked,
            }  # fmt: skip
            self.orders[own_id]["taken"] += 1
        return None if lost == "answer" else (201, self._answer(self.orders[own_id]))

    def _cancel(self, own_id: str, lines: list[dict[str, Any]]) -> tuple[int, bytes]:
        entry = self.orders.get(own_id)
        if entry is None:
            self.blocked.add(own_id)
            return 200, json.dumps({"lines": lines, "never_received": True}).encode()
        given = []
        for line in lines:
            had = entry["cancelled"].get(line["sku"], 0)
            more = max(0, min(line["quantity"] - had, self._left(entry, line["sku"])))
            entry["cancelled"][line["sku"]] = had + more
            given.append({"sku": line["sku"], "quantity": had + more})
        return 200, json.dumps({"lines": given}).encode()

    def ship(self, own_id: str) -> None:
        """Everything that is left."""
        entry = self.orders.get(own_id)
        if entry is None or entry["refused"]:
            return
        lines = [{"sku": sku, "quantity": self._left(entry, sku)} for sku in entry["lines"]]
        lines = [line for line in lines if line["quantity"]]
        if lines:
            entry["parcels"].append(
                {"reference": f"{entry['number']}-1", "carrier": "dhl", "tracking": "T1",
                 "lines": lines}
            )  # fmt: skip

    def _left(self, entry: dict[str, Any], sku: str) -> int:
        gone = sum(
            line["quantity"] for one in entry["parcels"] for line in one["lines"]
            if line["sku"] == sku
        )  # fmt: skip
        return entry["lines"].get(sku, 0) - entry["cancelled"].get(sku, 0) - gone

    def _answer(self, entry: dict[str, Any]) -> bytes:
        if entry["refused"]:
            told: dict[str, Any] = {"state": "refused", "reason": "cancelled"}
        else:
            told = {
                "state": "acknowledged", "shipments": entry["parcels"],
                "lines": [{"sku": sku, "quantity": n} for sku, n in entry["lines"].items()],
            }  # fmt: skip
        return json.dumps(told | {"supplier_reference": entry["number"]}).encode()
