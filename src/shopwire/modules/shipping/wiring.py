"""What shipping tells the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.shipping.commands import HANDLERS
from shopwire.modules.shipping.consumers import CONSUMERS
from shopwire.modules.shipping.events import EVENTS
from shopwire.modules.shipping.store import CHECKS, TABLES

MODULE: Final = Module(
    name="shipping",
    handlers=HANDLERS,
    tables=TABLES,
    events=EVENTS,
    consumers=CONSUMERS,
    checks=CHECKS,
)
"""The activities need the suppliers' channel: see `activities.activities`."""
