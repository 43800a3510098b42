"""Notices that fit nothing are kept, and applied once; screens need nothing but events."""

import msgspec
import pytest
from tests.modules.shop import Shop, error_of, memory_shop, result_of
from tests.shipping.desk import (
    ORDER,
    accept,
    plan_of,
    po,
    ship,
    units,
)

from shopwire.kernel.commands import Command, Envelope
from shopwire.modules.shipping import notice_commands
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    ApplyNotice,
    BeginSending,
    CancelPurchaseOrders,
    CloseReturn,
    DismissNotice,
    KeepNotice,
    OpenReturn,
    ParcelNotice,
    ReceiveReturn,
    RecordCancellation,
    RecordSending,
    RecordShipment,
    RecordTracking,
    ReplayNotice,
    SetSupplierRules,
    TrackingNotice,
)
from shopwire.modules.shipping.events import EVENTS
from shopwire.sync.reducer import Held, Replica

pytestmark = pytest.mark.anyio
CANCEL = CancelPurchaseOrders(order_id=ORDER, wish="order", reason="shopper")


SEEN = TrackingNotice(carrier="dhl", tracking="1", event="e", status="in_transit", at_ms=5)
KEEP = KeepNotice(source="carrier:dhl", id="m1", notice=SEEN, because="NotFound")


async def test_a_kept_notice_is_applied_once_together_with_its_end():
    async with memory_shop() as shop:
        await shop.do(KEEP)
        assert result_of(await shop.do(KEEP))["applied"] is False
        await shop.do(plan_of({"acme": {"A": 1}}))
        own = await accept(shop, "acme", A=1)
        missing = ApplyNotice(source="carrier:dhl", id="m1", notice=SEEN)
        assert error_of(await shop.ask(missing))["name"] == "NotFound"
        wrong = ApplyNotice(source="carrier:dhl", id="m1", notice=SEEN, shipments=(f"{ORDER}/S9",))
        assert error_of(await shop.ask(wrong))["name"] == "NotFound"
        assert (await shop.document("notice:carrier:dhl/m1"))["status"] == "open"
        name = result_of(await ship(shop, own, A=1))["shipment"]
        right = ApplyNotice(source="carrier:dhl", id="m1", notice=SEEN, shipments=(name,))
        assert result_of(await shop.do(right))["status"] == "applied"
        assert result_of(await shop.do(right))["applied"] is False
        assert (await shop.document(f"shipment:{name}"))["status"] == "in_transit"
        assert (await shop.document("notice:carrier:dhl/m1"))["status"] == "applied"


async def test_a_kept_notice_is_applied_as_it_was_kept():
    async with memory_shop() as shop:
        await shop.do(KEEP)
        forged = msgspec.structs.replace(SEEN, status="delivered")
        refused = await shop.ask(ApplyNotice(source="carrier:dhl", id="m1", notice=forged))
        assert error_of(refused)["name"] == "InvalidField"


async def test_a_suppliers_notice_about_anothers_purchase_order_is_never_applied():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 1}}))
        own = await accept(shop, "acme", A=1)
        parcel = ParcelNotice(
            purchase_order=own, reference="P", carrier="dhl", tracking="1", lines=units(A=1)
        )
        await shop.do(KeepNotice(source="supplier:bolt", id="m", notice=parcel, because="NotFound"))
        refused = await shop.ask(ApplyNotice(source="supplier:bolt", id="m", notice=parcel))
        assert error_of(refused)["name"] == "NotFound"


async def test_nobody_puts_words_into_anothers_mouth():
    async with memory_shop() as shop:
        for principal, told in (("local", 404), ("carrier:ups", 404), ("carrier:dhl", 200)):
            kept = await shop.write_path.submit(
                Envelope(command=KEEP, key="k", principal=principal)
            )
            assert kept.status == told
        apply = ApplyNotice(source="carrier:dhl", id="m1", notice=SEEN)
        asked = Envelope(command=apply, key="k", principal="carrier:dhl")
        assert error_of(await shop.write_path.submit(asked))["name"] == "UnknownOperation"


