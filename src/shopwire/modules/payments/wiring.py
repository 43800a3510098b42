"""What payments tell the composition root; `activities.activities` needs the providers."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.payments.commands import HANDLERS
from shopwire.modules.payments.consumers import CONSUMERS
from shopwire.modules.payments.events import EVENTS
from shopwire.modules.payments.store import CHECKS, TABLES

MODULE: Final = Module(
    name="payments",
    handlers=HANDLERS,
    tables=TABLES,
    events=EVENTS,
    consumers=CONSUMERS,
    checks=CHECKS,
)
