"""What sources tell the composition root; `activities.activities` needs the fetching service."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.sources.commands import HANDLERS
from shopwire.modules.sources.consumers import CONSUMERS
from shopwire.modules.sources.events import EVENTS
from shopwire.modules.sources.store import CHECKS, TABLES

MODULE: Final = Module(
    name="sources",
    handlers=HANDLERS,
    tables=TABLES,
    events=EVENTS,
    consumers=CONSUMERS,
    checks=CHECKS,
)
