"""Rows map to what they mapped to when MAPPING_VERSION was counted up the last time."""

import msgspec
import pytest
from tests.feeds.mapped import CASES, GOLDEN, mapped

from shopwire.modules.feeds.telling import MAPPING_VERSION

WHAT_TO_DO = (
    "rows map to something else than marks of this version say: count MAPPING_VERSION up "
    "(modules/feeds/telling.py), then run python -m tests.feeds.mapped"
)


@pytest.mark.parametrize("case", CASES)
def test_a_change_of_what_rows_map_to_is_another_version(case):
    golden = msgspec.json.decode(GOLDEN.read_bytes())
    assert golden["version"] == MAPPING_VERSION, "run python -m tests.feeds.mapped"
    assert golden["cases"][case] == mapped(case), WHAT_TO_DO
