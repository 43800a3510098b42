"""Which modules there are, and which routes they bring."""

from importlib import import_module
from typing import Any, Final

from shopwire.kernel.module import Module
from shopwire.kernel.queries import Reads
from shopwire.modules.access.wiring import MODULE as ACCESS
from shopwire.modules.carts.wiring import MODULE as CARTS
from shopwire.modules.catalog.wiring import MODULE as CATALOG
from shopwire.modules.channels.wiring import MODULE as CHANNELS
from shopwire.modules.feeds.wiring import MODULE as FEEDS
from shopwire.modules.inventory.wiring import MODULE as INVENTORY
from shopwire.modules.matching.wiring import MODULE as MATCHING
from shopwire.modules.orders.wiring import MODULE as ORDERS
from shopwire.modules.payments.wiring import MODULE as PAYMENTS
from shopwire.modules.pricing.wiring import MODULE as PRICING
from shopwire.modules.routing.wiring import MODULE as ROUTING
from shopwire.modules.shipping.wiring import MODULE as SHIPPING
from shopwire.modules.sources.wiring import MODULE as SOURCES
from shopwire.modules.suppliers.wiring import MODULE as SUPPLIERS

MODULES: Final[tuple[Module, ...]] = (
    CATALOG, SUPPLIERS, INVENTORY, PRICING, FEEDS, CARTS, ORDERS, PAYMENTS, SHIPPING,
    ACCESS, ROUTING, MATCHING, SOURCES, CHANNELS,
)  # fmt: skip
"""Every module of the shop."""


def module_routes(reads: Reads) -> list[Any]:
    """Litestar handlers of all modules.

    They are imported here: whoever imports a feed on the command line serves nothing, and would
    wait for Litestar longer than for the feed.
    """
    rooms = [import_module(f"shopwire.modules.{module.name}.http") for module in MODULES]
    return [route for http in rooms for route in http.routes(reads)]
