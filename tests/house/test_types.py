"""The commands' types for clients are those of the server's structs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_that_the_generated_types_are_those_of_the_structs() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/gen_types.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
