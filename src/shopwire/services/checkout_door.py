"""The HTTP door of the checkout: start, pay, complete inside one request, with a deadline.

The claim of the idempotency key is the start's own: it commits together with the order, under the
fingerprint of what the client sent, so that nothing has to be leased. What is answered stands in
the order's row, written by whoever decided: the first answer is the answer for every repeat.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, HeaderParameter
from typing_extensions import override

from shopwire.kernel.access_errors import Forbidden
from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Envelope, Outcome, check_key
from shopwire.kernel.errors import (
    InvalidField,
    KeyInFlight,
    KeyMissing,
    MalformedRequest,
    StorageUnavailable,
)
from shopwire.kernel.identity import LOCAL, Caller, owner_of_cart
from shopwire.kernel.ids import DEFAULT_TENANT, derived_id
from shopwire.kernel.limits import COMMAND_BYTES_MAX
from shopwire.kernel.payments import Authorisation, PaymentProvider
from shopwire.kernel.queries import Reads
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.kernel.validation import check_name, check_quantity
from shopwire.kernel.write_path import WritePath
from shopwire.modules.carts.api import SetPart
from shopwire.modules.carts.store import cart_to_buy
from shopwire.modules.catalog.store import Alternative, alternatives_to, titles_of
from shopwire.modules.orders.api import Address, AnswerLater, OrderLine, StartCheckout
from shopwire.modules.orders.domain import ANSWER_MS, TITLE_CHARS_MAX
from shopwire.modules.orders.events import OrderStatus
from shopwire.modules.orders.store import Checkout, read_checkout, suppliers_of
from shopwire.modules.routing.api import RouteChoice
from shopwire.services.answers import answer, headers_of
from shopwire.services.completion import PRINCIPAL as STEPS
from shopwire.services.completion import Answered, Completion, charge_of
from shopwire.services.express import Asked, QuickDoor, Told
from shopwire.services.gathering import Gathered
from shopwire.services.pacing import Pacing
from shopwire.services.routing import Router

CHECKOUT: Final = "/api/checkout"
"""Where to buy."""
AUTHORISE_MS_MAX: Final = 8_000
"""How long a request waits for the provider; then the order goes on without it."""
AGAIN_MS_MIN: Final = 100
"""First wait before a provider that was away is asked again; it doubles."""
IN_FLIGHT_RETRY_MS: Final = 500
"""When to ask again for a checkout that somebody else is working on."""
TITLES_HELD_MAX: Final = 20_000
"""Titles of articles that are remembered; the one not asked for longest is forgotten."""
TITLES_KEPT_MS: Final = 60_000
"""How long a title is taken from memory."""

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class BoughtLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An article that is bought without a cart."""

    sku: str
    quantity: int
    price_minor: int
    """Of one unit, as the shopper accepted it."""
    parts: tuple[SetPart, ...] = ()


class CheckoutRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends: a cart's id, or the lines themselves."""

    cart_id: str | None = None
    lines: tuple[BoughtLine, ...] = ()
    currency: str
    email: str
    address: Address
    method: str
    """The payment provider's token for a card or an account."""
    shopper: str | None = None
    """Whom limits a shopper count, where there is no cart that says it."""
    provider: str | None = None
    """None for the shop's own choice."""


class _Asked(Envelope, frozen=True, kw_only=True):
    """A start, told apart by what the client sent and not by what was made of it."""

    digest: bytes

    @property
    @override
    def fingerprint(self) -> bytes:
        return self.digest


