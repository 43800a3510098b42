"""What a hostile or broken sender may send: refused or quarantined, soon, and in bounded memory."""

import gzip
import io
import time
import tracemalloc
from typing import Any

import pytest
from tests.feeds.reading import bad_rows, groups_of, used_skus

from shopwire.kernel.errors import FeedUnreadable, MappingInvalid
from shopwire.modules.feeds.opening import open_feed
from shopwire.modules.feeds.profile import parse_profile
from shopwire.services.feed_formats import FORMATS
from shopwire.services.feed_preview import preview_feed

HEAD = b"sku,title,stock,cost\n"
LONG = b"x" * 10_000_000
SECONDS_MAX = 10
"""Far more than any takes here; a few were minutes."""
BYTES_MAX = 250 << 20
GOOD = b"<item><g:id>B</g:id><title>Jug</title></item>"


def xml(inside: bytes) -> bytes:
    return b'<rss xmlns:g="http://base.google.com/ns/1.0"><channel>' + inside + b"</channel></rss>"


def read(content: bytes, profile=None, **more: Any):
    feed = open_feed(
        io.BytesIO(content), supplier="A", currency="EUR", profile=profile, formats=FORMATS, **more
    )
    return list(feed.groups)


def elements(name: bytes, count: int) -> bytes:
    return (b"<%s>1</%s>" % (name, name)) * count


