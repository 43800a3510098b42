"""Which sales a supplier's count contains: the rules of the late snapshot.

A count says how many units a supplier had at some moment. A sale is in it once the supplier had
booked it by then, and not before: until that is known, its units are taken off the count. How it
becomes known:

- the report names the sale as seen;
- the supplier's acknowledgement marked the sale with a moment on its clock or with a number, and
  the count speaks of that moment or number, or of a later one;
- it was a direct sale, which is booked at once.

A report of an earlier moment or number than a known one is superseded: its count is not taken, but
what it has seen is in the later count too. A report without any mark is taken to be newer than
those before it, since nothing says otherwise, and no sale is taken to be in it.

Once in a count, a sale is in each later one. Its units are gone from there: if it is cancelled or
returned then, they come back with the supplier's next count and not before.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from shopwire.modules.inventory.api import Reason
from shopwire.modules.inventory.domain import OpenSale, Pool, Sale, promised
from shopwire.modules.inventory.events import Overpromise

S = TypeVar("S", Sale, OpenSale)


class Mark(NamedTuple):
    """A moment on a supplier's clock, or a number that it counts by; it may name neither."""

    at_ms: int | None
    sequence: int | None

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return self.at_ms is not None or self.sequence is not None


class Report(NamedTuple):
    """A supplier's count of one SKU."""

    quantity: int
    mark: Mark
    seen: Collection[str] | None
    """References that are in it; None where the supplier does not say."""


def superseded(pool: Pool, mark: Mark) -> bool:
    """Whether a count of this mark is older than one that is known; numbers outrank moments."""
    if mark.sequence is not None and pool.sequence is not None:
        return mark.sequence < pool.sequence
    if mark.at_ms is not None and pool.as_of_ms is not None:
        return mark.at_ms < pool.as_of_ms
    return False


def contains(pool: Pool, mark: Mark) -> bool:
    """Whether the count that is known contains what the supplier did at this mark."""
    if mark.sequence is not None and pool.sequence is not None:
        return mark.sequence <= pool.sequence
    if mark.at_ms is not None and pool.as_of_ms is not None:
        return mark.at_ms <= pool.as_of_ms
    return False


def repeats(pool: Pool, report: Report) -> bool:
    """Whether it is the count that is known already, delivered again."""
    known = Mark(pool.as_of_ms, pool.sequence)
    return bool(report.mark) and report.mark == known and report.quantity == pool.reported


def counted(
    pool: Pool, report: Report, live: Iterable[OpenSale], backorder_max: int
) -> tuple[Pool, list[OpenSale]]:
    """The pool after a report that is not superseded, and the sales that changed with it.

    `live` are the pool's open and refused sales.
    """
    known = replace(
        pool,
        reported=report.quantity,
        reports=pool.reports + 1,
        as_of_ms=_later(pool.as_of_ms, report.mark.at_ms),
        sequence=_later(pool.sequence, report.mark.sequence),
    )
    news = not repeats(pool, report)
    changed: list[OpenSale] = []
    sold = withheld = told = 0
    for sale in live:
        mark = Mark(sale.marked_at_ms, sale.marked_sequence)
        if sale.state == "open":
            if contains(known, mark) or named_by(report.seen, sale):
                changed.append(replace(sale, state="reflected"))
            else:
                sold += sale.quantity
                told += sale.backordered
        elif sale.state == "refused":
            if contains(known, mark) or (news and not mark):
                changed.append(replace(sale, state="released"))
            else:
                withheld += sale.quantity
    over = max(0, pool.reserved + sold - report.quantity)
    # Who was told to wait still waits, even where a count in between had enough for all.
    backorder = min(over, max(pool.backorder, told), max(pool.backorder_max, backorder_max))
    after = replace(
        known,
        sold=sold,
        withheld=withheld,
        backorder=backorder,
        shortfall=over - backorder,
        backorder_max=max(backorder_max, backorder),
        doubtful=sold > 0 and not report.mark and report.seen is None,
        seq=pool.seq + 1,
    )
    return after, changed


