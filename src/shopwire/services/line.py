"""What the process that writes has to do with the bus: it relays, tells states, knows the hubs."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from shopwire.adapters.bus.nats import NatsBus
from shopwire.adapters.postgres.leader import PostgresLeader
from shopwire.adapters.postgres.store import Store
from shopwire.kernel.bus import Bus
from shopwire.kernel.clock import Clock
from shopwire.kernel.log import EventLog
from shopwire.services.hubs import Hubs, log_bus
from shopwire.services.relay import OFFICE, Relay
from shopwire.services.steps import Steps, in_background, started
from shopwire.services.telemetry import Readings

Publish = Callable[[str, int, Any], None]
"""Shows a state that is in no log: topic, version, document."""

_encode = msgspec.json.Encoder(order="deterministic").encode


class Line(msgspec.Struct, frozen=True):
    """The bus and what stands on it; all of it None where there is none."""

    bus: Bus | None = None
    relay: Relay | None = None
    hubs: Hubs | None = None

    def publisher(self, here: Publish) -> Publish:
        """Shows a state here, and in every other hub as well."""
        bus = self.bus
        if bus is None:
            return here

        def publish(topic: str, version: int, document: Any) -> None:
            here(topic, version, document)
            bus.tell(topic, version, _encode(document))

        return publish

    def add_to(self, readings: Readings, heads: Sequence[int]) -> Readings:
        """The readings with those of the bus."""
        if self.bus is None or self.relay is None:
            return readings
        return msgspec.structs.replace(
            readings,
            bus_up=self.bus.up,
            relay_events=self.relay.events,
            relay_lag_events=self.relay.behind(heads),
        )


async def open_line(
    servers: Sequence[str],
    steps: Steps,
    store: Store,
    log: EventLog,
    clock: Clock,
    fail: Callable[[BaseException], None],
) -> Line:
    """Begins to relay where brokers are named; the broker may be away."""
    if not servers:
        return Line()
    bus = NatsBus(servers, bus_name(store.log_id))
    log_bus(bus)
    hubs = Hubs(bus, clock)
    await steps.enter("bus", started(bus.start, bus.close))
    relay = Relay(log, bus, PostgresLeader(store.pools.dsn, OFFICE))
    await steps.enter("relay", in_background(relay.run(), fail))
    return Line(bus, relay, hubs)


def bus_name(log_id: str) -> str:
    """What the shop's things are called on a broker that others may use as well."""
    return log_id.replace("-", "")
