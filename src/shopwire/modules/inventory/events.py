"""What happened to stock, and what the public sees of it."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from shopwire.kernel.events import Event

Status = Literal["in_stock", "low", "out"]


class StockDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a shopper sees: units that can be sold now, over all suppliers."""

    sku: str
    available: int
    status: Status


class PoolMoved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One pool's balances after the change; the ledger has the same line."""

    supplier: str
    seq: int
    reported: int
    reserved: int
    sold: int
    shortfall: int


class StockFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Why the stock changed; stays on the server."""

    moved: list[PoolMoved]
    reference: str = ""
    as_of_ms: int | UnsetType | None = UNSET


class StockReported(Event, frozen=True, kw_only=True):
    """A supplier's count was taken over."""

    event_type = "inventory.stock_reported"
    topic_kind = "stock"

    document: StockDocument
    facts: StockFacts


class StockSold(Event, frozen=True, kw_only=True):
    """Units were sold."""

    event_type = "inventory.stock_sold"
    topic_kind = "stock"

    document: StockDocument
    facts: StockFacts


class PolicyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that holds from now on."""

    buffer: int
    low_threshold: int


class StockPolicySet(Event, frozen=True, kw_only=True):
    """Buffer or threshold changed, and with them perhaps what can be sold."""

    event_type = "inventory.stock_policy_set"
    topic_kind = "stock"

    document: StockDocument
    facts: PolicyFacts
