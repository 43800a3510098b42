"""Sources by the command line, without a server."""

import json

import pytest
from tests.sources.far_side import put

from shopwire.cli.main import run

pytestmark = pytest.mark.postgres
FEED = "sku,title,stock,cost\nA,Mug,10,2\n"


def test_a_source_from_its_first_look_to_its_end(database_url, tmp_path, capsys):
    config = tmp_path / "shop.toml"
    config.write_text(f'database_url = "{database_url}"\ndata = "."\n')

    def shopwire(*words: str):
        capsys.readouterr()
        code = run(["source", *words, "--config", str(config)])
        return code, capsys.readouterr()

    put(tmp_path / "inbox/acme/1.csv", FEED)
    assert shopwire("add", "acme", "acme", "--every", "30", "--pattern", "*.csv")[0] == 0
    code, told = shopwire("run", "acme", "--json")
    assert (code, json.loads(told.out)["outcome"]) == (0, "taken")
    assert shopwire("run", "acme")[1].out == "acme/main: nothing new\n"
    put(tmp_path / "inbox/acme/2.csv", "\x00\x01")
    assert shopwire("run", "acme")[0] == 1
    put(tmp_path / "inbox/acme/3.csv", FEED)
    assert shopwire("rule", "acme", "pause", "--stale-after", "90")[0] == 0
    listed = json.loads(shopwire("list", "--json")[1].out)
    assert listed["suppliers"][0]["rule"]["when_stale"] == "pause"
    assert listed["sources"][0]["last"]["outcome"] == "failed"
    assert "failed" in shopwire("log", "acme", "--limit", "1")[1].out
    assert "acme/main" in shopwire("list")[1].out
    assert shopwire("pause", "acme")[1].out == "acme/main: rests\n"
    code, told = shopwire("run", "acme")
    assert (code, "paused" in told.err) == (1, True)
    assert shopwire("pause", "acme", "--off")[0] == 0
    assert shopwire("remove", "acme")[0] == 0
    code, told = shopwire("add", "acme", "ftp://acme.example/f", "--json")
    assert json.loads(told.out)["error"]["data"]["field"] == "address"
