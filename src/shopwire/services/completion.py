"""The one completion path of an order, whoever learns first that it was paid, or was not.

The door that began the checkout, a provider's webhook, the sweep and every retry come through here.
The key is the order's, so that the first has the effect and the others its answer; and where keys
are long forgotten, the order's own state holds.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog

from shopwire.kernel.activities import Job
from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.errors import ErrorBody, InternalError, KeyReused, NotFound
from shopwire.kernel.payments import Authorisation, Charge, PaymentProvider
from shopwire.kernel.queries import Reads
from shopwire.kernel.trade_errors import HoldGone, ProviderUnavailable
from shopwire.kernel.write_path import WritePath
from shopwire.modules.orders.api import AskAgain, CompleteOrder, FailCheckout, FailReason
from shopwire.modules.orders.store import Checkout, read_checkout

PRINCIPAL: Final = "checkout"
"""Who sends the steps of a checkout: the shop itself."""
FETCH_MS_MAX: Final = 5_000
"""How long the sweep waits for a provider before it counts as not knowing."""

_log: Final = structlog.get_logger()
_error: Final = msgspec.json.Decoder(ErrorBody).decode
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkout is answered, once and for all: every repeat has the same bytes."""

    status: int
    body: bytes


class _Result(msgspec.Struct, frozen=True, kw_only=True):
    status: str
    answer: "_Stored | None"


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    body: str


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    result: _Result


_result: Final = msgspec.json.Decoder(_Body).decode


