"""Small, and checked by a test: lengths, widths, documented limits, no stray files."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 500
COLUMNS_MAX = 100
FILE_BYTES_MAX = 1_000_000

EXTENSIONS = {
    "", ".css", ".csv", ".html", ".in", ".json", ".lock", ".md", ".png", ".py", ".sql", ".svg",
    ".toml", ".ts", ".tsv", ".tsx", ".txt", ".typed", ".webp", ".woff2", ".xml",
}  # fmt: skip
"""What this project is made of; another kind of file is a decision, not an accident."""
HIDDEN = {".gitignore", ".gitattributes", ".npmrc", ".python-version", ".editorconfig"}
NARROW = {".py", ".sql"}
"""Kinds of files whose width nothing else holds: Biome breaks TypeScript's lines."""
JOINING = {
    "src/shopwire/adapters/postgres/reading.py",
    "src/shopwire/adapters/postgres/writing.py",
}
"""Make one statement of several named ones, which saves round trips; no value is in it."""
GENERATED = {"packages/client/src/core/commandBodies.ts"}
"""Written by a tool, a command after the other: as long as there are commands."""
UNITS = re.compile(r"(_MAX|_MIN)$")


@cache
def tracked() -> tuple[Path, ...]:
    """The project's files, as git knows them; those not yet added count as well."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout. Remedy: run it in a clone")
    names = [name for name in listed.stdout.split("\0") if name]
    return tuple(path for name in names if (path := ROOT / name).is_file())


def sources(*suffixes: str) -> Iterator[tuple[str, Path]]:
    for path in tracked():
        if path.suffix in suffixes:
            yield path.relative_to(ROOT).as_posix(), path


@cache
def findings() -> dict[str, list[str]]:
    """What is wrong with the sources, by rule: each is parsed once for all, and not kept."""
    found: dict[str, list[str]] = {rule.__name__: [] for rule in RULES}
    for name, path in sources(".py"):
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=name)
        nodes = list(ast.walk(tree))
        for rule in RULES:
            found[rule.__name__] += [f"{name}:{what}" for what in rule(name, tree, nodes)]
    return found


def long_functions(name: str, tree: ast.Module, nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.lineno} {node.name} has {lines} lines"


def silent_limits(name: str, tree: ast.Module, nodes: list[ast.AST]) -> Iterator[str]:
    if not name.startswith("src/"):
        return
    for at, node in enumerate(tree.body):
        limit = _limit_of(node, everything=name.endswith("limits.py"))
        told = any(
            isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            for after in tree.body[at + 1 : at + 3]
        )
        if limit and not told:
            yield f"{node.lineno} {limit}"


STATEMENT = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s")


def joined_sql(name: str, tree: ast.Module, nodes: list[ast.AST]) -> Iterator[str]:
    if not name.startswith("src/shopwire/") or name in JOINING:
        return
    for node in nodes:
        if isinstance(node, ast.JoinedStr) and node.values:
            first = node.values[0]
            text = first.value if isinstance(first, ast.Constant) else ""
            if isinstance(text, str) and STATEMENT.match(text):
                yield f"{node.lineno}"


RULES = (long_functions, silent_limits, joined_sql)


def test_functions_fit_a_screen():
    assert findings()["long_functions"] == []


def test_modules_stay_small():
    long = [
        f"{name} has {lines} lines"
        for name, path in sources(".py", ".ts", ".tsx")
        if name not in GENERATED
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > MODULE_LINES_MAX
    ]
    assert long == []


def test_lines_fit_side_by_side():
    wide = [
        f"{name}:{number} has {len(line)} columns"
        for name, path in sources(*NARROW)
        if "/migrations/" not in name  # an applied file never changes, not even its width
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line.split("  # noqa")[0]) > COLUMNS_MAX
    ]
    assert wide == []


def test_text_ends_with_a_newline_and_has_no_trailing_blanks():
    bad: list[str] = []
    for name, path in sources(".py", ".sql", ".toml", ".md", ".ts", ".tsx", ".css", ".in", ".lock"):
        text = path.read_bytes()
        if text and not text.endswith(b"\n"):
            bad.append(f"{name} ends without a newline")
        if b"\r\n" in text:
            bad.append(f"{name} has carriage returns")
        if path.suffix != ".md" and re.search(rb"[ \t]\n", text):
            bad.append(f"{name} has blanks at a line's end")
    assert bad == []


def test_no_stray_files():
    strays = [
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if (path.suffix not in EXTENSIONS and path.name not in HIDDEN)
        or path.stat().st_size > FILE_BYTES_MAX
    ]
    assert strays == []


def test_every_limit_says_what_it_is_for():
    """A limit of a module carries a docstring, or shares one with the next."""
    assert findings()["silent_limits"] == []


def _limit_of(node: ast.stmt, *, everything: bool) -> str:
    if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
        return ""
    name = node.target.id
    limits = everything or UNITS.search(name)
    return name if limits and not name.startswith("_") else ""


def test_nothing_is_left_for_later():
    # Put together, so that this file does not find itself.
    marks = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
    left = [
        f"{name}:{number}"
        for name, path in sources(".py", ".sql", ".ts", ".tsx", ".css")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if marks.search(line)
    ]
    assert left == []


def test_sql_is_not_put_together_from_pieces():
    """No f-string that begins like a statement, outside of where whole named queries are joined."""
    assert findings()["joined_sql"] == []
