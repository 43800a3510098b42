"""Money is taken when an order is placed; suppliers are owed for what they ship."""

from collections.abc import Iterable
from typing import Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.module import Consumer
from shopwire.modules.orders.events import OrderPlaced
from shopwire.modules.payments.api import BookPayable, RequestCapture
from shopwire.modules.shipping.events import (
    PurchaseOrderDocument,
    PurchaseOrderFacts,
    PurchaseOrderShipped,
)

_decode_order: Final = msgspec.json.Decoder(PurchaseOrderDocument).decode
_decode_facts: Final = msgspec.json.Decoder(PurchaseOrderFacts).decode


def capture_when_placed(recorded: Recorded) -> Iterable[Command]:
    """All that was promised is taken as soon as the order stands.

    The completion asks for it in its own transaction; for orders that a former release placed it is
    asked for here.
    """
    if b'"capture":true' in recorded.facts:
        return ()
    return (RequestCapture(order_id=recorded.topic.partition(":")[2]),)


def owe_for_what_was_shipped(recorded: Recorded) -> Iterable[Command]:
    """The cost of a parcel's units, as it was agreed when they were ordered.

    Units without a known cost are owed for by the supplier's invoice alone.
    """
    order, facts = _decode_order(recorded.document), _decode_facts(recorded.facts)
    costs = {line.sku: (line.cost_minor, line.cost_currency) for line in order.lines}
    owed: dict[str, int] = {}
    for units in facts.shipped:
        cost_minor, currency = costs.get(units.sku, (None, None))
        if cost_minor and currency:
            owed[currency] = owed.get(currency, 0) + cost_minor * units.quantity
    return [
        BookPayable(
            order_id=facts.order_id,
            payable_id=f"{order.id.partition('/')[2]}/{recorded.version}/{currency}",
            supplier=facts.supplier,
            amount_minor=amount_minor,
            currency=currency,
        )
        for currency, amount_minor in sorted(owed.items())
    ]


CONSUMERS: Final = (
    Consumer(
        name="payments.placed",
        event_types=frozenset({OrderPlaced.event_type}),
        react=capture_when_placed,
    ),
    Consumer(
        name="payments.shipped",
        event_types=frozenset({PurchaseOrderShipped.event_type}),
        react=owe_for_what_was_shipped,
    ),
)
