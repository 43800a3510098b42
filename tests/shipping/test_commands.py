"""What shipping's commands do and refuse, on the storage in memory."""

import pytest
from tests.modules.shop import error_of, memory_shop, result_of
from tests.shipping.desk import (
    ORDER,
    accept,
    facts_of,
    plan_of,
    po,
    send,
    ship,
    units,
)

from shopwire.kernel.commands import Envelope
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    Allocation,
    ApplyOffer,
    BeginSending,
    CancelPurchaseOrders,
    RecordCancellation,
    RecordSending,
    RecordShipment,
    RecordTracking,
    RefusePurchaseOrder,
    SetSupplierRules,
)

pytestmark = pytest.mark.anyio
CANCEL = CancelPurchaseOrders(order_id=ORDER, wish="order", reason="shopper")


async def status_of(shop, own: str) -> str:
    return (await shop.document(f"purchase_order:{own}"))["status"]


# -- planning ---------------------------------------------------------------------------------


async def test_an_order_splits_by_supplier_with_the_cost_of_the_offers():
    async with memory_shop() as shop:
        await shop.do(ApplyOffer(sku="A", supplier="acme", cost_minor=250, currency="USD"))
        planned = await shop.do(plan_of({"bolt": {"A": 1}, "acme": {"B": 2, "A": 3}}))
        assert result_of(planned)["purchase_orders"] == [po("acme"), po("bolt")]
        document = await shop.document(f"purchase_order:{po('acme')}")
        assert [
            (line["sku"], line["ordered"], line["cost_minor"]) for line in document["lines"]
        ] == [
            ("A", 3, 250),
            ("B", 2, None),
        ]
        assert document["status"] == "planned"


async def test_the_same_plan_again_plans_nothing_whatever_its_key():
    async with memory_shop() as shop:
        first = await shop.do(plan_of({"acme": {"A": 3}}))
        again = await shop.do(plan_of({"acme": {"A": 3}}))
        assert result_of(again) == {
            "applied": False,
            "purchase_orders": result_of(first)["purchase_orders"],
        }
        assert await shop.version(f"purchase_order:{po('acme')}") == 1
        other = await shop.ask(plan_of({"acme": {"A": 4}}))
        assert error_of(other)["name"] == "AlreadyExists"


async def test_another_plan_of_the_order_is_another_purchase_order():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 3}}))
        later = await shop.do(plan_of({"acme": {"A": 1}}, plan=f"{ORDER}/C1"))
        assert result_of(later)["purchase_orders"] == [f"{po('acme')}/2"]


async def test_allocations_of_one_sku_add_up_and_two_sales_of_it_are_refused():
    async with memory_shop() as shop:
        one = Allocation(sku="A", supplier="acme", quantity=1, price_minor=5)
        two = Allocation(sku="A", supplier="acme", quantity=2, price_minor=7, reference="other")
        refused = await shop.ask(plan_of({}, allocations=(one, two)))
        assert error_of(refused)["name"] == "InvalidField"
        await shop.do(plan_of({}, allocations=(one, one)))
        document = await shop.document(f"purchase_order:{po('acme')}")
        assert document["lines"][0]["ordered"] == 2


@pytest.mark.parametrize("order_id", ["", "cart", "cart/1.1", "a.b", "cart-0000.", "ü.1", "a b.1"])
async def test_what_is_no_order_is_refused(order_id):
    async with memory_shop() as shop:
        refused = await shop.ask(plan_of({"acme": {"A": 1}}, order_id=order_id))
        assert error_of(refused)["name"] == "InvalidField"


async def test_a_supplier_with_a_slash_and_an_empty_plan_are_refused():
    async with memory_shop() as shop:
        assert error_of(await shop.ask(plan_of({"a/b": {"A": 1}})))["name"] == "InvalidField"
        assert error_of(await shop.ask(plan_of({})))["name"] == "InvalidField"


async def test_rules_hold_for_what_is_planned_afterwards():
    async with memory_shop() as shop:
        rules = SetSupplierRules(supplier="acme", send_after_ms=60_000, acknowledge_within_ms=7)
        assert result_of(await shop.do(rules))["applied"] is True
        assert result_of(await shop.do(rules))["applied"] is False
        await shop.do(plan_of({"acme": {"A": 1}}))
        own = await send(shop, "acme")
        document = await shop.document(f"purchase_order:{own}")
        assert document["due_at_ms"] - document["planned_at_ms"] < 60_000
        wrong = SetSupplierRules(supplier="acme", ship_within_ms=-1)
        assert error_of(await shop.ask(wrong))["name"] == "InvalidField"


