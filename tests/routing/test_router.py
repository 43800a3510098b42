"""The choice before a checkout: what it wants of which SKU, and that no sale waits for it."""

from collections.abc import Mapping
from typing import Any

import pytest

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import StorageUnavailable
from shopwire.modules.carts.api import SetPart
from shopwire.modules.orders.api import OrderLine
from shopwire.services.routing import Router, wanted_of

pytestmark = pytest.mark.anyio


class Away:
    """A database that cannot be read now."""

    async def fetch(self, query: str, *args: Any) -> list[Mapping[str, Any]]:
        raise StorageUnavailable(retry_ms=1)


def line(sku: str, quantity: int, price: int, **parts: int) -> OrderLine:
    own = tuple(SetPart(sku=part, quantity=count) for part, count in parts.items())
    return OrderLine(sku=sku, title=sku, quantity=quantity, price_minor=price, parts=own)


async def test_a_checkout_goes_on_without_a_choice_where_nothing_can_be_read():
    router = Router(Away(), SystemClock())
    assert await router.choose("main", [line("A", 1, 500)], "EUR", "DE") is None


async def test_sets_want_their_parts_and_share_what_is_paid():
    found = wanted_of([line("SET", 2, 1_000, MUG=2, POT=1), line("MUG", 3, 400)])
    assert {sku: units for sku, (units, _) in found.items()} == {"MUG": 7, "POT": 2}
    assert sum(paid for _, paid in found.values()) == 2 * 1_000 + 3 * 400
