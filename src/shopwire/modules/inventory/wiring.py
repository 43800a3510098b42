"""What the inventory tells the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.inventory.activities import ACTIVITIES
from shopwire.modules.inventory.commands import HANDLERS
from shopwire.modules.inventory.consumers import CONSUMERS
from shopwire.modules.inventory.events import (
    MOVEMENTS,
    BundlePut,
    SetsCounted,
    StockKeptBack,
    StockPolicySet,
)
from shopwire.modules.inventory.restoring import RESTORING_HANDLERS
from shopwire.modules.inventory.store import CHECKS, TABLES

MODULE: Final = Module(
    name="inventory",
    handlers=(*HANDLERS, *RESTORING_HANDLERS),
    tables=TABLES,
    events=(*MOVEMENTS, StockPolicySet, StockKeptBack, BundlePut, SetsCounted),
    consumers=CONSUMERS,
    checks=CHECKS,
    activities=ACTIVITIES,
)
