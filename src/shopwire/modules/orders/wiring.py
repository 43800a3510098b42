"""What orders tell the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.orders.activities import WAIT
from shopwire.modules.orders.commands import HANDLERS
from shopwire.modules.orders.consumers import CONSUMERS
from shopwire.modules.orders.events import (
    CheckoutFailed,
    CheckoutStarted,
    ConflictOpened,
    ConflictSettled,
    OrderAllocated,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
)
from shopwire.modules.orders.store import CHECKS, TABLES

MODULE: Final = Module(
    name="orders",
    handlers=HANDLERS,
    tables=TABLES,
    events=(
        CheckoutStarted,
        OrderPlaced,
        OrderAllocated,
        CheckoutFailed,
        OrderChanged,
        OrderCancelled,
        ConflictOpened,
        ConflictSettled,
    ),
    consumers=CONSUMERS,
    checks=CHECKS,
    activities=(WAIT,),
)
