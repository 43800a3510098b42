"""Feeds that are no tables: XML and the dump of a catalogue. None may cost more than its size."""

import io
import resource
from contextlib import nullcontext, suppress
from pathlib import Path

import msgspec
import pytest
from tests.feeds.reading import groups_of, opened, used_skus

from shopwire.kernel.errors import FeedUnreadable
from shopwire.modules.feeds.limits import JSON_BYTES_MAX
from shopwire.modules.feeds.structured import SaleorReader, XmlReader

HEAD = '<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel>'
TAIL = "</channel></rss>"


def item(sku: str, price: str = "15.00 USD", availability: str = "in stock", more: str = "") -> str:
    return (
        f"<item><g:id>{sku}</g:id><title>Mug {sku}</title><g:price>{price}</g:price>"
        f"<g:availability>{availability}</g:availability>{more}</item>"
    )


def test_items_of_a_google_feed_become_products():
    content = HEAD + item("A", more="<g:brand>Acme</g:brand><g:color>red</g:color>") + TAIL
    feed = opened(content, None)
    (group,) = feed.groups
    assert feed.profile.name == "google-merchant-xml"
    assert (group.product.title, group.product.brand) == ("Mug A", "Acme")
    assert group.product.variants[0].options == {"Colour": "red"}
    assert (group.offers[0].terms.cost_minor, group.offers[0].terms.currency) == (1500, "USD")
    assert group.counts[0].quantity == 5


def test_atom_entries_are_items_and_group_ids_join_variants():
    more = "<g:item_group_id>mug</g:item_group_id><g:image_link>/a.png</g:image_link>"
    content = (HEAD + item("A", more=more) + item("B", more=more) + TAIL).replace("item>", "entry>")
    (group,) = groups_of(content, None)
    assert used_skus([group]) == ["A", "B"]
    assert len(group.product.images) == 1


def test_items_on_one_line_are_told_apart():
    content = HEAD + item("A", "0 USD") + item("B") + item("C", "free") + TAIL
    groups = groups_of(content, None)
    assert used_skus(groups) == ["B"]
    assert [bad.code for group in groups for bad in group.bad] == ["zero_price", "not_a_number"]
    assert all("<g:id>" in bad.raw.replace("ns0:", "g:") for group in groups for bad in group.bad)


def test_lines_beyond_65535_are_told():
    content = HEAD + "\n" * 70_000 + item("A", "0 USD") + TAIL
    ((bad,),) = [group.bad for group in groups_of(content, None)]
    assert bad.line == 70_001


def test_xml_that_is_cut_off_gives_its_whole_items_first():
    feed = opened(HEAD + "\n" + item("A") + "\n" + item("B")[:30], None)
    assert used_skus([next(feed.groups)]) == ["A"]
    with pytest.raises(FeedUnreadable) as caught:
        list(feed.groups)
    assert caught.value.data["line"] == 3


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><rss>&b;</rss>',
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item>&x;</item></rss>',
        '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><rss/>',
    ],
    ids=["entities", "external entity", "external document type"],
)
def test_document_types_are_refused(content):
    with pytest.raises(FeedUnreadable, match="document type"):
        list(opened(content, "google-merchant-xml").groups)


@pytest.mark.parametrize(
    "content",
    [
        "<rss><product/></rss>",
        "<rss>&undefined;</rss>",
        "<rss><item></rss>",
        "<",
        "<rss>\x00</rss>",
    ],
)
def test_xml_without_items_or_that_is_none_is_refused(content):
    with pytest.raises(FeedUnreadable):
        list(opened(content, "google-merchant-xml").groups)


def resident_mib() -> float:
    """Memory of this process; what libxml2 holds is seen nowhere else."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


@pytest.mark.parametrize("element", ["item", "product"])
def test_memory_does_not_grow_with_an_xml_feed(element):
    pieces = 600 if element == "item" else 100
    piece = (item("A") * 100).replace("item>", f"{element}>").encode()

    class Long(io.RawIOBase):
        def __init__(self) -> None:
            self.read_pieces = 0

        def read(self, _size: int = -1) -> bytes:
            self.read_pieces += 1
            if self.read_pieces == pieces:
                grown.append(resident_mib() - before)
                return TAIL.encode()
            if self.read_pieces > pieces:
                return b""
            return HEAD.encode() if self.read_pieces == 1 else piece

    grown: list[float] = []
    before, rows = resident_mib(), 0
    with suppress(FeedUnreadable) if element == "product" else nullcontext():
        for _ in XmlReader(Long()):
            rows += 1
    assert rows == (100 * (pieces - 2) if element == "item" else 0)
    assert grown[0] < 20


VARIANT = {"model": "product.productvariant", "pk": 1, "fields": {"product": 1, "sku": "A"}}


def dump(*entries: object) -> bytes:
    return msgspec.json.encode(entries)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{}",
        b"[1]",
        b"[]",
        dump({"model": "product.productvariant", "pk": 1, "fields": {}}),
        dump(VARIANT, {"model": "warehouse.stock", "pk": 1, "fields": {"quantity": "many"}}),
        b"[" * 100_000,
    ],
)
def test_json_that_is_no_catalogue_is_refused(content):
    with pytest.raises(FeedUnreadable):
        opened(content, "saleor")


def test_json_beyond_its_limit_is_refused():
    with pytest.raises(FeedUnreadable, match="one piece"):
        SaleorReader(io.BytesIO(b" " * (JSON_BYTES_MAX + 1)))


def test_categories_above_themselves_end():
    content = dump(
        VARIANT,
        {
            "model": "product.product",
            "pk": 1,
            "fields": {"name": "Mug", "slug": "mug", "category": 1},
        },
        {"model": "product.category", "pk": 1, "fields": {"name": "One", "parent": 2}},
        {"model": "product.category", "pk": 2, "fields": {"name": "Two", "parent": 1}},
    )
    (group,) = groups_of(content, None)
    assert group.product.categories == (("Two", "One"),)
