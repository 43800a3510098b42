"""What ends when a link is taken back."""

from collections.abc import Iterable
from typing import Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.module import Consumer
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.matching.events import LinkDocument, LinkForgotten
from shopwire.modules.suppliers.api import WithdrawOffer

_decode: Final = msgspec.json.Decoder(LinkDocument).decode


def follow_forgotten(recorded: Recorded) -> Iterable[Command]:
    """The supplier offers the article no more, and has none of it.

    Either is refused where it never was, which is as good.
    """
    link = _decode(recorded.document)
    if not link.sku:
        return ()
    return (
        WithdrawOffer(sku=link.sku, supplier=link.supplier),
        ReportStock(sku=link.sku, supplier=link.supplier, quantity=0),
    )


CONSUMERS: Final = (
    Consumer(
        name="matching.forgotten",
        event_types=frozenset({LinkForgotten.event_type}),
        react=follow_forgotten,
    ),
)
