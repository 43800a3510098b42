"""What routing tells the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.routing.commands import HANDLERS
from shopwire.modules.routing.consumers import CONSUMERS
from shopwire.modules.routing.events import EVENTS
from shopwire.modules.routing.store import CHECKS, TABLES

MODULE: Final = Module(
    name="routing",
    handlers=HANDLERS,
    tables=TABLES,
    events=EVENTS,
    consumers=CONSUMERS,
    checks=CHECKS,
)
"""The activity needs the market: see `activities.activities`."""
