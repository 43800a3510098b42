"""Orders as X12 through a folder, and everything that comes back by it."""

import os

import pytest
from msgspec.structs import replace
from tests.channels.partner import WAY, Partner
from tests.channels.world import road
from tests.modules.shop import drifts, error_of
from tests.shipping.desk import plan_of, po

from shopwire.adapters.suppliers.depots import FolderDepot
from shopwire.adapters.suppliers.files import X12Files
from shopwire.adapters.x12.messages import Acknowledgement855
from shopwire.kernel.activities import Job
from shopwire.kernel.clock import SystemClock
from shopwire.modules.channels.api import EraseMessage, MendMessage, SettleInvoice
from shopwire.modules.channels.domain import MESSAGES_OPEN_MS
from shopwire.modules.channels.store import DUE, ways_to_read
from shopwire.modules.shipping.api import ApplyOffer
from shopwire.services.exchange_pruning import FILES_KEPT_MS, prune_files
from shopwire.services.inbox import Inbox, mending
from shopwire.services.x12_answers import X12Answers

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
OWN = po("acme")


class Patient(SystemClock):
    """Every inbox is due whenever it is looked at."""

    at = 0.0

    def monotonic_ms(self) -> float:
        self.at += 1e9
        return self.at


class Desk:
    """A road to a partner, and the inbox that is read by hand."""

    def __init__(self, it, partner: Partner) -> None:
        self.it, self.partner = it, partner
        answers = X12Answers(it.shop.write_path, it.shop.reads, it.shop.log)
        depot = FolderDepot(partner.root)
        self.inbox = Inbox(it.shop.write_path, it.shop.reads, answers, lambda _: depot, Patient())
        self.mending = mending(answers)

    async def document(self, topic: str):
        return await self.it.shop.document(topic)

    async def sent(self, number: int = 1):
        """The order as the partner got it."""
        await self.it.bundle_is(f"acme/{number}", "left")
        return self.partner.orders()[-1]


@pytest.fixture
async def desk(database_url, tmp_path):
    partner = Partner(tmp_path / "acme")
    media = {"x12": X12Files(lambda _: FolderDepot(partner.root))}
    async with road(database_url, media, way=WAY) as it:
        for sku, cost in (("A", 250), ("B", 1_099)):
            await it.shop.do(ApplyOffer(sku=sku, supplier="acme", cost_minor=cost, currency="EUR"))
        yield Desk(it, partner)
        found = [one for one in await drifts(it.shop) if one.check.startswith("channels.")]
        assert found == []


async def test_an_order_leaves_as_850_with_a_short_number_and_where_it_goes(desk):
    await desk.it.shop.do(plan_of({"acme": {"A": 2, "B": 1}}))
    order = await desk.sent()
    assert (order.number, order.kind) == ("P000001", "DS")
    assert [(line.ids, line.quantity) for line in order.lines] == [
        ({"VN": "A"}, 2),
        ({"VN": "B"}, 1),
    ]
    (party,) = order.parties
    assert (party.role, party.name, party.city, party.country) == ("ST", "Ada", "Ghent", "BE")
    assert not list((desk.partner.root / "staging").iterdir())


async def test_a_partial_855_and_an_856_move_the_order(desk):
    await desk.it.shop.do(plan_of({"acme": {"A": 3, "B": 1}}))
    order = await desk.sent()
    desk.partner.accepts(order, A=2, B=1)
    assert await desk.inbox.look() == 1
    found = await desk.document(f"purchase_order:{OWN}")
    assert (found["answer"], found["supplier_reference"]) == ("partial", "A-77")
    assert [line["accepted"] for line in found["lines"]] == [2, 1]
    desk.partner.ships(order, A=2, B=1)
    assert await desk.inbox.look() == 1
    assert (await desk.document(f"purchase_order:{OWN}"))["status"] == "shipped"
    assert [one.segments[-1].get(1) for one in desk.partner.receipts()] == ["A", "A"]
    assert not list((desk.partner.root / "in").iterdir())


