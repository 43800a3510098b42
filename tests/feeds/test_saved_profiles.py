"""Mappings under a name: what can be saved, and that every import reads by them."""

import io

import msgspec
import pytest
from tests.feeds.conftest import Shop

from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import FeedUnreadable, ProfileUnknown
from shopwire.kernel.ids import new_id
from shopwire.modules.feeds.saved import (
    PutProfile,
    RemoveProfile,
    list_profiles,
    profile_by_name,
)
from shopwire.services.feed_preview import preview_feed

FEED = "Artikel;Bezeichnung;Bestand;EK\nT-1;Tasse;5;2,50\nT-2;Krug;-1;3,00\n"
MAPPING = """
title = "Lagerliste"
decimal = ","
[fields]
sku = { columns = ["Artikel"], required = true }
title = { columns = ["Bezeichnung"] }
quantity = { columns = ["Bestand"] }
cost = { columns = ["EK"] }
"""


@pytest.mark.anyio
@pytest.mark.postgres
async def test_a_saved_mapping_reads_feeds_by_its_name(shop: Shop):
    async def do(command):
        outcome = await shop.write_path.submit(Envelope(command=command, key=new_id()))
        return msgspec.json.decode(outcome.body)

    with pytest.raises(ProfileUnknown):
        await shop.take(FEED, profile="lager")
    put = PutProfile(name="lager", mapping=MAPPING)
    assert (await do(put))["result"] == {"applied": True}
    assert (await do(put))["result"]["applied"] is False
    summary = await shop.take(FEED, profile="lager")
    assert (summary.profile, summary.changed, summary.quarantined) == ("lager", 1, 1)
    listed = await list_profiles(shop.store.reads, "main")
    assert (listed[0]["name"], listed[0]["title"], listed[0]["shipped"]) == (
        "lager", "Lagerliste", False,
    )  # fmt: skip
    for name, mapping, said in (
        ("shopify", MAPPING, "shopify is a shipped profile; take another name."),
        ("Mein Lager", MAPPING, "name cannot be used: write it like mein-lager."),
        ("x", "[fields]\n", "A mapping needs the field sku."),
        ("x", MAPPING + "colour = {}", "There is no field 'colour'"),
        ("x", 'format = "xml"\n' + MAPPING.replace("[f", 'delimiter = ";"\n[f'), "delimiter"),
    ):
        refused = await do(PutProfile(name=name, mapping=mapping))
        assert said in refused["message"], refused
    assert (await do(RemoveProfile(name="lager")))["result"] == {"applied": True}
    with pytest.raises(ProfileUnknown) as unknown:
        await profile_by_name(shop.store.reads, "main", "lager")
    assert "generic" in unknown.value.data["known"]
    assert (await do(put))["result"] == {"applied": True}
    assert await shop.drift() == []


def test_a_file_that_no_profile_fits_is_shown_to_be_mapped():
    stream = io.BytesIO(FEED.encode())
    with pytest.raises(ProfileUnknown):
        preview_feed(stream)
    stream.seek(0)
    found = preview_feed(stream, sketch=True)
    assert (found.profile, found.columns) == ("", ["Artikel", "Bezeichnung", "Bestand", "EK"])
    assert found.rows[0].cells == {
        "Artikel": "T-1", "Bezeichnung": "Tasse", "Bestand": "5", "EK": "2,50",
    }  # fmt: skip
    assert {row.outcome for row in found.rows} == {"unmapped"}
    assert found.proposed == {
        "sku": "Artikel", "title": "Bezeichnung", "quantity": "Bestand", "cost": "EK",
    }  # fmt: skip
    with pytest.raises(FeedUnreadable):
        preview_feed(io.BytesIO(b"%PDF-1.7"), sketch=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"sku;cost\nA;2,50\n", {"encoding": "nothing in the file", "decimals": "no other way"}),
        (b"\xef\xbb\xbfsku,cost\nA,1234\n", {"encoding": "the mark", "decimals": "no amount"}),
        (
            "sku\ttitle\tcost\n".encode("cp1252")
            + "".join(f"S{n}\tKüche\t2.50\n" for n in range(4)).encode("cp1252"),
            {"encoding": "several lines", "separator": "most often"},
        ),
        (b'[{"sku":"A","cost":"2.50"}]', {"format": "first bytes"}),
    ],
)
def test_each_thing_that_was_found_out_comes_with_its_reason(content, said):
    found = preview_feed(io.BytesIO(content))
    why = {one.what: one.why for one in found.findings}
    for what, words in said.items():
        assert words in why[what], why


def test_an_xml_file_of_other_elements_is_shown_by_the_name_of_its_rows():
    content = b"<shop><product><no>A</no><ek>2.50</ek></product></shop>"
    assert "no <item>" in (preview_feed(io.BytesIO(content), sketch=True).error or "")
    found = preview_feed(io.BytesIO(content), sketch=True, item="product")
    assert (found.columns, found.rows[0].cells) == (["no", "ek"], {"no": "A", "ek": "2.50"})
