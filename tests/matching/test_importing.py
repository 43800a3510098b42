"""Feeds under SKUs of their own into a shop on PostgreSQL: what is linked, and what waits."""

from typing import Any

import msgspec
import pytest
from tests.feeds.conftest import RECORD, Shop
from tests.shipping.desk import plan_of, po

from shopwire.kernel.commands import Command, Envelope
from shopwire.kernel.events import Position, Recorded
from shopwire.kernel.ids import new_id
from shopwire.modules.matching.api import ForgetLink, IgnoreMatch, LinkMatch, MakeNew, PutPolicy
from shopwire.modules.matching.consumers import follow_forgotten
from shopwire.modules.matching.store import list_cases, list_links
from shopwire.modules.shipping.api import AcknowledgePurchaseOrder, BeginSending, Units
from shopwire.modules.shipping.consumers import follow_offer
from shopwire.modules.shipping.store import DUE
from shopwire.modules.suppliers.events import OfferDocument
from shopwire.services import import_news
from shopwire.services.import_undo import undo_run
from shopwire.services.matching import DOUBTFUL, SkuMatching

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

HEAD = "id,title,brand,mpn,gtin,sku,stock,cost\n"
MUG, JUG, PAN = "4006381333931", "9780201379624", "5901234123457"
OURS = HEAD + (
    f"mug,Blue mug,Acme,AB-12,{MUG},MUG,5,2.50\n"
    f"jug,Glass jug,Acme,AB-13,{JUG},JUG,6,3.50\n"
    f"pan,Iron pan,Hearth,P 1,,PAN,7,9.00\n"
)


async def do(shop: Shop, command: Command) -> dict:
    outcome = await shop.write_path.submit(Envelope(command=command, key=new_id()))
    return {"ok": outcome.ok} | msgspec.json.decode(outcome.body)


async def begin(shop: Shop, **policy: Any) -> None:
    await shop.take(OURS, supplier="First")
    put = PutPolicy(supplier="second", mode="match", **policy)
    assert (await do(shop, put))["result"] == {"applied": True}


async def second(shop: Shop, rows: str, **more: Any):
    return await shop.take(HEAD + rows, supplier="Second", **more)


async def document(shop: Shop, topic: str):
    rows = await shop.query("SELECT body::text FROM documents WHERE topic = $1", topic)
    return msgspec.json.decode(rows[0][0]) if rows else None


def recorded(event_type: str, told) -> Recorded:
    return Recorded(
        position=Position(1, 0, 0), tenant="main", topic="", version=1, event_type=event_type,
        document=msgspec.json.encode(told), facts=b"null", command_id="", recorded_at_ms=1,
    )  # fmt: skip


async def waiting(shop: Shop) -> list[dict]:
    page = await list_cases(shop.store.reads, "main")
    return msgspec.json.decode(msgspec.json.encode(page["items"]))


async def links(shop: Shop) -> dict[str, tuple[str, str]]:
    page = await list_links(shop.store.reads, "main", "second")
    return {one["supplier_sku"]: (one["sku"], one["how"]) for one in page["items"]}


async def test_two_suppliers_of_one_article_are_two_offers_of_one_sku(shop: Shop):
    await begin(shop)
    summary = await second(
        shop,
        f"x9,A mug in blue,,,{MUG},X-9,4,2.20\n"
        "x7,Pan of iron,HEARTH,p1,,X-7,1,8.00\n"
        f"x5,Salad bowl,Acme,AB-99,{PAN},X-5,2,4.00\n",
    )
    assert (summary.rows, summary.changed, summary.quarantined) == (3, 3, 0)
    assert await links(shop) == {
        "X-9": ("MUG", "gtin"), "X-7": ("PAN", "mpn"), "X-5": ("X-5", "new"),
    }  # fmt: skip
    assert (await document(shop, "stock:MUG"))["available"] == 9
    assert (await document(shop, "offer:MUG/second"))["cost_minor"] == 220
    assert (await document(shop, "offer:MUG/first"))["cost_minor"] == 250
    assert [one["sku"] for one in (await document(shop, "product:mug"))["variants"]] == ["MUG"]
    assert await document(shop, "product:x9") is None
    assert await document(shop, "stock:X-9") is None
    assert (await document(shop, "product:x5"))["title"] == "Salad bowl"
    assert await shop.drift() == []


async def test_the_same_feed_again_writes_nothing_and_asks_nobody_twice(shop: Shop):
    await begin(shop)
    rows = f"x9,Mug,,,{MUG},X-9,4,2.20\nx1,Glass jug,Other,,,X-1,1,2.00\n"
    first = await second(shop, rows)
    before = await shop.dump()
    again = await second(shop, rows)
    after = await shop.dump()
    assert (first.changed, first.quarantined) == (1, 1)
    assert (again.changed, again.unchanged, again.quarantined) == (0, 1, 1)
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= RECORD | {"import_quarantine"}


