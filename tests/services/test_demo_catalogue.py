"""The made-up catalogue and its pictures."""

import hashlib

import msgspec
import pytest
from lxml import etree

from shopwire.kernel.limits import NAME_CHARS_MAX, TEXT_CHARS_MAX
from shopwire.kernel.names import slug_of
from shopwire.services.demo.catalogue import catalogue
from shopwire.services.pictures import COLOURS, KINDS, kind_of, picture

PICTURE_BYTES_MAX = 4_500


def test_the_catalogue_is_the_same_on_every_machine():
    digest = hashlib.sha256(msgspec.json.encode(catalogue())).hexdigest()
    assert digest == hashlib.sha256(msgspec.json.encode(catalogue.__wrapped__())).hexdigest()
    assert [product.id for product in catalogue().products[:3]] == [
        "granary-mug", "ferry-stoneware-mug", "linden-workshop-mug",
    ]  # fmt: skip


def test_every_name_is_used_once_and_within_its_limit():
    made = catalogue()
    ids = [product.id for product in made.products]
    skus = [variant.sku for product in made.products for variant in product.variants]
    gtins = {variant.gtin for product in made.products for variant in product.variants}
    assert 280 <= len(ids) <= 320
    assert len(made.categories) == 10
    assert len(set(ids)) == len(ids)
    assert len(set(skus)) == len(skus) == len(gtins)
    assert max(map(len, ids + skus)) <= NAME_CHARS_MAX
    assert max(len(product.description) for product in made.products) <= TEXT_CHARS_MAX


def test_every_article_has_a_supplier_and_many_have_two():
    made = catalogue()
    skus = {variant.sku for product in made.products for variant in product.variants}
    offered = [offer.sku for offer in made.offers]
    assert set(offered) == skus
    assert len(made.suppliers) == 5
    assert len(offered) > 1.3 * len(skus)
    assert all(offer.cost_minor > 0 and offer.quantity >= 0 for offer in made.offers)
    assert any(offer.map_minor for offer in made.offers)


def test_gtins_have_a_right_check_digit():
    for product in catalogue().products:
        for variant in product.variants:
            digits = [int(digit) for digit in variant.gtin]
            assert len(digits) == 13
            assert sum(d * (3 if at % 2 else 1) for at, d in enumerate(digits)) % 10 == 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_lightly_and_with_a_title(kind: str):
    for colour in COLOURS:
        shown = picture(f"{kind}--test--{colour.lower()}")
        tree = etree.fromstring(shown.svg.encode())
        assert tree.findtext("{http://www.w3.org/2000/svg}title") == shown.alt
        assert len(shown.svg) < PICTURE_BYTES_MAX


def test_a_picture_is_decided_by_its_name():
    names = [f"mug--line-{number}--clay" for number in range(8)]
    again = [picture.__wrapped__(name).svg for name in names]
    assert [picture(name).svg for name in names] == again
    assert len(set(again)) == len(names)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("enamel-kettle", "kettle"),
        ("Mountain-200 Black, 42 bike", "bike"),
        ("classic-tees", "shirt"),
        ("road-bikes--bk-r93r-44", "bike"),
        ("what-is-it", "parcel"),
        ("../../etc/passwd", "parcel"),
        ("<script>", "parcel"),
    ],
)
def test_a_name_without_a_kind_is_guessed(name: str, kind: str):
    assert kind_of(name) == kind
    etree.fromstring(picture(name).svg.encode())


def test_suppliers_have_the_ids_that_an_import_gives_their_names():
    for supplier in catalogue().suppliers:
        assert supplier.id == slug_of(supplier.name)
