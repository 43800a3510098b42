"""What the protocol's pages say is what the code does."""

import re
from pathlib import Path

import pytest
from tests.sync.commands_doc import PAGE, render

from shopwire.sync import limits
from shopwire.sync.codes import CloseCode, may_reconnect
from shopwire.sync.limits import Limits
from shopwire.sync.topics import KINDS

SPEC = (Path(__file__).parents[2] / "docs" / "protocol" / "sync-v1.md").read_text(encoding="utf-8")


def test_commands_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == render(), "python -m tests.sync.commands_doc"


@pytest.mark.parametrize("code", CloseCode)
def test_every_close_code_is_specified_with_its_rule(code):
    (row,) = re.findall(rf"^\| {int(code)} \|.*$", SPEC, re.MULTILINE)
    assert code.reason.split("_")[0] in row
    assert (row.split("|")[3].strip().startswith("yes")) == may_reconnect(code)


def test_every_kind_of_topic_is_specified():
    row = r"^\| `([a-z_]+)` \| .*? \| (public|own|supplier|operator)"
    rows = dict(re.findall(row, SPEC, re.MULTILINE))
    assert rows == {name: kind.audience for name, kind in KINDS.items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("topics_max", limits.TOPICS_MAX),
        ("sse_topics_max", limits.SSE_TOPICS_MAX),
        ("message_bytes_max", limits.MESSAGE_BYTES_MAX),
        ("messages_per_s_max", limits.MESSAGES_PER_S_MAX),
        ("commands_max", limits.COMMANDS_MAX),
        ("command_bytes_max", limits.COMMAND_BYTES_MAX),
        ("hello_ms_max", limits.HELLO_MS_MAX),
        ("silence_ms_max", limits.SILENCE_MS_MAX),
        ("sessions_max", limits.SESSIONS_MAX),
    ],
)
def test_every_limit_is_specified_with_its_value(name, value):
    assert name in SPEC
    assert f"{value:,}" in SPEC or str(value) in SPEC


def test_told_limits_are_those_of_the_specification():
    for name in Limits().told():
        assert f"`{name}`" in SPEC
