"""Which modules there are, and which routes they bring."""

from typing import Any, Final

from shopwire.kernel.module import Module
from shopwire.kernel.queries import Reads
from shopwire.modules.access import http as access_http
from shopwire.modules.access.wiring import MODULE as ACCESS
from shopwire.modules.carts import http as carts_http
from shopwire.modules.carts.wiring import MODULE as CARTS
from shopwire.modules.catalog import http as catalog_http
from shopwire.modules.catalog.wiring import MODULE as CATALOG
from shopwire.modules.channels import http as channels_http
from shopwire.modules.channels.wiring import MODULE as CHANNELS
from shopwire.modules.feeds import http as feeds_http
from shopwire.modules.feeds.wiring import MODULE as FEEDS
from shopwire.modules.inventory import http as inventory_http
from shopwire.modules.inventory.wiring import MODULE as INVENTORY
from shopwire.modules.matching import http as matching_http
from shopwire.modules.matching.wiring import MODULE as MATCHING
from shopwire.modules.orders import http as orders_http
from shopwire.modules.orders.wiring import MODULE as ORDERS
from shopwire.modules.payments import http as payments_http
from shopwire.modules.payments.wiring import MODULE as PAYMENTS
from shopwire.modules.pricing import http as pricing_http
from shopwire.modules.pricing.wiring import MODULE as PRICING
from shopwire.modules.routing import http as routing_http
from shopwire.modules.routing.wiring import MODULE as ROUTING
from shopwire.modules.shipping import http as shipping_http
from shopwire.modules.shipping.wiring import MODULE as SHIPPING
from shopwire.modules.sources import http as sources_http
from shopwire.modules.sources.wiring import MODULE as SOURCES
from shopwire.modules.suppliers import http as suppliers_http
from shopwire.modules.suppliers.wiring import MODULE as SUPPLIERS

MODULES: Final[tuple[Module, ...]] = (
    CATALOG, SUPPLIERS, INVENTORY, PRICING, FEEDS, CARTS, ORDERS, PAYMENTS, SHIPPING,
    ACCESS, ROUTING, MATCHING, SOURCES, CHANNELS,
)  # fmt: skip
"""Every module of the shop."""

_HTTP: Final = (
    catalog_http, suppliers_http, inventory_http, pricing_http, feeds_http,
    carts_http, orders_http, payments_http, shipping_http, access_http, routing_http, matching_http,
    sources_http, channels_http,
)  # fmt: skip


def module_routes(reads: Reads) -> list[Any]:
    """Litestar handlers of all modules."""
    return [route for http in _HTTP for route in http.routes(reads)]
