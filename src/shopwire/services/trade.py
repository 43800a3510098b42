"""The parts of a process that buy and sell: the doors' services, and the work outside."""

from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from shopwire.adapters.postgres.leader import PostgresLeader
from shopwire.adapters.postgres.store import Store
from shopwire.kernel.activities import Activity
from shopwire.kernel.clock import Clock
from shopwire.kernel.log import EventLog
from shopwire.kernel.purchasing import ShipTo
from shopwire.kernel.queries import Reads
from shopwire.kernel.write_path import WritePath
from shopwire.modules.orders.activities import activities as order_activities
from shopwire.modules.orders.api import Address
from shopwire.modules.orders.store import read_addresses
from shopwire.modules.payments.activities import activities as payment_activities
from shopwire.modules.routing.activities import activities as routing_activities
from shopwire.modules.shipping.activities import activities as shipping_activities
from shopwire.modules.shipping.activities import ship_to_of
from shopwire.services.activities import Activities
from shopwire.services.channel_work import AddressOf, Reach, channel_work
from shopwire.services.checkout_door import CheckoutDoor
from shopwire.services.completion import Completion
from shopwire.services.gathering import Gathered
from shopwire.services.outside import Outside, OutsideOptions, open_outside
from shopwire.services.pacing import Pacing
from shopwire.services.parts import MODULES
from shopwire.services.routing import Router
from shopwire.services.steps import Steps, in_background


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """What buying and selling needs besides the write path."""

    outside: Outside
    completion: Completion
    checkout: CheckoutDoor
    activities: Activities


def addresses(reads: Reads) -> AddressOf:
    """Reads where the goods of an order go; whoever asks keeps it nowhere."""
    gathered: dict[str, Gathered[dict[str, Address]]] = {}

    async def address_of(tenant: str, order_id: str) -> ShipTo | None:
        if (known := gathered.get(tenant)) is None:
            known = gathered[tenant] = Gathered(partial(read_addresses, reads, tenant))
        address = (await known.of([order_id])).get(order_id)
        return None if address is None else ship_to_of(msgspec.structs.asdict(address))

    return address_of


async def open_trade(
    options: OutsideOptions,
    steps: Steps,
    store: Store,
    log: EventLog,
    write_path: WritePath,
    clock: Clock,
    fail: Callable[[BaseException], None],
    more: Iterable[Activity] = (),
    pacing: Pacing | None = None,
) -> Trade:
    """Starts it; the steps stop it. `more` are activities that do not trade.

    Raises SetupProblem where a secret is missing.
    """
    outside = await steps.enter("outside", open_outside(options, store.log))
    completion = Completion(write_path, store.reads, outside.providers, clock)
    router = Router(store.reads, clock)
    door = CheckoutDoor(
        write_path,
        store.reads,
        outside.providers,
        completion,
        clock,
        provider=outside.provider,
        router=router,
        pacing=pacing,
    )

    address_of = addresses(store.reads)
    ways = channel_work(
        Reach(options.data, options.allow_addresses),
        outside.channels,
        outside.secrets,
        (write_path, store.reads, store.log, clock),
        address_of,
    )
    work = [
        *(activity for module in MODULES for activity in module.activities),
        *order_activities(completion.finish),
        *payment_activities(outside.providers),
        *shipping_activities(ways.channel, address_of),
        *ways.activities,
        *more,
        *routing_activities(router.find_supplier),
    ]
    leader = PostgresLeader(store.pools.dsn, "activities")
    activities = Activities(log, write_path, store.reads, work, clock, leader)
    await steps.enter("activities", in_background(activities.run(), fail))
    reader = PostgresLeader(store.pools.dsn, "inbox")
    await steps.enter("inbox", in_background(ways.inbox.run(reader), fail))
    return Trade(outside=outside, completion=completion, checkout=door, activities=activities)