class _Titles:
    """What articles are called, remembered for a while: the hot ones are asked for all the time."""

    def __init__(self, reads: Reads, clock: Clock) -> None:
        self._reads, self._clock = reads, clock
        self._gathered: dict[str, Gathered[dict[str, str]]] = {}
        """By tenant."""
        self._held: OrderedDict[str, tuple[float, str]] = OrderedDict()

    async def of(self, tenant: str, skus: Sequence[str]) -> dict[str, str]:
        """A title for each; the SKU itself where the catalogue has none."""
        now = self._clock.monotonic_ms()
        names = {sku: f"{tenant}/{sku}" for sku in skus}
        found = {
            sku: held[1]
            for sku, name in names.items()
            if (held := self._held.get(name)) is not None and held[0] > now
        }
        missing = [sku for sku in skus if sku not in found]
        if missing:
            read = await self._read_of(tenant).of(missing)
            for sku in missing:
                found[sku] = read.get(sku, sku)[:TITLE_CHARS_MAX]
                self._held[names[sku]] = (now + TITLES_KEPT_MS, found[sku])
                self._held.move_to_end(names[sku])
            while len(self._held) > TITLES_HELD_MAX:
                self._held.popitem(last=False)
        return found

    def _read_of(self, tenant: str) -> Gathered[dict[str, str]]:
        known = self._gathered.get(tenant)
        if known is None:
            known = self._gathered[tenant] = Gathered(partial(titles_of, self._reads, tenant))
        return known


