"""The installation's own signing keys: a file of JSON Web Keys, the newest first."""

import json
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from shopwire.kernel.errors import SetupProblem

KEYS_MAX: Final = 4
"""Keys that are kept: tokens signed by the older ones are still good."""
KEY_FILE_BYTES_MAX: Final = 65_536
"""What is read of a file; a larger one is none of ours."""
ALGORITHM: Final = "Ed25519"
"""How our own keys sign (RFC 9864's name for EdDSA on this curve)."""


def keys_at(path: Path) -> KeySet:
    """Reads the file, or makes it, readable by its owner alone; raises SetupProblem."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write(path, {"keys": [_new_key()]}, replace=False)
        with path.open("rb") as file:
            return key_set(json.loads(file.read(KEY_FILE_BYTES_MAX)))
    except (OSError, ValueError, JoseError) as problem:
        raise SetupProblem(
            f"The keys at {path} cannot be used: {problem}.",
            what=str(path),
            reason="restore them from a backup; without one remove the file: all log in anew",
        ) from problem


def rotate(path: Path) -> KeySet:
    """A new key signs from now on; tokens of the earlier ones stay good until they expire."""
    keys_at(path)
    content = json.loads(path.read_text())
    content["keys"] = [_new_key(), *content["keys"]][:KEYS_MAX]
    _write(path, content, replace=True)
    return keys_at(path)


class KeyFile:
    """The file of keys as it was read last, and again when it is another one."""

    def __init__(self, path: Path) -> None:
        """Raises SetupProblem."""
        self._path = path
        self.keys = keys_at(path)
        self._seen = self._look()

    def changed(self) -> KeySet | None:
        """The keys, where others were written; None where not, or where they cannot be read."""
        seen = self._look()
        if seen is None or seen == self._seen:
            return None
        try:
            self.keys = keys_at(self._path)
        except SetupProblem:
            return None  # the next look tries again; what was read is still good
        self._seen = seen
        return self.keys

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def key_set(content: Any) -> KeySet:
    """A set of signing keys; those for other uses are left out. Raises ValueError, JoseError."""
    listed = content.get("keys") if isinstance(content, dict) else None
    usable = [
        key
        for key in (listed if isinstance(listed, list) else ())
        if isinstance(key, dict)
        and key.get("kty") in {"OKP", "EC", "RSA"}
        and key.get("use", "sig") == "sig"
        and isinstance(key.get("kid"), str)
    ]
    if not usable:
        raise ValueError("it has no public signing key with a kid")
    return KeySet.import_key_set({"keys": usable})


def new_keys() -> KeySet:
    """A key that no file has: what it signs is good as long as somebody holds it."""
    return key_set({"keys": [_new_key()]})


def _new_key() -> dict[str, Any]:
    key = OKPKey.generate_key("Ed25519", {"kid": secrets.token_hex(8), "use": "sig"})
    return dict(key.as_dict(private=True))


def _write(path: Path, content: dict[str, Any], *, replace: bool) -> None:
    """Whole or not at all; of two processes that make the file one does."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as draft:
        json.dump(content, draft)
        draft.flush()
        os.fsync(draft.fileno())
    try:
        if replace:
            Path(draft.name).replace(path)
        else:
            with suppress(FileExistsError):
                os.link(draft.name, path)
    finally:
        Path(draft.name).unlink(missing_ok=True)
