"""The shipped profiles: each is found by its header and reads what its format says."""

import pytest
from tests.feeds.reading import bad_rows, groups_of, opened, used_skus

from shopwire.kernel.errors import FeedUnreadable, ProfileUnknown
from shopwire.modules.feeds.profile import (
    built_in_profiles,
    load_mapping,
    parse_profile,
    profile_named,
)

SHOPIFY = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,"
    "Variant Inventory Qty,Variant Price,Variant Compare At Price,Variant Barcode,Image Src,"
    "Image Position,Cost per item,Status\n"
)


def test_a_shopify_export_is_read_with_its_variants_and_pictures():
    content = SHOPIFY + (
        'mug,Mug,"<p>A <b>big</b> mug</p>",Acme,Kitchen,"new, blue",TRUE,Size,S,M-S,5,20.00,25.00,'
        "'4006381333931,/a.png,1,8.00,active\n"
        "mug,,,,,,,,L,M-L,6,22.00,,,,,9.00,\n"
        "mug,,,,,,,,,,,,,,/b.png,2,,\n"
    )
    feed = opened(content, None)
    (group,) = feed.groups
    product = group.product
    assert feed.profile.name == "shopify"
    assert (product.title, product.brand, product.status) == ("Mug", "Acme", "active")
    assert product.description == "A big mug"
    assert product.tags == ("new", "blue")
    assert [image.url for image in product.images] == ["/a.png", "/b.png"]
    assert [variant.options for variant in product.variants] == [{"Size": "S"}, {"Size": "L"}]
    assert product.variants[0].gtin == "04006381333931"
    terms = group.offers[0].terms
    assert (terms.cost_minor, terms.msrp_minor) == (800, 2500)
    assert group.rows == 3
    assert group.bad == []


def test_a_shopify_product_without_a_cost_is_costed_at_its_price():
    content = SHOPIFY + "mug,Mug,,,,,,Title,Default Title,M,5,20.00,0.00,,,,,draft\n"
    (group,) = groups_of(content, None)
    assert group.offers[0].terms.cost_minor == 2000
    assert group.product.status == "draft"
    assert group.product.variants[0].options == {}


def test_a_google_table_is_read():
    content = (
        "id\ttitle\tlink\tprice\tavailability\tbrand\tgtin\tproduct_type\n"
        "A\tMug\t/a\t15.00 USD\tin stock\tAcme\t4006381333931\tHome > Kitchen\n"
        "B\tJug\t/b\t25.00 USD\tout of stock\tAcme\t\tHome > Kitchen\n"
    )
    feed = opened(content, None)
    mug, jug = feed.groups
    assert feed.profile.name == "google-merchant"
    assert mug.product.categories == (("Home", "Kitchen"),)
    assert [mug.counts[0].quantity, jug.counts[0].quantity] == [5, 0]


def test_an_availability_that_is_no_word_of_the_format_is_refused():
    content = "id\ttitle\tlink\tavailability\nA\tMug\t/a\tsoon\n"
    assert [bad.code for bad in bad_rows(content, None)] == ["not_a_number"]


@pytest.mark.parametrize("name", sorted(built_in_profiles()))
def test_every_profile_is_complete_and_found_by_name(name):
    profile = profile_named(name)
    assert profile.title
    assert profile.fields["sku"].columns


def test_an_unknown_header_names_the_known_profiles():
    with pytest.raises(ProfileUnknown) as caught:
        opened("artikel;bestand\nA;1\n", None)
    assert "shopify" in caught.value.data["known"]


def test_a_strict_profile_refuses_foreign_columns_by_name():
    header = "Product Handle,Product Title,Variant Title,Variant Sku,Some field\n"
    with pytest.raises(FeedUnreadable, match="'Some field' is none of a Medusa product export"):
        opened(header + "a,A,a,a,a\n", None)


def test_a_mapping_of_ones_own_reads_decimal_commas_and_other_words(tmp_path):
    path = tmp_path / "lager.toml"
    path.write_text(
        """
        encoding = "cp1252"
        decimal = ","
        [fields]
        sku = { columns = ["Artikel"], required = true }
        title = { columns = ["Bezeichnung"] }
        quantity = { columns = ["Bestand"], values = { "ja" = "10", "nein" = "0" } }
        cost = { columns = ["EK"], blank = ["-"] }
        """,
        encoding="utf-8",
    )
    content = "Artikel;Bezeichnung;Bestand;EK\nA;Tasse grün;Ja;1.250,50\nB;Krug;nein;-\n"
    tasse, krug = groups_of(content.encode("cp1252"), load_mapping(path))
    assert tasse.product.title == "Tasse grün"
    assert tasse.offers[0].terms.cost_minor == 125_050
    assert [tasse.counts[0].quantity, krug.counts[0].quantity] == [10, 0]
    assert krug.offers == []


def test_numbered_columns_read_a_file_without_a_header():
    profile = profile_named("adventureworks-offers")
    assert profile.columns[:3] == ("ProductVendorID", "ProductID", "VendorID")
    plain = parse_profile(
        """
        columns = ["1", "2", "3"]
        delimiter = "\\t"
        [fields]
        sku = { columns = ["1"] }
        title = { columns = ["2"] }
        quantity = { columns = ["3"] }
        """
    )
    groups = groups_of("A\tMug\t5\nB\tJug\t-1\nC\tPan\t7\n", plain)
    assert used_skus(groups) == ["A", "C"]
    assert [bad.line for group in groups for bad in group.bad] == [2]
