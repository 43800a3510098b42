"""Which article a row is: never a wrong one, and a question where something speaks against it."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.kernel.names import compact_of
from shopwire.modules.matching.api import Offered, Waiting
from shopwire.modules.matching.domain import digest_of
from shopwire.modules.matching.rules import (
    Article,
    Asked,
    Handle,
    Known,
    Matcher,
    Remembered,
    search_of,
)
from shopwire.modules.suppliers.api import Terms
from shopwire.services.matching import match

MUG, JUG = "04006381333931", "09780201379624"


def known(*articles: Article, **more: Any) -> Known:
    return Known(supplier="acme", articles={one.sku: one for one in articles}, **more)


def article(sku="MUG", **more: Any) -> Article:
    more = {"product_id": sku.lower(), "title": "Blue mug", "brand": "Hearth"} | more
    return Article(sku=sku, **more)


def asked(supplier_sku="X-9", **more: Any) -> Asked:
    return Asked(**{"supplier_sku": supplier_sku, "product": "x9", "title": "Something"} | more)


def one(row: Asked, what: Known):
    return Matcher(what).verdict(row)


@pytest.mark.parametrize(
    ("row", "how"),
    [
        (asked("MUG"), "sku"),
        (asked(gtin=MUG), "gtin"),
        (asked(mpn="ab 12", brand="HEARTH"), "mpn"),
        (asked(mpn="A.B.12", brand="hearth", gtin=MUG), "gtin"),
    ],
)
def test_one_article_with_nothing_against_it_is_a_find(row, how):
    verdict = one(row, known(article(gtin=MUG, mpn="ab12")))
    assert (verdict.kind, verdict.sku, verdict.how) == ("linked", "MUG", how)
    assert verdict.product_id == "mug"


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        (asked(gtin=JUG, mpn="AB-12", brand="Hearth"), ("gtin_differs",)),
        (asked("MUG", gtin=JUG), ("gtin_differs",)),
        (asked("CUP", gtin=MUG), ("several_skus",)),
        (asked(title="Mug, blue"), ("near_title",)),
        (asked(title="Hearth blue mug"), ("near_title",)),
        (asked(product="mug"), ("same_handle",)),
        (asked(product=""), ("unknown",)),
    ],
)
def test_what_speaks_against_it_makes_a_question(row, reasons):
    shop = known(
        article(gtin=MUG, mpn="ab12"),
        article("CUP", title="Tea cup"),
        likes={"X-9": ("MUG",)},
        handles={"mug": Handle(source="other", sku="MUG")},
    )
    verdict = one(row, shop)
    assert (verdict.kind, verdict.reasons) == ("doubtful", reasons)


def test_a_name_alone_is_no_question_where_the_gtin_tells_otherwise_or_titles_are_off():
    mug = article(gtin=MUG)
    likes = {"X-9": ("MUG",)}
    assert one(asked(title="Blue mug", gtin=JUG), known(mug, likes=likes)).how == "new"
    off = known(article(), likes=likes, titles=False)
    assert one(asked(title="Blue mug"), off).how == "new"


def test_an_article_that_another_sku_of_the_supplier_is_already_is_no_find():
    shop = known(article(gtin=MUG), holders={"MUG": "X-1"})
    assert one(asked(gtin=MUG), shop).reasons == ("sku_taken",)
    assert one(asked("X-1", gtin=MUG), shop).kind == "linked"


def test_what_is_remembered_goes_before_everything():
    links = {
        "X-9": Remembered(state="linked", sku="CUP"),
        "X-8": Remembered(state="ignored", sku=""),
        "X-7": Remembered(state="forgotten", sku="MUG"),
    }
    shop = known(article(gtin=MUG), article("CUP"), links=links)
    assert one(asked("X-9", gtin=MUG), shop).sku == "CUP"
    assert one(asked("X-8", gtin=MUG), shop).kind == "ignored"
    back = one(asked("X-7", gtin=MUG), shop)
    assert (back.kind, back.reasons, back.candidates[0].sku) == ("doubtful", ("forgotten",), "MUG")


def test_a_find_further_down_is_no_question_for_a_name_above():
    shop = known(article(gtin=MUG), likes={"X-1": ("MUG",), "X-2": ("MUG",)})
    found = match([asked("X-1", title="Blue mug"), asked("X-2", title="Mug", gtin=MUG)], shop)
    assert (found["X-1"].how, found["X-2"].sku) == ("new", "MUG")


def test_the_second_new_row_of_one_gtin_is_a_question():
    found = match([asked("X-1", gtin=MUG), asked("X-2", gtin=MUG)], known())
    assert (found["X-1"].how, found["X-2"].reasons) == ("new", ("sku_taken",))


def test_a_search_names_the_words_that_tell_most_and_no_signs():
    assert search_of(asked(title="The (blue) mug & jug!", brand="Mug")) == "blue & jug & the"
    assert search_of(asked(title="")) == ""


GTINS = st.sampled_from(["", MUG, JUG])
MPNS = st.sampled_from(["", "AB-12", "ab12", "C 3"])
BRANDS = st.sampled_from(["", "Hearth", "HEARTH!", "Acme"])
SKUS = st.sampled_from(["A", "B", "C", "D", "E"])
ARTICLES = st.lists(
    st.builds(
        Article,
        sku=SKUS,
        product_id=st.just("p"),
        gtin=GTINS,
        mpn=MPNS.map(compact_of),
        brand=BRANDS,
        title=st.just("Thing"),
    ),
    unique_by=lambda one: one.sku,
)
ROWS = st.lists(
    st.builds(
        Asked,
        supplier_sku=st.sampled_from(["A", "B", "X", "Y", "Z"]),
        product=st.just("x"),
        title=st.sampled_from(["Thing", "Other"]),
        gtin=GTINS,
        mpn=MPNS,
        brand=BRANDS,
    ),
    unique_by=lambda one: one.supplier_sku,
)


@given(ARTICLES, ROWS)
def test_no_row_is_ever_linked_to_what_it_may_not_be(articles, rows):
    """An oracle of its own: what fits a row is looked for article by article."""
    found = match(rows, known(*articles))
    by_sku = {one.sku: one for one in articles}
    linked = Counter(one.sku for one in found.values() if one.kind == "linked")
    assert max(linked.values(), default=1) == 1, "two rows are one article"
    for row in rows:
        verdict = found[row.supplier_sku]
        fits = {
            one.sku
            for one in articles
            if one.sku == row.supplier_sku
            or (row.gtin and row.gtin == one.gtin)
            or (
                row.mpn
                and row.brand
                and (one.mpn, compact_of(one.brand)) == (compact_of(row.mpn), compact_of(row.brand))
            )
        }
        if verdict.how == "new":
            assert not fits
            assert verdict.sku == row.supplier_sku
        elif verdict.kind == "linked":
            theirs = by_sku[verdict.sku].gtin
            assert fits == {verdict.sku}
            assert not (row.gtin and theirs and row.gtin != theirs)


def test_rows_that_wait_since_before_offers_had_suppliers_skus_are_no_news():
    terms = Terms(sku="X-1", cost_minor=200, currency="EUR")
    row = Waiting(
        supplier_sku="X-1", line=2, reasons=("unknown",), new_sku="X-1",
        offers=(Offered(supplier="acme", terms=terms),),
    )  # fmt: skip
    assert digest_of(row) == "0aa9e75f8f75c61986e48a28"
