"""Text that is known is passed over, and what comes of a feed is what parsing it makes of it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.feeds.test_quick import (
    BY_TITLE,
    COLUMNS,
    DIRECTED,
    LINE,
    PLAIN,
    PROFILES,
    Came,
    both_ways,
    edited,
    edits,
    marks_of,
    opened,
    rows,
    written,
)

from shopwire.kernel.errors import FeedUnreadable
from shopwire.kernel.limits import NAME_CHARS_MAX
from shopwire.modules.catalog.api import ProductContent
from shopwire.modules.feeds import blocks, leaping, lines, opening, quick
from shopwire.modules.feeds.api import Digest
from shopwire.modules.feeds.blocks import Blocks, Fresh
from shopwire.modules.feeds.profile import Profile, parse_profile
from shopwire.services import import_news

SIZES = [(5, 7), (50, 500), (5, 500)]
"""Rows of a part, and how many are passed over at once."""


@pytest.fixture(autouse=True, params=SIZES, ids=str)
def small(request, monkeypatch) -> None:
    """A sample of one row, blocks of three, parts of five: a few rows have all of it.

    Several blocks are passed over at once, some of them within a part and some beyond its end.
    """
    monkeypatch.setattr(opening, "SAMPLE_ROWS_MAX", 1)
    monkeypatch.setattr(blocks, "HEAD_BYTES", 4)
    monkeypatch.setattr(leaping, "BLOCK_ROWS_MAX", 3)
    be_small(monkeypatch, *request.param)


def be_small(monkeypatch, part: int, leap: int) -> None:
    """Parts of so many rows, of which so many are passed over at once."""
    monkeypatch.setattr(quick, "CHUNK_ROWS_MAX", part)
    monkeypatch.setattr(import_news, "CHUNK_ROWS_MAX", part)
    monkeypatch.setattr(leaping, "LEAP_ROWS_MAX", leap)


class Texts:
    """What is known of a supplier's feeds, by how they are read."""

    def __init__(self) -> None:
        self.pieces: dict[str, list[bytes]] = {}
        self.seen = 0
        """Blocks that the last feed had."""

    def both_ways(
        self,
        data: bytes,
        profile: Profile,
        said: dict[str, Digest],
        *,
        compact: bool = False,
        **more: Any,
    ) -> Came:
        """A feed with blocks, after it was seen to be the same without them.

        `compact`: those that came no more are forgotten behind it.
        """
        plain = both_ways(data, profile, said, **more)
        feed, fresh = opened(data, profile, **more), Fresh()
        known = self.pieces.setdefault(feed.reads_by, [])
        found = Blocks(known)
        ours = Came(
            feed.marked_groups(marks_of(said), frozenset(), found, fresh), said, feed.mapped
        )
        assert ours.told() == plain.told()
        ours.notes = feed.notes
        assert ours.notes == plain.notes
        assert ours.quick == plain.quick
        assert {key: one.mark for key, one in ours.said.items()} == {
            key: one.mark for key, one in plain.said.items()
        }
        self.seen = found.seen
        if compact:
            before = list(known)
            known[:] = found.seen_pieces()
            assert len(Blocks(known)) == found.seen <= len(Blocks(before))
        known += fresh.pieces
        return ours


@pytest.mark.parametrize("small", SIZES[:1], indirect=True)
@pytest.mark.parametrize("name", PROFILES)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    found=rows,
    changes=edits,
    more=edits,
    size=st.sampled_from((3, 40, 200, 9_999)),
    sizes=st.sampled_from(SIZES),
)
def test_text_that_is_passed_over_comes_to_the_same(
    monkeypatch, name, found, changes, more, size, sizes
):
    be_small(monkeypatch, *sizes)
    monkeypatch.setattr(lines, "READ_BYTES", size)
    profile, texts = parse_profile(PROFILES[name], name="p"), Texts()
    try:
        first = texts.both_ways(written(found), profile, {})
    except FeedUnreadable:
        return  # no rows at all
    later = written(edited(found, changes))
    second = texts.both_ways(later, profile, first.said, compact=True)
    texts.both_ways(written(edited(edited(found, changes), more)), profile, second.said)
    texts.both_ways(written(found), profile, first.said)


