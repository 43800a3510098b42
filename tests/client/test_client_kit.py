"""The kit that drives clients: ours pass in both languages, and planted defects are found."""

import sys
from pathlib import Path

import pytest
from tests.client.patience import wait_for_clients

from shopwire.testing.conformance.clients.__main__ import FAILED, NOT_RUN, PASSED, main
from shopwire.testing.conformance.clients.rules import RULES

ROOT = Path(__file__).parents[2]
OURS = [sys.executable, "-m", "shopwire.testing.conformance.clients.python_driver"]
BROKEN = """
import asyncio, runpy
from shopwire.sync import reducer
from shopwire.sync.reducer import Held, Replica
{defect}
runpy.run_module("shopwire.testing.conformance.clients.python_driver", run_name="__main__")
"""
DEFECTS = {
    "duplicate": """
before = Replica._item
def item(self, one):
    held = self.docs.get(one["topic"])
    if one["t"] == "snap" and held is not None and one["v"] < held.version:
        del self.docs[one["topic"]]
    return before(self, one)
Replica._item = item""",
    "reorder": """
before = Replica._item
def item(self, one):
    held = self.docs.get(one["topic"])
    if one["t"] == "patch" and held is not None and held.document is not None:
        one = one | {"from": held.version}
    return before(self, one)
Replica._item = item""",
    "epoch": """
def drop(self, epoch):
    self.epoch = epoch
    return reducer.Change(frozenset(), dropped=True, missed=frozenset())
Replica._drop = drop""",
    "revoke": """
Replica._purge = lambda self, topic: reducer.Change(frozenset(), dropped=False, missed=frozenset())
""",
    "digest": """
from shopwire.sync.client_digest import Proofs
Proofs.differ = lambda self, number, topics, hashes: self.same(number) or []""",
}


def test_the_python_client_keeps_every_rule(capsys, monkeypatch):
    wait_for_clients(monkeypatch)
    assert main(["--", *OURS]) == PASSED, capsys.readouterr().out
    assert f"{len(RULES)} ok, 0 failed, 0 skipped" in capsys.readouterr().out


def test_the_typescript_client_keeps_every_rule(capsys, monkeypatch):
    wait_for_clients(monkeypatch)
    node = [sys.executable, str(ROOT / "tools/node.py"), "node"]
    driver = str(ROOT / "packages/client/src/testing/driver.ts")
    assert main(["--", *node, driver]) == PASSED, capsys.readouterr().out
    assert f"{len(RULES)} ok, 0 failed, 0 skipped" in capsys.readouterr().out


@pytest.mark.parametrize("rule", DEFECTS)
def test_a_client_that_breaks_a_rule_is_found_out(rule, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("shopwire.testing.conformance.clients.driver.WAIT_S", 1.0)
    monkeypatch.setattr("shopwire.testing.conformance.clients.stage.WAIT_S", 1.0)
    script = tmp_path / "driver.py"
    script.write_text(BROKEN.format(defect=DEFECTS[rule]))
    assert main(["--only", rule, "--", sys.executable, str(script)]) == FAILED
    assert f"failed   {rule}" in capsys.readouterr().out


def test_a_driver_may_leave_things_out_and_none_at_all_is_told(tmp_path, capsys):
    script = tmp_path / "driver.py"
    script.write_text(
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    told = {'id': json.loads(line)['id'], 'error': 'unsupported'}\n"
        "    print(json.dumps(told), flush=True)\n"
    )
    assert main(["--only", "cut", "--", sys.executable, str(script)]) == NOT_RUN
    assert "skipped" in capsys.readouterr().out
    assert main(["--only", "cut", "--", sys.executable, "-c", "pass"]) == FAILED
    assert main([]) == NOT_RUN
    assert main(["--list"]) == PASSED
    assert "snapshot_then_changes" in capsys.readouterr().out
