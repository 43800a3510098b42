"""What feeds come as: packed, as JSON, as workbooks, of other shops; and what was found out."""

import bz2
import gzip
import io
import lzma
import zipfile

import msgspec
import openpyxl
import pytest
from tests.feeds.reading import PLAIN, bad_rows, groups_of, opened, used_skus

from shopwire.kernel.errors import FeedUnreadable, MappingInvalid
from shopwire.modules.feeds import unpacking
from shopwire.modules.feeds.opening import open_feed
from shopwire.modules.feeds.profile import parse_profile

TABLE = b"sku,title,stock,cost\nA,Mug,5,2.50\nB,Jug,6,3.00\n"


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (gzip.compress(TABLE), "gzip"),
        (bz2.compress(TABLE), "bzip2"),
        (lzma.compress(TABLE), "xz"),
        (zipped(**{"feed.csv": TABLE}), "zip"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_packed_feeds_are_read_and_that_is_shown(content, name):
    feed = opened(content)
    assert used_skus(list(feed.groups)) == ["A", "B"]
    assert feed.detected.words() == f"packed with {name}, comma, UTF-8, decimal point"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zipped(a=TABLE, b=TABLE), "2 files"),
        (zipped(**{"../feed.csv": TABLE}), "leads out"),
        (zipped(**{"/etc/feed.csv": TABLE}), "leads out"),
        (zipped(**{"..\\feed.csv": TABLE}), "leads out"),
        (zipped(**{"C:\\feed.csv": TABLE}), "leads out"),
        (zipped(), "0 files"),
        (gzip.compress(gzip.compress(TABLE)), "inside the archive"),
        (b"<!DOCTYPE html><html><body>Please log in</body></html>", "web page"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x28\xb5\x2f\xfd....", "zstd"),
        (b"\x89PNG\r\n", "a picture"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # gzip writes the time of day
)
def test_what_is_no_feed_is_refused_with_its_reason(content, reason):
    with pytest.raises(FeedUnreadable, match=reason):
        opened(content)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_feed_that_is_cut_off_is_told(pack):
    rows = b"".join(b"S%d,Mug,5,2.50\n" % n for n in range(50_000))
    with pytest.raises(FeedUnreadable, match="broken or was cut off"):
        list(opened(pack(TABLE + rows)[:-5_000]).groups)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lambda data: zipped(feed=data)])
def test_a_bomb_is_left_where_it_goes_off(pack, monkeypatch):
    monkeypatch.setattr(unpacking, "UNPACK_FREE_BYTES_MAX", 100_000)
    bomb = pack(TABLE + b"\n" * 20_000_000)
    with pytest.raises(FeedUnreadable, match="bomb"):
        list(opened(bomb).groups)


def test_a_feed_without_an_end_ends_at_its_limit(monkeypatch):
    monkeypatch.setattr(unpacking, "FEED_BYTES_MAX", 1_000_000)

    class Endless(io.BytesIO):
        def read(self, size=-1):
            return super().read(size) or b"A,Mug,5,2.50\n" * (size // 13)

    with pytest.raises(FeedUnreadable, match="more than 1000000 bytes"):
        list(open_feed(Endless(TABLE), supplier="A", currency="EUR", profile=PLAIN).groups)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'[{"sku":"A","title":"Mug","stock":5,"cost":2.50},{"sku":"B","title":"Jug"}]', ""),
        (
            (
                b'{"count": 2, "page": {"a": [1]}, "items": [{"SKU":"A","title":"Mug",'
                b'"cost":"2.50"}, {"sku":"B","title":"Jug"}]}'
            ),
            "items",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # gzip writes the time of day
)
def test_json_is_read_wherever_its_rows_lie(content, where):
    feed = opened(content, None)
    groups = list(feed.groups)
    assert used_skus(groups) == ["A", "B"]
    assert groups[0].offers[0].terms.cost_minor == 250
    assert (feed.detected.format, feed.detected.rows_in) == ("json", where)