@pytest.mark.parametrize("case", DIRECTED)
def test_what_stands_around_passed_text_counts(case):
    before, after = DIRECTED[case]
    if after is None:
        after = before.replace("a,One,A3", "a,New,A3")
    elif after == "above":
        after = before.replace("a,One,A,", "a,New,A,")
    head, texts = ",".join(LINE) + "\nq,Q,Q,1,1.00\n", Texts()
    first = texts.both_ways((head + before).encode(), BY_TITLE, {})
    texts.both_ways((head + after).encode(), BY_TITLE, first.said)
    texts.both_ways((head + before).encode(), BY_TITLE, first.said)


def feed(*changed: int, drop: int = -1, add: int = -1, many: int = 31) -> bytes:
    """Rows of a product each, with another count in some of them."""
    out = ["id,title,note,sku,stock,cost\n"]
    for n in range(many):
        if n == add:
            out.append(f"new,New,,NEW,{n},1.00\n")
        if n != drop:
            out.append(f'p{n},"A ""P""","two\nlines",S{n},{1 + (n in changed)},{n + 1}.00\n')
    return "".join(out).encode()


def test_only_what_is_not_known_is_parsed(monkeypatch):
    texts = Texts()
    first = texts.both_ways(feed(), PLAIN, {})
    texts.both_ways(feed(), PLAIN, first.said)
    assert texts.seen == 11  # three rows a block
    parsed = []
    real = quick.QuickWalk._mark
    monkeypatch.setattr(
        quick.QuickWalk,
        "_mark",
        lambda walk, one, part: parsed.append(one.id) or real(walk, one, part),
    )
    second = opened(feed(14), PLAIN)
    found = Blocks(texts.pieces[second.reads_by])
    came = Came(
        second.marked_groups(marks_of(first.said), frozenset(), found), first.said, second.mapped
    )
    assert sorted(set(parsed)) == ["p12", "p13", "p14"]
    assert [group.key for group in came.fresh] == ["p14"]


@pytest.mark.parametrize("now", [{"drop": 14}, {"add": 14}, {"drop": 1}, {"add": 30}])
def test_text_is_found_again_where_rows_came_or_went(now):
    texts = Texts()
    first = texts.both_ways(feed(), PLAIN, {})
    texts.both_ways(feed(**now), PLAIN, first.said)
    assert texts.seen >= 9


def told(ids: list[str], changed: int = -1, counted: int = -1) -> bytes:
    """A row of each product, a SKU each; one has another title, and one another count."""
    rows = [
        f"{one},{'PQ'[n == changed]},S{n},{'12'[n == counted]},1.00\n" for n, one in enumerate(ids)
    ]
    return ("id,title,sku,stock,cost\n" + "".join(rows)).encode()


APART = parse_profile(
    """
    [fields]
    id = { columns = ["id"] }
    title = { columns = ["title"] }
    sku = { columns = ["sku"], required = true }
    quantity = { columns = ["stock"] }
    cost = { columns = ["cost"] }
    """,
    name="apart",
)


LONG = "l" * NAME_CHARS_MAX
"""All ids that begin so are of one product."""


def skus_told(came: Came) -> list[str]:
    """Of the one product that was sent."""
    (product,) = [one for one in came.sent if isinstance(one, ProductContent)]
    return [one.sku for one in product.variants]


