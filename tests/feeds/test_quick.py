"""Rows that are known by their marks: what comes of a feed is what the long way makes of it."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from shopwire.kernel.errors import FeedUnreadable
from shopwire.modules.feeds import quick
from shopwire.modules.feeds.api import Digest
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.marks import Marks, Quiet
from shopwire.modules.feeds.opening import OpenFeed, open_feed
from shopwire.modules.feeds.profile import Profile, parse_profile
from shopwire.services import import_news
from shopwire.services.import_news import chunks
from shopwire.services.import_plan import Compared, compared

COLUMNS = ("handle", "title", "brand", "sku", "supplier", "gtin", "stock", "cost", "price", "note")
PROFILES = {
    "handles": """
        gtin = "lenient"
        [fields]
        id = { columns = ["handle"], change = ["slug"] }
        title = { columns = ["title"] }
        brand = { columns = ["brand"] }
        sku = { columns = ["sku"], required = true }
        gtin = { columns = ["gtin"] }
        supplier = { columns = ["supplier"] }
        quantity = { columns = ["stock"] }
        cost = { columns = ["cost"] }
        price = { columns = ["price"] }
    """,
    "goes on": """
        gtin = "lenient"
        group_by = "handle"
        [[skip_when]]
        column = "brand"
        one_of = ["skip"]
        [[refuse_when]]
        column = "brand"
        one_of = ["refuse"]
        [fields]
        id = { columns = ["handle"], change = ["slug"] }
        title = { columns = ["title"] }
        brand = { columns = ["brand"] }
        sku = { columns = ["sku"] }
        gtin = { columns = ["gtin"] }
        quantity = { columns = ["stock"] }
        cost = { columns = ["cost"] }
        price = { columns = ["price"] }
    """,
    "by the first cell": """
        gtin = "lenient"
        group_by = "title"
        [fields]
        title = { columns = ["title"] }
        sku = { columns = ["sku"] }
        quantity = { columns = ["stock"] }
        price = { columns = ["price"] }
    """,
}
"""What hides a row, begins a product or lets the next row go on with it, each in its own way."""

cells = st.fixed_dictionaries(
    {
        "handle": st.sampled_from(("a", "a", "b", "c", "")),
        "title": st.sampled_from(("One", "Two", "One", "")),
        "brand": st.sampled_from(("", "", "", "skip", "refuse")),
        "sku": st.sampled_from(("S1", "S2", "S3", "S4", "S5", "S6", "S7", "")),
        "supplier": st.sampled_from(("", "", "Other")),
        "gtin": st.sampled_from(("", "", "4006381333931", "123")),
        "stock": st.sampled_from(("1", "2", "", "many")),
        "cost": st.sampled_from(("", "1.00")),
        "price": st.sampled_from(("2.00", "")),
        "note": st.sampled_from(("", "x", "é", "caf\udce9")),
    }
)
rows = st.lists(cells, max_size=14)
edits = st.lists(
    st.tuples(
        st.sampled_from(("drop", "swap", "change", "count", "count", "count", "add", "break")),
        st.integers(0, 13),
        cells,
    ),
    max_size=4,
)


def written(found: list[Any], columns: tuple[str, ...] = COLUMNS) -> bytes:
    """Rows as a file; a text stands for a line as it is."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(columns)
    for row in found:
        out.write(row) if isinstance(row, str) else write(row.values())
    return out.getvalue().encode("utf-8", "surrogateescape")


def edited(found: list[Any], changes: list[Any]) -> list[Any]:
    now = list(found)
    for what, place, row in changes:
        at = place % (len(now) or 1)
        if what == "add":
            now.insert(at, row)
        elif what == "break":
            now.insert(at, 'a,b,"c"d\n')
        elif now and what == "drop":
            now.pop(at)
        elif now and what == "change" and isinstance(now[at], dict):
            now[at] = now[at] | {name: row[name] for name in ("stock", "price", "title")}
        elif now and what == "count" and isinstance(now[at], dict):
            now[at] = now[at] | {"stock": str(place)}
        elif len(now) > 1 and what == "swap":
            now[at], now[at - 1] = now[at - 1], now[at]
    return now


def opened(data: bytes, profile: Profile, **more: Any) -> OpenFeed:
    asked = {"supplier": "ACME", "currency": "EUR", "profile": profile} | more
    return open_feed(io.BytesIO(data), **asked)


