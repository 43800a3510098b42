"""What feeds tell the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.feeds.commands import HANDLERS
from shopwire.modules.feeds.deciding import DECIDING_HANDLERS
from shopwire.modules.feeds.events import (
    ImportDecided,
    ImportFinished,
    ImportHeld,
    ImportMended,
    ImportProgressed,
    ImportPruned,
    ImportStarted,
    ImportUndone,
    LimitsPut,
    RecentChanged,
)
from shopwire.modules.feeds.saved import (
    SAVED_CHECK,
    SAVED_HANDLERS,
    SAVED_TABLE,
    ProfileSaved,
)
from shopwire.modules.feeds.store import CHECKS, TABLES

MODULE: Final = Module(
    name="feeds",
    handlers=(*HANDLERS, *DECIDING_HANDLERS, *SAVED_HANDLERS),
    tables=(*TABLES, SAVED_TABLE),
    events=(
        ImportStarted,
        ImportProgressed,
        ImportFinished,
        ImportHeld,
        ImportDecided,
        ImportMended,
        ImportUndone,
        ImportPruned,
        LimitsPut,
        RecentChanged,
        ProfileSaved,
    ),
    checks=(*CHECKS, SAVED_CHECK),
)