@pytest.mark.parametrize("small", SIZES[1:2], indirect=True)
@pytest.mark.parametrize(
    ("ids", "changed", "skus"),
    [
        ("q0 q1 q2 z0 z1 a_1 a-1 y1 y2", 5, "S5 S6"),  # the block right behind the row that changed
        ("q0 q1 q2 z0 a_1 z1 z2 a-1 y2", 4, "S4 S7"),  # one further down
        ("q0 q1 q2 z0 a-1 z2 z3 a_1 y2", 7, "S4 S7"),  # one above
        ("q0 q1 q2 a-1 z1 z2 a_1 z3 a--1", 8, "S3 S6 S8"),  # one above, and the same block
        ("q0 q1 q2 a-1 z1 z2 z3 a_1 z4 a--1 y1 y2", 9, "S3 S7 S9"),  # two above
        ("q0 q1 a-1 a_1 z1 z2 z3 z4 a--1", 8, "S2 S3 S8"),  # whose rows' lines tell their order
        (f"q0 q1 q2 z0 {LONG}1 z2 z3 {LONG}2 y2", 7, "S4 S7"),
    ],
)
def test_a_product_of_which_another_row_changed_is_told_as_a_whole(ids, changed, skus):
    texts = Texts()
    first = texts.both_ways(told(ids.split()), APART, {})
    again = texts.both_ways(told(ids.split(), changed), APART, first.said)
    assert texts.seen >= 1
    assert skus_told(again) == skus.split()


@pytest.mark.parametrize("small", SIZES[1:2], indirect=True)
def test_a_product_is_told_of_all_text_of_a_part_that_was_passed_over():
    """What was passed at once above a row of another product that changed, and what was below."""
    texts = Texts()
    ids = ["q0", "a-1", "z0", "z1", "z2", "z3", "z4", "a_1", "z5", "z6", "z7", "z8", "a--1"]
    first = texts.both_ways(told(ids), APART, {})
    again = texts.both_ways(told(ids, 12, counted=4), APART, first.said)
    assert texts.seen == 3
    assert skus_told(again) == ["S1", "S7", "S12"]


@pytest.mark.parametrize("small", SIZES[2:], indirect=True)
@pytest.mark.parametrize(
    ("ids", "skus"),
    [
        ("q0 q1 q2 z0 a_1 z1 z2 a-1", "S7"),  # the last one of the part before
        ("q0 q1 q2 z0 z1 a_1 z2 a-1", "S5 S7"),  # the first one of this part
        ("q0 q1 a_1 z0 z1 a--1 z2 a-1", "S5 S7"),  # both
        ("q0 q1 q2 z0 a_1 a-1 z2 a--1", "S5 S7"),  # both, in one block
    ],
)
def test_of_text_that_was_passed_beyond_a_part_only_the_next_part_is_read_again(ids, skus):
    texts = Texts()
    first = texts.both_ways(told(ids.split()), APART, {})
    again = texts.both_ways(told(ids.split(), 7), APART, first.said)
    assert texts.seen == 2
    assert skus_told(again) == skus.split()


@pytest.mark.parametrize(
    "order",
    [
        [0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 7, 8],
        [0, 1, 2, 6, 7, 8, 3, 4, 5, 6, 7, 8, 9],
        [0, 1, 2, 6, 7, 8, 3, 5, 3, 4, 5, 6, 7, 8, 9],
    ],
)
def test_text_that_comes_twice_is_parsed_the_second_time(order):
    texts = Texts()
    head, *rows = feed().split(b"p")
    first = texts.both_ways(feed(), PLAIN, {})
    again = texts.both_ways(head + b"".join(b"p" + rows[n] for n in order), PLAIN, first.said)
    assert {one.code for one in again.bad} == {"duplicate_sku"}


def test_two_known_texts_of_one_product_behind_each_other_are_read_as_one():
    texts = Texts()
    first = texts.both_ways(feed(), PLAIN, {})
    second = texts.both_ways(feed(30), PLAIN, first.said)
    last = feed(30)[feed(30).index(b"p30,") :]
    for said in (first.said, second.said):
        again = texts.both_ways(feed() + last, PLAIN, said)
        assert [one.code for one in again.bad] == ["duplicate_sku"]