@pytest.mark.parametrize(
    "command",
    [
        plan_of({"acme": {"A": 1}}),
        BeginSending(purchase_order=po("acme")),
        RecordSending(purchase_order=po("acme"), outcome="received"),
        ApplyOffer(sku="A", supplier="acme", cost_minor=1, currency="EUR"),
    ],
)
async def test_what_the_shop_does_by_itself_is_nobodys_wish(command):
    async with memory_shop() as shop:
        asked = Envelope(command=command, key="k", principal="local")
        assert error_of(await shop.write_path.submit(asked))["name"] == "UnknownOperation"


# -- the conversation -------------------------------------------------------------------------


async def test_a_supplier_speaks_of_what_was_sent_to_it_only():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 1}}))
        own = po("acme")
        early = AcknowledgePurchaseOrder(purchase_order=own, lines=units(A=1))
        assert error_of(await shop.ask(early))["name"] == "PurchaseOrderState"
        await send(shop, "acme")
        stranger = AcknowledgePurchaseOrder(purchase_order=own, lines=(), supplier="bolt")
        assert error_of(await shop.ask(stranger))["name"] == "NotFound"
        owner = AcknowledgePurchaseOrder(purchase_order=own, lines=units(A=1), supplier="acme")
        await shop.do(owner)


async def test_an_acknowledgement_tells_what_has_to_be_booked():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 3, "B": 1}}, price_minor=100))
        own = await send(shop, "acme")
        word = AcknowledgePurchaseOrder(
            purchase_order=own,
            lines=units(A=2),
            supplier_reference="X-1",
            booked_at_ms=77,
            sequence=5,
        )
        assert result_of(await shop.do(word)) == {"applied": True, "status": "acknowledged"}
        assert result_of(await shop.do(word))["applied"] is False
        (facts,) = await facts_of(shop, "shipping.purchase_order_acknowledged")
        assert [(one["sku"], one["quantity"]) for one in facts["accepted"]] == [("A", 2)]
        assert [(one["sku"], one["quantity"], one["value_minor"]) for one in facts["refused"]] == [
            ("A", 1, 100),
            ("B", 1, 100),
        ]
        assert (facts["booked_at_ms"], facts["sequence"]) == (77, 5)
        owed = SetSupplierRules(supplier="acme").acknowledge_within_ms
        assert facts["sent_due_ms"] - facts["sent_at_ms"] == owed
        await shop.do(AcknowledgePurchaseOrder(purchase_order=own, lines=units(A=1)))
        (_, again) = await facts_of(shop, "shipping.purchase_order_acknowledged")
        assert (again["sent_at_ms"], again["sent_due_ms"]) == (None, None)


async def test_an_impossible_mark_is_none_and_the_acknowledgement_counts():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 1}}))
        own = await send(shop, "acme")
        await shop.do(
            AcknowledgePurchaseOrder(
                purchase_order=own, lines=units(A=1), booked_at_ms=2**60, sequence=-1
            )
        )
        (facts,) = await facts_of(shop, "shipping.purchase_order_acknowledged")
        assert (facts["booked_at_ms"], facts["sequence"]) == (None, None)


async def test_a_refusal_has_a_reason():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 1}}))
        own = await send(shop, "acme")
        await shop.do(RefusePurchaseOrder(purchase_order=own, reason="discontinued"))
        document = await shop.document(f"purchase_order:{own}")
        assert (document["status"], document["answer"]) == ("refused", "refused")
        assert document["reason"] == "discontinued"


async def test_a_number_of_another_purchase_order_leaves_a_doubt_that_people_see():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 1}}))
        await shop.do(plan_of({"acme": {"A": 1}}, plan="second"))
        first, second = po("acme"), f"{po('acme')}/2"
        for own in (first, second):
            await shop.do(BeginSending(purchase_order=own))
            await shop.do(
                RecordSending(purchase_order=own, outcome="received", supplier_reference="X")
            )
        document = await shop.document(f"purchase_order:{second}")
        assert (document["status"], document["reason"]) == ("timed_out", "reference_taken")
        assert document["supplier_reference"] is None
        word = AcknowledgePurchaseOrder(
            purchase_order=second, lines=units(A=1), supplier_reference="X"
        )
        assert result_of(await shop.do(word))["applied"] is False
        assert await status_of(shop, second) == "timed_out"
        right = RecordSending(purchase_order=second, outcome="received", supplier_reference="Y")
        await shop.do(right)
        document = await shop.document(f"purchase_order:{second}")
        assert (document["status"], document["reason"]) == ("sent", "")
        late = await shop.ask(word)
        assert error_of(late)["name"] == "PurchaseOrderState"


