"""Rows as products, offers and counts: what belongs together, and what one bad row costs."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.feeds.reading import PLAIN, bad_rows, groups_of, opened, used_skus

from shopwire.kernel.errors import MappingInvalid
from shopwire.modules.feeds.limits import GROUP_ROWS_MAX
from shopwire.modules.feeds.profile import parse_profile

HEAD = "id,title,sku,stock,cost,price\n"
BY_NAME = parse_profile(
    """
    group_by = "name"
    [fields]
    title = { columns = ["name"] }
    sku = { columns = ["sku"], required = true }
    quantity = { columns = ["stock"] }
    [[options]]
    name_column = "option"
    value_column = "value"
    """
)


def codes(content, profile=PLAIN, **more: Any):
    return [(bad.line, bad.column, bad.code) for bad in bad_rows(content, profile, **more)]


def test_rows_of_one_product_become_its_variants():
    (group,) = groups_of(HEAD + "mug,Mug,M-S,5,2,\nmug,Mug,M-L,6,3,\n")
    assert [variant.sku for variant in group.product.variants] == ["M-S", "M-L"]
    assert [count.quantity for count in group.counts] == [5, 6]
    assert [offered.terms.cost_minor for offered in group.offers] == [200, 300]


def test_a_bad_row_costs_only_its_own_variant():
    (group,) = groups_of(HEAD + "mug,Mug,M-S,-5,2,\nmug,Mug,M-L,6,3,\n")
    assert [variant.sku for variant in group.product.variants] == ["M-L"]
    assert [(bad.line, bad.column, bad.code) for bad in group.bad] == [(2, "stock", "negative")]


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("mug,Mug,,5,2,", "sku", "missing"),
        ("mug,,M,5,2,", "title", "missing"),
        ("mug,Mug,M,1.5,2,", "stock", "fractional"),
        ("mug,Mug,M,99999999999,2,", "stock", "out_of_range"),
        ("mug,Mug,M,5,0,", "cost", "zero_price"),
        ("mug,Mug,M,5,free,", "cost", "not_a_number"),
        ("mug,Mug,M,5,10.00 EUR,20.00 USD", "price", "two_currencies"),
        (f"mug,Mug,{'M' * 201},5,2,", "sku", "not_allowed"),
        (f"mug,{'M' * 201},M,5,2,", "title", "not_allowed"),
        ("mug,Mug,M\x07,5,2,", "sku", "not_allowed"),
    ],
)
def test_bad_values_are_named_by_line_column_and_code(row, column, code):
    assert codes(f"{HEAD}{row}\nB,Jug,B,1,1,\n") == [(2, column, code)]
    assert used_skus(groups_of(f"{HEAD}{row}\nB,Jug,B,1,1,\n")) == ["B"]


def test_of_a_sku_that_comes_twice_the_first_is_taken():
    content = HEAD + "mug,Mug,M,5,2,\njug,Jug,J,1,1,\nmug,Mug,M,9,9,\n"
    assert codes(content) == [(4, "sku", "duplicate_sku")]
    counts = [count for group in groups_of(content) for count in group.counts]
    assert [(count.sku, count.quantity) for count in counts] == [("M", 5), ("J", 1)]


def test_a_refused_row_does_not_block_a_later_good_one_of_its_sku():
    assert codes(HEAD + "mug,Mug,M,-5,2,\nmug,Mug,M,5,2,\n") == [(2, "stock", "negative")]


def test_a_price_without_a_cost_is_the_cost_and_that_is_told():
    feed = opened(HEAD + "mug,Mug,M,5,,20\njug,Jug,J,5,10,20\n")
    mug, jug = (group.offers[0].terms for group in feed.groups)
    assert (mug.cost_minor, mug.msrp_minor) == (2000, None)
    assert (jug.cost_minor, jug.msrp_minor) == (1000, 2000)
    assert "a price without a cost was taken as the cost (1 rows)" in feed.notes


def test_a_row_without_any_price_gives_no_offer():
    (group,) = groups_of(HEAD + "mug,Mug,M,5,,\n")
    assert group.offers == []
    assert group.counts[0].quantity == 5


def test_a_currency_with_the_amount_goes_before_the_given_one():
    (group,) = groups_of(HEAD + "mug,Mug,M,5,1500 JPY,\n")
    assert (group.offers[0].terms.cost_minor, group.offers[0].terms.currency) == (1500, "JPY")


def test_a_wrong_gtin_costs_its_row():
    content = "sku,title,gtin\nA,Mug,4006381333932\nB,Jug,4006381333931\n"
    assert codes(content) == [(2, "gtin", "bad_gtin")]
    assert used_skus(groups_of(content)) == ["B"]


def test_a_wrong_gtin_costs_the_number_where_the_profile_is_lenient():
    content = "sku,title,gtin\nA,Mug,4006381333932\nB,Jug,4006381333931\n"
    feed = opened(content, msgspec.structs.replace(PLAIN, gtin="lenient"))
    gtins = [group.product.variants[0].gtin for group in feed.groups]
    assert gtins == [None, "04006381333931"]
    assert "a GTIN with a wrong check digit was left out (1 rows)" in feed.notes


def test_blank_cells_belong_to_the_product_above():
    content = "name,sku,stock,option,value\nMug,M-S,1,Size,S\n,M-L,2,,L\nJug,J,3,,\n"
    mug, jug = groups_of(content, BY_NAME)
    assert [variant.options for variant in mug.product.variants] == [{"Size": "S"}, {"Size": "L"}]
    assert [(option.name, option.values) for option in mug.product.options] == [
        ("Size", ("S", "L"))
    ]
    assert jug.product.title == "Jug"


def test_variants_of_a_bad_first_row_never_go_to_the_product_before_it():
    content = (
        "name,sku,stock,option,value\n"
        "Mug,M,1,,\n"
        "Jug,J-S,2\n"  # a row that is cut short
        ",J-L,3,,\n"
        "Pan,,4,,\n"  # a first row without a SKU
        ",P-L,5,,\n"
        "Pot,T,6,,\n"
        ",T-L,7,,\n"
    )
    assert [line for line, _, _ in codes(content, BY_NAME)] == [3, 4, 5, 6]
    assert [code for _, _, code in codes(content, BY_NAME)] == [
        *("cell_count", "orphan", "missing", "orphan")
    ]
    groups = [group for group in groups_of(content, BY_NAME) if group.lines]
    assert [list(group.lines) for group in groups] == [["M"], ["T", "T-L"]]


def test_rows_of_one_product_that_stand_apart_are_compared_apart():
    content = HEAD + "mug,Mug,M-S,5,2,\njug,Jug,J,1,1,\nmug,Mug,M-L,6,3,\n"
    assert [group.key for group in groups_of(content)] == ["mug", "jug", "mug#2"]


def test_a_product_of_very_many_rows_is_taken_in_parts():
    rows = "".join(f"mug,Mug,M-{n},1,1,\n" for n in range(GROUP_ROWS_MAX + 1))
    assert [group.rows for group in groups_of(HEAD + rows)] == [GROUP_ROWS_MAX, 1]


def test_every_row_is_counted_once_whatever_is_wrong_with_it():
    content = HEAD + "mug,Mug,M,5,2,\nx,x\nmug,,M,1,1,\n,,,,,1\njug,,J,1,1,\n"
    groups = groups_of(content)
    assert sum(group.rows for group in groups) == 5
    assert sorted(bad.line for group in groups for bad in group.bad) == [3, 4, 5, 6]


_cells = st.lists(
    st.tuples(
        st.sampled_from(["mug", "jug", "pan"]),
        st.sampled_from(["", "Title", "x" * 201]),
        st.sampled_from(["A", "B", "C", ""]),
        st.sampled_from(["", "0", "5", "-1", "1.5", "x"]),
        st.sampled_from(["", "0", "1.50", "-2", "x"]),
    ),
    max_size=30,
)


@given(_cells)
def test_rows_are_used_or_quarantined_and_never_both(cells):
    content = "id,title,sku,stock,cost\n" + "".join(",".join(row) + "\n" for row in cells)
    groups = groups_of(content)
    used = [row.line for group in groups for row in group.lines.values()]
    bad = [row.line for group in groups for row in group.bad]
    assert sorted(used + bad) == list(range(2, len(cells) + 2))
    for group in groups:
        skus = set(group.lines)
        assert {count.sku for count in group.counts} <= skus
        assert {offered.terms.sku for offered in group.offers} <= skus


@given(_cells)
def test_the_same_rows_have_the_same_digests(cells):
    content = "id,title,sku,stock,cost\n" + "".join(",".join(row) + "\n" for row in cells)
    one, other = ([group.digest() for group in groups_of(content) if group.key] for _ in range(2))
    assert one == other
    assert len({digest.key for digest in one}) == len(one)


def test_a_digest_of_terms_stays_what_it_was_before_suppliers_had_skus_of_their_own():
    (group,) = groups_of("id,title,sku,stock,cost,price\nmug,Mug,M-S,5,2,\n")
    assert group.digest().offers == "5418562bf46ea42e3f11917e"


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ("mug,Mug,M,6,2,", {"stock"}),
        ("mug,Mug,M,5,3,", {"offers"}),
        ("mug,Big mug,M,5,2,", {"product"}),
        ("mug,Mug,M,5,2.00,", set()),
        ("mug,Mug,M,5.0, 2 ,", set()),
    ],
)
def test_a_digest_tells_which_part_is_news(changed, parts):
    (one,), (other,) = groups_of(HEAD + "mug,Mug,M,5,2,\n"), groups_of(HEAD + changed + "\n")
    one, other = one.digest(), other.digest()
    differ = {
        name
        for name in ("product", "offers", "stock")
        if getattr(one, name) != getattr(other, name)
    }
    assert differ == parts


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("fields = 3", "fields"),
        ("[fields]\nsku = { columns = ['a'], colour = 1 }", "fields"),
        ("[fields]\nsku = { columns = ['a'] }\ncolour = { columns = ['b'] }", "fields.colour"),
        ("[fields]\ntitle = { columns = ['a'] }", "fields.sku"),
        ("[fields]\nsku = { columns = ['a'], lookup = 'x' }", "fields.sku.lookup"),
        ("this is no TOML", "file"),
    ],
)
def test_a_wrong_mapping_is_told_with_its_field(text, field):
    with pytest.raises(MappingInvalid) as caught:
        parse_profile(text)
    assert caught.value.data["field"].startswith(field)


def shaped(field: str) -> Any:
    return parse_profile(
        f"""
        [fields]
        sku = {{ columns = ["sku"], required = true }}
        title = {field}
        """
    )


@pytest.mark.parametrize(
    ("field", "cells", "title"),
    [
        ('{ columns = ["a", "b"], glue = " " }', "Royal,Mug", "Royal Mug"),
        ('{ columns = ["a", "b"], glue = " " }', ",Mug", "Mug"),
        ('{ columns = ["a", "b"], glue = " ", blank = ["-"] }', "-,Mug", "Mug"),
        ('{ columns = ["a", "b"], glue = "" }', "Royal,Mug", "RoyalMug"),
        ('{ columns = ["a", "b"] }', "Royal,Mug", "Royal"),
        ('{ columns = ["a"], split = "/", only = 0 }', "Mug//red,", "Mug"),
        ('{ columns = ["a"], split = "/", only = 2 }', "Mug//red,", "red"),
        ('{ columns = ["a"], split = "/", only = -1 }', "Mug/L/blue,", "blue"),
        ('{ columns = ["a"], split = "/", only = 7, default = "?" }', "Mug/L,", "?"),
        ('{ columns = ["a"], split = "/", only = -7, default = "?" }', "Mug/L,", "?"),
        ('{ columns = ["a", "b"], glue = "/", split = "/", only = -1 }', "Mug/red,L", "L"),
    ],
)
def test_columns_are_joined_and_one_is_split(field, cells, title):
    (group,) = groups_of(f"sku,a,b\nM,{cells}\n", shaped(field))
    assert group.product.title == title


def test_a_part_that_is_not_there_is_blank():
    field = '{ columns = ["a"], split = "/", only = 1 }'
    assert codes("sku,a\nM,Mug\n", shaped(field)) == [(2, "a", "missing")]


def test_glue_needs_columns_to_join():
    with pytest.raises(MappingInvalid, match="two columns or more"):
        shaped('{ columns = ["a"], glue = " " }')
    with pytest.raises(MappingInvalid, match="two columns or more"):
        shaped('{ columns = ["a"], instead = { columns = ["b"], glue = " " } }')
