"""What tests of the hub stand on, from the simulated world of screens."""

from shopwire.testing.simulation.screens import FakeClock, SimWire, World

__all__ = ["FakeClock", "SimWire", "World"]