def marks_of(said: dict[str, Digest]) -> Marks:
    marked = [digest for digest in said.values() if digest.mark]
    return Marks(
        packed((digest.aside, digest.mark) for digest in marked),
        packed((digest.aside, digest.rest) for digest in marked if digest.rest),
    )


def packed(marks: Iterable[tuple[str, int]]) -> list[tuple[str, bytes]]:
    found: dict[str, list[int]] = {}
    for aside, mark in marks:
        found.setdefault(aside, []).append(mark)
    return [
        (aside, b"".join(one.to_bytes(8, signed=True) for one in sorted(all_of_it)))
        for aside, all_of_it in found.items()
    ]


class Came:
    """What a feed came to, beside what was said last; the same the quick way and the long way."""

    def __init__(
        self,
        groups: Iterator[Group | Quiet],
        said: dict[str, Digest],
        mapped: Callable[[Group], Group],
    ) -> None:
        self.quick = self.rows = self.offers = self.counts_only = 0
        self.fresh: list[Any] = []
        self.sent: list[Any] = []
        self.bad: list[Any] = []
        self.keys: list[int] = []
        self.skus: list[int] = []
        self.said = dict(said)
        self.error = ""
        self.notes: list[str] = []
        for chunk in chunks(groups):
            for quiet in chunk.quiet:
                self.quick += quiet.rows
                self.rows += quiet.rows
                self.offers += quiet.offers
                self.keys += quiet.keys
                self.skus += quiet.skus
            for group in chunk.groups:
                self._take(group, said)
            keyed = [group for group in chunk.groups if group.key]
            self.counts_only += sum(group.counts_only for group in keyed)
            digests = {group.key: group.digest(said.get(group.key)) for group in keyed}
            part, news = compared(keyed, digests, said, ())
            whole = [mapped(one) if one.counts_only else one for one in news.groups]
            self.fresh += [replace(one, **AS_MAPPED) for one in whole]
            self.sent += [*news.products, *news.offers, *news.counts]
            again = msgspec.msgpack.decode(msgspec.msgpack.encode(part), type=Compared).news()
            assert again.products == news.products
            self.error = chunk.broken.detail if chunk.broken else ""
        self.keys.sort()
        self.skus = sorted(set(self.skus))
        self.sent.sort(key=lambda one: type(one).__name__)

    def _take(self, group: Group, said: dict[str, Digest]) -> None:
        self.rows += group.rows
        self.bad += group.bad
        if not group.key:
            return
        self.keys.append(hash(group.key))
        self.skus += map(hash, group.lines)
        before = said.get(group.key)
        now = group.digest(before)
        if group.lines and before is not None and now.said == before.said:
            self.offers += len(group.offers) + group.offers_known
        if group.lines:
            self.said[group.key] = now

    def told(self) -> tuple[Any, ...]:
        said = {key: one.said for key, one in self.said.items()}
        return (
            *(self.rows, self.offers, self.fresh, self.sent, self.bad, self.keys, self.skus, said),
            self.error,
        )


AS_MAPPED: dict[str, Any] = {"mark": 0, "rest": 0, "aside": "", "number": 0, "beside": []}
"""What a group has of the quick way alone."""


def both_ways(data: bytes, profile: Profile, said: dict[str, Digest], **more: Any) -> Came:
    """A feed the quick way, after it was seen to be the same as the long way."""
    ours_way, long = opened(data, profile, **more), opened(data, profile, **more)
    ours = Came(ours_way.marked_groups(marks_of(said), frozenset()), said, ours_way.mapped)
    theirs = Came(long.groups, said, long.mapped)
    assert ours.told() == theirs.told()
    # What is remembered of rows hangs on nothing that was known of them before.
    walk = opened(data, profile, **more)
    assert ours.said == Came(walk.marked_groups(Marks(), frozenset()), said, walk.mapped).said
    ours.notes = ours_way.notes
    assert ours.notes == long.notes
    return ours


@pytest.fixture
def small_parts(monkeypatch) -> None:
    """Parts of a few rows, so that products stand apart in one and in several of them."""
    monkeypatch.setattr(quick, "CHUNK_ROWS_MAX", 5)
    monkeypatch.setattr(import_news, "CHUNK_ROWS_MAX", 5)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("name", PROFILES)
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(found=rows, changes=edits, more=edits)
def test_the_quick_way_comes_to_the_same(name, found, changes, more):
    profile = parse_profile(PROFILES[name], name="p")
    try:
        first = both_ways(written(found), profile, {})
    except FeedUnreadable:
        return  # no rows at all
    second = both_ways(written(edited(found, changes)), profile, first.said)
    both_ways(written(edited(edited(found, changes), more)), profile, second.said)
    third = both_ways(written(found), profile, first.said)
    assert third.fresh == []