async def test_the_suppliers_first_number_stays():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 1}}))
        own = await send(shop, "acme")
        for number in ("X", "Y"):
            await shop.do(
                AcknowledgePurchaseOrder(
                    purchase_order=own, lines=units(A=1), supplier_reference=number
                )
            )
        document = await shop.document(f"purchase_order:{own}")
        assert document["supplier_reference"] == "X"


# -- cancelling -------------------------------------------------------------------------------


async def test_a_cancellation_before_the_plan_is_taken_off_it():
    async with memory_shop() as shop:
        part = CancelPurchaseOrders(order_id=ORDER, wish="part", reason="shopper", lines=units(A=2))
        assert result_of(await shop.do(part)) == {"applied": True, "kept": True}
        await shop.do(plan_of({"acme": {"A": 1}, "bolt": {"A": 2}}))
        assert await status_of(shop, po("acme")) == "cancelled"
        (line,) = (await shop.document(f"purchase_order:{po('bolt')}"))["lines"]
        assert (line["ordered"], line["cancelled"]) == (2, 1)
        facts = await facts_of(shop, "shipping.purchase_order_cancelled")
        assert [one["quantity"] for fact in facts for one in fact["cancelled"]] == [1, 1]


async def test_an_order_that_was_cancelled_before_its_plan_is_never_sent():
    async with memory_shop() as shop:
        await shop.do(CANCEL)
        await shop.do(plan_of({"acme": {"A": 1}}))
        begun = await shop.do(BeginSending(purchase_order=po("acme")))
        assert result_of(begun) == {"applied": False, "status": "cancelled"}
        later = await shop.do(plan_of({"acme": {"A": 1}}, plan="later"))
        assert await status_of(shop, result_of(later)["purchase_orders"][0]) == "planned"


async def test_the_same_wish_again_cancels_nothing_more():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 3}}))
        wish = CancelPurchaseOrders(order_id=ORDER, wish="w", reason="operator", lines=units(A=1))
        assert result_of(await shop.do(wish))["cancelled"] == [{"sku": "A", "quantity": 1}]
        assert result_of(await shop.do(wish)) == {"applied": False, "reason": "known"}
        (line,) = (await shop.document(f"purchase_order:{po('acme')}"))["lines"]
        assert line["cancelled"] == 1


async def test_first_goes_what_costs_nothing_and_what_was_shipped_is_too_late():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 2}, "bolt": {"A": 2}, "core": {"A": 1}}))
        await ship(shop, await accept(shop, "acme", A=2), A=2)
        await accept(shop, "bolt", A=2)
        wish = CancelPurchaseOrders(order_id=ORDER, wish="w", reason="shopper", lines=units(A=4))
        told = result_of(await shop.do(wish))
        assert told["cancelled"] == [{"sku": "A", "quantity": 1}]
        assert told["asked"] == [{"sku": "A", "quantity": 2}]
        assert told["too_late"] == [{"sku": "A", "quantity": 1}]
        assert await status_of(shop, po("core")) == "cancelled"
        assert await status_of(shop, po("bolt")) == "cancelling"
        facts = await facts_of(shop, "shipping.purchase_order_cancelled")
        assert [one["quantity"] for fact in facts for one in fact["too_late"]] == [1]


async def test_the_suppliers_answer_ends_a_cancellation():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 3}}))
        own = await accept(shop, "acme", A=3)
        await shop.do(CANCEL)
        word = RecordCancellation(purchase_order=own, asked=units(A=3), cancelled=units(A=2))
        await shop.do(word)
        assert result_of(await shop.do(word))["applied"] is False
        facts = (await facts_of(shop, "shipping.purchase_order_cancelled"))[-1]
        assert [one["quantity"] for one in facts["cancelled"]] == [2]
        assert [one["quantity"] for one in facts["too_late"]] == [1]
        assert facts["wish"] == "order"
        assert await status_of(shop, own) == "acknowledged"
        unknown = RecordCancellation(purchase_order=own, asked=units(Z=1), cancelled=())
        assert error_of(await shop.ask(unknown))["name"] == "PurchaseOrderState"


