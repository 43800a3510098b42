"""Under which account PostgreSQL runs, and whether it reaches what it needs."""

import os
import stat
from pathlib import Path

import pytest

from shopwire.adapters.postgres import account as account_module
from shopwire.adapters.postgres.account import (
    Account,
    choose_account,
    open_to_others,
    reachable_binaries,
)
from shopwire.adapters.postgres.find import Binaries
from shopwire.adapters.postgres.server import attach
from shopwire.kernel.errors import SetupProblem

ME = Account(uid=os.getuid(), gid=os.getgid())


@pytest.fixture
def open_path(data_folder: Path) -> Path:
    """A folder that everybody can reach."""
    data_folder.chmod(0o755)
    if not open_to_others(data_folder):
        pytest.skip(f"{data_folder} is closed to others. Remedy: set TMPDIR to an open folder")
    return data_folder


def test_a_closed_folder_is_closed_for_what_is_in_it_and_for_what_will_be(open_path: Path):
    closed = open_path / "closed"
    closed.mkdir(mode=0o700)
    assert open_to_others(open_path / "not" / "there")
    assert not open_to_others(closed)
    assert not open_to_others(closed / "not" / "there")


def test_an_ordinary_user_runs_it_under_their_own_account(
    open_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert choose_account(open_path) == Account()


def test_root_lends_an_account_where_the_folder_is_open(
    open_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert choose_account(open_path).uid not in (None, 0)


def test_root_in_a_closed_folder_needs_a_namespace_or_is_told(
    open_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    open_path.chmod(0o700)
    monkeypatch.setattr(account_module, "_namespaces_work", lambda: True)
    assert choose_account(open_path).prefix[0] == "unshare"
    monkeypatch.setattr(account_module, "_namespaces_work", lambda: False)
    with pytest.raises(SetupProblem, match="does not run as root"):
        choose_account(open_path)


@pytest.fixture
def binaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Binaries:
    """An installation in a closed folder, as in root's home, and a cache of the test's own."""
    home = tmp_path / "home"
    for folder in ("wheel/pginstall/bin", "wheel/pginstall/include", "wheel.libs"):
        (home / folder).mkdir(parents=True)
    for file in ("wheel/pginstall/bin/postgres", "wheel.libs/libpq.so"):
        (home / file).write_text(file)
    (home / "wheel/pginstall/bin/postgres").chmod(0o700)
    home.chmod(0o700)
    (tmp_path / "cache").mkdir()
    monkeypatch.setattr(account_module.tempfile, "gettempdir", lambda: str(tmp_path / "cache"))
    return Binaries(home / "wheel/pginstall/bin", "test", "18.6")


def test_closed_programs_are_copied_with_their_libraries_once(binaries: Binaries):
    copied = reachable_binaries(binaries, ME)
    program = copied.folder / "postgres"
    assert program.stat().st_mode & stat.S_IXOTH
    assert (copied.folder.parents[2] / "wheel.libs" / "libpq.so").is_file()
    assert not (copied.folder.parent / "include").exists()
    made_at = program.stat().st_mtime_ns
    assert reachable_binaries(binaries, ME) == copied
    assert program.stat().st_mtime_ns == made_at


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_cache_that_others_can_write_is_not_run(binaries: Binaries, mode: int):
    reachable_binaries(binaries, ME).folder.parents[2].chmod(mode)
    with pytest.raises(SetupProblem, match="belongs to somebody else"):
        reachable_binaries(binaries, ME)


def test_a_cache_of_somebody_else_is_not_run(binaries: Binaries, monkeypatch: pytest.MonkeyPatch):
    reachable_binaries(binaries, ME)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(SetupProblem, match="belongs to somebody else"):
        reachable_binaries(binaries, ME)


@pytest.mark.anyio
async def test_a_server_file_that_was_left_behind_means_nothing_runs(data_folder: Path):
    (data_folder / "server.json").write_text('{"pid": 1, "host": "/nowhere", "password": "x"}')
    assert await attach(data_folder) is None
    (data_folder / "server.json").write_text('{"pid":')
    assert await attach(data_folder) is None


@pytest.mark.anyio
async def test_a_server_file_that_cannot_be_read_says_whose_command_it_is(data_folder: Path):
    (data_folder / "server.json").mkdir()  # unreadable also for root
    with pytest.raises(SetupProblem, match="cannot be used") as raised:
        await attach(data_folder)
    assert "user that runs the shop" in raised.value.data["reason"]
