"""What the inventory follows: sets are counted anew when the stock of their parts changes."""

from collections.abc import Iterable
from typing import Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.module import Consumer
from shopwire.modules.inventory.api import CountSets
from shopwire.modules.inventory.events import MOVEMENTS, BundleRef, StockKeptBack, StockPolicySet


class _Facts(msgspec.Struct, frozen=True):
    bundles: tuple[BundleRef, ...] = ()


_facts_of: Final = msgspec.json.Decoder(_Facts).decode


def count_sets(recorded: Recorded) -> Iterable[Command]:
    """The sets that an article is part of are counted; most articles are part of none."""
    if b'"bundles"' not in recorded.facts:
        return ()
    bundles = _facts_of(recorded.facts).bundles
    return [CountSets(sku=bundle.sku, parts=bundle.parts) for bundle in bundles]


CONSUMERS: Final = (
    Consumer(
        name="inventory.sets_follow_parts",
        event_types=frozenset(
            kind.event_type for kind in (*MOVEMENTS, StockPolicySet, StockKeptBack)
        ),
        react=count_sets,
    ),
)
