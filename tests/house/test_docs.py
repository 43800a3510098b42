"""Documents: links lead somewhere, and the commands that they name exist."""

import re
from pathlib import Path

import pytest

from shopwire.cli.main import build_app

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("packages/*/*.md")]
    if "node_modules" not in path.parts
)
_LINK = re.compile(r"\]\((?!https?://|mailto:)(?P<target>[^)#\s]+)?(?P<anchor>#[^)\s]+)?\)")
_COMMAND = re.compile(r"(?:\.venv/bin/|`)shopwire ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
_TARGET = re.compile(r"(?:^|`)make ([a-z]+)", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    dead = [
        match.group(0)
        for match in _LINK.finditer(text)
        if match["target"] and not (page.parent / match["target"]).exists()
    ]
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    app = build_app()
    for name, inner in _COMMAND.findall(text):
        assert name in app, f"shopwire {name}"
        if name == "log" and inner:
            assert inner in app["log"], f"shopwire log {inner}"
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(_TARGET.findall(text)) <= targets


def test_every_target_of_the_makefile_says_what_it_does():
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    told = set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE))
    assert set(phony[1].split()) == told