def test_json_rows_that_are_broken_cost_themselves():
    content = (
        b'[{"sku":"A","title":"Mug"},{"sku":"B","title":nul},{"sku":"C","sku":"D","title":"x"},'
        b'3,{"sku":"E","title":"\\ud800"},{"sku":"F","stock":NaN,"title":"x"},'
        b'{"sku":"G","title":"Pot"}]'
    )
    assert used_skus(groups_of(content)) == ["A", "G"]
    assert [bad.line for bad in bad_rows(content)] == [2, 3, 4, 5, 6]


def test_json_in_pieces_is_the_same_as_whole():
    rows = [{"sku": f"S{n}", "title": "Mug ü" * (n % 30), "stock": n} for n in range(1, 20_000)]
    rows = [row for row in rows if row["title"]]
    assert used_skus(groups_of(msgspec.json.encode(rows))) == [row["sku"] for row in rows]
    assert used_skus(groups_of(b"\n".join(msgspec.json.encode(row) for row in rows))) == [
        row["sku"] for row in rows
    ]


@pytest.mark.parametrize(
    "content", [b'[{"sku":"A","title":"Mug"},', b'[{"sku":"A","title":"Mug"},{"sku":"B', b"[" * 9]
)
def test_json_that_is_cut_off_is_told(content):
    with pytest.raises(FeedUnreadable):
        list(opened(content).groups)


def test_json_lines_that_are_broken_cost_themselves():
    content = b'{"sku":"A","title":"Mug"}\n{"sku":"B"\n\n{"sku":"C","title":"Pot"}\n[1]\n'
    feed = opened(content, None)
    groups = list(feed.groups)
    assert feed.detected.format == "ndjson"
    assert used_skus(groups) == ["A", "C"]
    assert [bad.line for group in groups for bad in group.bad] == [2, 5]


def test_a_workbook_is_read_as_excel_shows_it():
    content = workbook(
        ("sku", "title", "stock", "cost", "gtin"),
        ("A", "Mug", 5, 0.1 + 0.2, 4006381333931),
        (None, None),
        ("B", "Jug", 6.0, 12.1, None),
        ("C", "Pot", "=1/0", 3, None),
        ("D", "Pan", "#REF!", 3, None),
        ("E", "Lid", 1, 3, 4006381333932),
    )
    feed = opened(content, None)
    groups = list(feed.groups)
    assert used_skus(groups) == ["A", "B", "C"]
    assert [group.offers[0].terms.cost_minor for group in groups if group.offers] == [30, 1210, 300]
    assert [bad.code for group in groups for bad in group.bad] == ["formula_fault", "bad_gtin"]
    assert feed.detected.words() == "xlsx, sheet 'Sheet', decimal point"


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        (b'<!DOCTYPE r [<!ENTITY a "aaaa">]><workbook>&a;</workbook>', "document type"),
        ('<!DOCTYPE r [<!ENTITY a "aaaa">]>'.encode("utf-16"), "document type"),
        (b"x" * 2_000_000, "bytes"),
        (b"<nothing/>", "no workbook"),
    ],
)
def test_a_hostile_workbook_is_refused(inside, reason, monkeypatch):
    monkeypatch.setattr(unpacking, "SHEET_BYTES_MAX", 1_000_000)
    with pytest.raises(FeedUnreadable, match=reason):
        opened(zipped(**{"xl/workbook.xml": inside}))


def test_a_far_cell_in_a_workbook_does_not_fill_memory():
    book = openpyxl.Workbook()
    book.active.append(("sku", "title"))
    book.active["XFD9"] = "far"
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(FeedUnreadable, match="columns"):
        list(opened(out.getvalue()).groups)


WOO = (
    "ID,Type,SKU,Name,Published,Parent,In stock?,Stock,Regular price,Categories,"
    "Attribute 1 name,Attribute 1 value(s)\n"
)


