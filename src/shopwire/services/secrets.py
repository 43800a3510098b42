"""One secret of the installation, and the webhooks' secrets that are made from it."""

import hashlib
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.webhooks import new_secret

SECRET_BYTES: Final = 32
"""Length of the installation's secret; a file that is shorter is none."""


class Secrets:
    """Makes a sender's secret from the installation's: nothing has to be stored for each of them.

    Processes that serve the same shop share the file. A new file gives every sender a new secret.
    """

    def __init__(self, master: bytes) -> None:
        self._master = master

    @classmethod
    def at(cls, path: Path) -> "Secrets":
        """Reads the file, or makes it, readable by its owner alone; raises SetupProblem."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _make(path)
            master = path.read_bytes()
        except OSError as problem:
            raise SetupProblem(
                f"The secret at {path} cannot be used: {problem.strerror}.",
                what=str(path),
                reason="check the folder's rights, or name another file with secret_file",
            ) from problem
        if len(master) < SECRET_BYTES:
            raise SetupProblem(
                f"The secret at {path} has {len(master)} bytes of at least {SECRET_BYTES}.",
                what=str(path),
                reason="restore it from a backup; without one remove it, and senders get new ones",
            )
        return cls(master)

    def of(self, source: str) -> str:
        """The `whsec_...` with which `supplier:<name>`, `carrier:<name>` and so on sign."""
        return new_secret(hmac.digest(self._master, f"webhook {source}".encode(), hashlib.sha256))

    def known(self, source: str) -> tuple[str]:
        """The same, as doors want it: all secrets that a source may sign with."""
        return (self.of(source),)


def _make(path: Path) -> None:
    """Makes the file if there is none; of two processes one writes it, whole."""
    if path.exists():
        return
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as draft:
        draft.write(secrets.token_bytes(SECRET_BYTES))
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):
            os.link(draft.name, path)
