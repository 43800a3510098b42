"""What carts tell the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.carts.commands import HANDLERS
from shopwire.modules.carts.events import CartChanged, CartLocked, CartOrdered, CartReopened
from shopwire.modules.carts.store import CHECKS, TABLES

MODULE: Final = Module(
    name="carts",
    handlers=HANDLERS,
    tables=TABLES,
    events=(CartChanged, CartLocked, CartReopened, CartOrdered),
    checks=CHECKS,
)