async def test_a_supplier_with_skus_of_its_own_is_asked_answers_ships_and_bills_in_them(desk):
    offer = ApplyOffer(sku="A", supplier="acme", cost_minor=250, currency="EUR", supplier_sku="X-1")
    await desk.it.shop.do(offer)
    await desk.it.shop.do(plan_of({"acme": {"A": 3, "B": 1}}))
    order = await desk.sent()
    assert [line.ids for line in order.lines] == [{"VN": "X-1", "BP": "A"}, {"VN": "B"}]
    # It knows nothing of the shop's SKUs, and counts lines in its own way.
    theirs = replace(
        order,
        lines=tuple(
            replace(line, number=str(70 + place), ids={"VN": line.ids["VN"]})
            for place, line in enumerate(order.lines)
        ),
    )
    desk.partner.accepts(theirs)
    await desk.inbox.look()
    found = await desk.document(f"purchase_order:{OWN}")
    told = [(one["sku"], one["supplier_sku"], one["accepted"]) for one in found["lines"]]
    assert told == [("A", "X-1", 3), ("B", None, 1)]
    desk.partner.ships(theirs)
    await desk.inbox.look()
    assert (await desk.document(f"purchase_order:{OWN}"))["status"] == "shipped"
    desk.partner.bills(theirs, 3 * 250 + 1_099)
    await desk.inbox.look()
    assert (await desk.document("invoice:acme/I1"))["state"] == "matched"


async def test_an_855_that_refuses_ends_the_order(desk):
    await desk.it.shop.do(plan_of({"acme": {"A": 3}}))
    order = await desk.sent()
    desk.partner.says("855", Acknowledgement855(order=order.number, kind="RD"))
    await desk.inbox.look()
    assert (await desk.document(f"purchase_order:{OWN}"))["status"] == "refused"


async def test_the_same_file_again_changes_nothing(desk):
    await desk.it.shop.do(plan_of({"acme": {"A": 3}}))
    order = await desk.sent()
    desk.partner.accepts(order)
    (file,) = (desk.partner.root / "in").iterdir()
    data = file.read_bytes()
    await desk.inbox.look()
    before = await desk.it.shop.version(f"purchase_order:{OWN}")
    desk.partner.puts("again.edi", data)
    await desk.inbox.look()
    assert await desk.it.shop.version(f"purchase_order:{OWN}") == before


async def test_a_997_is_shown_and_one_that_rejects_is_in_trouble(desk):
    await desk.it.shop.do(plan_of({"acme": {"A": 3}}))
    await desk.sent()
    (sent,) = desk.partner.got()
    desk.partner.receives(sent)
    await desk.inbox.look()
    assert (await desk.document("bundle:acme/1"))["receipt"] == "accepted"
    desk.partner.receives(sent, errors=("5",))
    await desk.inbox.look()
    assert (await desk.document("bundle:acme/1"))["receipt"] == "rejected"


async def test_bills_are_compared_with_what_was_ordered(desk):
    await desk.it.shop.do(plan_of({"acme": {"A": 2, "B": 1}}))
    order = await desk.sent()
    desk.partner.bills(order, 2 * 250 + 1_099)
    desk.partner.bills(order, 2 * 250 + 1_099, number="I2")
    await desk.inbox.look()
    first, second = [await desk.document(f"invoice:acme/{one}") for one in ("I1", "I2")]
    assert (first["state"], first["expected_minor"]) == ("matched", 1_599)
    assert second["state"] == "differs", "the same units are billed twice"
    assert {one["what"] for one in second["differences"]} == {"quantity"}
    await desk.it.shop.do(
        SettleInvoice(supplier="acme", number="I2", purchase_order=OWN, outcome="disputed")
    )
    assert (await desk.document("invoice:acme/I2"))["state"] == "disputed"


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (b"Dear shop, we are closed.", "it is no X12"),
        (b"", "it is empty"),
        (b"\x00\xff\xfe", "it is no X12"),
    ],
)
async def test_what_cannot_be_read_is_kept_with_its_reason(desk, data, because):
    desk.partner.puts("strange.edi", data)
    await desk.inbox.look()
    rows = await desk.it.shop.reads.fetch("SELECT reason, text, state FROM channel_message")
    assert [(row["state"], because in row["reason"]) for row in rows] == [("open", True)]
    (job,) = await desk.it.shop.reads.fetch(DUE["erase"], 9)
    (shown,) = await desk.it.shop.reads.fetch("SELECT received_at_ms FROM channel_message")
    assert job["due_ms"] == shown["received_at_ms"] + MESSAGES_OPEN_MS
    erase = EraseMessage(supplier="acme", id=job["payload"]["id"])
    assert "until its time" in error_of(await desk.it.shop.ask(erase))["data"]["rule"]


