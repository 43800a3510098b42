"""What the inventory does when time is over: reservations end, preorders end."""

from collections.abc import Sequence
from typing import Final

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.commands import Command
from shopwire.modules.inventory.api import EndPreorder, ExpireHolds, HoldRef
from shopwire.modules.inventory.store import HOLDS_TO_EXPIRE, PREORDERS_TO_END


async def expire_holds(job: Job) -> Sequence[Command]:
    """Ends the holds of a job: those of the same SKUs whose time is over at the same moment."""
    skus = tuple(job.payload["skus"])
    holds = tuple(HoldRef(hold_id=hold, skus=skus) for hold in job.payload["holds"])
    return [ExpireHolds(holds=holds, at_ms=job.payload["at_ms"])]


async def end_preorder(job: Job) -> Sequence[Command]:
    """Ends the preorder of a SKU."""
    return [EndPreorder(sku=job.payload["sku"], until_ms=job.payload["until_ms"])]


ACTIVITIES: Final = (
    Activity(
        name="inventory.expire_holds",
        # The runner looks by itself every few seconds, which is soon enough for the others.
        wakes_on=frozenset({"inventory.stock_held_briefly"}),
        due=HOLDS_TO_EXPIRE,
        perform=expire_holds,
    ),
    Activity(
        name="inventory.end_preorder",
        wakes_on=frozenset({"inventory.stock_policy_set"}),
        due=PREORDERS_TO_END,
        perform=end_preorder,
    ),
)
