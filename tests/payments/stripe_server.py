"""A server on loopback that speaks Stripe's wire format for the calls that are used here.

Form-encoded requests, JSON answers, Stripe's error objects, idempotency keys with their replays,
webhooks signed in Stripe's way. It knows nothing of the adapter; faults are asked for by tokens.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

KEY = "sk_test_loopback"
SECRET = "whsec_loopback_secret_of_an_endpoint"
PATIENCE_MS = 200_000
"""For an answer of this server where a test is not about its time: a hundred calls at once take
this process seconds, and a busy machine some of the ten that the adapter gives them."""
REASONS = {400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 404: "Not Found",
           409: "Conflict", 429: "Too Many Requests", 500: "Error", 200: "OK"}  # fmt: skip

CARDS = {
    "pm_card_visa": None,
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", None),
    "pm_card_authenticationRequired": None,
    # Not Stripe's: what this server can be told to do.
    "pm_lost": None,
    "pm_away": None,
    "pm_refund_pending": None,
    "pm_capture_expired": None,
}


class Refusal(Exception):
    """An error object of Stripe's."""

    def __init__(self, status: int, kind: str, code: str | None = None, **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"error": {"type": kind, "code": code, "message": f"{kind}: {code}", **more}}


class Answer(msgspec.Struct):
    status: int
    body: bytes
    replayed: bool = False