@settings(max_examples=60, deadline=None)
@given(found=st.lists(cells, min_size=1, max_size=14), changes=edits)
def test_rows_of_json_come_to_the_same(found, changes):
    profile = parse_profile(PROFILES["handles"], name="p")
    plain = [{name: text for name, text in row.items() if name != "note"} for row in found]

    def data(rows: list[Any]) -> bytes:
        return json.dumps([row for row in rows if isinstance(row, dict)] or plain).encode()

    first = both_ways(data(plain), profile, {})
    both_ways(data(edited(plain, [one for one in changes if one[0] != "add"])), profile, first.said)


ROWS = [
    {"id": f"p{n}", "title": f"P{n}", "sku": f"S{n}", "stock": "1", "cost": f"{n + 1}.00"}
    for n in range(20)
]
PLAIN = parse_profile(
    """
    [fields]
    id = { columns = ["id"], change = ["slug"] }
    title = { columns = ["title"] }
    sku = { columns = ["sku"], required = true }
    quantity = { columns = ["stock"] }
    cost = { columns = ["cost"] }
    """,
    name="plain",
)
DATA = written(list(ROWS), tuple(ROWS[0]))


def test_what_was_said_is_known_again_and_only_what_changed_is_mapped():
    first = both_ways(DATA, PLAIN, {})
    assert first.quick == 0
    assert both_ways(DATA, PLAIN, first.said).quick == len(ROWS)
    changed = [row | {"stock": "2"} if row["sku"] == "S7" else row for row in ROWS]
    now = both_ways(written(changed, tuple(ROWS[0])), PLAIN, first.said)
    assert now.quick == len(ROWS) - 1
    assert [group.key for group in now.fresh] == ["p7"]
    assert now.counts_only == 1


OTHER = {
    "a mapping": {"profile": replace(PLAIN, currency="USD")},
    "a currency": {"currency": "USD"},
    "a name": {"supplier": "Other"},
    "a rule": {"profile": replace(PLAIN, gtin="lenient")},
}


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_what_is_read_otherwise_is_mapped_anew(other):
    first = both_ways(DATA, PLAIN, {})
    profile = other.get("profile", PLAIN)
    more = {name: value for name, value in other.items() if name != "profile"}
    assert both_ways(DATA, profile, first.said, **more).quick == 0


def test_another_sign_of_the_decimals_reads_the_rows_anew():
    first = both_ways(DATA, PLAIN, {})
    # The last row proves it for all, since it is among those that are looked at first.
    row = ROWS[0] | {"id": "q", "sku": "Q", "cost": "1,5"}
    rows = [{**one, "cost": one["cost"].removesuffix(".00")} for one in ROWS]
    whole = both_ways(written(rows, tuple(ROWS[0])), PLAIN, first.said)
    assert both_ways(written([*rows, row], tuple(ROWS[0])), PLAIN, whole.said).quick == 0


def test_columns_that_are_not_used_may_change():
    head = (*ROWS[0], "at")
    first = both_ways(written([{**row, "at": "1"} for row in ROWS], head), PLAIN, {})
    later = both_ways(written([{**row, "at": "2"} for row in ROWS], head), PLAIN, first.said)
    assert later.quick == len(ROWS)


def test_a_lookup_that_changed_reads_the_rows_anew(tmp_path):
    profile = parse_profile(
        """
        [fields]
        id = { columns = ["id"] }
        title = { columns = ["title"] }
        sku = { columns = ["sku"] }
        quantity = { columns = ["sku"], lookup = "stock" }
        [lookups.stock]
        file = "stock.tsv"
        key = 0
        value = 1
        """,
        name="p",
    )
    file = tmp_path / "stock.tsv"
    file.write_text("".join(f"S{n}\t5\n" for n in range(20)))
    first = both_ways(DATA, profile, {}, folder=tmp_path)
    assert both_ways(DATA, profile, first.said, folder=tmp_path).quick == len(ROWS)
    file.write_text("".join(f"S{n}\t6\n" for n in range(20)))
    now = both_ways(DATA, profile, first.said, folder=tmp_path)
    assert (now.quick, len(now.fresh)) == (0, len(ROWS))


