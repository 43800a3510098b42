"""When Python looks for cycles: seldom, and not among what a server holds as long as it lives."""

import gc
from typing import Final

YOUNG_OBJECTS_MAX: Final = 20_000
"""New objects that make the collector look at the young ones. A request leaves hundreds, nearly all
freed by their counts; 700, the default, would mean a look at every few requests."""
ROUNDS_OF_YOUNG_MAX: Final = 20
"""Looks at the young ones before one at those that outlived them, and so on once more."""


def look_seldom() -> None:
    """Call it before modules are imported: all of them would be looked at again and again."""
    gc.set_threshold(YOUNG_OBJECTS_MAX, ROUNDS_OF_YOUNG_MAX, ROUNDS_OF_YOUNG_MAX)


def spare_what_is_there() -> None:
    """For a command that ends soon: as `spare_what_lives_on`, without a last look before."""
    gc.freeze()
    look_seldom()


def spare_what_lives_on() -> None:
    """Call it once a server has started: modules, tables and parts are never looked at again.

    A look at everything takes tens of milliseconds, in which no screen is served.
    """
    gc.collect()
    spare_what_is_there()
