"""Fields that no column of a feed can fill are not asked for, and rows come to the same."""

import random

import pytest

from shopwire.modules.feeds.mapping import Mapper
from shopwire.modules.feeds.profile import built_in_profiles, parse_profile
from shopwire.modules.feeds.reading import RawRow

TEXTS = (
    "",
    "",
    "Mug",
    "red",
    "5",
    "2.50",
    "2.50 EUR",
    "4006381333931",
    "true",
    "A > B",
    "in stock",
)
MADE = parse_profile(
    """
    [fields]
    id = { columns = ["id"], change = ["slug"] }
    title = { columns = ["title", "name"] }
    brand = { columns = ["maker"], default = "House" }
    sku = { columns = ["sku"], required = true }
    quantity = { columns = ["stock"], values = { "in stock" = "9" }, blank = ["5"] }
    cost = { columns = ["net"], instead = { columns = ["cost"] } }
    description = { columns = ["a", "b"], glue = " " }
    """,
    name="made",
)
PROFILES = {one.name: one for one in (*built_in_profiles().values(), MADE)}


@pytest.mark.parametrize("name", PROFILES)
def test_rows_of_some_of_the_columns_come_to_the_same(name):
    profile, draw = PROFILES[name], random.Random(name)
    every = sorted(profile.used_columns())
    for _ in range(12):
        columns = draw.sample(every, draw.randint(1, len(every)))
        columns = sorted({*columns, *profile.fields["sku"].columns[:1]})
        rows = []
        for line in range(6):
            cells = {column: draw.choice(TEXTS) for column in columns}
            cells |= dict.fromkeys(profile.fields["sku"].columns[:1], f"S{line}")
            rows.append(RawRow(line, cells, "", chars=9))
        lookups = {one: {"5": "7", "red": "Red"} for one in profile.lookups}
        plain, ours = (
            Mapper(profile, supplier="A", currency="EUR", lookups=lookups) for _ in range(2)
        )
        ours.expect(columns)
        assert list(ours.groups(rows)) == list(plain.groups(rows))
        assert ours.notes == plain.notes