@pytest.mark.parametrize("small", SIZES[1:2], indirect=True)
def test_known_text_before_text_that_is_read_again_came_and_is_found_again():
    """The last product of two blocks that are passed at once goes on behind them."""
    texts, ids = Texts(), ["q0", "a_1", "z1", "z2", "z3", "z4"]
    first = texts.both_ways(told(ids), APART, {})
    more = told(ids) + b"z4,P,S5,1,1.00\na-1,P,SA,1,1.00\n"
    again = texts.both_ways(more, APART, first.said)
    assert [one.code for one in again.bad] == ["duplicate_sku"]
    assert texts.seen == 1
    assert skus_told(again) == ["S1", "SA"]


def test_a_sku_of_two_known_texts_behind_each_other_is_found():
    """The blocks of two feeds are kept side by side; each was good in its own feed."""
    texts, rows = Texts(), feed(many=3)
    one, two = (f"{name},X,,SAME,1,1.00\n".encode() for name in "ab")
    first = texts.both_ways(rows + one, PLAIN, {})
    second = texts.both_ways(rows + two, PLAIN, first.said)
    both = texts.both_ways(rows + one + two, PLAIN, first.said | second.said)
    assert [one.code for one in both.bad] == ["duplicate_sku"]


def test_what_several_kinds_of_known_rows_count_for_is_told():
    """Of a part of them no offers are counted: they have no cost."""
    data = feed()
    for n in range(0, 31, 4):
        data = data.replace(f",{n + 1}.00\n".encode(), b",\n")
    texts = Texts()
    first = texts.both_ways(data, PLAIN, {})
    assert texts.both_ways(data, PLAIN, first.said).quick == 31
    assert texts.seen == 11


@pytest.mark.parametrize("order", [list, reversed])
def test_notes_of_several_kinds_of_known_rows_stand_in_their_order(order):
    """Whichever of the kinds is looked up first."""
    profile = parse_profile(PROFILES["goes on"], name="p")
    rows = [f"h{n},T,,S{n},,{',1,,' if n > 2 else '123,1,1.00,'}2.00,\n" for n in range(6)]
    texts, data = Texts(), (",".join(COLUMNS) + "\n" + "".join(rows)).encode()
    first = texts.both_ways(data, profile, {})
    again = texts.both_ways(data, profile, dict(order(first.said.items())))
    assert len(again.notes) >= 2
    assert again.notes == first.notes
    assert texts.seen == 2


def test_a_sku_of_a_named_supplier_that_comes_twice_is_found():
    profile = parse_profile(PROFILES["handles"], name="p")
    head = "handle,title,brand,sku,supplier,gtin,stock,cost,price,note\n"
    rows = [f"h{n},T,,S{n},Other,,1,1.00,2.00,\n" for n in range(9)]
    texts = Texts()
    first = texts.both_ways((head + "".join(rows)).encode(), profile, {})
    again = head + "".join(rows) + "new,T,,S4,Other,,1,1.00,2.00,\n"
    assert [one.code for one in texts.both_ways(again.encode(), profile, first.said).bad] == [
        "duplicate_sku"
    ]


@pytest.mark.parametrize("place", [3, 4, 6])
def test_text_with_a_sku_that_another_row_took_is_parsed(place):
    texts = Texts()
    first = texts.both_ways(feed(), PLAIN, {})
    taken = feed().replace(f"p{place},".encode(), f"x,X,,S{place},9,1.00\np{place},".encode(), 1)
    again = texts.both_ways(taken, PLAIN, first.said)
    assert [one.code for one in again.bad] == ["duplicate_sku"]


@pytest.mark.parametrize(
    "other",
    [
        {"profile": parse_profile("[fields]\nsku = { columns = ['id'] }", name="o")},
        {"currency": "USD"},
        {"supplier": "Other"},
        {"encoding": "cp1252"},
    ],
    ids=str,
)
def test_text_that_is_read_otherwise_is_parsed(other):
    one, two = opened(feed(), PLAIN), opened(feed(), **({"profile": PLAIN} | other))
    assert one.reads_by
    assert one.reads_by != two.reads_by