class Stripe:
    """The other side's books."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.sent: list[tuple[dict[str, str], bytes]] = []
        self.requests: list[tuple[str, str]] = []
        self.faults: list[str] = []
        """What becomes of the next requests: `500`, `429`, `409`, `hang`, `garbage`."""
        self.hold = asyncio.Event()
        """Requests that hang wait for it."""
        self._answered: dict[str, tuple[str, Answer]] = {}
        self._busy: set[str] = set()
        self._tries: dict[str, int] = {}
        self._numbers = itertools.count(1)

    # -- requests -----------------------------------------------------------------------------

    async def serve(self, method: str, target: str, headers: dict[str, str], body: str) -> Answer:
        """Answers; raises ConnectionResetError where the connection breaks instead."""
        url = urlsplit(target)
        params = dict(parse_qsl(url.query if method == "GET" else body, keep_blank_values=True))
        self.requests.append((method, url.path))
        if headers.get("authorization") != f"Bearer {KEY}":
            return error(Refusal(401, "invalid_request_error"))
        if self.faults:
            await self._fault(self.faults.pop(0))
        key = headers.get("idempotency-key", "") if method == "POST" else ""
        fingerprint = f"{method} {url.path} {sorted(params.items())}"
        if key in self._busy:
            return error(Refusal(409, "invalid_request_error", "idempotency_key_in_use"))
        if key in self._answered:
            known, answer = self._answered[key]
            if known != fingerprint:
                return error(Refusal(400, "idempotency_error"))
            return msgspec.structs.replace(answer, replayed=True)
        card = self._card(url.path, params)
        tries = self._tries[f"{method} {url.path} {key}"] = (
            self._tries.get(f"{method} {url.path} {key}", 0) + 1
        )
        if card == "pm_away" and tries <= 2 and method == "POST":
            raise ConnectionResetError
        try:
            answer = Answer(200, json.dumps(self._route(method, url.path, params)).encode())
        except Refusal as refusal:
            answer = error(refusal)
        if key and answer.status != 429:
            self._answered[key] = (fingerprint, answer)
        if card == "pm_lost" and method == "POST" and not url.path.endswith("intents"):
            raise ConnectionResetError
        return answer

    async def _fault(self, fault: str) -> None:
        match fault:
            case "hang":
                await self.hold.wait()
            case "reset":
                raise ConnectionResetError
            case "garbage":
                raise Garbage
            case status:
                raise Sent(error(Refusal(int(status), "api_error", None)))

    def _card(self, path: str, params: dict[str, str]) -> str:
        intent = params.get("payment_intent") or path.split("/")[-2 if path.count("/") > 3 else -1]
        known = self.intents.get(intent, {})
        return params.get("payment_method") or str(known.get("payment_method", ""))

    def _route(self, method: str, path: str, params: dict[str, str]) -> Any:
        match method, path.strip("/").split("/")[1:]:
            case "POST", ["payment_intents"]:
                return self._create(params)
            case "GET", ["payment_intents", intent]:
                return self._intent(intent)
            case "POST", ["payment_intents", intent, "confirm"]:
                return self._confirm(self._intent(intent))
            case "POST", ["payment_intents", intent, "capture"]:
                return self._capture(self._intent(intent), params)
            case "POST", ["payment_intents", intent, "cancel"]:
                return self._cancel(self._intent(intent))
            case "POST", ["refunds"]:
                return self._refund(params)
            case "GET", ["refunds"]:
                return self._list_refunds(params)
            case "GET", ["refunds", refund]:
                return self.refunds[refund]
            case _:
                raise Refusal(404, "invalid_request_error", "unknown_url")

    def _intent(self, intent_id: str) -> dict[str, Any]:
        if intent_id not in self.intents:
            raise Refusal(404, "invalid_request_error", "resource_missing", param="intent")
        return self.intents[intent_id]

    def _create(self, params: dict[str, str]) -> dict[str, Any]:
        if params.get("payment_method") not in CARDS:
            raise Refusal(400, "invalid_request_error", "resource_missing", param="payment_method")
        assert params["capture_method"] == "manual"
        assert params["currency"] == params["currency"].lower()
        number = next(self._numbers)
        intent = {
            "id": f"pi_{number}", "object": "payment_intent", "amount": int(params["amount"]),
            "amount_capturable": 0, "amount_received": 0, "cancellation_reason": None,
            "capture_method": "manual", "client_secret": f"pi_{number}_secret",
            "currency": params["currency"], "last_payment_error": None, "latest_charge": None,
            "metadata": metadata(params), "next_action": None, "livemode": False,
            "payment_method": params["payment_method"], "status": "requires_confirmation",
        }  # fmt: skip
        self.intents[intent["id"]] = intent
        return dict(intent)

    def _confirm(self, intent: dict[str, Any]) -> dict[str, Any]:
        if intent["status"] != "requires_confirmation":
            raise unexpected(intent)
        card = intent["payment_method"]
        intent["latest_charge"] = f"ch_{intent['id']}"
        if CARDS[card] is not None:
            code, decline_code = CARDS[card]
            problem = {"type": "card_error", "code": code, "message": "Your card was declined."}
            if decline_code:
                problem["decline_code"] = decline_code
            intent.update(status="requires_payment_method", last_payment_error=problem)
            self.tell("payment_intent.payment_failed", intent)
            more = {"decline_code": decline_code} if decline_code else {}
            raise Refusal(402, "card_error", code, **more)
        if card == "pm_card_authenticationRequired":
            url = f"https://hooks.stripe.example/redirect/{intent['id']}"
            intent.update(
                status="requires_action",
                next_action={"type": "redirect_to_url", "redirect_to_url": {"url": url}},
            )
            return dict(intent)
        self._promise(intent)
        return dict(intent)

    def _promise(self, intent: dict[str, Any]) -> None:
        intent.update(
            status="requires_capture", next_action=None, amount_capturable=intent["amount"]
        )
        self.tell("payment_intent.amount_capturable_updated", intent)

    def authenticate(self, intent_id: str, *, passed: bool) -> None:
        """The shopper's bank has seen the shopper."""
        intent = self.intents[intent_id]
        if passed:
            self._promise(intent)
            return
        problem = {"type": "invalid_request_error", "code": "payment_intent_authentication_failure"}
        intent.update(
            status="requires_payment_method", next_action=None, last_payment_error=problem
        )
        self.tell("payment_intent.payment_failed", intent)

    def _capture(self, intent: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        if intent["status"] != "requires_capture":
            raise unexpected(intent)
        if intent["payment_method"] == "pm_capture_expired":
            self.expire(intent["id"])
            raise Refusal(400, "invalid_request_error", "charge_expired_for_capture")
        amount = int(params.get("amount_to_capture", intent["amount_capturable"]))
        if amount > intent["amount_capturable"]:
            raise Refusal(
                400, "invalid_request_error", "amount_too_large", param="amount_to_capture"
            )
        intent["metadata"] |= metadata(params)
        intent["amount_received"] += amount
        if params.get("final_capture") == "False" or params.get("final_capture") == "false":
            intent["amount_capturable"] -= amount
            self.tell("payment_intent.amount_capturable_updated", intent)
            if not intent["amount_capturable"]:
                intent["status"] = "succeeded"
        else:
            intent.update(status="succeeded", amount_capturable=0)
            self.tell("payment_intent.succeeded", intent)
        return dict(intent)

    def expire(self, intent_id: str) -> None:
        """Seven days have passed."""
        intent = self.intents[intent_id]
        intent.update(status="canceled", cancellation_reason="automatic", amount_capturable=0)
        self.tell("payment_intent.canceled", intent)

    def _cancel(self, intent: dict[str, Any]) -> dict[str, Any]:
        if intent["status"] in ("succeeded", "canceled"):
            raise unexpected(intent)
        intent.update(status="canceled", amount_capturable=0)
        self.tell("payment_intent.canceled", intent)
        return dict(intent)

    def _refund(self, params: dict[str, str]) -> dict[str, Any]:
        intent = self._intent(params["payment_intent"])
        given = [r for r in self.refunds.values() if r["payment_intent"] == intent["id"]]
        left = intent["amount_received"]
        left -= sum(r["amount"] for r in given if r["status"] in ("succeeded", "pending"))
        amount = int(params.get("amount", left))
        if not left:
            raise Refusal(400, "invalid_request_error", "charge_already_refunded")
        if amount > left:
            raise Refusal(400, "invalid_request_error", None, param="amount")
        pending = intent["payment_method"] == "pm_refund_pending"
        refund = {
            "id": f"re_{next(self._numbers)}", "object": "refund", "amount": amount,
            "charge": intent["latest_charge"], "currency": intent["currency"],
            "metadata": metadata(params), "payment_intent": intent["id"], "reason": None,
            "status": "pending" if pending else "succeeded",
        }  # fmt: skip
        self.refunds[refund["id"]] = refund
        self.tell("refund.created", refund)
        return dict(refund)

    def settle_refund(self, refund_id: str, status: str) -> None:
        """The bank has answered: `succeeded` or `failed`."""
        refund = self.refunds[refund_id]
        refund["status"] = status
        if status == "failed":
            refund["failure_reason"] = "lost_or_stolen_card"
        self.tell("refund.failed" if status == "failed" else "refund.updated", refund)

    def _list_refunds(self, params: dict[str, str]) -> dict[str, Any]:
        mine = [r for r in reversed(self.refunds.values())
                if r["payment_intent"] == params["payment_intent"]]  # fmt: skip
        ids = [refund["id"] for refund in mine]
        start = ids.index(params["starting_after"]) + 1 if "starting_after" in params else 0
        limit = int(params.get("limit", 10))
        page = mine[start : start + limit]
        return {"object": "list", "url": "/v1/refunds", "data": page,
                "has_more": len(mine) > start + limit}  # fmt: skip

    # -- webhooks -----------------------------------------------------------------------------

    def tell(self, kind: str, about: dict[str, Any]) -> None:
        event = {
            "id": f"evt_{next(self._numbers)}", "object": "event", "type": kind,
            "api_version": "2026-01-28", "created": self.now_ms // 1_000, "livemode": False,
            "data": {"object": json.loads(json.dumps(about))}, "pending_webhooks": 1,
        }  # fmt: skip
        body = json.dumps(event, indent=2).encode()
        self.sent.append((sign(body, self.now_ms), body))


class Garbage(Exception):
    """What comes back is no HTTP."""


class Sent(Exception):
    """An answer that nobody decided."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def sign(body: bytes, now_ms: int, *secrets: str) -> dict[str, str]:
    """The header of Stripe's scheme: `t=...,v1=...`."""
    stamp = str(now_ms // 1_000)
    signatures = [
        hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        for secret in secrets or (SECRET,)
    ]
    return {"stripe-signature": ",".join([f"t={stamp}", *(f"v1={one}" for one in signatures)])}


def metadata(params: dict[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("metadata[").removesuffix("]"): value
        for name, value in params.items()
        if name.startswith("metadata[")
    }


def unexpected(intent: dict[str, Any]) -> Refusal:
    code = "payment_intent_unexpected_state"
    return Refusal(400, "invalid_request_error", code, payment_intent=dict(intent))


def error(refusal: Refusal) -> Answer:
    return Answer(refusal.status, json.dumps(refusal.body).encode())


@asynccontextmanager
async def stripe_server(now_ms: int) -> AsyncIterator[tuple[Stripe, str]]:
    """The other side, and its address."""
    books = Stripe(now_ms)
    talking: set[asyncio.Task[None]] = set()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(talk(reader, writer))
        talking.add(task)
        task.add_done_callback(talking.discard)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *lines = head.rstrip("\r\n").split("\r\n")
                method, target, _ = line.split(" ")
                pairs = (one.partition(":") for one in lines)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                try:
                    answer = await books.serve(method, target, headers, body.decode())
                except Sent as sent:
                    answer = sent.answer
                marks = "Idempotent-Replayed: true\r\n" if answer.replayed else ""
                writer.write(
                    f"HTTP/1.1 {answer.status} {REASONS[answer.status]}\r\n{marks}"
                    "Content-Type: application/json\r\nRequest-Id: req_1\r\n"
                    f"Content-Length: {len(answer.body)}\r\n\r\n".encode()
                    + answer.body
                )
                await writer.drain()
        except Garbage:
            writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield books, f"http://127.0.0.1:{port}"
    finally:
        server.close()
        for task in list(talking):
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