FILES = {
    "a line without an end": (HEAD + LONG * 4, "a line has more than 33554432 bytes"),
    "a header without an end": (b"c," * 5_000_000 + b"\n", "at most 1000 are read"),
    "a JSON row of 10 MB": (b'[{"sku":"A","title":"' + LONG + b'"}]', "more than 4194304 letters"),
    "a JSON line of 10 MB": (b'{"sku":"A","title":"' + LONG + b'"}\n', "more than 4194304"),
    "an element of 10 MB": (
        xml(b"<item><title>" + LONG * 2 + b"</title></item>"),
        "Text node too long",
    ),
    "an item of too many elements": (
        xml(b"<item>" + elements(b"a", 200_000) + b"</item>"),
        "an item has more than 10000 elements",
    ),
    "too many elements and no item": (xml(elements(b"a", 200_000)), "and no <item>"),
    "elements in elements": (b"<rss>" + b"<a>" * 100_000, "Excessive depth"),
    "arrays in arrays": (b"[" * 200_000, "was cut off"),
    "objects in objects": (b'{"a":' * 200_000, "too deep"),
    "a deep dump": (
        b'[{"model":"product.product","pk":1,"fields":' + b'{"a":' * 100_000,
        "no dump of a catalogue",
    ),
    "a segment without an end": (
        b"ISA*00*          *00*          *ZZ*A              *ZZ*B              "
        b"*261126*1100*U*00401*000000001*0*P*>~GS*IB*A*B*20261126*1100*1*X*004010~" + LONG,
        "a segment has more than",
    ),
    "an external entity": (
        b'<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + xml(b"<item>&a;</item>"),
        "document type",
    ),
    "entities in entities": (
        b'<!DOCTYPE r [<!ENTITY a "'
        + b"x" * 1_000
        + b'"><!ENTITY b "'
        + b"&a;" * 1_000
        + b'"><!ENTITY c "'
        + b"&b;" * 1_000
        + b'">]>'
        + xml(b"<item>&c;</item>"),
        "document type",
    ),
    "a late document type": (
        b"<?xml version='1.0'?><!--" + b" " * 20_000 + b"--><!DOCTYPE rss>" + xml(GOOD),
        "document type",
    ),
    "a page in UTF-16": ("<!doctype html><html>".encode("utf-16"), "a web page"),
    "a form": (
        b'------x\r\nContent-Disposition: form-data; name="f"\r\n\r\n' + HEAD,
        "send the file itself",
    ),
    "nothing": (b"", "is empty"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_feed_is_refused_soon_and_in_bounded_memory(name):
    content, reason = FILES[name]
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(FeedUnreadable, match=reason):
            read(content)
        assert tracemalloc.get_traced_memory()[1] < BYTES_MAX
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < SECONDS_MAX


ROWS = {
    "a cell of 10 MB": (HEAD + b"A," + LONG + b",1,1\nB,Jug,1,1\n", "cell_too_long"),
    "a quoted cell of 10 MB": (HEAD + b'A,"' + LONG + b'",1,1\nB,Jug,1,1\n', "cell_too_long"),
    "a deep JSON row": (
        b'[{"sku":"A","d":' + b"[" * 10**5 + b"]" * 10**5 + b'},{"sku":"B","title":"Jug"}]',
        "malformed",
    ),
    "a deep JSON line": (
        b'{"sku":"A","d":' + b"[" * 10**5 + b"]" * 10**5 + b'}\n{"sku":"B","title":"Jug"}\n',
        "malformed",
    ),
    "a number of a million digits": (
        b'[{"sku":"A","title":"x","cost":' + b"9" * 10**6 + b'},{"sku":"B","title":"Jug"}]',
        "cell_too_long",
    ),
    "an endless number": (
        b'[{"sku":"A","title":"x","stock":1e999999999},{"sku":"B","title":"Jug"}]',
        "not_a_number",
    ),
    "a zero byte": (HEAD + b"A,Mu\0g,1,1\nB,Jug,1,1\n", "not_allowed"),
    "a file to be included": (
        xml(b'<item><g:id>A</g:id><title><x:include xmlns:x="http://www.w3.org/2001/XInclude"'
            b' href="file:///etc/hostname" parse="text"/></title></item>' + GOOD),
        "missing",
    ),
    "bad JSON letters": (
        b'[{"sku":"A","title":"K\xfcche"},{"sku":"B","title":"Jug"}]', "bad_encoding",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_a_hostile_row_costs_itself(name):
    content, code = ROWS[name]
    groups = read(content)
    assert used_skus(groups) == ["B"]
    assert [bad.code for group in groups for bad in group.bad] == [code]
    assert all(len(bad.raw) <= 4_000 for group in groups for bad in group.bad)


def test_what_a_spreadsheet_takes_for_a_formula_is_a_text():
    signs = [b"=1+1", b"+1", b"-1+cmd|' /C calc'!A0", b"@SUM(1)", b'=HYPERLINK("http://x")']
    rows = b"".join(b'S%d,"%s",1,1\n' % (n, s.replace(b'"', b'""')) for n, s in enumerate(signs))
    titles = [group.product.title.encode() for group in groups_of(HEAD + rows)]
    assert titles == signs
    assert [bad.code for bad in bad_rows(HEAD + b"A,Mug,=1,1\nB,Mug,1,=2\nC,Mug,@1,1\n")] == [
        "not_a_number"
    ] * 3


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ('format = "xlsx"\nencoding = "cp1252"', "encoding"),
        ('format = "xml"\ndelimiter = ";"', "delimiter"),
        ('format = "json"\ncolumns = ["a"]', "columns"),
        ('format = "ndjson"\nrows_in = "data"', "rows_in"),
        ('format = "json"\nloose_quotes = true', "loose_quotes"),
        ('item = "product"', "item"),
    ],
)
def test_an_option_that_the_format_would_ignore_is_refused(words, field):
    with pytest.raises(MappingInvalid) as caught:
        parse_profile(words + '\n[fields]\nsku = { columns = ["sku"] }')
    assert caught.value.data["field"] == field


@pytest.mark.parametrize("content", [b'[{"sku":"A","title":"x"}]', xml(GOOD)])
def test_an_encoding_that_would_be_ignored_is_refused(content):
    with pytest.raises(MappingInvalid, match="says its encoding itself"):
        read(content, encoding="cp1252")
    assert read(content, encoding="UTF-8")


def test_a_preview_reads_no_more_of_a_feed_than_it_shows():
    packed = gzip.compress(HEAD + b"".join(b"S%d,Mug,1,1\n" % n for n in range(300_000)))
    stream = io.BytesIO(packed)
    found = preview_feed(stream)
    assert (len(found.rows), found.error, found.complete) == (100, None, False)
    assert stream.tell() < len(packed) / 2
