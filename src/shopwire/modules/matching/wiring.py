"""What matching tells the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.matching.commands import HANDLERS
from shopwire.modules.matching.consumers import CONSUMERS
from shopwire.modules.matching.events import (
    LinkForgotten,
    LinkRemembered,
    MatchDecided,
    MatchDoubted,
    PolicyPut,
    QueueChanged,
)
from shopwire.modules.matching.store import CHECKS, TABLES

MODULE: Final = Module(
    name="matching",
    handlers=HANDLERS,
    tables=TABLES,
    events=(
        MatchDoubted, MatchDecided, LinkRemembered, LinkForgotten, QueueChanged, PolicyPut,
    ),
    consumers=CONSUMERS,
    checks=CHECKS,
)  # fmt: skip
