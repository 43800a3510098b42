"""A process that hands purchase orders over and dies at a point: `python sender.py DSN BOOK POINT`.

Points: `before` and `after` the supplier took an order, `cancelled` after it gave units back,
`asked` after it answered a question; `none` lives until it is told otherwise.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from shopwire.adapters.postgres.leader import PostgresLeader
from shopwire.adapters.postgres.store import open_store
from shopwire.adapters.suppliers import Habits, SimulatedSuppliers
from shopwire.adapters.suppliers.books import FileBook
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.write_path import WritePath
from shopwire.modules.shipping import purchasing
from shopwire.modules.shipping.activities import activities
from shopwire.services.activities import Activities
from shopwire.services.parts import MODULES


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly(SimulatedSuppliers):
    """The process dies around a call. The supplier lives on: its book is a file."""

    point = "none"

    async def send(self, order):
        if self.point == "before":
            die()
        answer = await super().send(order)
        if self.point == "after":
            die()
        return answer

    async def fetch(self, supplier, order_id):
        answer = await super().fetch(supplier, order_id)
        if self.point == "asked":
            die()
        return answer

    async def cancel(self, supplier, order_id, lines):
        answer = await super().cancel(supplier, order_id, lines)
        if self.point == "cancelled":
            die()
        return answer


async def forever(_seconds: float) -> None:
    """Nothing happens by itself: what the supplier does is its answers alone."""
    await asyncio.Event().wait()


async def main(dsn: str, book: str, point: str) -> None:
    purchasing.ASK_MS_MIN = 1
    Deadly.point = point
    # It forgets: whatever arrives is another order to it.
    habits = Habits(forgets=True, keeps=1.0)
    channel = Deadly(habits=habits, book=FileBook(Path(book)), sleep=forever)
    clock = SystemClock()
    async with open_store(dsn, [table for module in MODULES for table in module.tables]) as store:
        path = WritePath(store.storage, [h for m in MODULES for h in m.handlers], clock)
        await path.start()
        leader = PostgresLeader(dsn, "activities")
        work = Activities(store.log, path, store.reads, activities(channel), clock, leader)
        await work.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
