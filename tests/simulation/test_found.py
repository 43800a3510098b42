"""What the seeded worlds found, each as the smallest scene that shows it."""

import pytest
from tests.idempotency.bench import envelope, play
from tests.idempotency.trade_stages import ORDER, SKUS, started

from shopwire.adapters.suppliers import Habits, SimulatedSuppliers
from shopwire.modules.orders.api import CancelOrder
from shopwire.services.command_door import PRINCIPAL


def test_a_shopper_can_turn_back_while_the_order_is_being_paid_for():
    async def scene(bench):
        await started(bench)
        path = await bench.path()
        wish = CancelOrder(order_id=ORDER, skus=SKUS)
        outcome = await path.submit(envelope(wish, principal=PRINCIPAL))
        assert outcome.ok, outcome.body
        assert bench.document(f"order:{ORDER}")["status"] == "cancelled"

    play(scene)


@pytest.mark.anyio
@pytest.mark.xfail(
    strict=True, reason="its script is drawn from the lines of an order that it does not have"
)
async def test_a_supplier_that_accepts_in_part_can_be_asked_for_an_order_it_never_got():
    suppliers = SimulatedSuppliers(habits=Habits(partial=1.0))
    assert await suppliers.fetch("acme", "cart-00000001.1/acme") is None
    await suppliers.close()