class Completion:
    """Completes or fails checkouts."""

    def __init__(
        self,
        write_path: WritePath,
        reads: Reads,
        providers: Mapping[str, PaymentProvider],
        clock: Clock,
    ) -> None:
        self._write_path = write_path
        self._reads = reads
        self._providers = providers
        self._clock = clock

    async def complete(self, tenant: str, order_id: str, promise: Authorisation) -> Answered | None:
        """What a provider's word comes to; None where it is none yet, or the order is unknown.

        For webhooks: the word may be about an order in any state. Raises StorageUnavailable and
        QueueFull; then it is to be told again.
        """
        checkout = await read_checkout(self._reads, tenant, order_id)
        if checkout is None or promise.state == "pending":
            return None
        return await self.settle(tenant, checkout, promise)

    async def settle(self, tenant: str, checkout: Checkout, promise: Authorisation) -> Answered:
        """Completes what was approved, fails what was declined; `promise` is not pending."""
        if promise.state == "declined":
            return await self._fail(
                tenant, checkout, "declined", promise.reason, reference=promise.reference
            )
        order_id = checkout.order_id
        command = CompleteOrder(
            order_id=order_id,
            skus=checkout.skus,
            reference=promise.reference,
            amount_minor=promise.amount_minor,
            currency=promise.currency,
            suppliers=checkout.suppliers,
        )
        outcome = await self._submit(tenant, command, f"complete/{order_id}")
        problem = _problem(outcome)
        if problem is not None and problem.name == HoldGone.__name__:
            # The answer came after the hold: the same units again, or whoever else has some.
            command = msgspec.structs.replace(command, anew=True, shopper=checkout.shopper)
            outcome = await self._submit(tenant, command, f"complete/{order_id}/anew")
            problem = _problem(outcome)
        if problem is not None and command.suppliers and not problem.data.get("sku"):
            # What is planned with it is no reason to give a paid order up: the consumer plans it.
            _log.warning("checkout.unplanned", order=order_id, error=problem.name)
            apart = msgspec.structs.replace(command, suppliers=())
            outcome = await self._submit(tenant, apart, f"complete/{order_id}/apart")
            problem = _problem(outcome)
        if problem is None:
            return _answer(outcome)
        _log.warning("checkout.refused", order=order_id, error=problem.name, data=problem.data)
        sku = str(problem.data.get("sku", ""))
        if sku:
            return await self._fail(tenant, checkout, "stock_short", sku, promise=promise)
        return await self._fail(
            tenant, checkout, "declined", problem.name, reference=promise.reference
        )

    async def give_up(self, tenant: str, checkout: Checkout) -> Answered:
        """The deadline is over and nobody knows: nothing is kept, and what comes late goes back."""
        return await self._fail(tenant, checkout, "timed_out", "")

    async def answer(self, tenant: str, command: Command, key: str) -> Answered:
        """Sends a step that only notes an answer; tells the one that stands."""
        outcome = await self._submit(tenant, command, key)
        if (problem := _problem(outcome)) is not None:
            raise InternalError(incident=problem.name)
        return _answer(outcome)

    async def finish(self, job: Job) -> Sequence[Command]:
        """The sweep's part: asks the provider, then completes, fails, or asks again later.

        A provider that does not answer cannot hold the order beyond its deadline.
        """
        checkout = await read_checkout(self._reads, job.tenant, job.id)
        if checkout is None or checkout.status != "checking_out":
            return ()
        promise = await self._ask(checkout)
        if promise is not None and promise.state != "pending":
            await self.settle(job.tenant, checkout, promise)
            return ()
        if self._clock.now_ms() >= checkout.expires_at_ms:
            await self.give_up(job.tenant, checkout)
            return ()
        return (AskAgain(order_id=checkout.order_id),)

    async def _ask(self, checkout: Checkout) -> Authorisation | None:
        """What the provider's books say, None where they say nothing."""
        provider = self._providers.get(checkout.provider)
        if provider is None:
            _log.error("checkout.provider_missing", provider=checkout.provider)
            return None
        try:
            async with asyncio.timeout(FETCH_MS_MAX / 1_000):
                standing = await provider.fetch(charge_of(checkout))
        except (TimeoutError, ProviderUnavailable) as problem:
            _log.info("checkout.provider_silent", order=checkout.order_id, problem=repr(problem))
            return None
        if standing.voided:
            return Authorisation(state="declined", reason="voided")
        return standing.authorisation

    async def _fail(
        self,
        tenant: str,
        checkout: Checkout,
        reason: FailReason,
        detail: str,
        *,
        reference: str = "",
        promise: Authorisation | None = None,
    ) -> Answered:
        command = FailCheckout(
            order_id=checkout.order_id,
            skus=checkout.skus,
            reason=reason,
            detail=detail,
            reference=promise.reference if promise else reference,
            authorised_minor=promise.amount_minor if promise else None,
        )
        outcome = await self._submit(tenant, command, f"fail/{checkout.order_id}")
        if (problem := _problem(outcome)) is not None:
            _log.error("checkout.stuck", order=checkout.order_id, error=problem.name)
            raise InternalError(incident=problem.data.get("incident", problem.name))
        return _answer(outcome)

    async def _submit(self, tenant: str, command: Command, key: str) -> Outcome:
        """Under the order's key; what is said in other words is decided by the order's state."""
        envelope = Envelope(command=command, key=key, principal=PRINCIPAL, tenant=tenant)
        outcome = await self._write_path.submit(envelope)
        problem = _problem(outcome)
        if problem is None or problem.name != KeyReused.__name__:
            return outcome
        digest = hashlib.sha256(_encode(command)).hexdigest()[:16]
        return await self._write_path.submit(
            msgspec.structs.replace(envelope, key=f"{key}/{digest}")
        )


def charge_of(checkout: Checkout) -> Charge:
    """What is to be paid: the same in every call about one payment."""
    return Charge(
        id=checkout.order_id,
        amount_minor=checkout.total_minor,
        currency=checkout.currency,
        method=checkout.method,
    )


def _problem(outcome: Outcome) -> ErrorBody | None:
    return None if outcome.ok else _error(outcome.body)


def _answer(outcome: Outcome) -> Answered:
    result: Any = _result(outcome.body).result
    if result.answer is None:
        raise NotFound(what="answer", id=result.status)
    return Answered(status=result.answer.status, body=result.answer.body.encode())