def _later(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def named_by(seen: Collection[str] | None, sale: Sale | OpenSale) -> bool:
    """Whether a report has seen these units: by the sale's reference, or the purchase order's.

    Where the supplier booked only others of the same sale, the reference does not mean these.
    """
    if not seen or sale.answer == "rest":
        return False
    return sale.reference in seen or f"{sale.reference}/{sale.supplier}" in seen


def overpromised(pool: Pool, open_sales: Iterable[OpenSale]) -> list[Overpromise]:
    """The sales that a shortfall concerns: the newest first, and who was told to wait last.

    What is only reserved is newer than any sale: units short beyond that concern sales. A
    reservation that becomes a sale is told then.
    """
    short = pool.shortfall - pool.reserved
    found: dict[str, int] = {}
    newest = sorted(open_sales, key=lambda sale: (-sale.seq, sale.reference, sale.part))
    for waits in (False, True):
        for sale in newest:
            if short <= 0:
                break
            units = sale.backordered if waits else sale.quantity - sale.backordered
            units = min(short, units)
            if units > 0:
                found[sale.reference] = found.get(sale.reference, 0) + units
                short -= units
    return [Overpromise(reference, pool.supplier, units) for reference, units in found.items()]


def restated(pool: Pool, sold: int) -> Pool:
    """The pool after it became known that more or fewer sales are in its count.

    Units that turn out not to be in it may be more than there are: that is a shortfall, as if the
    supplier had counted anew.
    """
    over = max(0, pool.reserved + sold - pool.reported)
    if sold < pool.sold or over <= pool.backorder + pool.shortfall:
        return promised(pool, pool.reserved, sold)
    return replace(
        pool,
        sold=sold,
        shortfall=over - pool.backorder,
        reports=pool.reports + 1,
        seq=pool.seq + 1,
    )


# -- several fates ----------------------------------------------------------------------------


class Parts:
    """The parts of one sale of a SKU at a supplier, while a decision changes them."""

    def __init__(self, sales: Iterable[Sale]) -> None:
        self.all = sorted(sales, key=lambda sale: (len(sale.part), sale.part))
        self.changed: dict[str, Sale] = {}

    def units(self, state: str) -> int:
        """Units in a state."""
        return sum(sale.quantity for sale in self.all if sale.state == state)

    def put(self, sale: Sale) -> None:
        """The part's next state."""
        at = next((i for i, one in enumerate(self.all) if one.part == sale.part), None)
        if at is None:
            self.all.append(sale)
        else:
            self.all[at] = sale
        self.changed[sale.part] = sale

    def cut(self, sale: Sale, quantity: int) -> tuple[Sale, Sale | None]:
        """The first `quantity` units of a part, and the rest as a part of its own."""
        if quantity >= sale.quantity:
            return sale, None
        rest = sale.quantity - quantity
        later = min(sale.backordered, rest)
        first = replace(sale, quantity=quantity, backordered=sale.backordered - later)
        name = f"{sale.part}+{len(self.all)}"
        other = replace(sale, part=name, quantity=rest, backordered=later)
        self.put(first)
        self.put(other)
        return first, other


def booked(parts: Parts, pool: Pool, quantity: int | None, booking: str, mark: Mark) -> None:
    """The supplier took units of a sale off its stock.

    Units that a report had named before are those. If it had named more than were booked, the
    others are open again: the supplier has not booked them, so its count still contains them.
    """
    known = [sale for sale in parts.all if sale.answer == "booked" and sale.booking == booking]
    if known:
        for sale in known:
            if sale.state in _BOOKABLE:
                _mark(parts, pool, sale, mark)
        return
    free = [sale for sale in parts.all if sale.answer != "booked" and sale.state in _BOOKABLE]
    free.sort(key=lambda sale: (sale.state != "reflected", len(sale.part), sale.part))
    left = sum(sale.quantity for sale in free) if quantity is None else quantity
    for sale in free:
        if left <= 0:
            _not_booked(parts, sale)
            continue
        first, rest = parts.cut(sale, left)
        left -= first.quantity
        _mark(parts, pool, replace(first, answer="booked", booking=booking), mark)
        if rest is not None:
            _not_booked(parts, rest)


_BOOKABLE = ("open", "reflected")


def _mark(parts: Parts, pool: Pool, sale: Sale, mark: Mark) -> None:
    """What the supplier said first stays; a later word fills what it left out."""
    at_ms = mark.at_ms if sale.marked_at_ms is None else sale.marked_at_ms
    sequence = mark.sequence if sale.marked_sequence is None else sale.marked_sequence
    marked = replace(sale, marked_at_ms=at_ms, marked_sequence=sequence)
    if marked.state == "open" and contains(pool, Mark(at_ms, sequence)):
        marked = replace(marked, state="reflected")
    parts.put(marked)


def _not_booked(parts: Parts, sale: Sale) -> None:
    parts.put(replace(sale, answer="rest", state="open"))


def released(parts: Parts, pool: Pool, quantity: int, reason: Reason, mark: Mark) -> int:
    """Units of a sale will not be, or came back; returns how many there were.

    Refused units wait for a count that knows of it, unless the one that is known does.
    """
    order = [
        *(("open", answer) for answer in ("rest", "none", "booked")),
        *(("reflected", answer) for answer in ("rest", "none", "booked")),
    ]
    if reason == "returned":
        order.reverse()
    left = quantity
    for state, answer in order:
        for sale in [one for one in parts.all if (one.state, one.answer) == (state, answer)]:
            if left <= 0:
                return quantity
            first, _ = parts.cut(sale, left)
            left -= first.quantity
            withheld = reason == "refused" and state == "open" and not contains(pool, mark)
            if withheld:
                first = replace(first, marked_at_ms=mark.at_ms, marked_sequence=mark.sequence)
            over = "refused" if withheld else "released"
            parts.put(replace(first, state=over, reason=reason))
    return quantity - left