def test_skus_whose_count_is_news_in_any_case_are_mapped():
    first = both_ways(DATA, PLAIN, {})
    feed = opened(DATA, PLAIN)
    found = Came(
        feed.marked_groups(marks_of(first.said), frozenset({"S3"})), first.said, feed.mapped
    )
    assert found.quick == len(ROWS) - 1


def test_rows_that_describe_others_are_never_known_by_their_marks():
    profile = parse_profile(
        """
        [fields]
        id = { columns = ["id"] }
        title = { columns = ["title"] }
        sku = { columns = ["sku"] }
        [heads]
        when = { column = "stock", blank = true }
        also = "sku"
        """,
        name="p",
    )
    first = both_ways(DATA, profile, {})
    assert not any(one.mark for one in first.said.values())


LINE = ("id", "title", "sku", "stock", "cost")
BY_TITLE = parse_profile(
    """
    group_by = "title"
    [[skip_when]]
    column = "stock"
    one_of = ["skip"]
    [fields]
    id = { columns = ["id"], change = ["slug"] }
    title = { columns = ["title"] }
    sku = { columns = ["sku"] }
    quantity = { columns = ["stock"] }
    cost = { columns = ["cost"] }
    """,
    name="by title",
)
A, A2, B = "a,One,A,1,1.00\n", ",,A2,2,1.00\n", "b,Two,B,1,1.00\n"
DIRECTED = {
    "a SKU that another product has before it": (A + B, "c,Three,A,5,1.00\n" + A + B),
    "a row that goes on with a product behind a bad one": (
        A.replace("One", "") + A2 + "a,One,A5,1,1.00\n",
        "x,One,X,1\n" + A.replace("One", "") + A2 + "a,One,A5,1,1.00\n",
    ),
    "a second part that comes alone": (A + B + "a,One,A3,1,1.00\n", B + "a,One,A3,1,1.00\n"),
    "a row with more cells than the header": (A + B, A.replace("\n", ",more\n") + B),
    "a broken row behind it": (A + B, A + "a,One,Q,1\n" + B),
    "rows of one product around one that is passed over": (
        A + B,
        A + "z,Z,Z,skip,1.00\n" + A.replace("A,", "A3,") + B,
    ),
    "a product far below that changed": (A + B + "a,One,A3,1,1.00\n", None),
    "a product above that changed": (A + B + "a,One,A3,1,1.00\n", "above"),
    "a new second part": (A + B, A + B + "a,Other,A4,1,1.00\n"),
}


@pytest.mark.parametrize("case", DIRECTED)
def test_what_stands_around_known_rows_counts(case):
    before, after = DIRECTED[case]
    if after is None:
        after = before.replace("a,One,A3", "a,New,A3")
    elif after == "above":
        after = before.replace("a,One,A,", "a,New,A,")
    head = ",".join(LINE) + "\n"
    first = both_ways((head + before).encode(), BY_TITLE, {})
    both_ways((head + after).encode(), BY_TITLE, first.said)


def test_a_cell_that_is_no_text_stands_out_where_it_is_not_used():
    head = ",".join((*LINE, "note")) + "\n"
    first = both_ways(f"{head}a,One,A,1,1.00,x\n".encode(), BY_TITLE, {})
    now = both_ways(
        f"{head}a,One,A,1,1.00,".encode() + b"\xe9\n", BY_TITLE, first.said, encoding="utf-8"
    )
    assert [bad.code for bad in now.bad] == ["bad_encoding"]


def test_rows_that_stand_around_of_a_held_product_join_it():
    """A known row behind a new one of its product and one that is passed over; texts aside."""
    profile = replace(BY_TITLE, brings=("offer", "stock"))
    head = ",".join(LINE) + "\n"
    first = both_ways((head + A).encode(), profile, {})
    after = A.replace("A,", "A9,") + "z,Z,Z,skip,1.00\n" + A
    both_ways((head + after).encode(), profile, first.said)


def test_parts_of_a_feed_tell_a_product_each():
    """Rows of a product in two parts of the feed are sent one after the other, as ever."""
    apart = [Group(key=f"k{n}", rows=1, number=n) for n in (1, 2)]
    for group in apart:
        group.lines = {"S": quick.RawRow(1, {}, "")}
    assert [len(chunk.groups) for chunk in chunks(iter(apart))] == [1, 1]
    apart[1].lines = {"T": quick.RawRow(1, {}, "")}
    assert [len(chunk.groups) for chunk in chunks(iter(apart))] == [2]
