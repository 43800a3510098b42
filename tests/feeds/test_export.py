"""What the shop writes is read back as what it is, by the profile of the same name."""

import io
from typing import Any, get_args

import msgspec
import pytest
from tests.feeds.conftest import Shop

from shopwire.adapters.x12 import InventoryAdvice846, read_interchanges
from shopwire.cli.main import run
from shopwire.kernel.errors import InvalidField
from shopwire.modules.channels.api import PutChannel, X12Way
from shopwire.services.export_forms import ExportFormat
from shopwire.services.feed_export import export_feed, writer_for

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

FEED = (
    "id,title,description,brand,category,tags,image_url,image_alt,sku,gtin,mpn,stock,cost,msrp,map,"
    "lead_time_days,order_min,order_max,option1_name,option1_value\n"
    'mug,"Mug, blue","Holds & <keeps>",Acme,Kitchen > Cups|Gifts,"a,b",'
    '"https://x.example/m.png,https://x.example/n.png",Blue,'
    "M-S,4006381333931,AB-1,5,2.50,9.90,4.00,3,2,40,Size,Small\n"
    "mug,,,,,,,,M-L,,,7,3.05,,,,,,Size,Large\n"
    "jug,Jug,,Hearth,Kitchen,,,,J,9780201379624,,0,9,,,,,,,\n"
)


async def written(shop: Shop, form: ExportFormat, **more: Any) -> str:
    out = io.StringIO()
    await export_feed(shop.store.reads, "main", out, form, **more)
    return out.getvalue()


async def documents(shop: Shop) -> dict[str, Any]:
    rows = await shop.query("SELECT topic, body::text FROM documents ORDER BY topic")
    kinds = ("product", "stock", "offer")
    return {row[0]: msgspec.json.decode(row[1]) for row in rows if row[0].split(":")[0] in kinds}


@pytest.mark.parametrize("form", get_args(ExportFormat))
async def test_an_export_of_the_shop_says_what_the_shop_knows(shop: Shop, form: ExportFormat):
    await shop.take(FEED, supplier="First")
    before = await documents(shop)
    text = await written(shop, form)
    again = await shop.take(text, supplier="First", profile=form, afresh=True)
    assert again.quarantined == 0, again.bad_rows
    assert again.rows == 3
    after = await documents(shop)
    assert after.keys() == before.keys()
    for topic, told in before.items():
        if topic.startswith("stock:"):
            assert after[topic]["available"] == told["available"]
        if topic.startswith("offer:"):
            assert after[topic]["cost_minor"] == told["cost_minor"] or form == "woocommerce"
        if topic.startswith("product:"):
            for name in ("title", "brand"):
                assert after[topic][name] == told[name], (topic, name)
            if form != "amazon-listings":  # it has no categories of ours
                assert after[topic]["categories"][0] == told["categories"][0]
            skus = [(one["sku"], one["gtin"]) for one in told["variants"]]
            assert [(one["sku"], one["gtin"]) for one in after[topic]["variants"]] == skus
    text = await written(shop, form)
    again = await shop.take(text, supplier="First", profile=form, afresh=True)
    assert (again.products.applied, again.offers.applied, again.stock.applied) == (0, 0, 0)
    assert await written(shop, form) == text
    assert await shop.drift() == []


async def test_the_own_table_changes_nothing_when_it_is_read_back(shop: Shop):
    await shop.take(FEED, supplier="First")
    before = await documents(shop)
    again = await shop.take(await written(shop, "generic"), supplier="First", afresh=True)
    assert (again.products.applied, again.offers.applied, again.stock.applied) == (0, 0, 0)
    assert await documents(shop) == before


async def test_formulas_are_texts_and_a_supplier_is_exported_alone(shop: Shop):
    await shop.take("id,title,category,sku,stock,cost\nx,=1+1,All,X,1,2\n", supplier="First")
    await shop.take("id,title,category,sku,stock,cost\ny,Other,All,Y,3,4\n", supplier="Second")
    text = await written(shop, "generic")
    assert ",'=1+1," in text.replace("x,", ",", 1)
    alone = (await written(shop, "generic", supplier="second")).splitlines()
    assert len(alone) == 2
    assert ",Y," in alone[1]


async def test_a_market_place_is_told_no_drafts_and_whole_addresses(shop: Shop):
    await shop.take(
        "id,title,status,image_url,sku,stock,cost\n"
        "x,X <b>\x0b,active,/pictures/x.png,X,1,2\ny,Y,draft,,Y,1,2\n"
    )
    text = await written(shop, "google-merchant-xml", base="https://shop.example")
    assert "<g:link>https://shop.example/product/x</g:link>" in text
    assert "<g:image_link>https://shop.example/pictures/x.png</g:image_link>" in text
    assert text.count("<item>") == 1
    told = msgspec.json.decode(await written(shop, "amazon-listings"))
    assert [one["sku"] for one in told["messages"]] == ["X"]
    assert msgspec.json.decode(await written(shop, "amazon-listings", supplier="nobody")) == {
        "header": {"sellerId": "", "version": "2.0"}, "messages": [],
    }  # fmt: skip


async def test_an_inventory_advice_has_a_message_a_currency_and_a_way_s_envelope(shop: Shop):
    head = "id,title,sku,stock,cost,currency\n"
    await shop.take(head + "a,A ~ *b*,A,1,2,EUR\nb,B,B*C,1,2,EUR\nc,C,C,7,,\n", supplier="First")
    await shop.take(head + "d,D,D,3,4,USD\n", supplier="Second")
    way = X12Way(place="folder:second", sender="MINE", receiver="SECOND", element_sign="|")
    await shop.importer.decide(PutChannel(supplier="second", way=way), "ann")
    (interchange,) = read_interchanges((await written(shop, "x12-846")).encode())
    assert interchange.problems == ()
    (group,) = interchange.groups
    told = [InventoryAdvice846.from_segments(one.segments).lines for one in group.sets]
    assert [one.errors for one in group.sets] == [(), ()]
    assert [[line.line.ids["IN"] for line in lines] for lines in told] == [["A", "C"], ["D"]]
    assert told[0][0].line.description == "A    b"
    reads = shop.store.reads
    writer = await writer_for(reads, "main", "x12-846", supplier="second")
    text = await written(shop, "x12-846", supplier="second", writer=writer)
    assert read_interchanges(text.encode())[0].receiver == ("ZZ", "SECOND")
    again = await shop.take(text, supplier="Second")
    assert (again.profile, again.rows, again.quarantined, again.stock.applied) == (
        "x12-846", 1, 0, 0,
    )  # fmt: skip
    (nothing,) = read_interchanges((await written(shop, "x12-846", supplier="nobody")).encode())
    assert len(nothing.groups[0].sets) == 1
    with pytest.raises(InvalidField):
        await writer_for(reads, "main", "x12-846", receiver="much too long a name")


def test_the_command_writes_a_whole_file(tmp_path, database_url, capsys):
    out = tmp_path / "out.csv"
    assert run(["feed", "export", str(out), "--database", database_url, "--format", "shopify"]) == 0
    assert out.read_text().startswith("Handle,Title")
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]
