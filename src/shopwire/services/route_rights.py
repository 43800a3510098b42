"""Who may read which address. What is not listed here only operators may."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from shopwire.kernel.access_errors import Forbidden, OriginRefused
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.identity import Caller, owner_of_cart
from shopwire.kernel.ids import home_of_order
from shopwire.services.callers import Callers
from shopwire.services.request_rates import RequestRates
from shopwire.sync.arrivals import address_of_scope, arrival_of_scope

Rule = Callable[[Mapping[str, Any], Caller], bool]
"""Whether a caller may ask for an address with these parameters."""

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing: a page of another site may cause them."""


def _everybody(_: Mapping[str, Any], __: Caller) -> bool:
    return True


def _a_supplier(_: Mapping[str, Any], caller: Caller) -> bool:
    """The portal shows each its own: whose it is, the key says."""
    return caller.role == "supplier" and bool(caller.supplier)


def _own_cart(parameters: Mapping[str, Any], caller: Caller) -> bool:
    return _is_own(str(parameters["cart_id"]), caller)


def _own_order(parameters: Mapping[str, Any], caller: Caller) -> bool:
    return _is_own(home_of_order(str(parameters["order_id"])), caller)


def _is_own(cart_id: str, caller: Caller) -> bool:
    return caller.role == "shopper" and owner_of_cart(cart_id) == caller.subject


RULES: Final[Mapping[str, Rule]] = {
    "/healthz": _everybody,
    "/readyz": _everybody,
    "/pictures/{name}": _everybody,
    "/api/schema": _everybody,
    "/api/schema/openapi.json": _everybody,
    "/api/hubs": _everybody,
    "/api/products": _everybody,
    "/api/products/{product_id}": _everybody,
    "/api/categories": _everybody,
    "/api/stock/{sku}/alternatives": _everybody,
    "/api/sessions": _everybody,
    "/api/sessions/me": _everybody,
    "/api/sessions/refresh": _everybody,
    "/api/tickets": _everybody,
    "/api/carts/{cart_id}": _own_cart,
    "/api/orders/{order_id}": _own_order,
    "/api/orders/{order_id}/shipments": _own_order,
    "/api/orders/{order_id}/returns": _own_order,
    # What these take is looked at by their own door: a command, a cart, a signature.
    "/api/commands/{operation}": _everybody,
    "/api/checkout": _everybody,
    "/api/portal/orders": _a_supplier,
    "/api/portal/cancellations": _a_supplier,
    "/api/portal/exports/{form}": _a_supplier,
    "/api/webhooks/payments/{provider}": _everybody,
    "/api/webhooks/suppliers/{supplier}": _everybody,
    "/api/webhooks/feeds/{supplier}": _everybody,
    "/api/webhooks/carriers/{carrier}": _everybody,
}


class RouteGuard:
    """Knows the caller of each request, and turns away who may not ask."""

    def __init__(
        self,
        callers: Callers,
        origins: frozenset[str] = frozenset(),
        rates: RequestRates | None = None,
    ) -> None:
        self._callers = callers
        self._origins = origins
        self._rates = rates or RequestRates(SystemClock())

    async def __call__(
        self, connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler
    ) -> None:
        """Litestar calls it before a handler; the caller is in `request.state.caller` then.

        Raises Unauthenticated, TokenExpired, Forbidden, OriginRefused, TooManyRequests.
        """
        scope = connection.scope
        template = str(scope["path_template"])
        connection.state.caller = await self.admit(scope, template, connection.path_params)

    async def admit(
        self, scope: Mapping[str, Any], template: str, parameters: Mapping[str, Any]
    ) -> Caller:
        """Who asks for an address, which is named by its template; raises the same."""
        caller = await self._callers.of(arrival_of_scope(scope))
        self._check_origin(scope)
        path = str(scope["path"])
        if self._rates.counts(caller, path):
            self._rates.check(caller, address_of_scope(scope), path)
        if caller.role == "operator":
            return caller
        rule = RULES.get(template)
        if rule is None or not rule(parameters, caller):
            raise Forbidden(operation=template, role=caller.role, allowed=["operator"])
        return caller

    def _check_origin(self, scope: Mapping[str, Any]) -> None:
        """A browser sends what it has for any page; so a page of another site is told apart."""
        if scope.get("method", "GET") in SAFE or not (origin := _header(scope, b"origin")):
            return
        host = _header(scope, b"host")
        if urlsplit(origin).netloc != host and origin.rstrip("/") not in self._origins:
            raise OriginRefused(origin=origin)


def _header(scope: Mapping[str, Any], wanted: bytes) -> str:
    """The first header of that name in lower case, empty where there is none.

    Looked for as it came: to make an object of all headers takes longer than the rest of this.
    """
    for name, value in scope["headers"]:
        if name.lower() == wanted:
            text: str = value.decode("latin-1").lower()
            return text
    return ""
