"""Documents: links lead somewhere, and the commands that they name exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import CycloptsError

from shopwire.cli.main import build_app

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("packages/*/*.md")]
    if "node_modules" not in path.parts
)
_LINK = re.compile(r"\]\((?!https?://|mailto:)(?P<target>[^)#\s]+)?(?P<anchor>#[^)\s]+)?\)")
_COMMAND = re.compile(r"(?:\.venv/bin/|`)shopwire ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
_SHOWN = re.compile(r"^(?:    |\$ )?(?:\.venv/bin/)?shopwire ([a-z].*)$", re.MULTILINE)
_BESIDE = re.compile(r"\s{2,}(?=\S)|\s#")
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


def shown(text: str) -> Iterator[list[str]]:
    """Every command that a page shows on a line of its own, as its words."""
    text = text.replace("\\\n", " ")
    for match in _SHOWN.finditer(text):
        said = _BESIDE.split(match[1])[0]
        if said.count("'") % 2:  # its JSON goes on below
            said = text[match.start(1) : text.index("'", match.end()) + 1]
        yield shlex.split(said)


def test_commands_are_shown_as_they_are_understood():
    app, count = build_app(), 0
    for page in PAGES:
        for words in shown(page.read_text(encoding="utf-8")):
            count += 1
            try:
                app.parse_args(words, exit_on_error=False, print_error=False)
            except CycloptsError as problem:
                pytest.fail(f"{page.relative_to(ROOT)}: shopwire {' '.join(words)}: {problem}")
    assert count > 80


def test_every_target_of_the_makefile_says_what_it_does():
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    told = set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE))
    assert set(phony[1].split()) == told