async def test_what_is_of_another_or_unclear_is_kept_and_can_be_mended(desk):
    await desk.it.shop.do(plan_of({"acme": {"A": 2}}))
    order = await desk.sent()
    file = desk.partner.says(
        "855", Acknowledgement855(order="P999999", kind="AD"), name="wrong.edi"
    )
    text = file.read_text()
    desk.partner.says("855", Acknowledgement855(order=order.number, kind="AD"), sender="ZENITH")
    await desk.inbox.look()
    assert (await desk.document(f"purchase_order:{OWN}"))["answer"] is None
    rows = await desk.it.shop.reads.fetch("SELECT own_id, reason, name FROM channel_message")
    reasons = {row["name"]: row["reason"] for row in rows}
    assert "no order 'P999999'" in reasons.pop("wrong.edi")
    assert "from 'ZENITH'" in reasons.popitem()[1]
    own_id = next(row["own_id"] for row in rows if row["name"] == "wrong.edi")
    mended = text.replace("P999999", order.number)
    await desk.it.shop.do(MendMessage(supplier="acme", id=own_id, text=mended))
    await read_again(desk)
    assert (await desk.document(f"purchase_order:{OWN}"))["answer"] == "accepted"
    assert (await desk.document(f"message:acme/{own_id}"))["state"] == "applied"


async def test_a_file_that_is_still_being_written_waits(desk):
    await desk.it.shop.do(plan_of({"acme": {"A": 2}}))
    order = await desk.sent()
    desk.partner.accepts(order)
    (file,) = (desk.partner.root / "in").iterdir()
    data = file.read_bytes()
    file.write_bytes(data[:-30])
    assert await desk.inbox.look() == 0
    file.write_bytes(data)
    assert await desk.inbox.look() == 1
    assert (await desk.document(f"purchase_order:{OWN}"))["answer"] == "accepted"
    file.write_bytes(data[:-30])
    assert [await desk.inbox.look() for _ in range(5)][-1] == 1, "it is broken for good"


async def test_a_folder_that_cannot_be_read_is_shown_until_it_can(desk):
    inbox = desk.partner.root / "in"
    desk.partner.root.mkdir(exist_ok=True)
    inbox.write_bytes(b"no folder")
    assert await desk.inbox.look() == 0
    assert "Not a directory" in (await desk.document("channel:acme"))["inbox_trouble"]
    inbox.unlink()
    await desk.inbox.look()
    assert (await desk.document("channel:acme"))["inbox_trouble"] == ""


async def test_a_parcel_that_does_not_fit_is_kept_beside_the_doors_notices(desk):
    await desk.it.shop.do(plan_of({"acme": {"A": 2}}))
    order = await desk.sent()
    desk.partner.ships(order, A=9)
    await desk.inbox.look()
    rows = await desk.it.shop.reads.fetch("SELECT source, because FROM kept_notice")
    assert [(row["source"], row["because"]) for row in rows] == [
        ("supplier:acme", "PurchaseOrderState")
    ]


async def read_again(desk) -> None:
    """What the runner does with a mended text."""
    (row,) = await desk.it.shop.reads.fetch(desk.mending.due, 10)
    job = Job(id=row["id"], tenant=row["tenant"], due_ms=row["due_ms"], payload=row["payload"])
    for command in await desk.mending.perform(job):
        await desk.it.shop.do(command)


async def test_files_with_addresses_go_once_their_orders_are_over(desk):
    root, reads, depot = desk.partner.root, desk.it.shop.reads, FolderDepot(desk.partner.root)
    await desk.it.shop.do(plan_of({"acme": {"A": 2, "B": 1}}))
    order = await desk.sent()
    (out,) = (root / "out").iterdir()
    (root / "done").mkdir()
    old = [root / "done/old.x12", root / "staging/void-850-000000009.x12", root / "out/other.x12"]
    for path in (*old, root / "done/new.x12"):
        path.write_text("Ada, Ghent")
    for path in (out, *old):
        os.utime(path, (1, 1))
    (reached,) = await ways_to_read(reads)
    now_ms = SystemClock().now_ms()
    assert await prune_files(reads, reached, depot, now_ms) == 2
    assert [one.name for one in (root / "done").iterdir()] == ["new.x12"]
    assert out.is_file()  # its order is open: the supplier may not have taken it yet
    desk.partner.accepts(order, A=2, B=1)
    desk.partner.ships(order, A=2, B=1)
    assert await desk.inbox.look() == 2  # and each look sweeps
    assert not out.exists()
    assert (root / "out/other.x12").is_file()  # the shop did not write it
    assert await prune_files(reads, reached, depot, now_ms) == 0
    later_ms = now_ms + FILES_KEPT_MS + 60_000
    assert await prune_files(reads, reached, depot, later_ms) == 5  # 2 receipts of ours
    assert list((root / "done").iterdir()) == []
