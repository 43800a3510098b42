"""Which way a purchase order takes: each supplier's own, as its channel says."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec
from typing_extensions import override

from shopwire.kernel.commands import Command, Envelope
from shopwire.kernel.errors import ErrorBody
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.kernel.purchasing import (
    CancelAnswer,
    LineAnswer,
    SupplierAnswer,
    SupplierChannel,
    SupplierOrder,
)
from shopwire.kernel.queries import Reads
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.kernel.write_path import WritePath
from shopwire.modules.channels.api import ApiWay, LetterLine, PostLetter, RecallLetter, Way
from shopwire.modules.channels.domain import kind_of
from shopwire.modules.channels.store import standing_of, ways_of
from shopwire.services.gathering import Gathered

PRINCIPAL: Final = "activity:channels.post_letter"
"""Who takes orders over: a step of the shop's own."""
RETRY_MS: Final = 1_000
"""When an order is handed over again that could not be written down."""
CANCEL_RETRY_MS: Final = 30_000
"""When it is looked again whether a supplier has answered a cancellation."""
POSTED: Final = frozenset({"x12", "email", "webhook"})
"""Ways whose far side keeps no books: the shop keeps them."""


class Ledger:
    """What was taken over, in the shop's own rows; each change is a command."""

    def __init__(self, write_path: WritePath, reads: Reads) -> None:
        self._write_path, self._reads = write_path, reads
        self._ways: Gathered[dict[str, Way]] = Gathered(partial(ways_of, reads, DEFAULT_TENANT))

    async def post(self, order: SupplierOrder, *, direct: bool = False) -> str:
        """Takes an order over, once, and says where it stands; raises ProviderUnavailable."""
        lines = tuple(
            LetterLine(
                sku=line.sku,
                quantity=line.quantity,
                cost_minor=line.cost_minor,
                currency=line.currency,
                supplier_sku=line.supplier_sku,
            )
            for line in order.lines
        )
        told = await self._do(
            PostLetter(supplier=order.supplier, purchase_order=order.id, lines=lines, direct=direct)
        )
        return str(told["state"])

    async def recall(self, supplier: str, order_id: str, lines: tuple[LineAnswer, ...]) -> bool:
        """Holds an order back; whether it never leaves. Raises ProviderUnavailable."""
        wanted = tuple(LetterLine(sku=line.sku, quantity=line.quantity) for line in lines)
        standing = await standing_of(self._reads, DEFAULT_TENANT, order_id)
        told = await self._do(
            RecallLetter(
                supplier=supplier,
                purchase_order=order_id,
                lines=wanted,
                bundle=standing.bundle if standing else None,
            )
        )
        return bool(told["recalled"])

    async def state(self, order_id: str) -> str | None:
        """Where an order stands; None where it was never taken over."""
        standing = await standing_of(self._reads, DEFAULT_TENANT, order_id)
        return standing.state if standing else None

    async def way(self, supplier: str) -> Way | None:
        """How a supplier is reached."""
        return (await self._ways.of([supplier])).get(supplier)

    async def _do(self, command: PostLetter | RecallLetter) -> Any:
        # The rows know a repetition, so each call has a key of its own: an answer that was true a
        # moment ago is not given again.
        outcome = await self._write_path.submit(
            Envelope(command=command, key=new_id(), principal=PRINCIPAL)
        )
        if not outcome.ok:
            raise _unavailable(command, outcome.body)
        return msgspec.json.decode(outcome.body)["result"]


