"""Payment providers and suppliers as they are: elsewhere. A killed process does not stop them."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextvars import Context
from typing import Any, TypeVar

from typing_extensions import override

from shopwire.kernel.payments import (
    Authorisation,
    Charge,
    PaymentProvider,
    ProviderEvent,
    Settlement,
    Standing,
)
from shopwire.kernel.purchasing import (
    CancelAnswer,
    LineAnswer,
    SupplierAnswer,
    SupplierChannel,
    SupplierOrder,
)

T = TypeVar("T")


async def elsewhere(work: Coroutine[Any, Any, T]) -> T:
    """Does it in no process of ours: it goes on although whoever waits is killed."""
    return await asyncio.get_running_loop().create_task(work, context=Context())


class RemoteProvider(PaymentProvider):
    """A provider on the other side of a wire."""

    def __init__(self, inner: PaymentProvider) -> None:
        self._inner = inner

    @property
    @override
    def name(self) -> str:
        return self._inner.name

    @override
    async def authorise(self, charge: Charge) -> Authorisation:
        return await elsewhere(self._inner.authorise(charge))

    @override
    async def capture(
        self, charge: Charge, capture_id: str, amount_minor: int, *, final: bool = True
    ) -> Settlement:
        work = self._inner.capture(charge, capture_id, amount_minor, final=final)
        return await elsewhere(work)

    @override
    async def void(self, charge: Charge) -> Settlement:
        return await elsewhere(self._inner.void(charge))

    @override
    async def refund(self, charge: Charge, refund_id: str, amount_minor: int) -> Settlement:
        return await elsewhere(self._inner.refund(charge, refund_id, amount_minor))

    @override
    async def fetch(self, charge: Charge) -> Standing:
        return await elsewhere(self._inner.fetch(charge))

    @override
    def read_webhook(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> ProviderEvent:
        return self._inner.read_webhook(headers, body, now_ms)

    @override
    async def close(self) -> None:
        await self._inner.close()


class RemoteSuppliers(SupplierChannel):
    """Suppliers on the other side of a wire."""

    def __init__(self, inner: SupplierChannel) -> None:
        self._inner = inner

    @override
    async def send(self, order: SupplierOrder) -> SupplierAnswer:
        return await elsewhere(self._inner.send(order))

    @override
    async def fetch(self, supplier: str, order_id: str) -> SupplierAnswer | None:
        return await elsewhere(self._inner.fetch(supplier, order_id))

    @override
    async def cancel(
        self, supplier: str, order_id: str, lines: tuple[LineAnswer, ...]
    ) -> CancelAnswer:
        return await elsewhere(self._inner.cancel(supplier, order_id, lines))
