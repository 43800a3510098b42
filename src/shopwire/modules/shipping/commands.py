"""How shipping decides: everything that it takes."""

from typing import Any, Final

from shopwire.kernel.commands import Handler
from shopwire.modules.shipping import (
    cancel_commands,
    notice_commands,
    order_commands,
    parcel_commands,
    return_commands,
)

HANDLERS: Final[tuple[Handler[Any], ...]] = (
    *order_commands.HANDLERS,
    *cancel_commands.HANDLERS,
    *parcel_commands.HANDLERS,
    *return_commands.HANDLERS,
    *notice_commands.HANDLERS,
)
