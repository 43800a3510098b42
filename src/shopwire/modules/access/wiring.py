"""What the accounts tell the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.access.commands import HANDLERS
from shopwire.modules.access.events import AccountChanged
from shopwire.modules.access.store import CHECKS, TABLES

MODULE: Final = Module(
    name="access", handlers=HANDLERS, tables=TABLES, events=(AccountChanged,), checks=CHECKS
)