async def test_a_cancellation_that_rests_on_silence_ends_with_the_answer():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 3}}))
        own = await accept(shop, "acme", A=3)
        await shop.do(CANCEL)
        silence = RecordCancellation(
            purchase_order=own, asked=units(A=3), cancelled=units(A=3), unanswered=True
        )
        assert error_of(await shop.ask(silence))["name"] == "PurchaseOrderState"
        assert await status_of(shop, own) == "cancelling"


async def test_what_was_cancelled_altogether_cannot_be_accepted_any_more():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 1}}))
        own = await send(shop, "acme")
        await shop.do(CANCEL)
        await shop.do(
            RecordCancellation(purchase_order=own, asked=units(A=1), cancelled=units(A=1))
        )
        late = await shop.ask(AcknowledgePurchaseOrder(purchase_order=own, lines=units(A=1)))
        assert error_of(late)["name"] == "PurchaseOrderState"
        await shop.do(RefusePurchaseOrder(purchase_order=own))


# -- parcels ----------------------------------------------------------------------------------


async def test_parcels_are_numbered_within_their_order_and_name_no_supplier():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 2}, "bolt": {"A": 1}}))
        acme, bolt = await accept(shop, "acme", A=2), await accept(shop, "bolt", A=1)
        names = [
            result_of(await ship(shop, acme, "P1", A=1))["shipment"],
            result_of(await ship(shop, bolt, "P1", A=1))["shipment"],
            result_of(await ship(shop, acme, "P2", A=1))["shipment"],
        ]
        assert names == [f"{ORDER}/S{n}" for n in (1, 2, 3)]
        assert await status_of(shop, acme) == "shipped"
        for name in names:
            document = await shop.document(f"shipment:{name}")
            document.pop("tracking")  # the tests' own, made of the purchase order's id
            assert "acme" not in str(document)
            assert "bolt" not in str(document)


async def test_the_same_parcel_again_has_no_effect_and_another_under_its_name_is_refused():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 3}}))
        own = await accept(shop, "acme", A=3)
        first = await ship(shop, own, A=1)
        again = result_of(await ship(shop, own, A=1))
        assert again == {"applied": False, "shipment": result_of(first)["shipment"]}
        (line,) = (await shop.document(f"purchase_order:{own}"))["lines"]
        assert line["shipped"] == 1
        other = RecordShipment(
            purchase_order=own, reference="P1", carrier="dhl", tracking="9", lines=units(A=1)
        )
        assert error_of(await shop.ask(other))["name"] == "AlreadyExists"


async def test_a_parcel_before_the_acknowledgement_tells_what_has_to_be_booked():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 3}}))
        own = await send(shop, "acme")
        await ship(shop, own, A=2)
        (facts,) = await facts_of(shop, "shipping.purchase_order_shipped")
        assert [(one["sku"], one["quantity"]) for one in facts["accepted"]] == [("A", 2)]
        assert facts["booked_at_ms"] is not None


async def test_a_parcel_is_delivered_once_and_told_without_names():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 1}}))
        own = await accept(shop, "acme", A=1)
        name = result_of(await ship(shop, own, A=1))["shipment"]
        seen = [
            RecordTracking(shipment=name, event="3", status="delivered", at_ms=30),
            RecordTracking(shipment=name, event="1", status="in_transit", at_ms=10),
            RecordTracking(shipment=name, event="3", status="delivered", at_ms=30),
            RecordTracking(shipment=name, event="4", status="delivered", at_ms=40),
        ]
        told = [result_of(await shop.do(one))["applied"] for one in seen]
        assert told == [True, True, False, True]
        assert len(await facts_of(shop, "shipping.purchase_order_delivered")) == 1
        document = await shop.document(f"shipment:{name}")
        assert document["status"] == "delivered"
        assert document["delivered_at_ms"] == 30
        assert [one["at_ms"] for one in document["history"]] == [40, 30, 10]
        assert await status_of(shop, own) == "delivered"


async def test_a_carrier_that_never_stops_talking_is_not_kept_word_by_word(monkeypatch):
    monkeypatch.setattr("shopwire.modules.shipping.parcel_commands.TRACKING_EVENTS_MAX", 2)
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 1}}))
        name = result_of(await ship(shop, await accept(shop, "acme", A=1), A=1))["shipment"]
        for number in range(4):
            await shop.do(
                RecordTracking(
                    shipment=name, event=str(number), status="in_transit", at_ms=number + 1
                )
            )
        last = RecordTracking(shipment=name, event="z", status="delivered", at_ms=9)
        assert result_of(await shop.do(last))["status"] == "delivered"
        assert len((await shop.document(f"shipment:{name}"))["history"]) == 2
