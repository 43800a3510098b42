"""Stripe: PaymentIntents with manual capture, through its official library.

An intent is made first and confirmed second. Making one moves no money and is repeatable by its
idempotency key, so that its id is known whatever happens between the two; and an intent that was
cancelled cannot be confirmed, so that a void shuts the door also for an authorisation under way.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import msgspec
import stripe
from typing_extensions import override

from shopwire.adapters.payments.stripe_wire import (
    Intent,
    Refund,
    Refunds,
    authorisation_of,
    capture_metadata,
    promised_of,
    read_event,
)
from shopwire.kernel.errors import MalformedRequest
from shopwire.kernel.payments import (
    PROVIDER_ANSWER_MS_MAX,
    PROVIDER_RETRY_MS,
    Authorisation,
    Charge,
    PaymentProvider,
    ProviderEvent,
    Settlement,
    Standing,
)
from shopwire.kernel.trade_errors import ProviderUnavailable, SignatureInvalid
from shopwire.kernel.webhooks import check_time

SIGNATURE_HEADER: Final = "stripe-signature"
REFUNDS_PAGES_MAX: Final = 10
"""Pages of a hundred refunds that are read of one charge; a payment has fewer movements."""
KEY_CHARS_MAX: Final = 255
"""Length of an idempotency key at Stripe; a longer one becomes its digest."""
UNEXPECTED_STATE: Final = "payment_intent_unexpected_state"
_TOO_LARGE: Final = frozenset({"amount_too_large", "charge_already_refunded"})
_EXPIRED: Final = frozenset({"charge_expired_for_capture", "capture_charge_authorization_expired"})

T = TypeVar("T")


class StripeProvider(PaymentProvider):
    """See PaymentProvider; a charge's method is a PaymentMethod's id, `pm_...`."""

    def __init__(
        self,
        api_key: str,
        webhook_secrets: Sequence[str],
        *,
        api_base: str | None = None,
        return_url: str = "",
        answer_ms_max: int = PROVIDER_ANSWER_MS_MAX,
    ) -> None:
        """Args: `return_url` is where a shopper comes back from their bank to.

        Without one, a card that needs the shopper there stays pending.
        """
        self._secrets = webhook_secrets
        self._return_url = return_url
        self._answer_ms_max = answer_ms_max
        stripe.enable_telemetry = False
        self._http: Any = stripe.HTTPXClient(timeout=answer_ms_max / 1_000)
        self._client = stripe.StripeClient(
            api_key,
            http_client=self._http,
            base_addresses={"api": api_base} if api_base else None,
            # The rows are the queue: who tries again, and when, is decided there.
            max_network_retries=0,
        )

    @property
    @override
    def name(self) -> str:
        return "stripe"

    @override
    async def authorise(self, charge: Charge) -> Authorisation:
        async with self._asking("authorise"):
            intent = await self._find(charge)
            if intent.status == "requires_confirmation":
                intent = await self._confirm(charge, intent)
        _check_same(charge, intent)
        return authorisation_of(intent)

    @override
    async def capture(
        self, charge: Charge, capture_id: str, amount_minor: int, *, final: bool = True
    ) -> Settlement:
        async with self._asking("capture"):
            reference = charge.reference or (await self._find(charge)).id
            params: dict[str, Any] = {
                "amount_to_capture": amount_minor,
                "metadata": capture_metadata(capture_id, amount_minor),
            }
            if not final:
                params["final_capture"] = False
            try:
                intent = _read(
                    await self._client.v1.payment_intents.capture_async(
                        reference, _as(params), _once("capture", charge, capture_id)
                    ),
                    Intent,
                )
            except stripe.CardError as problem:
                return _refused(reference, _word(problem))
            except stripe.InvalidRequestError as problem:
                return await self._not_captured(reference, capture_id, amount_minor, problem)
        return _captured(intent, amount_minor)

    @override
    async def void(self, charge: Charge) -> Settlement:
        async with self._asking("void"):
            reference = charge.reference or (await self._find(charge)).id
            try:
                intent = _read(
                    await self._client.v1.payment_intents.cancel_async(
                        reference, None, _once("void", charge)
                    ),
                    Intent,
                )
            except stripe.InvalidRequestError as problem:
                if problem.code != UNEXPECTED_STATE:
                    raise
                intent = await self._look(reference)
                if intent.status != "canceled":
                    reason = "captured" if intent.amount_received else intent.status
                    return _refused(intent.id, reason)
        return Settlement(state="done", reference=intent.id)

    @override
    async def refund(self, charge: Charge, refund_id: str, amount_minor: int) -> Settlement:
        async with self._asking("refund"):
            reference = charge.reference or (await self._find(charge)).id
            params = {
                "payment_intent": reference,
                "amount": amount_minor,
                "metadata": {"order_id": charge.id, "refund_id": refund_id},
            }
            try:
                made = await self._client.v1.refunds.create_async(
                    _as(params), _once("refund", charge, refund_id)
                )
            except stripe.InvalidRequestError as problem:
                if problem.code in _TOO_LARGE or problem.param == "amount":
                    return _refused(reference, "amount_too_large")
                if problem.code == "charge_disputed":
                    return _refused(reference, "charge_disputed")
                raise
            refund = _read(made, Refund)
            if _replayed(made):
                # What was answered then may be decided by now.
                refund = _read(await self._client.v1.refunds.retrieve_async(refund.id), Refund)
        return refund.settlement

    @override
    async def fetch(self, charge: Charge) -> Standing:
        async with self._asking("fetch"):
            intent = await self._find(charge)
            _check_same(charge, intent)
            if intent.status == "requires_confirmation":
                return Standing()
            refunds: dict[str, Settlement] = {}
            if intent.amount_received:
                refunds = await self._refunds(intent.id)
        captures = {
            name: Settlement(
                state="done", reference=intent.latest_charge or intent.id, amount_minor=amount
            )
            for name, amount in intent.captures.items()
        }
        return Standing(
            authorisation=promised_of(intent),
            voided=intent.status == "canceled",
            captures=captures,
            refunds=refunds,
        )

    @override
    def read_webhook(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> ProviderEvent:
        header = headers.get(SIGNATURE_HEADER, "")
        stamps = [part[2:] for part in header.split(",") if part.startswith("t=")]
        if len(stamps) != 1 or not (stamps[0].isascii() and stamps[0].isdigit()):
            raise SignatureInvalid(reason="the signature's header is missing or malformed")
        if not any(_is_right(body, header, secret) for secret in self._secrets):
            raise SignatureInvalid(reason="no signature matches")
        check_time(int(stamps[0][:15]) * 1_000, now_ms)
        try:
            return read_event(body)
        except (msgspec.DecodeError, ValueError, RecursionError) as problem:
            raise MalformedRequest(field="body", reason=str(problem)) from None

    @override
    async def close(self) -> None:
        await self._http.close_async()

    # -- how Stripe is asked ------------------------------------------------------------------

    async def _find(self, charge: Charge) -> Intent:
        """The intent of a charge as it is now; made if there is none yet, which moves nothing."""
        if charge.reference:
            return await self._look(charge.reference)
        params: dict[str, Any] = {
            "amount": charge.amount_minor,
            "currency": charge.currency.lower(),
            "capture_method": "manual",
            "payment_method": charge.method,
            "payment_method_types": ["card"],
            "payment_method_options": {"card": {"request_multicapture": "if_available"}},
            "metadata": {"order_id": charge.id},
        }
        made = await self._client.v1.payment_intents.create_async(
            _as(params), _once("create", charge)
        )
        intent = _read(made, Intent)
        return await self._look(intent.id) if _replayed(made) else intent

    async def _confirm(self, charge: Charge, intent: Intent) -> Intent:
        params = {"return_url": self._return_url} if self._return_url else {}
        try:
            made = await self._client.v1.payment_intents.confirm_async(
                intent.id, _as(params), _once("confirm", charge)
            )
        except stripe.CardError:
            return await self._look(intent.id)
        except stripe.InvalidRequestError as problem:
            if problem.code != UNEXPECTED_STATE:
                raise
            return await self._look(intent.id)
        return await self._look(intent.id) if _replayed(made) else _read(made, Intent)

    async def _look(self, reference: str) -> Intent:
        return _read(await self._client.v1.payment_intents.retrieve_async(reference), Intent)

    async def _not_captured(
        self,
        reference: str,
        capture_id: str,
        amount_minor: int,
        problem: stripe.InvalidRequestError,
    ) -> Settlement:
        """Why nothing was captured, as Stripe's books say it; raises what is our own defect."""
        if problem.code in _TOO_LARGE or problem.param == "amount_to_capture":
            return _refused(reference, "amount_too_large")
        if problem.code in _EXPIRED:
            return _refused(reference, "expired")
        if problem.code != UNEXPECTED_STATE:
            raise problem
        intent = await self._look(reference)
        if intent.captures.get(capture_id) == amount_minor:
            return _captured(intent, amount_minor)
        if intent.status == "canceled":
            return _refused(reference, intent.cancelled_as)
        return _refused(reference, authorisation_of(intent).reason or intent.status)

    async def _refunds(self, reference: str) -> dict[str, Settlement]:
        found: dict[str, Settlement] = {}
        after: dict[str, str] = {}
        for _ in range(REFUNDS_PAGES_MAX):
            params = {"payment_intent": reference, "limit": 100, **after}
            page = _read(await self._client.v1.refunds.list_async(_as(params)), Refunds)
            found |= {refund.movement: refund.settlement for refund in page.data}
            if not page.has_more:
                break
            after = {"starting_after": page.data[-1].id}
        return found

    @asynccontextmanager
    async def _asking(self, call: str) -> AsyncIterator[None]:
        """One call of the port; raises what Stripe's errors mean."""
        try:
            async with asyncio.timeout(self._answer_ms_max / 1_000):
                yield
        except (
            TimeoutError,
            stripe.APIConnectionError,
            stripe.RateLimitError,
            stripe.APIError,
        ) as problem:
            raise ProviderUnavailable(provider=self.name, retry_ms=PROVIDER_RETRY_MS) from problem
        except stripe.StripeError as problem:
            what = getattr(problem, "code", None) or type(problem).__name__
            raise RuntimeError(f"Stripe calls our request to {call} wrong: {what}") from problem