def test_the_order_of_columns_is_a_part_of_how_text_is_read():
    """The same cells under other names: only those that a profile uses are in its rows' marks."""
    one = opened(b"id,sku,stock,x\na,S,1,2\n", PLAIN)
    two = opened(b"id,sku,x,stock\na,S,1,2\n", PLAIN)
    assert one.reads_by != two.reads_by


def test_known_text_whose_rows_are_said_no_more_is_parsed():
    """After an undo, a mend, a run of another feed: the marks say what holds, never the text."""
    texts = Texts()
    first = texts.both_ways(feed(), PLAIN, {})
    del first.said["p14"]
    again = texts.both_ways(feed(), PLAIN, first.said)
    assert [group.key for group in again.fresh] == ["p14"]
    assert texts.both_ways(feed(), PLAIN, {}).quick == 0
    assert texts.seen == 0


def test_skus_that_are_news_in_any_case_are_parsed():
    texts = Texts()
    first = texts.both_ways(feed(), PLAIN, {})
    walk = opened(feed(), PLAIN)
    found = Blocks(texts.pieces[walk.reads_by])
    never = frozenset({"S14"})
    came = Came(walk.marked_groups(marks_of(first.said), never, found), first.said, walk.mapped)
    assert came.quick == 30


@pytest.mark.parametrize("data", [feed(), feed().replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + feed()])
def test_line_ends_and_marks_of_the_encoding_are_no_hindrance(data):
    texts = Texts()
    first = texts.both_ways(data, PLAIN, {})
    texts.both_ways(data, PLAIN, first.said)
    assert texts.seen == 11


@pytest.mark.parametrize("data", [feed().replace(b"\n", b"\r"), feed().decode().encode("utf-16")])
def test_text_whose_lines_cannot_be_told_by_their_bytes_is_parsed(data):
    texts = Texts()
    first = texts.both_ways(data, PLAIN, {})
    texts.both_ways(data, PLAIN, first.said)
    assert texts.seen == 0


@pytest.mark.parametrize("size", [1, 7, 40, 64, 333])
def test_text_is_known_wherever_the_reader_cuts_it(monkeypatch, size):
    texts = Texts()
    first = texts.both_ways(feed(), PLAIN, {})
    monkeypatch.setattr(lines, "READ_BYTES", size)
    texts.both_ways(feed(14), PLAIN, first.said)
    assert texts.seen >= 9


def test_rows_that_a_lone_carriage_return_parts_are_no_known_text():
    data = feed().replace(b"two\nlines", b"").replace(b"15.00\n", b"15.00\r")
    texts = Texts()
    first = texts.both_ways(data, PLAIN, {})
    assert texts.both_ways(data, PLAIN, first.said).quick == 31
    row = data[data.index(b"p15,") : data.index(b"p16,")]
    gone = data.replace(row, b"").replace(b"\r", b"\n")
    assert texts.both_ways(gone, PLAIN, first.said).quick == 30


def test_a_last_line_without_an_end_is_no_known_text():
    texts = Texts()
    first = texts.both_ways(feed()[:-1], PLAIN, {})
    longer = feed()[:-1] + b"x,X,,SX,1,1.00\n"
    again = texts.both_ways(longer, PLAIN, first.said)
    assert [one.code for one in again.bad] == ["cell_count"]


def test_a_feed_that_breaks_off_in_known_text_is_told_so():
    texts = Texts()
    first = texts.both_ways(feed(), PLAIN, {})
    cut = feed()[: feed().index(b"S14") - 4]
    again = texts.both_ways(cut, PLAIN, first.said)
    assert "cut off" in again.error
    assert again.quick == 14
