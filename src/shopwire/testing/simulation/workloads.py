"""The workloads by name, for the command line and for tests."""

from typing import Final

from shopwire.testing.simulation.stock import StockWorkload

WORKLOADS: Final = {"stock": StockWorkload}
"""What can be run in a world."""
