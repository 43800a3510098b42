"""Under which account PostgreSQL runs: it refuses to run as root, so root has to lend it one."""

import ctypes
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from shopwire.adapters.postgres.find import Binaries
from shopwire.kernel.errors import SetupProblem

_ACCOUNTS: Final = ("postgres", "nobody")
_PR_SET_PDEATHSIG: Final = 1
_UNSHARE: Final = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
"""A user namespace in which the caller is nobody: files stay the caller's."""


class Account(msgspec.Struct, frozen=True):
    """How to start a program of PostgreSQL here."""

    prefix: tuple[str, ...] = ()
    """Words before the program."""
    uid: int | None = None
    gid: int | None = None

    def popen_arguments(self) -> dict[str, Any]:
        """For subprocess: drops root where that is needed."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Makes the account the owner of a file or folder."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def choose_account(data: Path) -> Account:
    """The caller, unless that is root: then an unprivileged one that can reach `data`.

    Raises SetupProblem where root's folder is closed to others and namespaces are not allowed.
    """
    if os.geteuid() != 0:
        return Account()
    if open_to_others(data):
        for name in _ACCOUNTS:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    if _namespaces_work():
        return Account(prefix=_UNSHARE)
    raise SetupProblem(
        f"PostgreSQL does not run as root, and no other account can reach {data}.",
        what="account",
        reason="choose a data folder outside of root's home, or start as an ordinary user",
    )


def open_to_others(path: Path) -> bool:
    """Whether an account that owns nothing here can walk to `path`."""
    present = path.resolve()
    while not present.exists():
        present = present.parent
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (present, *present.parents))


def _namespaces_work() -> bool:
    if shutil.which(_UNSHARE[0]) is None:
        return False
    done = subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False)  # noqa: S603
    return done.returncode == 0


def reachable_binaries(binaries: Binaries, account: Account) -> Binaries:
    """The programs where the account can run them: copied to a cache if it cannot walk there.

    The copy has the libraries beside it, since the programs find them by a relative path. Raises
    SetupProblem where somebody else has put something in its place.
    """
    if account.uid is None or open_to_others(binaries.folder):
        return binaries
    install = binaries.folder.parent
    cache = Path(tempfile.gettempdir()) / f"shopwire-postgres-{binaries.version}"
    target = cache / install.parent.name / install.name
    if not (target / "bin" / "postgres").exists():
        staging = Path(tempfile.mkdtemp(prefix=f"{cache.name}-", dir=cache.parent))
        ignore = shutil.ignore_patterns("include", "*.pyc")
        shutil.copytree(install, staging / install.parent.name / install.name, ignore=ignore)
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, staging / libraries.name)
        for path in (staging, *staging.rglob("*")):
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)
        try:
            staging.rename(cache)
        except OSError:
            # Another process made the same copy first; theirs is as good.
            shutil.rmtree(staging)
    owned = cache.stat()
    if owned.st_uid != os.geteuid() or owned.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        # Its name can be guessed, and root is about to run what is in it.
        raise SetupProblem(
            f"{cache} belongs to somebody else.", what="binaries", reason="remove that folder"
        )
    return msgspec.structs.replace(binaries, folder=target / "bin")


def die_with_parent() -> Callable[[], None] | None:
    """What a child runs before the server: a fast shutdown if this process is killed."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def ask_the_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)

    return ask_the_kernel
