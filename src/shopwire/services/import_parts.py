"""The modules whose commands and rows an import is made of."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.catalog.wiring import MODULE as CATALOG
from shopwire.modules.feeds.wiring import MODULE as FEEDS
from shopwire.modules.inventory.wiring import MODULE as INVENTORY
from shopwire.modules.matching.wiring import MODULE as MATCHING
from shopwire.modules.suppliers.wiring import MODULE as SUPPLIERS

IMPORTING: Final[tuple[Module, ...]] = (CATALOG, SUPPLIERS, INVENTORY, FEEDS, MATCHING)
"""Those alone, for a process that takes one feed in: to load all modules of a shop takes it some
30 ms more. What follows from an import, such as prices, is of others."""
