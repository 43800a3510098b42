"""What operators see of all orders at once, as the live document `ops:orders`."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
import structlog

from shopwire.kernel.clock import Clock
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.events import Recorded
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.log import EventLog
from shopwire.kernel.queries import Reads
from shopwire.modules.orders.events import ConflictEvent, OrderPlaced, OrderStatus
from shopwire.modules.orders.store import count_open_conflicts, list_orders, placed_since

ORDERS_TOPIC: Final = "ops:orders"
PUBLISH_EVERY_MS: Final = 500
"""Shortest time between two publications, however much happens."""
FADE_EVERY_MS: Final = 5_000
"""How often the rate is told anew where nothing else happens."""
RECENT_MAX: Final = 50
"""Orders that the document names, those that changed last at the front."""
MINUTE_MS: Final = 60_000
RETRY_MS: Final = 1_000
"""How long to wait after the log could not be read."""

_log: Final = structlog.get_logger()


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order in a word."""

    id: str
    number: str
    status: OrderStatus


class OrdersDocument(msgspec.Struct, frozen=True, kw_only=True):
    """All orders at a glance."""

    per_minute: int = 0
    """Orders that were placed in the last minute."""
    open_conflicts: int = 0
    recent: tuple[OrderView, ...] = ()
    """The orders that changed last, the latest first."""
    now_ms: int = 0


_view: Final = msgspec.json.Decoder(OrderView).decode


class OrderNews:
    """Follows the log and tells, at most every PUBLISH_EVERY_MS, what is new.

    It is this process's own copy: after a restart it is read again from the rows.
    """

    def __init__(
        self,
        log: EventLog,
        reads: Reads,
        publish: Callable[[str, int, dict[str, Any]], None],
        clock: Clock,
        *,
        tenant: str = DEFAULT_TENANT,
    ) -> None:
        self._log, self._reads = log, reads
        self._publish, self._clock = publish, clock
        self._tenant = tenant
        self._recent: OrderedDict[str, OrderView] = OrderedDict()
        self._placed: deque[int] = deque()
        """When orders were placed, for a minute."""
        self._conflicts_moved = False
        self._changed = asyncio.Event()
        self._version = 0
        self.document = OrdersDocument()

    async def run(self) -> None:
        """Follows and publishes until it is cancelled; a log that is away is waited for."""
        while True:
            try:
                await self._follow_all()
            except* ShopwireError as problems:
                _log.warning("order_news.rests", problem=str(problems.exceptions[0]))
            # Not inside `except*`, which would make a group of a cancellation.
            await asyncio.sleep(RETRY_MS / 1_000)

    async def _follow_all(self) -> None:
        # The heads first: what is read after them contains everything before them.
        heads = await self._log.heads()
        await self._read()
        self.tell()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell_on_change())
            for partition, offset in enumerate(heads.next):
                group.create_task(self._follow(partition, offset))

    async def _read(self) -> None:
        now_ms = self._clock.now_ms()
        page = await list_orders(self._reads, self._tenant, limit=RECENT_MAX)
        self._recent.clear()
        for entry in reversed(page.items):
            view = _view(entry.doc)
            self._recent[view.id] = view
        since = await placed_since(self._reads, self._tenant, since_ms=now_ms - MINUTE_MS)
        self._placed = deque(since)
        await self._count_conflicts()

    async def _count_conflicts(self) -> None:
        self._conflicts_moved = False
        number = await count_open_conflicts(self._reads, self._tenant)
        self.document = msgspec.structs.replace(self.document, open_conflicts=number)

    async def _follow(self, partition: int, offset: int) -> None:
        async for batch in self._log.tail(partition, offset):
            self.take(batch)

    def take(self, batch: Iterable[Recorded]) -> None:
        """Notes what events say of orders."""
        for event in batch:
            if event.tenant != self._tenant:
                continue
            kind = event.topic.partition(":")[0]
            if kind == "order":
                view = _view(event.document)
                self._recent[view.id] = view
                self._recent.move_to_end(view.id)
                if len(self._recent) > RECENT_MAX:
                    self._recent.popitem(last=False)
                if event.event_type == OrderPlaced.event_type:
                    self._placed.append(event.recorded_at_ms)
                self._changed.set()
            elif kind == ConflictEvent.topic_kind:
                self._conflicts_moved = True
                self._changed.set()

    async def _tell_on_change(self) -> None:
        while True:
            try:
                async with asyncio.timeout(FADE_EVERY_MS / 1_000):
                    await self._changed.wait()
            except TimeoutError:
                if self._per_minute() == self.document.per_minute:
                    continue
            self._changed.clear()
            if self._conflicts_moved:
                await self._count_conflicts()
            self.tell()
            await asyncio.sleep(PUBLISH_EVERY_MS / 1_000)

    def tell(self) -> None:
        """Makes the document and publishes it."""
        now_ms = self._clock.now_ms()
        self.document = OrdersDocument(
            per_minute=self._per_minute(),
            open_conflicts=self.document.open_conflicts,
            recent=tuple(reversed(self._recent.values())),
            now_ms=now_ms,
        )
        # Milliseconds grow over restarts too; the second term holds against a clock set back.
        self._version = max(now_ms, self._version + 1)
        self._publish(ORDERS_TOPIC, self._version, msgspec.to_builtins(self.document))

    def _per_minute(self) -> int:
        since_ms = self._clock.now_ms() - MINUTE_MS
        while self._placed and self._placed[0] < since_ms:
            self._placed.popleft()
        return len(self._placed)