async def test_a_dismissed_notice_is_over(monkeypatch):
    monkeypatch.setattr(notice_commands, "NOTICES_WAITING_MAX", 1)
    async with memory_shop() as shop:
        await shop.do(KEEP)
        second = msgspec.structs.replace(KEEP, id="m2")
        assert error_of(await shop.ask(second))["name"] == "QueueFull"
        await shop.do(DismissNotice(source="carrier:dhl", id="m1"))
        assert (await shop.document("notice:carrier:dhl/m1"))["status"] == "dismissed"
        assert result_of(await shop.do(ReplayNotice(source="carrier:dhl", id="m1"))) == {
            "applied": False,
            "status": "dismissed",
        }
        await shop.do(second)


# -- screens ----------------------------------------------------------------------------------


def story() -> list[Command]:
    """At least one event of each kind."""
    acme, bolt, core = po("acme"), po("bolt"), po("core")
    parcel, back = f"{ORDER}/S1", f"{ORDER}/R1"
    return [
        plan_of({"acme": {"A": 4}, "bolt": {"A": 1}, "core": {"A": 1}}),
        BeginSending(purchase_order=acme),
        RecordSending(purchase_order=acme, outcome="received", supplier_reference="X"),
        BeginSending(purchase_order=bolt),
        RecordSending(purchase_order=bolt, outcome="timed_out"),
        RecordSending(purchase_order=bolt, outcome="unknown"),
        AcknowledgePurchaseOrder(purchase_order=acme, lines=units(A=3)),
        RecordShipment(
            purchase_order=acme, reference="P", carrier="dhl", tracking="1", lines=units(A=2)
        ),
        CANCEL,
        RecordCancellation(purchase_order=acme, asked=units(A=1), cancelled=units(A=1)),
        RecordTracking(shipment=parcel, event="1", status="in_transit", at_ms=1),
        RecordTracking(shipment=parcel, event="2", status="delivered", at_ms=2),
        OpenReturn(order_id=ORDER, lines=units(A=2)),
        ReceiveReturn(return_id=back, lines=units(A=1)),
        CloseReturn(return_id=back),
        KEEP,
        ReplayNotice(source="carrier:dhl", id="m1"),
        DismissNotice(source="carrier:dhl", id="m1"),
        SetSupplierRules(supplier="core", acknowledge_within_ms=0),
        plan_of({"core": {"A": 1}}, plan="later"),
        BeginSending(purchase_order=f"{core}/2"),
        RecordSending(purchase_order=f"{core}/2", outcome="received"),
    ]


async def test_old_snapshots_and_the_events_since_are_the_fresh_documents():
    seen: set[str] = set()
    async with memory_shop() as shop:
        steps = story()
        for number in range(len(steps) + 1):
            known = await shop.events()
            held = {
                event.topic: Held(event.version, msgspec.json.decode(event.document))
                for event in sorted(known, key=lambda one: one.version)
            }
            replica = Replica(1, held)
            if number < len(steps):
                await shop.do(steps[number])
            else:
                await remind(shop, f"{po('core')}/2")
            events = [one for one in await shop.events() if one not in known]
            for event in sorted(events, key=lambda one: one.version):
                seen.add(event.event_type)
                document = msgspec.json.decode(event.document)
                snap = {"t": "snap", "topic": event.topic, "v": event.version, "doc": document}
                replica.apply(snap)
            for topic, one in replica.docs.items():
                assert one.document == await shop.document(topic)
                assert one.version == await shop.version(topic)
    assert seen == {kind.event_type for kind in EVENTS}


async def remind(shop: Shop, own: str) -> None:
    """The question that is due is answered without news."""
    due = (await shop.document(f"purchase_order:{own}"))["due_at_ms"]
    await shop.do(RecordSending(purchase_order=own, outcome="received", asked=due))
    assert (await shop.document(f"purchase_order:{own}"))["late"] == "acknowledgement"
