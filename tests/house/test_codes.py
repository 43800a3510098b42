"""The error table: one number a class, and files generated from it that are up to date."""

import subprocess
import sys
from pathlib import Path

from shopwire.kernel.errors import error_table

ROOT = Path(__file__).parents[2]


def test_generated_files_are_up_to_date():
    command = [sys.executable, str(ROOT / "tools/gen_codes.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_error_says_what_happened_and_what_to_do():
    for code, kind in error_table().items():
        assert 1_000 <= code < 6_000, kind
        assert 400 <= kind.status < 600, kind
        assert kind.message.endswith("."), kind
        assert kind.remedy.endswith("."), kind
        assert kind.__doc__, kind


def test_what_may_pass_is_told_as_such():
    """Only an error that may pass asks to wait, and 503 always may."""
    for kind in error_table().values():
        if "retry_ms" in kind.fields or kind.status == 503:
            assert kind.temporary, kind
