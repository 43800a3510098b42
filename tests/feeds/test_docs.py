"""The examples of the how-to pages do what the pages say."""

import asyncio
import re
import shlex
from pathlib import Path

import pytest

from shopwire.cli.main import run

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "page",
    [
        "import-a-feed.md",
        "write-a-mapping.md",
        "what-a-quarantined-row-means.md",
        "match-skus.md",
    ],
)
async def test_the_examples_of_a_page(page, database_url, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    ran = 0
    for kind, name, text in BLOCK.findall((PAGES / page).read_text(encoding="utf-8")):
        if kind != "console":
            (tmp_path / name).write_text(text, encoding="utf-8")
            continue
        command, *expected = text.splitlines()
        words = shlex.split(command.removeprefix("$ shopwire "))
        place = words.index("--data")
        words[place : place + 2] = ["--database", database_url]
        await asyncio.to_thread(run, words)
        shown = capsys.readouterr()
        lines = [line.strip() for line in shown.out.splitlines()]
        missing = [line for line in expected if line.strip() not in lines]
        assert not missing, shown.out + shown.err
        ran += 1
    assert ran


def test_every_code_of_a_bad_row_is_explained():
    sources = Path(__file__).parents[2] / "src" / "shopwire"
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in [*sources.glob("modules/feeds/*.py"), sources / "services/import_news.py"]
    )
    codes = set(re.findall(r'code="(\w+)"', text))
    codes |= set(re.findall(r'refuse\(\s*[^,]+?,\s*"(\w+)"', text))
    codes |= set(re.findall(r'Refused\(\s*[^,]+?,\s*"(\w+)"', text))
    assert {"cell_count", "negative", "orphan", "refused", "bad_encoding"} <= codes
    page = (PAGES / "what-a-quarantined-row-means.md").read_text(encoding="utf-8")
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []
