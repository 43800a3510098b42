"""Suppliers that exist only here: realistic, repeatable, and able to misbehave.

They keep books of their own, acknowledge now, later or only when asked, refuse, accept in part,
lose requests and answers, ship in parcels and let a carrier tell of them, in order or not. Which of
these, the dice of a seed say (`habits`).
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol

import msgspec
from typing_extensions import override

from shopwire.adapters.payments.courier import Courier, Notice
from shopwire.adapters.suppliers.books import Book, Entry, MemoryBook
from shopwire.adapters.suppliers.habits import Habits, Script, script_of, words_of
from shopwire.kernel.clock import Clock, SystemClock
from shopwire.kernel.ids import derived_id
from shopwire.kernel.purchasing import (
    CancelAnswer,
    LineAnswer,
    ShipmentNotice,
    SupplierAnswer,
    SupplierChannel,
    SupplierOrder,
)
from shopwire.kernel.trade_errors import ProviderUnavailable

RETRY_MS: Final = 1_000
"""When to try again, as an unreachable supplier's error says it."""

Deliver = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
"""Brings headers and body to a path of the shop's and returns the HTTP status it answered."""
Sleep = Callable[[float], Awaitable[object]]
SecretOf = Callable[[str], str | None]
"""The secret of a source, `supplier:<name>` or `carrier:<name>`; None where it cannot sign."""


class Stockroom(Protocol):
    """The goods of the simulated suppliers, where a demonstration counts them."""

    def take(self, supplier: str, sku: str, quantity: int) -> int:
        """Books units for an order and returns how many there were, at most those asked for."""
        ...

    def put_back(self, supplier: str, sku: str, quantity: int) -> None:
        """Units of an order that was cancelled."""
        ...


class Endless(Stockroom):
    """Suppliers that have everything."""

    @override
    def take(self, supplier: str, sku: str, quantity: int) -> int:
        return quantity

    @override
    def put_back(self, supplier: str, sku: str, quantity: int) -> None:
        return None


