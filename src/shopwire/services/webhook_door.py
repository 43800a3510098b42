"""The door of payment providers: what they tell is proved, kept, booked once, and passed on."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final

import msgspec
import structlog
from litestar import Request, Response, post
from litestar.params import FromPath, HeaderParameter, QueryParameter

from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Command, Envelope, Outcome, check_key
from shopwire.kernel.errors import (
    BodyTooLarge,
    ConstraintRefused,
    ErrorBody,
    KeyMissing,
    KeyReused,
    MalformedRequest,
    ShopwireError,
    StorageUnavailable,
    error_table,
)
from shopwire.kernel.ids import DEFAULT_TENANT, home_of_order
from shopwire.kernel.payments import (
    WEBHOOK_BYTES_MAX,
    Authorisation,
    PaymentProvider,
    ProviderEvent,
)
from shopwire.kernel.queries import Reads
from shopwire.kernel.trade_errors import SignatureInvalid
from shopwire.kernel.validation import check_name
from shopwire.kernel.write_path import WritePath
from shopwire.modules.payments.api import RecordProviderEvent, ReplayWebhook
from shopwire.modules.payments.store import order_of_reference
from shopwire.services.command_door import PRINCIPAL
from shopwire.services.express import Asked, QuickDoor, Told

RAW_CHARS_MAX: Final = 65_536
"""How much of a body nobody understands is kept for a person to read."""

Complete = Callable[[str, str, Authorisation], Awaitable[object]]
"""The one completion path of orders: shop, order, and what the provider said."""

_log: Final = structlog.get_logger()
_decode_error: Final = msgspec.json.Decoder(ErrorBody).decode


class _Result(msgspec.Struct, frozen=True, kw_only=True):
    outcome: str
    promise: Authorisation | None = None
    error: str = ""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    result: _Result


_decode_answer: Final = msgspec.json.Decoder(_Answer).decode


class WebhookDoor:
    """Takes what payment providers send, over HTTP or from within the process."""

    def __init__(
        self,
        write_path: WritePath,
        reads: Reads,
        providers: Mapping[str, PaymentProvider],
        complete: Complete,
        clock: Clock,
    ) -> None:
        self._write_path, self._reads = write_path, reads
        self._providers, self._complete = providers, complete
        self._clock = clock

    async def take(self, name: str, headers: Mapping[str, str], body: bytes) -> str:
        """What came of a webhook, in a word. `headers` have lower-case names.

        Raises SignatureInvalid and MalformedRequest, after which nothing has changed, and
        temporary errors, after which the provider is to come again. A provider that is not set up
        is refused like a wrong signature: who is known here is nobody's business.
        """
        try:
            event = self._prove(name, headers, body)
        except ShopwireError as problem:
            # Once, without the body: a forger's words do not belong into the log.
            _log.warning("webhook.refused", provider=name[:60], reason=problem.data.get("reason"))
            raise
        order_id = await self._order_of(name, event)
        raw = body.decode("utf-8", "replace")[:RAW_CHARS_MAX] if event.kind == "other" else ""
        command = RecordProviderEvent(provider=name, order_id=order_id, event=event, raw=raw)
        outcome = await self._submit(command, event.id, f"webhook:{name}")
        if _name_of(outcome) == KeyReused.__name__:
            # The same id says the same thing; what is different beside it changes nothing.
            _log.warning("webhook.reused", provider=name, webhook=event.id)
            return "duplicate"
        if _name_of(outcome) == ConstraintRefused.__name__:
            kept = msgspec.structs.replace(command, refused=ConstraintRefused.__name__)
            outcome = await self._submit(kept, f"{event.id}/refused", f"webhook:{name}")
        result = await self._pass_on(order_id, outcome)
        if result.outcome not in ("applied", "unchanged") and not outcome.replayed:
            why = {"outcome": result.outcome, "error": result.error or None}
            _log.warning("webhook.kept", provider=name, webhook=event.id, **why)
        return result.outcome

    async def replay(self, command: ReplayWebhook, key: str) -> str:
        """Takes a kept webhook again; raises NotFound."""
        outcome = await self._submit(command, key, PRINCIPAL)
        return (await self._pass_on(command.order_id, outcome)).outcome

    def _prove(self, name: str, headers: Mapping[str, str], body: bytes) -> ProviderEvent:
        provider = self._providers.get(name)
        if len(body) > WEBHOOK_BYTES_MAX:
            raise BodyTooLarge(bytes_max=WEBHOOK_BYTES_MAX)
        if provider is None:
            raise SignatureInvalid(reason="no signature matches")
        event = provider.read_webhook(headers, body, self._clock.now_ms())
        if b"\\u0000" in body:
            raise MalformedRequest(field="body", reason="a text contains the character U+0000")
        check_key(check_name(event.id, "id"))
        return event

    async def _order_of(self, name: str, event: ProviderEvent) -> str:
        """Our payment, by our id of it or by the provider's; empty where it is none of ours."""
        if home_of_order(event.charge_id):
            return check_name(event.charge_id, "charge_id")
        if not event.reference:
            return ""
        return await order_of_reference(self._reads, DEFAULT_TENANT, name, event.reference)

    async def _submit(self, command: Command, key: str, principal: str) -> Outcome:
        return await self._write_path.submit(
            Envelope(command=command, key=key, principal=principal)
        )

    async def _pass_on(self, order_id: str, outcome: Outcome) -> _Result:
        """Completes the order with the first news of its promise; a repeat completes it again.

        Whoever comes with the same id later gets the same answer, promise included: a process that
        died between the two is made up for by the provider's next delivery.
        """
        if not outcome.ok:
            raise _as_raised(outcome)
        result = _decode_answer(outcome.body).result
        if result.promise is not None:
            await self._complete(DEFAULT_TENANT, order_id, result.promise)
        return result