class CheckoutDoor:
    """Takes checkouts; HTTP is only one way to call it."""

    def __init__(
        self,
        write_path: WritePath,
        reads: Reads,
        providers: dict[str, PaymentProvider],
        completion: Completion,
        clock: Clock,
        *,
        provider: str,
        authorise_ms_max: int = AUTHORISE_MS_MAX,
        router: Router | None = None,
        pacing: Pacing | None = None,
    ) -> None:
        """Args: `provider` is the name of the one that is asked where a client names none.

        Without a `router` units come from whoever has most of each. Imports that know the same
        `pacing` stand back while somebody buys.
        """
        self.pacing = pacing or Pacing()
        self._router = router
        self._write_path = write_path
        self._reads = reads
        self._providers = providers
        self._completion = completion
        self._clock = clock
        self._provider = provider
        self._authorise_ms_max = authorise_ms_max
        self._titles = _Titles(reads, clock)

    async def take(self, key: str | None, body: bytes, *, caller: Caller = LOCAL) -> Outcome:
        """The answer to one request, the same bytes for every repeat of it.

        Shoppers buy their own carts, operators any; raises Forbidden to everybody else.

        Raises KeyMissing, KeyMalformed, MalformedRequest, InvalidField, NotFound (no such cart),
        KeyReused, KeyInFlight, and what `submit` raises: then the same key may ask again.
        """
        if key is None:
            raise KeyMissing
        check_key(key)
        asked = _read(body)
        _check_own(asked, caller)
        with self.pacing.shopper():
            return await self._take(key, asked, caller)

    async def _take(self, key: str, asked: CheckoutRequest, caller: Caller) -> Outcome:
        origin = derived_id(DEFAULT_TENANT, caller.principal, "checkout", key)
        start = await self._start_of(asked, origin, caller)
        started = await self._write_path.submit(
            _Asked(
                command=start,
                key=f"start/{origin}",
                principal=STEPS,
                digest=hashlib.sha256(_encode(asked)).digest()[:16],
            )
        )
        if not started.ok:
            return started
        result = _started(started.body).result
        if not started.replayed and result.status == "checking_out" and result.answer is None:
            answer = await self._pay(_fresh(result, start))
            return Outcome(status=answer.status, body=answer.body)
        return await self._again(result.order_id)

    async def _again(self, order_id: str) -> Outcome:
        """A repeat: the answer that stands, or to go on where the first was left."""
        checkout = await read_checkout(self._reads, DEFAULT_TENANT, order_id)
        if checkout is None:
            raise StorageUnavailable(retry_ms=IN_FLIGHT_RETRY_MS)
        if (answer := _answer_of(checkout)) is None:
            self._check_idle(checkout)
            answer = await self._pay(checkout)
        return Outcome(status=answer.status, body=answer.body, replayed=True)

    async def _start_of(self, asked: CheckoutRequest, origin: str, caller: Caller) -> StartCheckout:
        tenant = DEFAULT_TENANT
        if asked.cart_id is None:
            own = caller.subject if caller.role == "shopper" else ""
            cart_id, attempt = f"{own}-{origin}" if own else origin, 1
            shopper = own or asked.shopper or origin
            lines: Iterable[Any] = asked.lines
            bought = [(line.sku, line.quantity, line.price_minor, line.parts) for line in lines]
        else:
            cart = await cart_to_buy(self._reads, tenant, check_name(asked.cart_id, "cart_id"))
            cart_id, attempt, shopper = asked.cart_id, cart.attempt, cart.shopper
            bought = [
                (line.sku, line.quantity, line.accepted_minor, line.parts) for line in cart.lines
            ]
        titles = await self._titles.of(tenant, [sku for sku, *_ in bought])
        ordered = tuple(
            OrderLine(sku=sku, title=titles[sku], quantity=quantity, price_minor=price, parts=parts)
            for sku, quantity, price, parts in bought
        )
        return StartCheckout(
            order_id=f"{cart_id}.{attempt}",
            cart_id=cart_id,
            shopper=shopper,
            lines=ordered,
            route=await self._route(tenant, ordered, asked),
            currency=asked.currency,
            email=asked.email,
            address=asked.address,
            method=asked.method,
            provider=self._provider_of(asked),
            has_cart=asked.cart_id is not None,
            origin=origin,
        )

    async def _route(
        self, tenant: str, lines: Sequence[OrderLine], asked: CheckoutRequest
    ) -> RouteChoice | None:
        """Who is to send what. What cannot be sold at all is refused by the start, not here."""
        if self._router is None or not all(line.quantity > 0 for line in lines):
            return None
        return await self._router.choose(tenant, lines, asked.currency, asked.address.country)

    def _provider_of(self, asked: CheckoutRequest) -> str:
        name = asked.provider or self._provider
        if name not in self._providers:
            reason = f"the shop has {', '.join(sorted(self._providers))}"
            raise InvalidField(
                f"No such provider: {reason}.", field="provider", reason=reason, value=name[:60]
            )
        return name

    def _check_idle(self, checkout: Checkout) -> None:
        """Whoever began works on it for a while; after that the next who asks goes on with it."""
        if self._clock.now_ms() < checkout.started_at_ms + ANSWER_MS:
            raise KeyInFlight(retry_ms=IN_FLIGHT_RETRY_MS)

    async def _pay(self, checkout: Checkout) -> Answered:
        """Asks for the money and settles; where no word comes in time, the order goes on alone."""
        promise = await self._authorise(checkout)
        if promise is not None and promise.state != "pending":
            return await self._completion.settle(DEFAULT_TENANT, checkout, promise)
        later = AnswerLater(
            order_id=checkout.order_id, next_url=promise.next_url if promise else ""
        )
        return await self._completion.answer(DEFAULT_TENANT, later, f"later/{checkout.order_id}")

    async def _authorise(self, checkout: Checkout) -> Authorisation | None:
        """The provider's word, None where it is not to be had now. Asked twice, it counts once."""
        provider = self._providers[checkout.provider]
        wait_ms = AGAIN_MS_MIN
        try:
            async with asyncio.timeout(self._authorise_ms_max / 1_000):
                while True:
                    try:
                        return await provider.authorise(charge_of(checkout))
                    except ProviderUnavailable:
                        await asyncio.sleep(wait_ms / 1_000)
                        wait_ms *= 2
        except TimeoutError:
            return None


def quick_checkout(door: CheckoutDoor) -> QuickDoor:
    """`POST /api/checkout` without the framework."""

    async def take(asked: Asked) -> Told:
        key = asked.headers.get("idempotency-key")
        outcome = await door.take(key, asked.body, caller=asked.caller)
        return Told(outcome.body, outcome.status, headers_of(outcome))

    return QuickDoor(template=CHECKOUT, bytes_max=COMMAND_BYTES_MAX, take=take)