def _read(made: Any, kind: type[T]) -> T:
    """What came over the wire, as far as it is used here."""
    return msgspec.json.decode(made.last_response.body, type=kind)


def _replayed(made: Any) -> bool:
    """Whether it is the answer of an earlier request with the same key: true then, not now."""
    return str(made.last_response.headers.get("idempotent-replayed", "")).lower() == "true"


def _once(call: str, charge: Charge, movement: str = "") -> Any:
    """The idempotency key; a movement's id is unique in its charge."""
    key = "/".join(filter(None, (call, charge.id, movement)))
    if len(key) > KEY_CHARS_MAX:
        key = f"{call}/{hashlib.sha256(key.encode()).hexdigest()}"
    return {"idempotency_key": key}


def _as(params: Mapping[str, Any]) -> Any:
    """The library's parameters are dicts with types of their own."""
    return params


def _captured(intent: Intent, amount_minor: int) -> Settlement:
    reference = intent.latest_charge or intent.id
    return Settlement(state="done", reference=reference, amount_minor=amount_minor)


def _refused(reference: str, reason: str) -> Settlement:
    return Settlement(state="refused", reference=reference, reason=reason)


def _word(problem: stripe.CardError) -> str:
    body: Any = problem.json_body or {}
    return str(body.get("error", {}).get("decline_code") or problem.code or "declined")


def _check_same(charge: Charge, intent: Intent) -> None:
    """An intent of other money than we ask for is a defect, never a payment."""
    if (intent.amount, intent.currency.upper()) != (charge.amount_minor, charge.currency):
        raise RuntimeError(f"{intent.id} is about other money than {charge.id}")


def _is_right(body: bytes, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, tolerance=None))
    except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):
        return False
