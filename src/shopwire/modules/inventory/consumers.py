"""What the inventory follows: the stock of sets' parts, and how good suppliers' data is."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.module import Consumer
from shopwire.kernel.queries import Reads
from shopwire.modules.inventory.api import CountSets, KeepBack
from shopwire.modules.inventory.events import MOVEMENTS, BundleRef, StockKeptBack, StockPolicySet
from shopwire.modules.inventory.store import skus_of_supplier
from shopwire.modules.sources.events import Caution, CautionChanged


class _Facts(msgspec.Struct, frozen=True):
    bundles: tuple[BundleRef, ...] = ()


_facts_of: Final = msgspec.json.Decoder(_Facts).decode


def count_sets(recorded: Recorded) -> Iterable[Command]:
    """The sets that an article is part of are counted; most articles are part of none."""
    if b'"bundles"' not in recorded.facts:
        return ()
    bundles = _facts_of(recorded.facts).bundles
    return [CountSets(sku=bundle.sku, parts=bundle.parts) for bundle in bundles]


class _Supply(msgspec.Struct, frozen=True):
    supplier: str
    caution: Caution


_supply_of: Final = msgspec.json.Decoder(_Supply).decode


async def keep_back(recorded: Recorded, reads: Reads) -> AsyncIterator[Sequence[Command]]:
    """Every pool of a supplier keeps back what the merchant's rule says for data of its age."""
    supply = _supply_of(recorded.document)
    caution = supply.caution
    async for skus in skus_of_supplier(reads, recorded.tenant, supply.supplier):
        yield [
            KeepBack(
                supplier=supply.supplier,
                skus=tuple(skus),
                units=caution.units,
                share_bp=caution.share_bp,
                everything=caution.everything,
            )
        ]


CONSUMERS: Final = (
    Consumer(
        name="inventory.sets_follow_parts",
        event_types=frozenset(
            kind.event_type for kind in (*MOVEMENTS, StockPolicySet, StockKeptBack)
        ),
        react=count_sets,
    ),
    Consumer(
        name="inventory.keep_back",
        event_types=frozenset({CautionChanged.event_type}),
        expand=keep_back,
    ),
)
