"""The world outside: whom this process asks for money and goods, and how they prove themselves."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from typing_extensions import override

from shopwire.adapters.payments import FileBook as PaymentBook
from shopwire.adapters.payments import Simulator
from shopwire.adapters.payments.scripts import Chaos
from shopwire.adapters.suppliers import Habits, SimulatedSuppliers
from shopwire.adapters.suppliers.books import FileBook as SupplierBook
from shopwire.adapters.suppliers.simulator import Stockroom
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.ids import DEFAULT_TENANT, topic_of
from shopwire.kernel.log import EventLog
from shopwire.kernel.payments import PaymentProvider
from shopwire.kernel.purchasing import (
    CancelAnswer,
    LineAnswer,
    SupplierAnswer,
    SupplierChannel,
    SupplierOrder,
)
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.services.loopback import Loopback
from shopwire.services.secrets import Secrets

SUPPLIER_RETRY_MS: Final = 30_000
"""When a supplier that fetches its orders itself is looked at again."""
PaymentName = Literal["simulator", "stripe"]
SupplierWay = Literal["fetch", "simulator"]


class World(msgspec.Struct, frozen=True, kw_only=True):
    """How simulated parties behave."""

    chaos: Chaos | None = None
    habits: Mapping[str, Habits] = {}
    stockroom: Stockroom | None = None


class OutsideOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the process talks to."""

    data: Path
    """Folder of the secret and of the simulated parties' books."""
    payments: PaymentName = "simulator"
    suppliers: SupplierWay = "fetch"
    """`fetch`: suppliers read their purchase orders here and answer by webhook."""
    secret_file: Path | None = None
    stripe_key_file: Path | None = None
    stripe_webhook_file: Path | None = None
    allow_addresses: tuple[str, ...] = ()
    """Internal addresses that suppliers may be reached at: networks, names of hosts."""
    world: World = World()


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """The ports to the world, and who may speak from there."""

    providers: dict[str, PaymentProvider]
    provider: PaymentName
    """Which one the shop chooses where the shopper does not."""
    channels: dict[str, SupplierChannel]
    """By kind; the first is taken where nobody said how a supplier is reached."""
    secrets: Secrets
    loopback: Loopback
    """How simulated parties reach this process's doors."""


@asynccontextmanager
async def open_outside(options: OutsideOptions, log: EventLog) -> AsyncIterator[Outside]:
    """Raises SetupProblem where a file or a secret is missing."""
    secrets = Secrets.at(options.secret_file or options.data / "webhooks.secret")
    loopback = Loopback()
    folder = options.data / "simulated"
    provider = _provider(options, secrets, loopback, folder)
    channels: dict[str, SupplierChannel] = {"fetch": FetchedOrders(log)}
    simulated: SimulatedSuppliers | None = None
    if options.suppliers == "simulator":
        folder.mkdir(parents=True, exist_ok=True)
        simulated = SimulatedSuppliers(
            habits_of=options.world.habits,
            book=SupplierBook(folder / "suppliers.sqlite"),
            deliver=loopback.post,
            secret_of=secrets.of,
            stockroom=options.world.stockroom,
        )
        simulated.resume()
        channels = {"simulator": simulated, **channels}
    try:
        yield Outside(
            providers={provider.name: provider},
            provider=options.payments,
            channels=channels,
            secrets=secrets,
            loopback=loopback,
        )
    finally:
        await provider.close()
        if simulated is not None:
            await simulated.close()


def _provider(
    options: OutsideOptions, secrets: Secrets, loopback: Loopback, folder: Path
) -> PaymentProvider:
    if options.payments == "stripe":
        # Only a shop that uses it pays for loading the library.
        from shopwire.adapters.payments.stripe import StripeProvider  # noqa: PLC0415

        return StripeProvider(
            _text(options.stripe_key_file, "stripe_key_file"),
            _text(options.stripe_webhook_file, "stripe_webhook_file").split(),
        )
    folder.mkdir(parents=True, exist_ok=True)
    return Simulator(
        [secrets.of("payments:simulator")],
        book=PaymentBook(folder / "payments.sqlite"),
        deliver=_to(loopback, "/api/webhooks/payments/simulator"),
        chaos=options.world.chaos,
    )


def _to(loopback: Loopback, path: str) -> Callable[[Mapping[str, str], bytes], Awaitable[int]]:
    async def deliver(headers: Mapping[str, str], body: bytes) -> int:
        return await loopback.post(path, headers, body)

    return deliver


def _text(path: Path | None, name: str) -> str:
    if path is None:
        reason = f"set {name} to a file that holds it"
        raise SetupProblem(f"Stripe needs a secret: {reason}.", what=name, reason=reason)
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as problem:
        raise SetupProblem(
            f"The file of {name} cannot be read: {path}.", what=name, reason=str(problem)
        ) from problem


class FetchedOrders(SupplierChannel):
    """Suppliers who come for their purchase orders, and answer at the door of suppliers.

    An order is handed over by being readable. Before the supplier has answered, nothing can have
    been shipped under an answer, so a cancellation holds: the answer would be refused. After that
    only the supplier can say; until it or an operator does, the cancellation stays open.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log

    @override
    async def send(self, order: SupplierOrder) -> SupplierAnswer:
        return SupplierAnswer(state="received")

    @override
    async def fetch(self, supplier: str, order_id: str) -> SupplierAnswer | None:
        return SupplierAnswer(state="received")

    @override
    async def cancel(
        self, supplier: str, order_id: str, lines: tuple[LineAnswer, ...]
    ) -> CancelAnswer:
        topic = topic_of("purchase_order", order_id)
        found: Any = await self._log.documents(DEFAULT_TENANT, [topic])
        if found and msgspec.json.decode(found[0].body).get("answer") is None:
            return CancelAnswer(lines=lines, never_received=True)
        raise ProviderUnavailable(provider=supplier, retry_ms=SUPPLIER_RETRY_MS)
