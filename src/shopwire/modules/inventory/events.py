"""What happened to stock, and what the public sees of it."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from shopwire.kernel.events import Event

Status = Literal["in_stock", "low", "out", "backorder", "preorder"]


class PartDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An article of a set."""

    sku: str
    quantity: int


class StockDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a shopper sees: units that can be sold now, over all suppliers."""

    sku: str
    available: int
    status: Status
    backorder: int = 0
    """Units that can be sold beyond those, to be sent later."""
    preorder_until_ms: int | UnsetType = UNSET
    parts: tuple[PartDocument, ...] | UnsetType = UNSET
    """What it is made of, where it is a set."""


class PoolMoved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One pool's balances after the change; the ledger has the same line."""

    supplier: str
    seq: int
    reported: int
    reserved: int
    sold: int
    shortfall: int
    backorder: int = 0


class Overpromise(msgspec.Struct, frozen=True):
    """Units of a sale that the supplier does not have."""

    reference: str
    supplier: str
    quantity: int


class Share(msgspec.Struct, frozen=True, omit_defaults=True):
    """Units that come from one supplier."""

    supplier: str
    quantity: int
    backordered: int = 0
    """How many of them it did not have when they were promised, as the shopper was told."""


class StockFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why the stock changed; stays on the server."""

    moved: Sequence[PoolMoved]
    reference: str = ""
    as_of_ms: int | UnsetType | None = UNSET
    sequence: int | UnsetType | None = UNSET
    hold: str = ""
    holds: tuple[str, ...] = ()
    """Those that ended."""
    shares: tuple[Share, ...] = ()
    """Where the units of a hold come from."""
    told: bool = False
    """Of units that were sold: their order was told the shares in the same transaction."""
    overpromised: tuple[Overpromise, ...] = ()
    """The sales that a shortfall concerns, the newest first."""
    shortfall: int = 0
    reason: str = ""
    bundles: tuple["BundleRef", ...] = ()
    """Sets that have this article in them."""


class BundleRef(msgspec.Struct, frozen=True, kw_only=True):
    """A set and the articles that it is made of."""

    sku: str
    parts: tuple[str, ...]


class StockEvent(Event, frozen=True, kw_only=True):
    """A change of a SKU's stock."""

    topic_kind = "stock"

    document: StockDocument
    facts: StockFacts


class StockReported(StockEvent, frozen=True, kw_only=True):
    """A supplier's count was taken over."""

    event_type = "inventory.stock_reported"


class StockSold(StockEvent, frozen=True, kw_only=True):
    """Units were sold."""

    event_type = "inventory.stock_sold"


class StockHeld(StockEvent, frozen=True, kw_only=True):
    """Units were reserved."""

    event_type = "inventory.stock_held"


class StockHeldBriefly(StockEvent, frozen=True, kw_only=True):
    """Units were reserved for so short a time that the sweep has to be told."""

    event_type = "inventory.stock_held_briefly"


class HoldPosted(StockEvent, frozen=True, kw_only=True):
    """Reserved units were sold; `facts.shares` are those of this SKU."""

    event_type = "inventory.hold_posted"


class HoldVoided(StockEvent, frozen=True, kw_only=True):
    """Reserved units are free again."""

    event_type = "inventory.hold_voided"


class HoldsExpired(StockEvent, frozen=True, kw_only=True):
    """The time of reservations was over."""

    event_type = "inventory.holds_expired"


class SalesBooked(StockEvent, frozen=True, kw_only=True):
    """Sales turned out to be, or not to be, in the count that is known."""

    event_type = "inventory.sales_booked"


class SaleReleased(StockEvent, frozen=True, kw_only=True):
    """Units of a sale will not be, or came back."""

    event_type = "inventory.sale_released"


MOVEMENTS = (
    StockReported, StockSold, StockHeld, StockHeldBriefly, HoldPosted, HoldVoided, HoldsExpired,
    SalesBooked, SaleReleased,
)  # fmt: skip
"""Events whose facts name movements of pools."""


class PolicyFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The policy that holds from now on; what it does not name is not limited."""

    buffer: int
    low_threshold: int
    backorder_max: int = 0
    preorder_until_ms: int | None = None
    shopper_units_max: int | None = None
    held_units_max: int | None = None
    bundles: tuple[BundleRef, ...] = ()


class StockPolicySet(Event, frozen=True, kw_only=True):
    """The shop's rules for a SKU changed, and with them perhaps what can be sold."""

    event_type = "inventory.stock_policy_set"
    topic_kind = "stock"

    document: StockDocument
    facts: PolicyFacts


class KeptBackFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose units are not offered for now, and how many. Pools of other suppliers are as before."""

    supplier: str
    kept_back: int = 0
    bundles: tuple[BundleRef, ...] = ()


class StockKeptBack(Event, frozen=True, kw_only=True):
    """Units of a pool are not offered for now, or are again."""

    event_type = "inventory.stock_kept_back"
    topic_kind = "stock"

    document: StockDocument
    facts: KeptBackFacts


class BundleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a set is made of from now on."""

    parts: tuple[PartDocument, ...]


class BundlePut(Event, frozen=True, kw_only=True):
    """A SKU became a set, is made of other parts, or is no set any more."""

    event_type = "inventory.bundle_put"
    topic_kind = "stock"

    document: StockDocument
    facts: BundleFacts


class SetsCounted(Event, frozen=True, kw_only=True):
    """Another number of whole sets can be sold."""

    event_type = "inventory.sets_counted"
    topic_kind = "stock"

    document: StockDocument