def checkout_routes(door: CheckoutDoor, reads: Reads) -> list[Any]:
    """`POST /api/checkout`, and what to buy instead where it was refused."""

    @post(
        CHECKOUT,
        status_code=200,
        request_max_body_size=COMMAND_BYTES_MAX,
        summary="Buy a cart, or a few articles",
        description="200: placed. 202: the payment goes on, follow the order's topic. 402: "
        "declined. 409: a price moved, stock is short, the cart changed or was bought. The same "
        "Idempotency-Key with the same body is answered with the same bytes.",
    )
    async def take_checkout(
        request: Request[Any, Any, Any],
        idempotency_key: Annotated[str | None, HeaderParameter(name="Idempotency-Key")] = None,
    ) -> Response[bytes]:
        caller: Caller = request.state.caller
        return answer(await door.take(idempotency_key, await request.body(), caller=caller))

    @get("/api/stock/{sku:str}/alternatives", summary="What to buy instead of a SKU")
    async def alternatives(
        sku: FromPath[str], quantity: FromQuery[int] = 1, limit: FromQuery[int] = 6
    ) -> dict[str, list[Alternative]]:
        check_name(sku, "sku")
        check_quantity(quantity, least=1)
        found = await alternatives_to(
            reads, DEFAULT_TENANT, sku, quantity=quantity, limit=max(1, limit)
        )
        return {"items": found}

    return [take_checkout, alternatives]


def _check_own(asked: CheckoutRequest, caller: Caller) -> None:
    """Raises Forbidden for the cart of somebody else."""
    if caller.role == "operator":
        return
    subject = caller.subject
    owner = subject if asked.cart_id is None else owner_of_cart(asked.cart_id)
    if caller.role != "shopper" or owner != subject or asked.shopper not in {None, subject}:
        raise Forbidden(operation="checkout", role=caller.role, allowed=["shopper", "operator"])


def _read(body: bytes) -> CheckoutRequest:
    """Raises MalformedRequest and InvalidField; neither names what was sent of a person."""
    try:
        asked = msgspec.json.decode(body, type=CheckoutRequest)
    except msgspec.ValidationError as problem:
        reason, _, field = str(problem).partition(" - at `$")
        raise InvalidField(field=field.strip("`.") or "body", reason=reason) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise MalformedRequest(field="body", reason=str(problem)) from None
    if b"\\u0000" in body:
        raise MalformedRequest(field="body", reason="a text contains the character U+0000")
    if (asked.cart_id is None) == (not asked.lines):
        reason = "send a cart's id, or lines, and not both"
        raise InvalidField(f"{reason}.", field="cart_id", reason=reason)
    return asked


class _Result(msgspec.Struct, frozen=True, kw_only=True):
    order_id: str
    status: OrderStatus
    skus: tuple[str, ...]
    total_minor: int
    currency: str
    started_at_ms: int
    expires_at_ms: int
    answer: Any


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    result: _Result


_started: Final = msgspec.json.Decoder(_Body).decode


def _fresh(result: _Result, start: StartCheckout) -> Checkout:
    """The order as it was just made: it need not be read."""
    return Checkout(
        order_id=result.order_id,
        status=result.status,
        skus=result.skus,
        shopper=start.shopper,
        provider=start.provider,
        method=start.method,
        total_minor=result.total_minor,
        currency=result.currency,
        started_at_ms=result.started_at_ms,
        expires_at_ms=result.expires_at_ms,
        answer_status=None,
        answer_body=None,
        suppliers=suppliers_of(start.route),
    )


def _answer_of(checkout: Checkout) -> Answered | None:
    if checkout.answer_status is None or checkout.answer_body is None:
        return None
    return Answered(status=checkout.answer_status, body=checkout.answer_body.encode())
