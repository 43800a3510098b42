"""The workloads by name, for the command line and for tests."""

from typing import Final

from shopwire.testing.simulation.checkout import CheckoutWorkload
from shopwire.testing.simulation.stock import StockWorkload

WORKLOADS: Final[dict[str, type[StockWorkload | CheckoutWorkload]]] = {
    "stock": StockWorkload,
    "checkout": CheckoutWorkload,
}
"""What can be run in a world."""
