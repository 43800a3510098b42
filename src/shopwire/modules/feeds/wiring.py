"""What feeds tell the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.feeds.commands import HANDLERS
from shopwire.modules.feeds.events import (
    ImportFinished,
    ImportProgressed,
    ImportStarted,
    RecentChanged,
)
from shopwire.modules.feeds.store import CHECKS, TABLES

MODULE: Final = Module(
    name="feeds",
    handlers=HANDLERS,
    tables=TABLES,
    events=(ImportStarted, ImportProgressed, ImportFinished, RecentChanged),
    checks=CHECKS,
)
