"""What the ways do outside: orders leave in bundles, each bundle once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.commands import Command
from shopwire.kernel.posting import Bundle, Medium, NotLeft, Posted
from shopwire.kernel.purchasing import OrderedLine, ShipTo, SupplierOrder
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.modules.channels.api import BeginBundle, EraseMessage, RecordBundle, StageBundle
from shopwire.modules.channels.domain import kind_of
from shopwire.modules.channels.events import (
    BundleBegun,
    BundleDelayed,
    BundleShortened,
    BundleStaged,
    ChannelPut,
    MessageKept,
    MessageSettled,
)
from shopwire.modules.channels.store import DUE, to_way
from shopwire.modules.shipping.events import PurchaseOrderSent

AddressOf = Callable[[str, str], Awaitable[ShipTo | None]]
"""Where the goods of a tenant's order go; read when a bundle leaves and kept nowhere else."""
CALLS_MAX: Final = 8
"""Bundles of one step under way at once; the others wait in their rows."""
STAGED_MAX: Final = 1_000
"""Bundles that this process remembers to have staged; of others it asks first."""
LOST_ANSWER: Final = "the call ended without an answer: it may have arrived"
LOST_PROCESS: Final = "the process ended while it left: it may have arrived"


def activities(media: Mapping[str, Medium], address_of: AddressOf) -> tuple[Activity, ...]:
    """The work of the ways; `media` are by the kind of way."""
    work = _Work(media, address_of)
    return (
        Activity(
            name="channels.begin_bundle",
            wakes_on=frozenset({PurchaseOrderSent.event_type, ChannelPut.event_type}),
            due=DUE["begin"],
            perform=_begin,
        ),
        Activity(
            name="channels.stage_bundle",
            wakes_on=frozenset(
                one.event_type for one in (BundleBegun, BundleDelayed, BundleShortened)
            ),
            due=DUE["stage"],
            perform=work.stage,
            concurrency_max=CALLS_MAX,
        ),
        Activity(
            name="channels.release_bundle",
            wakes_on=frozenset({BundleStaged.event_type}),
            due=DUE["release"],
            perform=work.release,
            concurrency_max=CALLS_MAX,
        ),
        Activity(
            name="channels.erase_message",
            wakes_on=frozenset({MessageKept.event_type, MessageSettled.event_type}),
            due=DUE["erase"],
            perform=_erase,
            concurrency_max=CALLS_MAX,
        ),
    )


async def _erase(job: Job) -> Sequence[Command]:
    return [EraseMessage(supplier=job.payload["supplier"], id=job.payload["id"])]


async def _begin(job: Job) -> Sequence[Command]:
    payload = job.payload
    return [BeginBundle(supplier=payload["supplier"], letters=tuple(payload["letters"]))]


class _Work:
    """The calls. What came of each is told by commands; only doubt comes of forgetting."""

    def __init__(self, media: Mapping[str, Medium], address_of: AddressOf) -> None:
        self._media, self._address_of = media, address_of
        self._staged: dict[str, None] = {}

    async def stage(self, job: Job) -> Sequence[Command]:
        """Prepares a bundle.

        That this process did so is remembered: it alone may let it leave without asking.
        """
        try:
            medium = self._medium(job)
            await medium.stage(await self._bundle(job))
        except NotLeft as problem:
            return [_recorded(job, "not_left", str(problem))]
        while len(self._staged) >= STAGED_MAX:
            self._staged.pop(next(iter(self._staged)))
        self._staged[_name(job)] = None
        payload = job.payload
        return [
            StageBundle(
                supplier=payload["supplier"],
                bundle=payload["bundle"],
                letters=tuple(payload["letters"]),
            )
        ]

    async def release(self, job: Job) -> Sequence[Command]:
        """Lets it leave, once. Whoever cannot know whether it left asks, and never guesses."""
        medium, bundle = self._medium(job), await self._bundle(job)
        if _name(job) not in self._staged:
            return await _asked(job, medium, bundle, LOST_PROCESS)
        self._staged.pop(_name(job))
        try:
            await medium.release(bundle)
        except NotLeft as problem:
            return [_recorded(job, "not_left", str(problem))]
        except ProviderUnavailable:
            return await _asked(job, medium, bundle, LOST_ANSWER)
        return [_recorded(job, "left")]

    def _medium(self, job: Job) -> Medium:
        kind = kind_of(to_way(job.payload["way"]))
        if kind not in self._media:
            raise NotLeft(f"orders that wait cannot leave by {kind}: put the former way back")
        return self._media[kind]

    async def _bundle(self, job: Job) -> Bundle:
        payload = job.payload
        return Bundle(
            id=payload["bundle"],
            supplier=payload["supplier"],
            control=payload["control"],
            begun_at_ms=payload["begun_at_ms"],
            orders=tuple([await self._posted(job, one) for one in payload["orders"]]),
            way=to_way(payload["way"]),
        )

    async def _posted(self, job: Job, one: Mapping[str, Any]) -> Posted:
        own_id = one["purchase_order"]
        order = SupplierOrder(
            id=own_id,
            supplier=job.payload["supplier"],
            lines=tuple(OrderedLine(**line) for line in one["lines"]),
            ship_to=await self._address_of(job.tenant, own_id.partition("/")[0]),
        )
        return Posted(number=one["number"], order=order)


async def _asked(job: Job, medium: Medium, bundle: Bundle, doubt: str) -> Sequence[Command]:
    """What its medium says of it; where that cannot be asked now, the job stays open."""
    left = await medium.released(bundle)
    if left is None:
        return [_recorded(job, "doubtful", doubt)]
    return [_recorded(job, "left") if left else _recorded(job, "not_left", f"{doubt}; it did not")]


def _name(job: Job) -> str:
    return f"{job.tenant} {job.payload['bundle']} {job.payload['tries']}"


def _recorded(job: Job, outcome: Any, reason: str = "") -> RecordBundle:
    payload = job.payload
    return RecordBundle(
        supplier=payload["supplier"],
        bundle=payload["bundle"],
        letters=tuple(payload["letters"]),
        outcome=outcome,
        reason=reason,
    )
