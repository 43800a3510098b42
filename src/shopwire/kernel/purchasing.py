"""The port of purchasing: how purchase orders reach suppliers, and what suppliers answer."""

from typing import Literal, Protocol

import msgspec


class ShipTo(msgspec.Struct, frozen=True, kw_only=True):
    """Where the supplier sends the goods. It goes to the supplier and nowhere else."""

    name: str
    lines: tuple[str, ...]
    """Street and number, floor, company."""
    postal_code: str
    city: str
    country: str
    """ISO 3166-1 alpha-2."""
    region: str = ""
    phone: str = ""


class OrderedLine(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one SKU that a supplier is asked for; a purchase order has one line a SKU."""

    sku: str
    quantity: int
    cost_minor: int | None = None
    """What one unit is expected to cost; None where the supplier told no cost."""
    currency: str | None = None
    supplier_sku: str | None = None
    """What the supplier calls it; None: as the shop does. Its answers may name either."""


class SupplierOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase order as it leaves the shop."""

    id: str
    """The key under which the supplier takes it once, however often it is sent."""
    supplier: str
    lines: tuple[OrderedLine, ...]
    ship_to: ShipTo | None = None
    """None where the shop knows no address: goods that are fetched, or a simulation."""


class LineAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many units of a SKU a supplier speaks of."""

    sku: str
    quantity: int


class ShipmentNotice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A parcel that a supplier handed to a carrier."""

    reference: str
    """The supplier's own name for the parcel; unique within a purchase order."""
    carrier: str
    tracking: str
    lines: tuple[LineAnswer, ...]
    shipped_at_ms: int | None = None


class SupplierAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier says of a purchase order that it has."""

    state: Literal["received", "acknowledged", "refused"]
    """`received`: it has the order and has not decided yet; the acknowledgement comes later."""
    supplier_reference: str | None = None
    """The supplier's own number; unique at this supplier."""
    lines: tuple[LineAnswer, ...] = ()
    """Accepted units, where acknowledged; a SKU that is not named was refused.

    Units that were cancelled afterwards are still counted: an answer that is late says the same.
    """
    booked_at_ms: int | None = None
    """When the supplier booked the units: its counts from then on contain the sale."""
    sequence: int | None = None
    """The same as a number in the supplier's own order of bookings, where it has one."""
    reason: str = ""
    """A word why it was refused; nothing personal."""
    shipments: tuple[ShipmentNotice, ...] = ()
    """All parcels so far, where the channel can tell; a notice that got lost is found by it."""


class CancelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier says to a cancellation. The supplier decides whether it shipped first."""

    lines: tuple[LineAnswer, ...] = ()
    """Units that will not be shipped; the others were shipped already, or will be."""
    never_received: bool = False
    """It had no such order, and will refuse it if it still arrives."""


class SupplierChannel(Protocol):
    """How purchase orders reach one supplier or many.

    Law 1: an order's `id` takes effect once. Sent again, in parallel, or after an answer that got
    lost, it gives what came of it the first time.
    Law 2: where a call ends without an answer, ProviderUnavailable is raised, and `fetch` tells
    later what came of it. A call that raises may have taken effect.
    Law 3: units that `cancel` gave back are never shipped, and shipped units are never given back.
    A cancellation of an order that never arrived is remembered: the order is refused afterwards.

    A channel whose supplier cannot hold a law does so itself, as by asking before it sends.
    """

    async def send(self, order: SupplierOrder) -> SupplierAnswer:
        """Hands a purchase order over; raises ProviderUnavailable where no answer came."""
        ...

    async def fetch(self, supplier: str, order_id: str) -> SupplierAnswer | None:
        """What the supplier knows of an order, None where it never got it.

        Raises ProviderUnavailable.
        """
        ...

    async def cancel(
        self, supplier: str, order_id: str, lines: tuple[LineAnswer, ...]
    ) -> CancelAnswer:
        """Asks not to ship these units; gives those that will not be, also when asked again.

        `lines` are the units that the shop wants cancelled in total, those of earlier calls
        included, so that a repeated call asks for nothing more. Raises ProviderUnavailable.
        """
        ...