def test_woocommerce_variations_belong_to_their_parent():
    content = WOO + (
        '10,variable,SHIRT,Shirt,1,,1,,,"Clothes > Shirts, Sale",Colour,"red, blue"\n'
        "11,variation,SH-R,Shirt - red,1,SHIRT,1,4,8.00,,Colour,red\n"
        "12,variation,SH-B,Shirt - blue,1,id:10,1,,9.00,,Colour,blue\n"
        "13,simple,MUG,Mug,0,,0,,5.00,Kitchen,,\n"
        "14,external,AFF,Elsewhere,1,,1,,5.00,,,\n"
    )
    feed = opened(content, None)
    shirt, mug = feed.groups
    assert feed.profile.name == "woocommerce"
    assert used_skus([shirt, mug]) == ["SH-R", "SH-B", "MUG"]
    assert shirt.product.title == "Shirt"
    assert shirt.product.categories == (("Clothes", "Shirts"), ("Sale",))
    assert [variant.options for variant in shirt.product.variants] == [
        {"Colour": "red"},
        {"Colour": "blue"},
    ]
    assert [count.quantity for count in shirt.counts] == [4, 5]
    assert (mug.product.status, mug.counts[0].quantity) == ("draft", 0)


def test_amazon_listings_are_read():
    listing = {
        "item_name": [{"value": "Mug"}],
        "brand": [{"value": "Acme"}],
        "fulfillment_availability": [{"fulfillment_channel_code": "DEFAULT", "quantity": 7}],
        "purchasable_offer": [
            {"currency": "USD", "our_price": [{"schedule": [{"value_with_tax": 9.90}]}]}
        ],
    }
    messages = [
        {"messageId": 1, "sku": "A", "operationType": "UPDATE", "attributes": listing},
        {"messageId": 2, "sku": "B", "operationType": "DELETE"},
        {"messageId": 3, "sku": "C", "operationType": "PATCH", "patches": []},
    ]
    feed = opened(msgspec.json.encode({"header": {"version": "2.0"}, "messages": messages}), None)
    groups = list(feed.groups)
    assert feed.profile.name == "amazon-listings"
    assert used_skus(groups) == ["A", "B"]
    terms = groups[0].offers[0].terms
    assert (terms.cost_minor, terms.currency, groups[0].counts[0].quantity) == (990, "USD", 7)
    gone = next(group for group in groups if "B" in group.lines)
    assert (gone.product.status, gone.counts[0].quantity) == ("archived", 0)
    assert [bad.code for group in groups for bad in group.bad] == ["refused_by_profile"]


@pytest.mark.parametrize(
    ("amounts", "decimal", "costs"),
    [
        (["12,50", "1,234"], ",", [1250, 123]),
        (["12.50", "1,234"], ".", [1250, 123_400]),
        (["1.234,50", "1.234"], ",", [123_450, 123_400]),
        (["1'234.50", "3"], ".", [123_450, 300]),
        (["1 234,50", "3"], ",", [123_450, 300]),
        (["1.234.567", "1.234"], ",", [123_456_700, 123_400]),
        (["0.125", "1,234"], ".", [13, 123_400]),
        (["12", "1,234"], "", [1200]),
        (["12.50", "12,50", "1,234"], "", [1250, 1250]),
    ],
)
def test_the_sign_of_the_decimals_is_proven_or_the_row_is_quarantined(amounts, decimal, costs):
    rows = "".join(f"S{n};Mug;{amount}\n" for n, amount in enumerate(amounts))
    feed = opened("sku;title;cost\n" + rows)
    groups = list(feed.groups)
    assert feed.detected.decimal == decimal
    assert [one.terms.cost_minor for group in groups for one in group.offers] == costs
    bad = [bad.code for group in groups for bad in group.bad]
    assert bad == ["ambiguous_number"] * (len(amounts) - len(costs))


def test_windows_1252_is_found_where_several_rows_prove_it():
    rows = "".join(f"S{n};Tasse grün - {n}€;1,50\n" for n in range(5))
    feed = opened(("sku;title;cost\n" + rows).encode("cp1252"))
    groups = list(feed.groups)
    assert groups[0].product.title == "Tasse grün - 0€"
    assert feed.detected.words() == "semicolon, Windows-1252 by its bytes, decimal comma"


def test_broken_bytes_among_letters_of_utf8_cost_their_rows():
    good = "S{};Tasse grün;1,50\n"
    content = ("sku;title;cost\n" + good.format(0)).encode()
    content += b"".join(f"T{n};Tasse gr\xfcn;1,50\n".encode("cp1252") for n in range(5))
    assert used_skus(groups_of(content)) == ["S0"]
    assert {bad.code for bad in bad_rows(content)} == {"bad_encoding"}


