"""Checkers: pure functions from what was seen to what is wrong with it.

Each returns a list of `Finding`; an empty one means that nothing contradicts the claim.

| function | claim |
| --- | --- |
| `check_linearizable` | there is one order of the calls that explains every answer |
| `check_bounds` | no possible order of the calls passes a counter's limits |
| `check_ledger` | each line follows from the one before it, within its limits |
| `check_log` | offsets and versions have no hole, no repeat, no step back |
| `check_effects` | every key has one effect, the one that its answers tell |
| `check_screens` | screens showed what was committed, in order, and never said live falsely |
"""

from shopwire.testing.checkers.bounds import Line, check_bounds, check_ledger
from shopwire.testing.checkers.effects import Told, check_effects
from shopwire.testing.checkers.finding import Finding
from shopwire.testing.checkers.linearizable import Model, Undecided, check_linearizable
from shopwire.testing.checkers.log import check_log
from shopwire.testing.checkers.screens import Committed, Felt, Shown, check_screens
from shopwire.testing.checkers.stock_register import StockRegister

__all__ = [
    "Committed",
    "Felt",
    "Finding",
    "Line",
    "Model",
    "Shown",
    "StockRegister",
    "Told",
    "Undecided",
    "check_bounds",
    "check_effects",
    "check_ledger",
    "check_linearizable",
    "check_log",
    "check_screens",
]
