"""What the inventory does when time is over: reservations end, preorders end."""

from collections.abc import Sequence
from typing import Final

import msgspec

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.commands import Command
from shopwire.modules.inventory.api import EndPreorder, ExpireHolds, HoldRef
from shopwire.modules.inventory.limits import WIDE_HOLDS_MAX
from shopwire.modules.inventory.store import HOLDS_TO_EXPIRE, PREORDERS_TO_END


async def expire_holds(job: Job) -> Sequence[Command]:
    """Ends the holds of a job: those of one article together, and the others in slices.

    A command about one article stays in its partition; one about several holds all of theirs.
    """
    at_ms = job.payload["at_ms"]
    alike: dict[tuple[str, ...], list[HoldRef]] = {}
    for hold in msgspec.convert(job.payload["holds"], list[HoldRef]):
        alike.setdefault(hold.skus if len(hold.skus) == 1 else (), []).append(hold)
    wide = alike.pop((), [])
    groups = [*alike.values()]
    groups += [wide[at : at + WIDE_HOLDS_MAX] for at in range(0, len(wide), WIDE_HOLDS_MAX)]
    return [ExpireHolds(holds=tuple(holds), at_ms=at_ms) for holds in groups]


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