def quick_webhooks(door: WebhookDoor) -> QuickDoor:
    """`POST /api/webhooks/payments/{provider}` without the framework."""

    async def take(asked: Asked) -> Told:
        return Told(_outcome(await door.take(asked.name, asked.headers, asked.body)))

    template = "/api/webhooks/payments/{provider}"
    return QuickDoor(template=template, bytes_max=WEBHOOK_BYTES_MAX, take=take)


def webhook_routes(door: WebhookDoor) -> list[Any]:
    """`POST /api/webhooks/payments/{provider}`, and the replay of what was kept."""

    @post(
        "/api/webhooks/payments/{provider:str}",
        status_code=200,
        request_max_body_size=WEBHOOK_BYTES_MAX,
        summary="A payment provider tells what happened",
        description="Signed in the provider's way: as a Standard Webhook, or by Stripe-Signature. "
        "200 means that it need not come again; what cannot be used is kept for a person.",
    )
    async def take_webhook(
        request: Request[Any, Any, Any], provider: FromPath[str]
    ) -> Response[bytes]:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in request.scope["headers"]
        }
        return _told(await door.take(provider, headers, await request.body()))

    @post(
        "/api/webhooks/received/{provider:str}/{webhook_id:str}/replay",
        status_code=200,
        summary="Take a kept webhook again",
    )
    async def replay_webhook(
        provider: FromPath[str],
        webhook_id: FromPath[str],
        order_id: Annotated[str, QueryParameter()] = "",
        idempotency_key: Annotated[str | None, HeaderParameter(name="Idempotency-Key")] = None,
    ) -> Response[bytes]:
        if idempotency_key is None:
            raise KeyMissing
        check_key(idempotency_key)
        command = ReplayWebhook(
            provider=check_name(provider, "provider"),
            webhook_id=check_name(webhook_id, "webhook_id"),
            order_id=check_name(order_id, "order_id") if order_id else "",
        )
        return _told(await door.replay(command, idempotency_key))

    return [take_webhook, replay_webhook]


def _told(outcome: str) -> Response[bytes]:
    return Response(_outcome(outcome), status_code=200, media_type="application/json")


def _outcome(outcome: str) -> bytes:
    return msgspec.json.encode({"outcome": outcome})


def _name_of(outcome: Outcome) -> str:
    return "" if outcome.ok else _decode_error(outcome.body).name


def _as_raised(outcome: Outcome) -> ShopwireError:
    """A refusal as the error that it was made from; one that nobody knows is not final."""
    told = _decode_error(outcome.body)
    kind = error_table().get(told.code)
    return kind(told.message, **told.data) if kind else StorageUnavailable(retry_ms=1_000)