async def test_what_is_doubtful_reaches_the_shop_under_no_sku(shop: Shop):
    await begin(shop)
    await shop.take(
        HEAD + f"cup,Cup,Acme,AB-12,{PAN},CUP,1,1\ntwin,Twin,Else,T1,{JUG},TWIN,1,1\n",
        supplier="Third",
    )
    summary = await second(
        shop,
        f"a,Thing,,,{JUG},A,1,1\n"  # two articles have this GTIN
        "b,Thing,acme,ab 12,4012345678901,B,1,1\n"  # the maker's number fits two, the GTIN none
        "c,Iron Pan,,,,C,1,1\n"  # only the name
        f"MUG,Mug,,,{PAN},MUG,1,1\n"  # the SKU is one's, the GTIN another's
        f"mug,Large mug,,,,E,1,1\n",  # another source's product has this id
    )
    assert (summary.changed, summary.quarantined) == (0, 5)
    assert {bad.code for bad in summary.bad_rows} == {DOUBTFUL}
    found = {one["supplier_sku"]: one for one in await waiting(shop)}
    assert {sku: one["reasons"] for sku, one in found.items()} == {
        "A": ["several_skus"],
        "B": ["several_skus", "gtin_differs"],
        "C": ["near_title"],
        "MUG": ["several_skus", "gtin_differs"],
        "E": ["same_handle"],
    }
    assert [one["sku"] for one in found["C"]["candidates"]] == ["PAN"]
    assert found["C"]["candidates"][0]["available"] == 7
    assert found["MUG"]["new_sku"] == "second-MUG"
    assert found["E"]["new_product"] == "mug-second"
    assert await shop.query("SELECT 1 FROM offer WHERE supplier = 'second'") == []
    assert await document(shop, "matches:queue") == {"waiting": {"second": 5}}
    assert await shop.drift() == []


async def test_a_person_links_and_the_row_that_waited_takes_effect(shop: Shop):
    await begin(shop)
    await second(shop, "c,Iron Pan,,,,C,3,8.00\n")
    typo = await do(shop, LinkMatch(supplier="second", supplier_sku="C", sku="PEN"))
    assert (typo["ok"], typo["message"]) == (False, "No product has the SKU PEN.")
    assert await links(shop) == {}
    link = LinkMatch(supplier="second", supplier_sku="C", sku="PAN")
    assert (await do(shop, link))["ok"]
    assert (await document(shop, "stock:PAN"))["available"] == 10
    assert (await document(shop, "offer:PAN/second"))["cost_minor"] == 800
    assert await waiting(shop) == []
    assert (await do(shop, link))["result"]["applied"] is False
    again = await second(shop, "c,Iron Pan,,,,C,4,8.00\n")
    assert (again.changed, again.quarantined) == (1, 0)
    assert (await document(shop, "stock:PAN"))["available"] == 11
    assert await shop.drift() == []


async def test_a_person_makes_an_article_of_its_own(shop: Shop):
    await begin(shop)
    rows = "mug,Large mug,,,,E,3,8.00\nmug,Large mug,,,,F,3,8.00\n"
    await second(shop, rows)
    taken = MakeNew(supplier="second", supplier_sku="E", sku="MUG", product="mug-second")
    assert (await do(shop, taken))["ok"] is False
    for sku in ("E", "F"):
        made = MakeNew(supplier="second", supplier_sku=sku, sku=sku, product="mug-second")
        assert (await do(shop, made))["ok"]
    product = await document(shop, "product:mug-second")
    assert [one["sku"] for one in product["variants"]] == ["E", "F"]
    assert (await document(shop, "stock:E"))["available"] == 3
    assert [one["sku"] for one in (await document(shop, "product:mug"))["variants"]] == ["MUG"]
    again = await second(shop, rows)
    assert (again.quarantined, again.products.applied, again.stock.applied) == (0, 0, 0)
    assert await shop.drift() == []


async def test_what_is_ignored_stays_away(shop: Shop):
    await begin(shop)
    await second(shop, "c,Iron Pan,,,,C,3,8.00\n")
    assert (await do(shop, IgnoreMatch(supplier="second", supplier_sku="C")))["ok"]
    again = await second(shop, "c,Iron Pan,,,,C,9,7.00\n")
    assert (again.changed, again.quarantined) == (0, 0)
    assert await waiting(shop) == []
    assert await shop.query("SELECT 1 FROM offer WHERE supplier = 'second'") == []


