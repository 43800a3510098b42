"""Suppliers with a service of their own: purchase orders as HTTP requests and answers.

`POST url` with an Idempotency-Key takes an order and answers what came of it; `GET url/{id}` says
so later, 404 where it never came; `POST url/{id}/cancel` gives units back. Bodies are those of
`shopwire.kernel.purchasing` in JSON.
"""

from typing import Final, TypeVar
from urllib.parse import quote

import httpx2
import msgspec
from typing_extensions import override

from shopwire.adapters.outbound import NOTHING, Allowed, guarded_client, read_bounded
from shopwire.kernel.errors import AddressRefused
from shopwire.kernel.purchasing import (
    CancelAnswer,
    LineAnswer,
    SupplierAnswer,
    SupplierChannel,
    SupplierOrder,
)
from shopwire.kernel.trade_errors import ProviderUnavailable

ANSWER_BYTES_MAX: Final = 1_048_576
"""A longer answer is none; the order is asked for later."""
RETRY_MS: Final = 5_000
"""When a service that gave no answer may be called again."""
REJECTED: Final = frozenset({400, 413, 415, 422})
"""Statuses by which a service surely takes no order: sent again it would be the same."""

T = TypeVar("T", SupplierAnswer, CancelAnswer)
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class SupplierService(SupplierChannel):
    """See SupplierChannel; the service holds its laws by the idempotency key."""

    def __init__(
        self, url: str, *, token: str = "", timeout_ms: int = 10_000, allowed: Allowed = NOTHING
    ) -> None:
        self._url, self._token = url.rstrip("/"), token
        self._timeout_s, self._allowed = timeout_ms / 1_000, allowed

    @override
    async def send(self, order: SupplierOrder) -> SupplierAnswer:
        body = _encode({"purchase_order": order.id, "lines": order.lines, "ship_to": order.ship_to})
        status, answer = await self._call(order.supplier, "POST", "", body, key=order.id)
        if status in REJECTED:
            return SupplierAnswer(state="refused", reason=f"rejected_{status}")
        return self._read(answer, SupplierAnswer, status, order.supplier)

    @override
    async def fetch(self, supplier: str, order_id: str) -> SupplierAnswer | None:
        status, answer = await self._call(supplier, "GET", f"/{_in_path(order_id)}")
        if status == 404:
            return None
        return self._read(answer, SupplierAnswer, status, supplier)

    @override
    async def cancel(
        self, supplier: str, order_id: str, lines: tuple[LineAnswer, ...]
    ) -> CancelAnswer:
        body = _encode({"lines": lines})
        path = f"/{_in_path(order_id)}/cancel"
        status, answer = await self._call(supplier, "POST", path, body)
        return self._read(answer, CancelAnswer, status, supplier)

    async def _call(
        self, supplier: str, method: str, path: str, body: bytes | None = None, key: str = ""
    ) -> tuple[int, bytes]:
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        if key:
            headers["idempotency-key"] = key
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        try:
            async with (
                guarded_client(self._allowed, timeout_s=self._timeout_s) as client,
                client.stream(method, self._url + path, content=body, headers=headers) as reply,
            ):
                answer = await read_bounded(reply, ANSWER_BYTES_MAX)
        except AddressRefused as problem:
            raise self._away(supplier, problem.data["reason"]) from None
        except httpx2.HTTPError as problem:
            raise self._away(supplier, type(problem).__name__) from problem
        if answer is None:
            raise self._away(supplier, "the answer is too long")
        return reply.status_code, answer

    def _read(self, answer: bytes, kind: type[T], status: int, supplier: str) -> T:
        if not 200 <= status < 300:
            raise self._away(supplier, f"the answer was {status}")
        try:
            return msgspec.json.decode(answer, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
            raise self._away(supplier, "the answer cannot be read") from problem

    def _away(self, supplier: str, reason: str) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"The service of {supplier} gave no answer: {reason}.",
            provider=supplier,
            retry_ms=RETRY_MS,
        )


def _in_path(order_id: str) -> str:
    return quote(order_id, safe="")
