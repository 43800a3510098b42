"""A process that lets orders leave and dies at a point: `python carrier.py DSN ROOT URL POINT`.

Points: `staged` after the commit that a bundle may leave and before it does, `left` after it left
and before that is written down; `none` lives until it is told otherwise.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.channels.servers import HERE
from tests.channels.test_media import SECRET
from tests.channels.world import address_of
from tests.shipping.world import Alone

from shopwire.adapters.postgres.store import open_store
from shopwire.adapters.suppliers.depots import FolderDepot
from shopwire.adapters.suppliers.files import X12Files
from shopwire.adapters.suppliers.webhook import WebhookMedium
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.posting import Bundle, Medium
from shopwire.kernel.write_path import WritePath
from shopwire.modules.channels import domain
from shopwire.modules.channels.activities import activities
from shopwire.services.activities import Activities
from shopwire.services.parts import MODULES


class Deadly(Medium):
    """The process dies around the moment at which a bundle leaves."""

    def __init__(self, inner: Medium, point: str) -> None:
        self.inner, self.point = inner, point

    async def stage(self, bundle: Bundle) -> None:
        await self.inner.stage(bundle)

    async def release(self, bundle: Bundle) -> None:
        if self.point == "staged":
            os.kill(os.getpid(), signal.SIGKILL)
        await self.inner.release(bundle)
        if self.point == "left":
            os.kill(os.getpid(), signal.SIGKILL)

    async def released(self, bundle: Bundle) -> bool | None:
        return await self.inner.released(bundle)


async def main(dsn: str, root: str, point: str) -> None:
    domain.RETRY_MS_MIN = domain.RETRY_MS_MAX = 1
    clock = SystemClock()
    media = {
        "x12": X12Files(lambda _: FolderDepot(Path(root))),
        "webhook": WebhookMedium(lambda _: SECRET, clock, HERE),
    }
    deadly = {kind: Deadly(medium, point) for kind, medium in media.items()}
    async with open_store(dsn, [table for module in MODULES for table in module.tables]) as store:
        path = WritePath(store.storage, [h for m in MODULES for h in m.handlers], clock)
        await path.start()
        work = activities(deadly, address_of)
        await Activities(store.log, path, store.reads, work, clock, Alone()).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