async def test_a_link_that_is_taken_back_ends_the_offer_and_is_asked_for(shop: Shop):
    await begin(shop)
    rows = f"x9,Mug,,,{MUG},X-9,4,2.20\n"
    await second(shop, rows)
    assert (await do(shop, ForgetLink(supplier="second", supplier_sku="X-9")))["ok"]
    told = await document(shop, "match_link:second/X-9")
    ends = follow_forgotten(recorded("matching.link_forgotten", told))
    assert [(await do(shop, one))["ok"] for one in ends] == [True, True]
    assert (await document(shop, "stock:MUG"))["available"] == 5
    again = await second(shop, rows)
    assert again.quarantined == 1
    assert (await waiting(shop))[0]["reasons"] == ["forgotten"]
    assert await shop.drift() == []


async def test_of_one_supplier_one_sku_is_one_article(shop: Shop, monkeypatch):
    await begin(shop)
    await second(shop, f"x9,Mug,,,{MUG},X-9,4,2.20\n")
    twice = await do(shop, LinkMatch(supplier="second", supplier_sku="X-8", sku="MUG"))
    assert (twice["ok"], twice["data"]) == (False, {"what": "link", "id": "X-9"})
    await second(shop, "c,Iron Pan,,,,C,3,8.00\n")
    taken = MakeNew(supplier="second", supplier_sku="C", sku="JUG", product="jug")
    assert (await do(shop, taken))["message"] == "The SKU JUG belongs to jug."

    match = SkuMatching.match

    async def overtaken(self, groups):
        found = await match(self, groups)
        link = LinkMatch(supplier="second", supplier_sku="X-7", sku="JUG")
        assert (await do(shop, link))["ok"]
        return found

    monkeypatch.setattr(SkuMatching, "match", overtaken)
    late = await second(shop, f"x5,Jug,,,{JUG},X-5,9,2.20\n")
    assert (late.changed, late.quarantined) == (0, 1)
    assert (await document(shop, "stock:JUG"))["available"] == 6
    assert (await links(shop))["X-7"] == ("JUG", "person")
    assert "X-5" not in await links(shop)
    assert await shop.drift() == []


async def test_a_full_feed_discontinues_the_articles_that_its_skus_are(shop: Shop):
    await begin(shop)
    mug, jug = f"x9,Mug,,,{MUG},X-9,4,2.20\n", f"x8,Jug,,,{JUG},X-8,3,2.00\n"
    await second(shop, mug + jug, kind="full")
    again = await second(shop, mug + jug, kind="full")
    assert (again.changed, again.discontinued) == (0, 0)
    less = await second(shop, mug, kind="full", force=True)
    assert less.discontinued == 1
    assert (await document(shop, "offer:JUG/second"))["active"] is False
    assert (await document(shop, "offer:MUG/second"))["active"] is True
    assert (await document(shop, "stock:JUG"))["available"] == 6
    back = await second(shop, mug + jug, kind="full")
    assert (back.changed, back.quarantined) == (1, 0)
    assert (await document(shop, "stock:JUG"))["available"] == 9
    assert await shop.drift() == []


async def test_undo_of_an_import_that_matched_leaves_the_other_suppliers_offer(shop: Shop):
    await begin(shop)
    before = await document(shop, "stock:MUG"), await document(shop, "product:mug")
    summary = await second(shop, f"x9,Mug,,,{MUG},X-9,4,2.20\n")
    await undo_run(shop.importer, summary.id, principal="system")
    assert (await document(shop, "stock:MUG"), await document(shop, "product:mug")) == before
    assert (await document(shop, "offer:MUG/second"))["active"] is False
    again = await second(shop, f"x9,Mug,,,{MUG},X-9,4,2.20\n")
    assert (again.changed, again.quarantined) == (1, 0)
    assert (await document(shop, "stock:MUG"))["available"] == 9
    assert await shop.drift() == []


async def ordered(shop: Shop, **of: int) -> str:
    """A purchase order to the second supplier that was handed over, as its channel gets it."""
    for sku in of:
        told = msgspec.convert(await document(shop, f"offer:{sku}/second"), OfferDocument)
        for command in follow_offer(recorded("suppliers.offer_put", told)):
            assert (await do(shop, command))["ok"]
    plan = plan_of({"second": of})
    own = po("second")
    for command in (plan, BeginSending(purchase_order=own)):
        assert (await do(shop, command))["ok"]
    return own


