"""Files that were exchanged with suppliers go after a while: they hold names and addresses."""

import re
from typing import Final

from shopwire.adapters.suppliers.depots import Depot
from shopwire.adapters.suppliers.files import STAGING
from shopwire.kernel.queries import Reads
from shopwire.modules.channels.api import X12Way
from shopwire.modules.channels.store import Reached, bundles_over

DONE: Final = "done"
"""Where files go that were read, below the place."""
FILES_KEPT_MS: Final = 30 * 24 * 3_600_000
"""How long a file that was read, or that left, stays where it lies. Then it is erased; one that
left stays longer where one of its orders is still open, since its supplier may not have taken it.
What it said is in the shop's rows."""
PRUNE_EVERY_MS: Final = 3_600_000
"""How often it is looked which files may go."""
_OURS: Final = re.compile(r"850-(\d{9,})\.x12")
_RECEIPT: Final = re.compile(r"997-[0-9a-f]{16}\.x12")


async def prune_files(reads: Reads, reached: Reached, depot: Depot, now_ms: int) -> int:
    """Erases what is over of one way's files, and says how many; raises DepotAway.

    Only what the shop itself wrote or put away; the outbox of a server is its owner's.
    """
    way = reached.way
    assert isinstance(way, X12Way), "only such ways have files"
    before_ms = now_ms - FILES_KEPT_MS
    gone = [f"{DONE}/{name}" for name in await depot.old_names(DONE, before_ms)]
    gone += [
        f"{STAGING}/{name}"
        for name in await depot.old_names(STAGING, before_ms)
        if name.startswith("void-")
    ]
    if way.place.startswith("folder:"):
        names = await depot.old_names(way.outbox, before_ms)
        controls = {int(found[1]): name for name in names if (found := _OURS.fullmatch(name))}
        over = await bundles_over(reads, reached.tenant, reached.supplier, list(controls))
        names = [name for name in names if _RECEIPT.fullmatch(name)]
        gone += [f"{way.outbox}/{name}" for name in names]
        gone += [f"{way.outbox}/{controls[control]}" for control in over]
    for path in gone:
        await depot.remove(path)
    return len(gone)