class Posting(SupplierChannel):
    """Orders that leave by a medium which tells nothing back.

    Handing over is writing down: the order is a row before `send` answers, and leaves by it. An
    order that did not leave is held back for ever; of one that left only the supplier can say what
    becomes of it, so a cancellation stays open until it or a person does.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @override
    async def send(self, order: SupplierOrder) -> SupplierAnswer:
        return _answer(await self._ledger.post(order))

    @override
    async def fetch(self, supplier: str, order_id: str) -> SupplierAnswer | None:
        state = await self._ledger.state(order_id)
        return None if state is None else _answer(state)

    @override
    async def cancel(
        self, supplier: str, order_id: str, lines: tuple[LineAnswer, ...]
    ) -> CancelAnswer:
        if await self._ledger.recall(supplier, order_id, lines):
            return CancelAnswer(lines=lines, never_received=True)
        raise ProviderUnavailable(provider=supplier, retry_ms=CANCEL_RETRY_MS)


class Asking(SupplierChannel):
    """Suppliers whose service keeps books. The shop notes that it asked, before it does.

    So an order stays with the service that may have it, whatever way its supplier is reached by
    later; and one that was cancelled before it was sent is not sent, whatever the service forgets.
    """

    def __init__(self, ledger: Ledger, service: Callable[[ApiWay], SupplierChannel]) -> None:
        self._ledger, self._service = ledger, service

    @override
    async def send(self, order: SupplierOrder) -> SupplierAnswer:
        service = await self._of(order.supplier)
        state = await self._ledger.post(order, direct=True)
        if state != "direct":
            return _answer(state)
        return await service.send(order)

    @override
    async def fetch(self, supplier: str, order_id: str) -> SupplierAnswer | None:
        state = await self._ledger.state(order_id)
        if state != "direct":
            return None if state is None else _answer(state)
        return await (await self._of(supplier)).fetch(supplier, order_id)

    @override
    async def cancel(
        self, supplier: str, order_id: str, lines: tuple[LineAnswer, ...]
    ) -> CancelAnswer:
        if await self._ledger.recall(supplier, order_id, lines):
            return CancelAnswer(lines=lines, never_received=True)
        return await (await self._of(supplier)).cancel(supplier, order_id, lines)

    async def _of(self, supplier: str) -> SupplierChannel:
        way = await self._ledger.way(supplier)
        if not isinstance(way, ApiWay):
            raise ProviderUnavailable(
                "Its service has the order; put the supplier's former way back.",
                provider=supplier,
                retry_ms=CANCEL_RETRY_MS,
            )
        return self._service(way)


class Ways(SupplierChannel):
    """Takes each supplier's way. One without a way of its own takes the shop's usual one.

    An order that was taken over stays with whom it was, though its supplier is reached in another
    way by now: two ways for one order could reach it twice.
    """

    def __init__(
        self,
        ledger: Ledger,
        usual: SupplierChannel,
        others: Mapping[str, SupplierChannel],
    ) -> None:
        """Args: `others` are by kind of way: `posted`, `api`, `fetch`, `simulator`."""
        self._ledger, self._usual, self._others = ledger, usual, others

    @override
    async def send(self, order: SupplierOrder) -> SupplierAnswer:
        return await (await self._of(order.supplier, order.id)).send(order)

    @override
    async def fetch(self, supplier: str, order_id: str) -> SupplierAnswer | None:
        return await (await self._of(supplier, order_id)).fetch(supplier, order_id)

    @override
    async def cancel(
        self, supplier: str, order_id: str, lines: tuple[LineAnswer, ...]
    ) -> CancelAnswer:
        return await (await self._of(supplier, order_id)).cancel(supplier, order_id, lines)

    async def _of(self, supplier: str, order_id: str) -> SupplierChannel:
        way = await self._ledger.way(supplier)
        if way is None:
            return self._usual
        state = await self._ledger.state(order_id)
        if state == "direct":
            return self._others["api"]
        kind = kind_of(way)
        if kind in POSTED or state not in (None, "recalled"):
            return self._others["posted"]
        return self._others.get(kind, self._usual)


def _answer(state: str) -> SupplierAnswer:
    if state == "recalled":
        return SupplierAnswer(state="refused", reason="cancelled")
    return SupplierAnswer(state="received")


def _unavailable(command: Command, body: bytes) -> ProviderUnavailable:
    problem = msgspec.json.decode(body, type=ErrorBody)
    supplier = str(getattr(command, "supplier", ""))
    return ProviderUnavailable(problem.message, provider=supplier, retry_ms=RETRY_MS)
