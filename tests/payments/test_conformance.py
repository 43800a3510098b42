"""The simulated provider and Stripe's adapter, held to one suite."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.payments.stripe_server import (
    KEY,
    PATIENCE_MS,
    SECRET,
    Stripe,
    sign,
    stripe_server,
)

from shopwire.adapters.payments import FileBook, MemoryBook, Simulator
from shopwire.adapters.payments.stripe import StripeProvider
from shopwire.kernel.payments import PaymentProvider
from shopwire.kernel.webhooks import sign as sign_standard
from shopwire.testing.conformance.payments import Card, PaymentConformance

pytestmark = pytest.mark.anyio

NOW_MS = 1_800_000_000_000
SIM_SECRET = "whsec_" + base64.b64encode(b"simulated provider's secret").decode()
_SIM_CARDS: dict[Card, str] = {
    "good": "card", "declined": "card_declined", "pending": "card_pending", "lost": "card_lost",
    "away": "card_away",
}  # fmt: skip
_STRIPE_CARDS: dict[Card, str] = {
    "good": "pm_card_visa",
    "declined": "pm_card_visa_chargeDeclinedInsufficientFunds",
    "pending": "pm_card_authenticationRequired",
    "lost": "pm_lost",
    "away": "pm_away",
}


class StoppedClock:
    def now_ms(self) -> int:
        return NOW_MS

    def monotonic_ms(self) -> float:
        return 0.0


class SimulatorTarget:
    now_ms = NOW_MS

    def __init__(self, book: Any) -> None:
        self._sent: list[tuple[Mapping[str, str], bytes]] = []
        self._simulator = Simulator(
            [SIM_SECRET], book=book, deliver=self._deliver, clock=StoppedClock(), sleep=self._sleep
        )

    @property
    def provider(self) -> PaymentProvider:
        return self._simulator

    async def _deliver(self, headers: Mapping[str, str], body: bytes) -> int:
        self._sent.append((headers, body))
        return 200

    async def _sleep(self, _seconds: float) -> None:
        """Time passes at once."""

    def method(self, card: Card) -> str:
        return _SIM_CARDS[card]

    def taken(self, charge_id: str) -> tuple[int, int]:
        entries = [one for one in self._simulator.book.entries() if one.id == charge_id]
        entry = entries[0] if entries else None
        return (entry.captured_minor, entry.refunded_minor) if entry else (0, 0)

    async def confirm(self, charge_id: str) -> None:
        self._simulator.confirm(charge_id)

    async def webhooks(self) -> Sequence[tuple[Mapping[str, str], bytes]]:
        await self._simulator.courier.settled()
        return self._sent

    def sign(self, body: bytes) -> Mapping[str, str]:
        return sign_standard([SIM_SECRET], "evt_made_by_hand", body, now_ms=NOW_MS)


class TestSimulator(PaymentConformance):
    @pytest.fixture(params=["memory", "file"])
    async def target(self, request, tmp_path):
        book = MemoryBook() if request.param == "memory" else FileBook(tmp_path / "book.sqlite")
        target = SimulatorTarget(book)
        yield target
        await target.provider.close()


class StripeTarget:
    now_ms = NOW_MS

    def __init__(self, provider: StripeProvider, books: Stripe) -> None:
        self.provider, self._books = provider, books

    def method(self, card: Card) -> str:
        return _STRIPE_CARDS[card]

    def _intents(self, charge_id: str) -> list[dict[str, Any]]:
        intents = self._books.intents.values()
        return [one for one in intents if one["metadata"]["order_id"] == charge_id]

    def taken(self, charge_id: str) -> tuple[int, int]:
        intents = self._intents(charge_id)
        assert len(intents) <= 1
        ids = {one["id"] for one in intents}
        back = [one for one in self._books.refunds.values() if one["payment_intent"] in ids]
        return (
            sum(one["amount_received"] for one in intents),
            sum(one["amount"] for one in back if one["status"] == "succeeded"),
        )

    async def confirm(self, charge_id: str) -> None:
        (intent,) = self._intents(charge_id)
        self._books.authenticate(intent["id"], passed=True)

    async def webhooks(self) -> Sequence[tuple[Mapping[str, str], bytes]]:
        return self._books.sent

    def sign(self, body: bytes) -> Mapping[str, str]:
        return sign(body, NOW_MS)


@pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")  # Stripe's use of httpx
class TestStripe(PaymentConformance):
    @pytest.fixture
    async def target(self):
        async with stripe_server(NOW_MS) as (books, address):
            provider = StripeProvider(KEY, [SECRET], api_base=address, answer_ms_max=PATIENCE_MS)
            yield StripeTarget(provider, books)
            await provider.close()


def test_the_servers_own_webhooks_are_json():
    books = Stripe(NOW_MS)
    books.tell("payment_intent.created", {"id": "pi_1"})
    assert json.loads(books.sent[0][1])["data"]["object"]["id"] == "pi_1"