RICH = parse_profile(
    r"""
    currency = "USD"
    weight_unit = "kg"
    [[skip_when]]
    column = "kind"
    one_of = ["Sample"]
    [[only_when]]
    column = "kind"
    blank = false
    [[refuse_when]]
    column = "kind"
    match = "^bad"
    [fields]
    sku = { columns = ["code"], match = '^ART-(\w+)$', required = true }
    title = { columns = ["name"], change = ["trim"], replace = { '\s*\(.*?\)' = "" } }
    cost = { columns = ["cost"], change = ["strip_currency"] }
    weight = { columns = ["weight"] }
    quantity = { columns = ["stock"], instead = { columns = ["there"], values = { yes = "5" } } }
    """
)


def test_transforms_and_conditions_of_a_mapping():
    content = (
        "code,name,kind,cost,weight,stock,there\n"
        "ART-A,Mug  (new),x,US$ 2.50,1.5,,yes\n"
        "ART-B,Jug,sample,1.00,,1,\n"
        "ART-C,Jug,,1.00,,1,\n"
        "ART-D,Jug,bad one,1.00,,1,\n"
        "B-E,Jug,x,1.00,,1,\n"
        "ART-F,Jug,x,1.00,2 stone,1,\n"
        "ART-G,Jug,x,1.00,2 lb,1,\n"
    )
    feed = opened(content, RICH)
    all_groups = list(feed.groups)
    groups = [group for group in all_groups if group.lines]
    assert used_skus(groups) == ["A", "G"]
    assert groups[0].product.title == "Mug"
    assert groups[0].counts[0].quantity == 5
    assert groups[0].offers[0].terms.currency == "USD"
    measures = [group.more[sku]["weight_g"] for group in groups for sku in group.lines]
    assert measures == [1500, 907]
    assert [(bad.line, bad.code) for group in all_groups for bad in group.bad] == [
        (5, "refused_by_profile"),
        (6, "missing"),
        (7, "no_unit"),
    ]
    assert "rows that a condition passes over (2 rows)" in feed.notes


def test_a_pattern_that_takes_too_long_costs_the_row():
    slow = parse_profile("[fields]\nsku = { columns = ['sku'], match = '^(a|a)*(a|aa)+$' }")
    content = "sku,title\n" + "a" * 60 + "!,Mug\nb,Jug\n"
    assert (2, "pattern_too_slow") in [(bad.line, bad.code) for bad in bad_rows(content, slow)]


LOOKED_UP = parse_profile(
    """
    brings = ["offer"]
    [fields]
    sku = { columns = ["article"], lookup = "articles", required = true }
    cost = { columns = ["cost"] }
    [lookups.articles]
    file = "articles.tsv"
    key = 0
    value = 1
    """
)


def test_an_archive_brings_the_files_that_a_mapping_looks_things_up_in():
    files = {"articles.tsv": b"1\tMUG\n2\tJUG\n", "offers.csv": b"article,cost\n1,2.50\n2,3\n"}
    assert used_skus(groups_of(zipped(**files), LOOKED_UP)) == ["MUG", "JUG"]
    with pytest.raises(FeedUnreadable, match="2 files"):
        opened(zipped(**files, **{"more.csv": b"article,cost\n"}), LOOKED_UP)
    with pytest.raises(FeedUnreadable, match="leads out"):
        opened(zipped(**files, **{"../articles.tsv": b""}), LOOKED_UP)
    with pytest.raises(MappingInvalid, match="in one zip archive with it"):
        opened(zipped(**{"offers.csv": files["offers.csv"]}), LOOKED_UP)
    with pytest.raises(MappingInvalid, match="in one zip archive with it"):
        opened(files["offers.csv"], LOOKED_UP)
    with pytest.raises(MappingInvalid, match="a line has 1048576 letters or more"):
        opened(zipped(**files | {"articles.tsv": b"1" * 3_000_000}), LOOKED_UP)
