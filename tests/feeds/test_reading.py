"""Files as rows: encodings, separators, and everything that a table can be broken by."""

import codecs
import io
import tracemalloc

import pytest
from tests.feeds.reading import bad_rows, groups_of, opened, used_skus

from shopwire.kernel.errors import FeedUnreadable, InvalidField
from shopwire.modules.feeds.limits import CELL_CHARS_MAX, LINE_BYTES_MAX, RAW_CHARS_MAX
from shopwire.modules.feeds.lines import READ_BYTES
from shopwire.modules.feeds.reading import DelimitedReader

HEAD = "sku,title,stock,cost\n"
ROW = "A,Mug,5,2.50\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_separator_is_found_in_the_header_and_shown(delimiter):
    feed = opened((HEAD + ROW).replace(",", delimiter))
    assert feed.detected.delimiter == delimiter
    assert used_skus(list(feed.groups)) == ["A"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_are_line_ends(end):
    assert used_skus(groups_of((HEAD + ROW + ROW.replace("A", "B")).replace("\n", end))) == [
        "A",
        "B",
    ]


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_a_mark_at_the_start_says_the_encoding(mark, encoding):
    feed = opened(mark + (HEAD + "A,Tasse grün,5,2.50\n").encode(encoding), encoding="cp1252")
    (group,) = feed.groups
    assert (feed.detected.encoding, feed.detected.marked) == (encoding, True)
    assert group.product.title == "Tasse grün"


def test_a_single_row_that_is_no_utf8_proves_no_other_encoding():
    content = (HEAD + ROW + "B,Tasse grün,5,2.50\n" + ROW.replace("A", "C")).encode("cp1252")
    assert used_skus(groups_of(content)) == ["A", "C"]
    (bad,) = bad_rows(content)
    assert (bad.line, bad.column, bad.code) == (3, "title", "bad_encoding")
    assert "byte 0xFC at place 9" in bad.reason
    assert "\\udcfc" in bad.raw
    feed = opened(content, encoding="cp1252")
    assert [group.product.title for group in feed.groups][1] == "Tasse grün"


@pytest.mark.parametrize("encoding", ["no-such", "base64", "rot13"])
def test_an_encoding_that_is_none_is_refused(encoding):
    with pytest.raises(FeedUnreadable, match="no encoding"):
        opened(HEAD + ROW, encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_found_and_shown(encoding):
    feed = opened((HEAD + ROW).encode(encoding))
    assert used_skus(list(feed.groups)) == ["A"]
    assert f"{encoding.upper()} by its bytes" in feed.detected.words()


def test_a_currency_that_is_none_is_refused_at_once():
    with pytest.raises(InvalidField):
        opened(HEAD + ROW, currency="euro")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no rows"),
        ("sku,title,sku\nA,B,C\n", "'sku' twice"),
        ("sku,,title\nA,B,C\n", "no header"),
        ("name,price\nA,1\n", "no column sku"),
        (b"\xff\xff\xff\xff", "utf-8"),
    ],
)
def test_a_header_that_is_none_makes_the_file_unreadable(content, reason):
    with pytest.raises(FeedUnreadable) as caught:
        opened(content)
    assert reason in caught.value.data["reason"]


def test_columns_are_found_whatever_their_case():
    (group,) = groups_of("SKU,Title,STOCK\nA,Mug,5\n")
    assert group.product.title == "Mug"
    assert group.counts[0].quantity == 5


def test_unknown_columns_are_told_once():
    feed = opened("sku,title,colour,weight\nA,Mug,red,1\nB,Jug,red,1\n")
    assert used_skus(list(feed.groups)) == ["A", "B"]
    assert "columns that were not used: colour, weight" in feed.notes


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("B,Jug,5\n", "cell_count"),
        ("B,Jug,5,2.50,more\n", "cell_count"),
        ('B,"Jug" big,5,2.50\n', "malformed"),
        ("B," + "x" * (CELL_CHARS_MAX + 1) + ",5,2.50\n", "cell_too_long"),
        ("B," + "x" * 10_000_000 + ",5,2.50\n", "cell_too_long"),
    ],
    ids=["too few", "too many", "quotes", "long cell", "10 MB cell"],
)
def test_a_broken_row_is_quarantined_and_the_next_one_is_used(row, code):
    content = HEAD + ROW + row + ROW.replace("A", "C")
    assert used_skus(groups_of(content)) == ["A", "C"]
    (bad,) = bad_rows(content)
    assert (bad.line, bad.code) == (3, code)
    assert bad.reason
    assert bad.remedy
    assert row[:20].strip() in bad.raw
    assert len(bad.raw) <= RAW_CHARS_MAX


def test_blank_lines_and_blank_cells_behind_the_last_column_are_nothing():
    assert used_skus(groups_of(HEAD + "\n" + ROW.strip() + ",,\n,,,\n")) == ["A"]


def test_a_cell_may_have_lines_and_the_row_has_the_number_of_its_first():
    content = 'sku,title,stock,text\nA,Mug,5,"two\nlines"\nB,Jug,-1,\n'
    (bad,) = bad_rows(content)
    assert (bad.line, bad.code) == (4, "negative")


def test_a_file_cut_off_inside_quotes_breaks_off_behind_its_whole_rows():
    feed = opened(HEAD + ROW + 'B,"a ju')
    groups = []
    with pytest.raises(FeedUnreadable) as caught:
        groups.extend(group for group in feed.groups)
    assert caught.value.data == {
        "reason": "the file ends inside a quoted cell: it was cut off",
        "line": 3,
    }


def test_a_file_cut_off_in_a_row_gives_its_whole_rows_first():
    feed = opened(HEAD + ROW + "B,Jug,")
    assert used_skus([next(feed.groups)]) == ["A"]
    with pytest.raises(FeedUnreadable, match="cut off") as caught:
        next(feed.groups)
    assert caught.value.data["line"] == 3


def test_a_last_line_without_an_end_is_used_and_told():
    feed = opened(HEAD + "A,Mug,5,2.5")
    assert used_skus(list(feed.groups)) == ["A"]
    assert any("no end" in note for note in feed.notes)


def test_text_that_never_ends_breaks_off_in_bounded_memory():
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.start = io.BytesIO((HEAD + "A,").encode())

        def read(self, size=-1):
            return self.start.read(size) or b"x" * size

    reader = DelimitedReader(Endless())
    tracemalloc.start()
    try:
        with pytest.raises(FeedUnreadable, match="bytes"):
            next(iter(reader))
        assert tracemalloc.get_traced_memory()[1] < 5 * LINE_BYTES_MAX
    finally:
        tracemalloc.stop()


def test_rows_are_the_same_wherever_the_file_is_cut_into_pieces():
    lines = [f'S{n},Mug ü {n},{n % 7},"a\r\nb{n}"\r\n' for n in range(12_000)]
    content = ("sku,title,stock,text\r\n" + "".join(lines)).encode()
    assert len(content) > READ_BYTES
    groups = groups_of(content)
    assert used_skus(groups) == [f"S{n}" for n in range(12_000)]
    assert [group.product.title for group in groups][-1] == "Mug ü 11999"
    assert [group.lines[f"S{n}"].line for n, group in enumerate(groups)][-1] == 2 + 2 * 11_999
