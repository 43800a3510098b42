"""Purchase orders as signed Standard Webhooks. The supplier answers at the shop's own door."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx2
import msgspec
from typing_extensions import override

from shopwire.adapters.outbound import NOTHING, Allowed, guarded_client
from shopwire.kernel.clock import Clock
from shopwire.kernel.errors import AddressRefused
from shopwire.kernel.ids import derived_id
from shopwire.kernel.posting import Bundle, Medium, NotLeft, Posted
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.kernel.webhooks import sign

SECRET_OF = Callable[[str], str]
RETRY_MS: Final = 30_000
"""When a receiver without an answer may be tried again, where it drops what it has seen."""


class WebhookMedium(Medium):
    """See Medium. `way` has `url`, `timeout_ms`, `repeats`.

    A receiver that drops a `webhook-id` it has seen may be called again after a call without an
    answer; any other leaves a doubt. Bundles of several orders are one message with all of them.
    """

    def __init__(self, secret_of: SECRET_OF, clock: Clock, allowed: Allowed = NOTHING) -> None:
        self._secret_of, self._clock, self._allowed = secret_of, clock, allowed

    @override
    async def stage(self, bundle: Bundle) -> None:
        return None

    @override
    async def release(self, bundle: Bundle) -> None:
        way = bundle.way
        body = message_of(bundle)
        secret = self._secret_of(f"supplier:{bundle.supplier}")
        headers = sign([secret], webhook_id(bundle), body, now_ms=self._clock.now_ms())
        headers["content-type"] = "application/json"
        async with guarded_client(self._allowed, timeout_s=way.timeout_ms / 1_000) as client:
            try:
                reply = await client.post(way.url, content=body, headers=headers)
            except AddressRefused as problem:
                raise NotLeft(f"{problem.data['host']}: {problem.data['reason']}") from None
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as problem:
                raise NotLeft(f"nobody answers at {way.url}") from problem
            except httpx2.HTTPError as problem:
                if way.repeats:
                    raise NotLeft("the call ended without an answer; it is repeated") from problem
                raise ProviderUnavailable(provider=bundle.supplier, retry_ms=RETRY_MS) from problem
        if reply.status_code >= 300:
            raise NotLeft(f"the receiver answered {reply.status_code}")

    @override
    async def released(self, bundle: Bundle) -> bool | None:
        # A receiver that drops repetitions may be told again; of another nobody can know.
        return False if bundle.way.repeats else None


def webhook_id(bundle: Bundle) -> str:
    """The same for the same orders, so that a repetition is known as one."""
    return derived_id("webhook", bundle.supplier, *(one.order.id for one in bundle.orders))


def message_of(bundle: Bundle) -> bytes:
    """The body: one order, or several."""
    orders = [order_data(one) for one in bundle.orders]
    if len(orders) == 1:
        return _encode({"type": "purchase_order.created", "data": orders[0]})
    return _encode({"type": "purchase_orders.created", "data": {"orders": orders}})


def order_data(posted: Posted) -> Mapping[str, Any]:
    """An order as suppliers read it in JSON."""
    order = posted.order
    return {
        "purchase_order": order.id,
        "number": posted.number,
        "lines": order.lines,
        "ship_to": order.ship_to,
    }


_encode: Final = msgspec.json.Encoder(order="deterministic").encode
