"""What others may ask of the inventory."""

from typing import Literal

import msgspec

from shopwire.kernel.commands import Command

Reason = Literal["cancelled", "refused", "returned"]

# -- what suppliers tell ----------------------------------------------------------------------


class ReportStock(Command, frozen=True, kw_only=True):
    """A supplier says how many units of a SKU it has.

    `as_of_ms` and `sequence` say of which moment: sales that the supplier had booked by then are
    in the count. `seen` names sales or purchase orders that are in it. With nothing at all the
    count is read conservatively: no sale is taken to be in it.
    """

    operation = "inventory.report_stock"

    sku: str
    supplier: str
    quantity: int
    as_of_ms: int | None = None
    """On the supplier's clock."""
    sequence: int | None = None
    """Number of the report, or of the last thing in it, where the supplier counts them."""
    seen: tuple[str, ...] | None = None
    reference: str = ""
    """Where the count comes from, for the ledger: an import's run."""


class Count(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SKU of a supplier's report."""

    sku: str
    quantity: int


class ReportStocks(Command, frozen=True, kw_only=True):
    """A supplier's counts of many SKUs; each is taken or refused by itself."""

    operation = "inventory.report_stocks"

    supplier: str
    counts: tuple[Count, ...]
    as_of_ms: int | None = None
    sequence: int | None = None
    seen: tuple[str, ...] | None = None
    reference: str = ""


class Booked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sale that the supplier has taken off its stock."""

    sku: str
    reference: str
    """Under which it was sold."""
    quantity: int | None = None
    """How many of its units; None for all that are left."""
    booking: str = ""
    """Tells several acknowledgements of one sale apart; the same one again changes nothing."""


class BookSales(Command, frozen=True, kw_only=True):
    """A supplier has booked sales: its counts as of this moment, or sequence, contain them."""

    operation = "inventory.book_sales"
    internal = True

    supplier: str
    sales: tuple[Booked, ...]
    at_ms: int | None = None
    """On the supplier's clock."""
    sequence: int | None = None


class ReleaseSale(Command, frozen=True, kw_only=True):
    """Units of a sale will not be, or came back.

    Cancelled or returned units that the supplier's count still contains are free at once; those
    that it lacks already come back with its next count. Refused units wait for its next count: it
    has just said that it lacks them.
    """

    operation = "inventory.release_sale"
    internal = True

    sku: str
    supplier: str
    reference: str
    quantity: int
    reason: Reason
    at_ms: int | None = None
    """When the supplier refused, on its clock: a count as of then or later knows of it."""
    sequence: int | None = None


class CountBefore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A count as it was before an import, and what the import reported."""

    sku: str
    supplier: str
    reported: int
    """Units before; 0 where the supplier had never counted the SKU."""
    as_of_ms: int | None = None
    sequence: int | None = None
    doubtful: bool = False
    now: int
    """What the import reported."""
    taken_in: int = 0
    """Units of sales that have gone into the import's count: the earlier count lacked them."""
    reports: int
    """Statements that the pool had taken over when that was looked up."""


class RestoreCounts(Command, frozen=True, kw_only=True):
    """Puts back counts that an import reported, of SKUs of one partition.

    Where another count came since, that one stays: the result names it under `stayed`; where
    something moved since `reports` was looked up, under `moved`. What was held and sold meanwhile
    stays held and sold.
    """

    operation = "inventory.restore_counts"
    internal = True

    counts: tuple[CountBefore, ...]
    reference: str


# -- selling ----------------------------------------------------------------------------------


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One article of a set, and how many of it one set has."""

    sku: str
    quantity: int


class HoldLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that are reserved together with those of the other lines."""

    sku: str
    quantity: int
    parts: tuple[Part, ...] = ()
    """What the set is made of, where the SKU is one."""
    supplier: str | None = None
    """Take them from this supplier only."""
    avoid: tuple[str, ...] = ()
    """Take none from these suppliers."""


class Preferred(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A supplier whose units of a SKU are taken before those of others."""

    sku: str
    supplier: str
    quantity: int | None = None
    """Up to so many; None for as many as are needed."""


class HoldStock(Command, frozen=True, kw_only=True):
    """Reserves units for a while, all lines or none.

    Lines of one SKU add up, and so do sets that share an article. The same id with the same lines
    again changes nothing and has the same result.
    """

    operation = "inventory.hold_stock"

    hold_id: str
    lines: tuple[HoldLine, ...]
    ttl_ms: int
    shopper: str = ""
    """Whom a limit a shopper counts; a name that says nothing to others."""
    reference: str = ""
    """What it is for, shown with the hold; the hold's id if empty."""
    prefer: tuple[Preferred, ...] = ()
    """Whose units are taken first, in this order, as far as they are there; then the fullest
    pool's. A wish: what is gone meanwhile comes from others, and no hold fails for it."""


class PostHold(Command, frozen=True, kw_only=True):
    """Reserved units are sold. `skus` names those that the hold took units of, at least."""

    operation = "inventory.post_hold"
    internal = True

    hold_id: str
    skus: tuple[str, ...]
    order_id: str = ""
    """The order that is told in the same transaction from whom its units come; empty where whoever
    wants to know follows the log."""
    suppliers: tuple[str, ...] = ()
    """Handed on to the order, which plans purchase orders of these at once."""


class VoidHold(Command, frozen=True, kw_only=True):
    """Reserved units are free again. `skus` as for PostHold."""

    operation = "inventory.void_hold"
    internal = True

    hold_id: str
    skus: tuple[str, ...]


class HoldRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hold and the SKUs that it took units of."""

    hold_id: str
    skus: tuple[str, ...]


class ExpireHolds(Command, frozen=True, kw_only=True):
    """Ends the holds whose time is over; those that still have time, or ended, stay as they are."""

    operation = "inventory.expire_holds"
    internal = True

    holds: tuple[HoldRef, ...]
    at_ms: int = 0
    """When the sweep looked: a second look at the same holds is another request."""


class CheckStock(Command, frozen=True, kw_only=True):
    """Refuses as HoldStock would for this line, and changes nothing."""

    operation = "inventory.check_stock"

    sku: str
    quantity: int
    shopper: str = ""
    parts: tuple[Part, ...] = ()


class SellStock(Command, frozen=True, kw_only=True):
    """Sells units of a SKU from whichever suppliers have them, all or nothing.

    It is a sale that the supplier books at once, such as one over its own counter.
    """

    operation = "inventory.sell_stock"

    sku: str
    quantity: int
    reference: str = ""
    """What it was sold for, for the ledger: an order."""


# -- the shop's rules -------------------------------------------------------------------------


class SetPolicy(Command, frozen=True, kw_only=True):
    """How careful the shop is with a SKU."""

    operation = "inventory.set_policy"

    sku: str
    buffer: int = 0
    """Units of each supplier that are never sold: they may be gone already."""
    low_threshold: int = 5
    """From how many units on a screen says that few are left."""
    backorder_max: int = 0
    """Units of each supplier that may be promised beyond its count."""
    preorder_until_ms: int | None = None
    """Units beyond the count are preorders until then, and none are sold any more after it."""
    shopper_units_max: int | None = None
    """Units that one shopper may have reserved and bought; counts from when it is set."""
    held_units_max: int | None = None
    """Units that may wait for payment at once."""


class EndPreorder(Command, frozen=True, kw_only=True):
    """The time of a preorder is over: from now on only what is there is sold."""

    operation = "inventory.end_preorder"
    internal = True

    sku: str
    until_ms: int
    """The moment that the policy names; another one has been set since if it differs."""


class KeepBack(Command, frozen=True, kw_only=True):
    """Units of a supplier's pools are not offered for now: its counts may be too old.

    They come beside the policy's buffer, and stay away until another such command. With nothing
    named, all are offered again. Each SKU is taken or refused by itself.
    """

    operation = "inventory.keep_back"
    internal = True

    supplier: str
    skus: tuple[str, ...]
    units: int = 0
    share_bp: int = 0
    """Besides, so many hundredths of a percent of the count, rounded up."""
    everything: bool = False
    """Nothing of the pool is offered, whatever it counts."""


class PutBundle(Command, frozen=True, kw_only=True):
    """A SKU is a set of others, and has no stock of its own; without parts it is one no more."""

    operation = "inventory.put_bundle"

    sku: str
    parts: tuple[Part, ...]


class CountSets(Command, frozen=True, kw_only=True):
    """The stock of a set's parts changed: how many whole sets there are is counted anew."""

    operation = "inventory.count_sets"
    internal = True

    sku: str
    parts: tuple[str, ...]
