"""How purchase orders reach suppliers."""

from shopwire.adapters.suppliers.habits import Habits
from shopwire.adapters.suppliers.simulator import SimulatedSuppliers

__all__ = ["Habits", "SimulatedSuppliers"]
