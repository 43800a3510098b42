"""What the ways to suppliers tell the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.channels.commands import HANDLERS
from shopwire.modules.channels.consumers import CONSUMERS
from shopwire.modules.channels.events import EVENTS
from shopwire.modules.channels.store import CHECKS, TABLES

MODULE: Final = Module(
    name="channels",
    handlers=HANDLERS,
    tables=TABLES,
    events=EVENTS,
    consumers=CONSUMERS,
    checks=CHECKS,
)
"""The activities need the media: see `activities.activities`."""
