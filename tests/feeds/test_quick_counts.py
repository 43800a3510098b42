"""Rows of which only the counts are new: nothing else is mapped, and the same comes of them."""

import pytest
from tests.feeds.test_quick import COLUMNS, DATA, PLAIN, PROFILES, ROWS, both_ways, written

from shopwire.modules.feeds.profile import parse_profile


@pytest.mark.parametrize("other", ["", "1.0", " 2", "1000000", "many"])
def test_counts_that_are_not_digits_alone_are_mapped_with_all_the_rest(other):
    first = both_ways(DATA, PLAIN, {})
    changed = [row | {"stock": other} if row["sku"] == "S7" else row for row in ROWS]
    now = both_ways(written(changed, tuple(ROWS[0])), PLAIN, first.said)
    assert now.counts_only == 0
    # Nor is a row known by its rest that had such a count last time.
    assert both_ways(DATA, PLAIN, now.said).counts_only == 0


def test_a_count_that_is_used_for_something_else_too_is_mapped_with_all_the_rest():
    for more in ('only_when = [{ column = "stock", blank = false }]', ""):
        text = (
            more
            + """
            [fields]
            id = { columns = ["id"], change = ["slug"] }
            title = { columns = ["title"] }
            sku = { columns = ["sku"], required = true }
            quantity = { columns = ["stock"] }
        """
            + ("" if more else 'price = { columns = ["stock"] }')
        )
        profile = parse_profile(text, name="p")
        first = both_ways(DATA, profile, {})
        changed = written([row | {"stock": "2"} for row in ROWS], tuple(ROWS[0]))
        assert both_ways(changed, profile, first.said).counts_only == 0


def handled(handle: str, sku: str, **more: str) -> dict[str, str]:
    plain = dict.fromkeys(COLUMNS, "") | {"stock": "1", "cost": "1.00", "title": "One"}
    return plain | {"handle": handle, "sku": sku} | more


AROUND = {
    "a product that stands apart and is told as a whole": (
        [handled("q", "S1"), handled("r", "S2"), handled("q", "S3")],
        [handled("q", "S1", stock="5"), handled("r", "S2"), handled("q", "S3", title="Two")],
    ),
    "a SKU that comes again": (
        [handled("q", "S1"), handled("r", "S2")],
        [handled("q", "S1", stock="5"), handled("r", "S1")],
    ),
    "something that was read leniently": (
        [handled("q", "S1", gtin="123")],
        [handled("q", "S1", gtin="123", stock="5")],
    ),
    "one SKU of two suppliers": (
        [handled("q", "S1"), handled("q", "S1", supplier="Other")],
        [handled("q", "S1", stock="5"), handled("q", "S1", supplier="Other", stock="6")],
    ),
    "rows that were the first part of their product": (
        [handled("q", "S1"), handled("r", "S2")],
        [handled("q", "S9"), handled("r", "S2"), handled("q", "S1", stock="5")],
    ),
    "the same count in other digits": ([handled("q", "S1")], [handled("q", "S1", stock="01")]),
}


@pytest.mark.parametrize("case", AROUND.values(), ids=AROUND)
def test_what_stands_around_rows_with_new_counts_comes_to_the_same(case):
    profile = parse_profile(PROFILES["handles"], name="p")
    before, after = map(written, case)
    first = both_ways(before, profile, {})
    second = both_ways(after, profile, first.said)
    both_ways(before, profile, second.said)


def test_only_its_counts_are_mapped_of_a_product_of_several_rows():
    rows = [row | {"id": f"q{at // 4}", "title": "Q"} for at, row in enumerate(ROWS)]
    first = both_ways(written(rows, tuple(ROWS[0])), PLAIN, {})
    changed = [row | {"stock": "5"} if row["sku"] in {"S5", "S6"} else row for row in rows]
    now = both_ways(written(changed, tuple(ROWS[0])), PLAIN, first.said)
    assert (now.counts_only, now.quick) == (1, len(ROWS) - 4)
    again = both_ways(written(changed, tuple(ROWS[0])), PLAIN, now.said)
    assert again.quick == len(ROWS)
