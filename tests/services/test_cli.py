"""The command line: what it says and with which code it ends."""

import json
import subprocess
import sys

import pytest

from shopwire import __version__
from shopwire.cli import main as cli
from shopwire.cli.import_ import show_summary
from shopwire.kernel.errors import SetupProblem
from shopwire.modules.feeds.api import BadRow
from shopwire.modules.feeds.reading import Detected
from shopwire.services.import_request import Summary, Tally


def test_help_lists_every_command_without_loading_any(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("demo", "up", "import", "log", "doctor", "bench", "version"):
        assert f" {name} " in shown


def test_help_needs_no_server_and_no_database_library():
    code = (
        "import sys; from shopwire.cli.main import run; run(['--help']);"
        "print(sorted({'litestar', 'asyncpg', 'uvicorn', 'lxml'} & set(sys.modules)),"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_an_unknown_command_is_a_usage_error_with_a_hint(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["demp"]) == cli.USAGE
    assert "Did you mean `shopwire demo`?" in capsys.readouterr().err


def test_a_wrong_option_is_a_usage_error():
    assert cli.run(["version", "--no-such-option"]) == cli.USAGE
    assert cli.run(["up", "--port", "many"]) == cli.USAGE


def test_version_as_text_and_as_json(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["version"]) == 0
    assert __version__ in capsys.readouterr().out
    assert cli.run(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shopwire"] == __version__


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(*, json: bool = False) -> int:
        raise SetupProblem("The disk is full.", what="disk", reason="free some space")

    monkeypatch.setattr("shopwire.cli.serve.version", version)


@pytest.mark.usefixtures("broken")
def test_an_error_of_the_table_is_a_message_with_a_remedy(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["version"]) == cli.FAILED
    told = capsys.readouterr().err
    assert "The disk is full." in told
    assert "free some space" in told
    assert "Traceback" not in told


@pytest.mark.usefixtures("broken")
def test_with_json_the_error_is_data(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["version", "--json"]) == cli.FAILED
    assert json.loads(capsys.readouterr().out)["error"]["name"] == "SetupProblem"


@pytest.mark.usefixtures("broken")
def test_with_debug_the_error_is_raised():
    with pytest.raises(SetupProblem):
        cli.run(["version", "--debug"])


def test_a_feeds_words_are_shown_as_they_are_and_steer_nothing(capsys: pytest.CaptureFixture[str]):
    bad = BadRow(line=2, column="[/x]", code="c", reason="it is [/red]\x1b[2J", remedy="", raw="")
    summary = Summary(
        id="r", supplier="[/a]", profile="p", source="[b].csv", kind="partial", status="failed",
        dry_run=False, detected=Detected(), products=Tally(), offers=Tally(), stock=Tally(),
        notes=["columns that were not used: price [eur], [/y]"],
        bad_rows=[bad], error="broken [/z]",
    )  # fmt: skip
    show_summary(summary)
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("[b].csv of [/a]", "price [eur], [/y]", "[/x]", "[/red]\\x1b[2J", "broken [/z]."):
        assert words in shown
