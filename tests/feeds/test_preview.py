"""Previews: what rows would become, what would be quarantined, and how the feed was read."""

import io

import msgspec
import pytest

from shopwire.cli.main import run
from shopwire.kernel.errors import FeedUnreadable
from shopwire.modules.feeds.profile import parse_profile
from shopwire.services.feed_preview import preview_feed

FEED = b"sku;title;stock;cost\nA;Mug;5;2,50\nB;Jug;-1;1,00\nC;Pot;1;1,00\n"


def test_a_preview_says_what_rows_become_and_how_they_were_read():
    found = preview_feed(io.BytesIO(FEED))
    assert found.read_as == "semicolon, UTF-8, decimal comma"
    assert (found.used, found.quarantined, found.complete) == (2, 1, True)
    assert [(row.line, row.outcome) for row in found.rows] == [
        (2, "used"),
        (3, "quarantined"),
        (4, "used"),
    ]
    assert found.rows[0].becomes["offer"]["cost_minor"] == 250
    assert found.rows[1].bad.code == "negative"


def test_a_preview_ends_at_its_rows_and_does_not_read_on():
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size=-1):
            data = super().read(size)
            self.taken += len(data)
            return data

    stream = Counting(FEED + b"".join(b"S%d;Mug;1;2,00\n" % n for n in range(300_000)))
    found = preview_feed(stream, rows_max=100)
    assert (len(found.rows), found.complete) == (100, False)
    assert stream.taken < 1_500_000


@pytest.mark.parametrize(("content", "code"), [(FEED, 3), (FEED.replace(b"-1", b"1"), 0)])
def test_the_command_shows_it_and_tells_by_its_code(tmp_path, capsys, content, code):
    path = tmp_path / "feed.csv"
    path.write_bytes(content)
    assert run(["feed", "preview", str(path)]) == code
    assert "read as semicolon, UTF-8, decimal comma" in capsys.readouterr().out
    assert run(["feed", "preview", str(path), "--json", "--rows", "1"]) == 0
    shown = msgspec.json.decode(capsys.readouterr().out)
    assert [row["sku"] for row in shown["rows"]] == ["A"]


def test_a_table_without_a_header_is_sketched_by_numbers_and_read_by_them():
    data = b"A-1\t5\t5\nB-2\t7\t7\n"
    with pytest.raises(FeedUnreadable, match="where the file has none"):
        preview_feed(io.BytesIO(data), sketch=True)
    found = preview_feed(io.BytesIO(data), sketch=True, header=False)
    assert (found.columns, found.complete, len(found.rows)) == (["1", "2", "3"], True, 2)
    assert found.rows[0].cells == {"1": "A-1", "2": "5", "3": "5"}
    mapping = parse_profile(
        'columns = ["1", "2", "3"]\nbrings = ["offer", "stock"]\n[fields]\n'
        'sku = { columns = ["1"] }\nquantity = { columns = ["2"] }\n'
    )
    read = preview_feed(io.BytesIO(data), profile=mapping)
    assert [row.sku for row in read.rows] == ["A-1", "B-2"]
