"""How offers become again what they were before an import."""

from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.each import each
from shopwire.kernel.rows import Need, View
from shopwire.modules.suppliers.api import OfferBefore, RestoreOffers
from shopwire.modules.suppliers.domain import Offer
from shopwire.modules.suppliers.events import OfferPut, OfferWithdrawn


def do_restore_offers(command: RestoreOffers, view: View, _context: Context) -> Decision:
    """Puts back each offer's fields that still are what the import made of them.

    The result is that of `each`, and `stayed`: the other fields by `<sku>/<supplier>`.
    """
    stayed: dict[str, list[str]] = {}

    def restored(line: OfferBefore) -> Decision:
        known = view.one(Offer, line.sku, line.supplier)
        after, left = before_import(known, line)
        if left:
            stayed[f"{line.sku}/{line.supplier}"] = left
        if known is None or after is None or after == known:
            return Decision()
        after = replace(after, version=known.version + 1)
        kind = OfferPut if after.active else OfferWithdrawn
        event = kind(entity=after.entity, version=after.version, document=after.document())
        return Decision(put=[after], events=[event])

    decision = each(command.offers, lambda line: f"{line.sku}/{line.supplier}", restored)
    return replace(decision, result={**decision.result, "stayed": stayed})


def before_import(known: Offer | None, line: OfferBefore) -> tuple[Offer | None, list[str]]:
    """The offer with what still is the import's put back, and the fields that are not."""
    if known is None:
        return None, sorted(line.now)
    newer = sorted(name for name, value in line.now.items() if getattr(known, name) != value)
    if line.was is None:
        left = [] if not known.active else newer
        # The terms stay on record, as those of any offer that ends.
        return (known if left else replace(known, active=False)), left
    left = [name for name in newer if getattr(known, name) != line.was[name]]
    back: dict[str, Any] = {name: line.was[name] for name in line.now if name not in newer}
    after = replace(known, **back)
    if after.order_max is not None and after.order_max < after.order_min:
        return known, sorted(line.now)  # one of both is newer, and they do not go together
    return after, left


RESTORING_HANDLERS: Final = (
    Handler(
        command=RestoreOffers,
        partition_key=lambda command: command.offers[0].sku if command.offers else "",
        keys=lambda command: (line.sku for line in command.offers),
        needs=lambda command: (Need(Offer, line.sku) for line in command.offers),
        decide=do_restore_offers,
    ),
)