async def test_a_purchase_order_names_the_suppliers_sku_and_its_answer_takes_effect(shop: Shop):
    await begin(shop, unknown="review")
    rows = f"x9,Mug,,,{MUG},X-9,4,2.20\nx1,Bowl,Other,,,X-1,5,2.00\nPAN,Pan,Hearth,P1,,PAN,1,8\n"
    await second(shop, rows)
    await do(shop, LinkMatch(supplier="second", supplier_sku="X-1", sku="JUG"))
    for sku, theirs in (("MUG", "X-9"), ("JUG", "X-1"), ("PAN", None)):
        assert (await document(shop, f"offer:{sku}/second"))["supplier_sku"] == theirs

    own = await ordered(shop, MUG=2, JUG=1, PAN=1)
    sent = [job["payload"] for job in await shop.store.reads.fetch(DUE["send"], 10)]
    lines = {line["sku"]: line["supplier_sku"] for line in sent[0]["lines"]}
    assert lines == {"MUG": "X-9", "JUG": "X-1", "PAN": None}

    said = tuple(Units(sku=sku, quantity=1) for sku in ("X-9", "JUG", "PAN"))
    assert (await do(shop, AcknowledgePurchaseOrder(purchase_order=own, lines=said)))["ok"]
    told = (await document(shop, f"purchase_order:{own}"))["lines"]
    assert {line["sku"]: line["accepted"] for line in told} == {"MUG": 1, "JUG": 1, "PAN": 1}
    assert await shop.drift() == []

    # Documents that are older than suppliers' own SKUs say nothing of them, and are no drift.
    await shop.query(
        "UPDATE documents SET body = replace(body::text, ',\"supplier_sku\":null', '')::json"
        " WHERE topic LIKE 'offer:%' OR topic LIKE 'purchase_order:%'"
    )
    assert {one.check for one in await shop.drift()} == {"documents"}, "only the log differs"


async def test_a_held_feed_remembers_no_match_before_a_person_takes_it(shop: Shop):
    await begin(shop)
    own = "".join(f"o{n},Own {n},,,,O-{n},5,2.00\n" for n in range(30))
    await second(shop, own)
    rows = own.replace(",5,2.00", ",0,2.00") + f"x9,Mug,,,{MUG},X-9,4,2.20\n"
    before = await shop.dump()
    held = await second(shop, rows + "c,Iron Pan,,,,C,3,8.00\n")
    assert held.status == "held"
    assert await waiting(shop) == []
    assert "X-9" not in await links(shop)
    after = await shop.dump()
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= RECORD | {"import_held"}
    taken = await shop.importer.approve(held.id)
    assert (taken.changed, taken.quarantined) == (31, 1)
    assert (await links(shop))["X-9"] == ("MUG", "gtin")
    assert [one["supplier_sku"] for one in await waiting(shop)] == ["C"]
    assert (await document(shop, "stock:MUG"))["available"] == 9
    assert await shop.drift() == []


async def test_two_skus_of_a_feed_far_apart_are_not_one_article(shop: Shop, monkeypatch):
    await begin(shop)
    await second(shop, f"x8,Jug,,,{JUG},X-8,3,2.00\n")
    monkeypatch.setattr(import_news, "CHUNK_ROWS_MAX", 1)
    twice = f"x9,Mug,,,{MUG},X-9,4,2.20\nx7,Mug,,,{MUG},X-7,7,1.10\n"
    summary = await second(shop, twice)
    assert (summary.changed, summary.quarantined) == (1, 1)
    assert "X-7" in summary.bad_rows[0].reason
    assert (await links(shop))["X-9"] == ("MUG", "gtin")
    assert (await document(shop, "stock:MUG"))["available"] == 9
    assert (await document(shop, "product:mug"))["title"] == "Blue mug"
    assert await shop.drift() == []


async def test_an_unchanged_feed_links_what_was_the_shops_own(shop: Shop):
    rows = "o1,Own,,,,O-1,5,2.00\n"
    await second(shop, rows)
    assert (await do(shop, PutPolicy(supplier="second", mode="match")))["ok"]
    again = await second(shop, rows)
    assert (again.changed, again.unchanged) == (0, 1)
    assert await links(shop) == {"O-1": ("O-1", "sku")}


async def test_a_row_that_lost_its_article_leaves_that_articles_texts(shop: Shop, monkeypatch):
    await begin(shop)
    await second(shop, "o1,Own,,,5000112637922,O-1,5,2.00\n")
    assert (await do(shop, ForgetLink(supplier="second", supplier_sku="O-1")))["ok"]
    match = SkuMatching.match

    async def overtaken(self, groups):
        found = await match(self, groups)
        link = LinkMatch(supplier="second", supplier_sku="O-1", sku="O-1")
        assert (await do(shop, link))["ok"]
        return found

    monkeypatch.setattr(SkuMatching, "match", overtaken)
    late = await second(shop, "y1,Other,,,5000112637922,Y-1,9,1.00\n")
    assert (late.changed, late.quarantined) == (0, 1)
    assert (await document(shop, "product:o1"))["title"] == "Own"
    assert (await document(shop, "offer:O-1/second"))["cost_minor"] == 200