class SimulatedSuppliers(SupplierChannel):
    """See SupplierChannel. One for all suppliers of a shop; each may have habits of its own."""

    def __init__(
        self,
        *,
        seed: int = 1,
        habits: Habits | None = None,
        habits_of: Mapping[str, Habits] | None = None,
        book: Book | None = None,
        deliver: Deliver | None = None,
        secret_of: SecretOf | None = None,
        stockroom: Stockroom | None = None,
        clock: Clock | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.book: Final = book or MemoryBook()
        self._seed, self._habits, self._habits_of = seed, habits or Habits(), habits_of or {}
        self._deliver, self._secret_of = deliver, secret_of
        self._stockroom = stockroom or Endless()
        self._clock, self._sleep = clock or SystemClock(), sleep
        self._couriers: dict[str, Courier | None] = {}
        self._work = Courier("", None, self._clock, sleep)

    # -- the port ---------------------------------------------------------------------------------

    @override
    async def send(self, order: SupplierOrder) -> SupplierAnswer:
        habits, script = self._script(order)
        with self.book.open(order.id) as entry:
            first = _tried(entry, "send") == 1
        if habits.answer_ms:
            await self._sleep(habits.answer_ms / 1_000)
        fate = script.fate if first else "taken"
        if fate == "request_lost":
            raise ProviderUnavailable(provider=order.supplier, retry_ms=RETRY_MS)
        if fate == "delayed":
            self._work.run(self._take_late(order, habits.delayed_ms))
            raise ProviderUnavailable(provider=order.supplier, retry_ms=RETRY_MS)
        answer = self._take(order)
        if fate == "answer_lost":
            raise ProviderUnavailable(provider=order.supplier, retry_ms=RETRY_MS)
        return answer

    @override
    async def fetch(self, supplier: str, order_id: str) -> SupplierAnswer | None:
        await self._maybe_away(supplier, order_id, "fetch")
        with self.book.open(order_id) as entry:
            if entry.state == "none":
                return None
            if entry.state == "received":
                self._decide(entry)
            return _answer(entry)

    @override
    async def cancel(
        self, supplier: str, order_id: str, lines: tuple[LineAnswer, ...]
    ) -> CancelAnswer:
        await self._maybe_away(supplier, order_id, "cancel")
        with self.book.open(order_id) as entry:
            if entry.state == "none":
                entry.supplier, entry.blocked = supplier, True
                return CancelAnswer(lines=lines, never_received=True)
            if entry.state == "received":
                self._decide(entry)
            given = []
            for line in lines:
                had = entry.cancelled.get(line.sku, 0)
                more = max(0, min(line.quantity - had, entry.left(line.sku)))
                if more:
                    self._stockroom.put_back(supplier, line.sku, more)
                    entry.cancelled[line.sku] = had + more
                given.append(LineAnswer(sku=line.sku, quantity=had + more))
            return CancelAnswer(lines=tuple(given))

    # -- for whoever runs it ----------------------------------------------------------------------

    def resume(self) -> None:
        """Goes on with the orders of a book that another process began."""
        for entry in self.book.entries():
            if entry.taken and not entry.done:
                self._work.run(self._live(entry.id))

    async def settled(self) -> None:
        """Returns when nothing more will happen by itself."""
        await self._work.settled()
        for courier in self._couriers.values():
            if courier is not None:
                await courier.settled()

    async def close(self) -> None:
        """Gives up what is under way; the book knows where it stood."""
        await self._work.close()
        for courier in self._couriers.values():
            if courier is not None:
                await courier.close()

    # -- inside -----------------------------------------------------------------------------------

    def _script(self, order: SupplierOrder | Entry) -> tuple[Habits, Script]:
        habits = self._habits_of.get(order.supplier, self._habits)
        return habits, script_of(order.id, order.lines, self._seed, habits)

    async def _maybe_away(self, supplier: str, order_id: str, call: str) -> None:
        with self.book.open(order_id) as entry:
            number = _tried(entry, call)
            habits, script = self._script(entry)
        if habits.answer_ms:
            await self._sleep(habits.answer_ms / 1_000)
        if number <= script.away:
            raise ProviderUnavailable(provider=supplier, retry_ms=RETRY_MS)

    async def _take_late(self, order: SupplierOrder, wait_ms: int) -> None:
        await self._sleep(wait_ms / 1_000)
        self._take(order)

    def _take(self, order: SupplierOrder) -> SupplierAnswer:
        """Once by the order's id, unless the supplier forgets."""
        habits, script = self._script(order)
        with self.book.open(order.id) as entry:
            if entry.taken and not habits.forgets:
                return _answer(entry)
            entry.taken += 1
            entry.supplier, entry.lines = order.supplier, order.lines
            entry.addressed = order.ship_to is not None
            entry.number = derived_id(order.supplier, order.id)[:13].upper()
            entry.state = "received"
            if entry.blocked:
                entry.state, entry.accepted, entry.done = "refused", {}, True
                return _answer(entry)
            if habits.answers == "now" or script.refuses:
                self._decide(entry)
            answer = _answer(entry)
        self._work.run(self._live(order.id))
        return answer

    def _decide(self, entry: Entry) -> None:
        """How many units it has; then they are booked and out of its counts."""
        _, script = self._script(entry)
        entry.accepted = {
            sku: self._stockroom.take(entry.supplier, sku, wanted) if wanted else 0
            for sku, wanted in script.accepted.items()
        }
        entry.state = "acknowledged" if any(entry.accepted.values()) else "refused"
        entry.booked_at_ms = self._clock.now_ms()

    async def _live(self, order_id: str) -> None:
        """What becomes of an order by itself: acknowledgement, parcels, the carrier's words."""
        with self.book.open(order_id) as entry:
            habits, script = self._script(entry)
            told, shipped = entry.state != "received", bool(entry.parcels)
        if not told:
            await self._sleep(habits.acknowledge_ms / 1_000)
            with self.book.open(order_id) as entry:
                if entry.state == "received":
                    self._decide(entry)
                message = _acknowledgement(entry)
                wanted = entry.state == "refused" or any(map(entry.left, entry.accepted))
            if wanted and not script.silent:
                self._tell(entry.supplier, f"{order_id} ack", message, twice=script.twice)
        if script.keeps:
            return
        if not shipped:
            await self._sleep(habits.ship_ms / 1_000)
            shipped = self._ship(order_id, habits, script)
        if shipped:
            await self._carry(order_id, habits, script)
        with self.book.open(order_id) as entry:
            entry.done = True

    def _ship(self, order_id: str, habits: Habits, script: Script) -> bool:
        """Whatever is left at this moment leaves; a later cancellation comes too late."""
        messages = []
        with self.book.open(order_id) as entry:
            for number in range(1, script.parcels + 1):
                last = number == script.parcels
                lines = tuple(
                    LineAnswer(sku=sku, quantity=units)
                    for sku in entry.accepted
                    if (units := entry.left(sku) if last else entry.left(sku) // 2)
                )
                if not lines:
                    continue
                parcel = ShipmentNotice(
                    reference=f"{entry.number}-{number}",
                    carrier=habits.carrier,
                    tracking=f"SP{zlib.crc32(f'{order_id} {number}'.encode()):010d}",
                    lines=lines,
                    shipped_at_ms=self._clock.now_ms(),
                )
                entry.parcels.append(parcel)
                messages.append((parcel.reference, _shipment(entry, parcel)))
        for reference, message in messages:
            self._tell(entry.supplier, f"{order_id} {reference}", message, twice=script.twice)
        return bool(messages)

    async def _carry(self, order_id: str, habits: Habits, script: Script) -> None:
        with self.book.open(order_id) as entry:
            parcels = list(entry.parcels)
        for number, parcel in enumerate(parcels):
            for status, step in words_of(script, number):
                await self._sleep(habits.track_ms / 1_000)
                at_ms = (parcel.shipped_at_ms or 0) + step
                message = _tracking(parcel, status, at_ms)
                self._say("carriers", parcel.carrier, f"{parcel.tracking} {status}", message)

    def _tell(self, supplier: str, name: str, message: bytes, *, twice: bool) -> None:
        for number in range(2 if twice else 1):
            self._say("suppliers", supplier, f"{name} {number}", message)

    def _say(self, door: str, source: str, name: str, message: bytes) -> None:
        """A webhook with an id that is the same whenever the same thing is told."""
        path = f"/api/webhooks/{door}/{source}"
        if path not in self._couriers:
            secret = self._secret_of(f"{door[:-1]}:{source}") if self._secret_of else None
            bring = partial(self._deliver, path) if self._deliver else None
            self._couriers[path] = (
                Courier(secret, bring, self._clock, self._sleep) if secret and bring else None
            )
        courier = self._couriers[path]
        if courier is not None:
            courier.send(Notice(id=derived_id(path, name), body=message))


def _tried(entry: Entry, call: str) -> int:
    entry.tries[call] = entry.tries.get(call, 0) + 1
    return entry.tries[call]


def _answer(entry: Entry) -> SupplierAnswer:
    if entry.state == "refused":
        return SupplierAnswer(
            state="refused", supplier_reference=entry.number, reason="out_of_stock"
        )
    if entry.state == "received":
        return SupplierAnswer(state="received", supplier_reference=entry.number)
    return SupplierAnswer(
        state="acknowledged",
        supplier_reference=entry.number,
        lines=_accepted(entry),
        booked_at_ms=entry.booked_at_ms,
        shipments=tuple(entry.parcels),
    )


def _accepted(entry: Entry) -> tuple[LineAnswer, ...]:
    """Accepted units, those that were given back since among them."""
    return tuple(LineAnswer(sku=sku, quantity=units) for sku, units in entry.accepted.items())


def _acknowledgement(entry: Entry) -> bytes:
    data: dict[str, Any] = {
        "purchase_order": entry.id, "supplier_reference": entry.number,
    }  # fmt: skip
    if entry.state == "refused":
        data["reason"] = "out_of_stock"
        return _encoded("purchase_order.refused", data)
    data |= {"lines": _accepted(entry), "booked_at_ms": entry.booked_at_ms}
    return _encoded("purchase_order.acknowledged", data)


def _shipment(entry: Entry, parcel: ShipmentNotice) -> bytes:
    data = {"purchase_order": entry.id} | msgspec.structs.asdict(parcel)
    return _encoded("purchase_order.shipped", data)


def _tracking(parcel: ShipmentNotice, status: str, at_ms: int) -> bytes:
    data = {"tracking": parcel.tracking, "status": status, "at_ms": at_ms, "event": status}
    return _encoded("tracking.updated", data)


def _encoded(kind: str, data: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({"type": kind, "data": data})
