"""Matching from the command line, on a shop's database."""

import asyncio
import json
from pathlib import Path

import pytest

from shopwire.cli.main import run

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

OURS = "sku,title,stock,cost\nPAN,Iron pan,7,9.00\n"
THEIRS = "Artikel;Name;Menge;EK\nC;Iron Pan;3;8,00\nD;Iron pan;1;8,00\nE;IRON PAN;1;8,00\n"
MAPPING = """
decimal = ","
[fields]
sku = { columns = ["Artikel"] }
title = { columns = ["Name"] }
quantity = { columns = ["Menge"] }
cost = { columns = ["EK"] }
"""


async def test_a_person_at_the_machine_decides(tmp_path: Path, database_url: str, capsys):
    async def command(*words: str, code: int = 0) -> str:
        at = ("--database", database_url)
        assert await asyncio.to_thread(run, [*words, *at]) == code, words
        return capsys.readouterr().out

    for name, text in (("ours.csv", OURS), ("theirs.csv", THEIRS), ("lager.toml", MAPPING)):
        (tmp_path / name).write_text(text)
    await command("import", str(tmp_path / "ours.csv"), "--supplier", "First")
    assert "done" in await command("feed", "matching", "Second", "match")
    assert "done" in await command("feed", "save", "lager", str(tmp_path / "lager.toml"))
    theirs = str(tmp_path / "theirs.csv")
    assert "lager" in await command("feed", "preview", theirs, "--profile", "lager")
    assert "yours" in await command("feed", "profiles")
    await command("import", theirs, "--supplier", "Second", "--profile", "lager", code=3)
    listed = json.loads(await command("feed", "matches", "--json"))["items"]
    assert {one["supplier_sku"]: one["candidates"][0]["sku"] for one in listed} == {
        "C": "PAN", "D": "PAN", "E": "PAN",
    }  # fmt: skip
    assert "near_title" in await command("feed", "matches", "--supplier", "Second")
    assert "done" in await command("feed", "match", "Second", "C", "--sku", "PAN")
    assert "done D" in await command("feed", "match", "Second", "D", "--new")
    assert "done" in await command("feed", "match", "Second", "E", "--ignore")
    assert "done" in await command("feed", "match", "Second", "C", "--forget")
    assert json.loads(await command("feed", "matches", "--json"))["items"] == []
    await command("feed", "match", "Second", "X", "--new", code=1)
    await command("feed", "match", "Second", "X", code=1)
