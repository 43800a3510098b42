"""Money is taken when an order is placed."""

from collections.abc import Iterable
from typing import Final

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.module import Consumer
from shopwire.modules.orders.events import OrderPlaced
from shopwire.modules.payments.api import RequestCapture


def capture_when_placed(recorded: Recorded) -> Iterable[Command]:
    """The policy: all that was promised is taken as soon as the order stands."""
    return (RequestCapture(order_id=recorded.topic.partition(":")[2]),)


CONSUMERS: Final = (
    Consumer(
        name="payments.placed",
        event_types=frozenset({OrderPlaced.event_type}),
        react=capture_when_placed,
    ),
)
