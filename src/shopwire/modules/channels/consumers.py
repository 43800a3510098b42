"""What the ways follow: a supplier that accepts an order proves that its bundle arrived."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.module import Consumer
from shopwire.kernel.queries import Reads
from shopwire.modules.channels.api import SettleBundle
from shopwire.modules.channels.store import doubted_bundle_of
from shopwire.modules.shipping.events import (
    PurchaseOrderAcknowledged,
    PurchaseOrderFacts,
    PurchaseOrderShipped,
)

_facts: Final = msgspec.json.Decoder(PurchaseOrderFacts).decode


async def end_doubt(recorded: Recorded, reads: Reads) -> AsyncIterator[Sequence[Command]]:
    """What left together arrived together. A refusal proves nothing: it may be a person's here."""
    facts = _facts(recorded.facts)
    if not (facts.accepted or facts.shipped):
        return
    own_id = recorded.topic.partition(":")[2]
    found = await doubted_bundle_of(reads, recorded.tenant, own_id)
    if found is not None:
        bundle, letters = found
        yield [SettleBundle(supplier=facts.supplier, bundle=bundle, letters=letters, arrived=True)]


CONSUMERS: Final = (
    Consumer(
        name="channels.doubts",
        event_types=frozenset(
            {PurchaseOrderAcknowledged.event_type, PurchaseOrderShipped.event_type}
        ),
        expand=end_doubt,
    ),
)
