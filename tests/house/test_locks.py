"""What is installed is pinned by hash, names no registry, and can be had on every platform."""

import json
import re
import stat
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PACKAGE_LOCK = ROOT / "package-lock.json"
PEERS_LOCKS = [
    lock
    for folder in (ROOT / "tools/peers", ROOT / "tools/peers/zero")
    if (lock := folder / "package-lock.json").exists()
]
"""What the bench of peers fetches: nothing that ships, and pinned all the same."""
NPM_LOCKS = [PACKAGE_LOCK, *PEERS_LOCKS]
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;]+)")


def pins(lock: Path) -> dict[str, str]:
    found = (_PIN.match(line) for line in lock.read_text().splitlines())
    return {match["name"]: match["version"] for match in found if match}


def wanted(file: Path) -> set[str]:
    lines = (line.split("#")[0].strip() for line in file.read_text().splitlines())
    return {re.split(r"[<>=!\[; ]", line)[0] for line in lines if line and line[0] != "-"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_package_is_pinned_with_hashes(lock: Path):
    blocks = lock.read_text().replace("\\\n", " ").splitlines()
    assert blocks
    for block in blocks:
        assert _PIN.match(block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_lock_names_where_to_fetch_from(lock: Path):
    text = lock.read_text()
    assert re.findall(r"https?://\S+|--(?:extra-)?index-url|--find-links", text) == []


def _name(lock: Path) -> str:
    return lock.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=_name)
def test_npms_lock_names_no_registry(lock: Path):
    """A package's page for donations is its author's word; an address to fetch from is ours."""
    packages = json.loads(lock.read_text())["packages"]
    assert [entry for entry in packages.values() if "://" in entry.get("resolved", "")] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_each_lock_holds_what_its_source_asks_for(lock: Path):
    assert wanted(lock.with_suffix(".in")) <= pins(lock).keys()


def test_two_locks_pin_the_same_version():
    runtime, dev = pins(ROOT / "requirements/runtime.lock"), pins(ROOT / "requirements/dev.lock")
    assert runtime.items() <= dev.items()
    web = pins(ROOT / "requirements/web.lock")
    assert web.items() <= dev.items()


def test_the_package_asks_for_what_its_lock_installs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["dependencies"]) == wanted(ROOT / "requirements/runtime.in")


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=_name)
def test_npms_lock_pins_every_package_by_hash(lock: Path):
    packages = json.loads(lock.read_text())["packages"]
    fetched = {
        name: entry
        for name, entry in packages.items()
        if "node_modules/" in name and not entry.get("link")
    }
    assert fetched
    assert [name for name, entry in fetched.items() if "integrity" not in entry] == []


def test_npms_lock_has_every_platforms_variant():
    """A lock made where a registry lacks a variant is refused by `npm ci` everywhere."""
    packages = json.loads(PACKAGE_LOCK.read_text())["packages"]
    held = {name.rpartition("node_modules/")[2] for name in packages}
    missing = {
        f"{name} -> {other}"
        for name, entry in packages.items()
        for other in entry.get("optionalDependencies", {})
        if other not in held
    }
    assert missing == set()


def test_npms_lock_is_that_of_the_packages():
    packages = json.loads(PACKAGE_LOCK.read_text())["packages"]
    root = json.loads((ROOT / "package.json").read_text())
    for folder in ("", *root["workspaces"]):
        manifest = json.loads((ROOT / folder / "package.json").read_text())
        for kind in ("dependencies", "devDependencies", "peerDependencies"):
            assert packages[folder].get(kind, {}) == manifest.get(kind, {}), (folder, kind)


@pytest.mark.parametrize("lock", PEERS_LOCKS, ids=_name)
def test_a_lock_of_peers_is_that_of_its_manifest(lock: Path):
    manifest = json.loads(lock.with_name("package.json").read_text())
    assert manifest["dependencies"] == json.loads(lock.read_text())["packages"][""]["dependencies"]


def test_the_gate_is_executable_and_strict():
    gate = ROOT / ".ci" / "run"
    assert gate.stat().st_mode & stat.S_IXUSR
    assert gate.read_text().startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in gate.read_text()
