"""Nobody asks more often over HTTP than one may; whoever waits as told is served."""

import pytest
from litestar import Litestar, get
from litestar.testing import TestClient
from tests.callers import open_callers

from shopwire.kernel.access_errors import TooManyRequests
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.identity import ANONYMOUS, LOCAL, Caller
from shopwire.services import request_rates
from shopwire.services.problems import on_known
from shopwire.services.request_rates import ADDRESS_RATE, RATES, RequestRates
from shopwire.services.route_rights import RouteGuard
from shopwire.sync.rights import Rights

HOME, OFFICE, HERE = "203.0.113.7", "198.51.100.2", "127.0.0.1"
ME = Caller(role="shopper", subject="sh_me")
OTHER = Caller(role="shopper", subject="sh_other")


class Clock:
    now = 0.0

    def now_ms(self) -> int:
        return int(self.now)

    def monotonic_ms(self) -> float:
        return self.now


def served(rates: RequestRates, caller: Caller, address: str, path: str = "/api/products") -> int:
    """How many requests are taken at once; at most 10,000 are tried."""
    for number in range(10_000):
        try:
            rates.check(caller, address, path)
        except TooManyRequests:
            return number
    return 10_000


@pytest.mark.parametrize("role", RATES)
def test_a_caller_has_its_burst_and_then_its_rate(role):
    clock = Clock()
    rates, caller = RequestRates(clock), Caller(role=role, subject="one")
    assert served(rates, caller, HERE) == RATES[role].burst
    with pytest.raises(TooManyRequests) as refused:
        rates.check(caller, HERE, "/api/products")
    clock.now += refused.value.data["retry_ms"]
    rates.check(caller, HERE, "/api/products")
    clock.now += 1_000
    assert served(rates, caller, HERE) == RATES[role].per_s


def test_one_caller_does_not_use_up_what_another_has():
    rates = RequestRates(Clock())
    served(rates, ME, HOME)
    assert served(rates, OTHER, OFFICE) == RATES["shopper"].burst


def test_an_address_is_counted_over_all_of_its_shoppers():
    rates = RequestRates(Clock())
    shoppers = [Caller(role="shopper", subject=f"sh_{n}") for n in range(20)]
    assert sum(served(rates, one, HOME) for one in shoppers) == ADDRESS_RATE.burst
    assert served(rates, ANONYMOUS, HOME) == 0
    assert served(rates, ANONYMOUS, OFFICE) == ADDRESS_RATE.burst


def test_this_machine_and_signed_notices_are_not_counted():
    rates = RequestRates(Clock())
    assert served(rates, LOCAL, HOME) == 10_000
    assert served(rates, ANONYMOUS, HOME, "/api/webhooks/payments/stripe") == 10_000


def test_callers_that_are_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr(request_rates, "BUCKETS_MAX", 10)
    rates = RequestRates(Clock())
    for number in range(50):
        rates.check(Caller(role="service", subject=f"s{number}"), HERE, "/api/products")
    assert len(rates._buckets) == 10


def test_the_door_says_when_to_come_back():
    @get("/api/products", sync_to_thread=False)
    def products() -> str:
        return "some"

    rates = RequestRates(Clock())
    guard = RouteGuard(open_callers(Rights()), rates=rates)
    app = Litestar([products], guards=[guard], exception_handlers={ShopwireError: on_known})

    async def behind_a_proxy(scope, receive, send):
        await app(scope | {"client": (HERE, 1)}, receive, send)

    with TestClient(behind_a_proxy) as client:
        headers = {"X-Forwarded-For": HOME}
        assert client.get("/api/products", headers=headers).status_code == 200
        served(rates, ANONYMOUS, HOME)
        refused = client.get("/api/products", headers=headers)
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "1"
        assert refused.json()["name"] == "TooManyRequests"
        elsewhere = client.get("/api/products", headers={"X-Forwarded-For": OFFICE})
        assert elsewhere.status_code == 200
