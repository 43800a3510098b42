"""How often one caller, or one address, may ask over HTTP."""

from collections import OrderedDict
from typing import Final

import msgspec

from shopwire.kernel.access_errors import TooManyRequests
from shopwire.kernel.clock import Clock
from shopwire.kernel.identity import LOCAL, Caller, Role
from shopwire.sync.crowd import site_of
from shopwire.sync.waiting import Bucket


class Rate(msgspec.Struct, frozen=True):
    """Requests that come back at a rate, and how many may come at once after a rest."""

    per_s: int
    burst: int


RATES: Final[dict[Role, Rate]] = {
    "shopper": Rate(20, 120),
    "supplier": Rate(50, 300),
    "operator": Rate(100, 600),
    "service": Rate(500, 2_000),
}
"""Of one caller, whatever number of machines it asks from; one more is told TooManyRequests."""
ADDRESS_RATE: Final = Rate(200, 1_200)
"""Of one address without an account, and of all shoppers behind it: an office, a mobile network."""
BUCKETS_MAX: Final = 100_000
"""Callers and addresses that are counted. Who asked longest ago is forgotten first: by then it has
all of its burst again, unless as many others asked in between."""
UNCOUNTED: Final = "/api/webhooks/"
"""Signed notices: their senders repeat what was refused, and a late one is worse than many."""


class RequestRates:
    """A bucket for each caller and each address; of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def counts(self, caller: Caller, path: str) -> bool:
        """Whether such a request is counted at all."""
        return caller != LOCAL and not path.startswith(UNCOUNTED)

    def check(self, caller: Caller, address: str, path: str) -> None:
        """Counts a request; raises TooManyRequests with the wait.

        Whoever is on this machine, where the server is open to all of them, is not counted.
        """
        if not self.counts(caller, path):
            return
        rate = RATES.get(caller.role)
        if rate is not None:
            self._take(f"caller {caller.principal}", rate)
        site = site_of(address)
        if site and caller.role in {"anonymous", "shopper"}:
            self._take(f"address {site}", ADDRESS_RATE)

    def _take(self, name: str, rate: Rate) -> None:
        now_ms = self._clock.monotonic_ms()
        bucket = self._buckets.pop(name, None) or Bucket(rate.per_s, rate.burst, now_ms)
        self._buckets[name] = bucket
        while len(self._buckets) > BUCKETS_MAX:
            self._buckets.popitem(last=False)
        if wait_ms := bucket.wait_ms(now_ms):
            raise TooManyRequests(retry_ms=wait_ms)
