"""Settings of a process, from command line, environment and file, each with where it came from."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from shopwire.kernel.errors import SetupProblem
from shopwire.services.broadcasting import BroadcastWay
from shopwire.services.issuers import IssuerOptions
from shopwire.services.outside import PaymentName, SupplierWay
from shopwire.services.pacing import IMPORT_SHARE_PERCENT, SharePercent

PREFIX: Final = "SHOPWIRE_"
"""`port` is SHOPWIRE_PORT in the environment; lists are separated by commas there."""
FILE_VARIABLE: Final = "SHOPWIRE_CONFIG"
"""Where the file is, if no option says so."""
FILE_BYTES_MAX: Final = 65_536
"""A larger file is none of ours."""


class Settings(IssuerOptions, frozen=True, kw_only=True):
    """What `up` can be told; the names are those of the file."""

    data: Path = Path(".shopwire/data")
    host: str = "127.0.0.1"
    port: int = 8_000
    database_url: str | None = None
    websocket: Literal["picows", "asgi"] = "picows"
    broadcast: BroadcastWay = "auto"
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    allow_addresses: tuple[str, ...] = ()
    source_folders: tuple[str, ...] = ()
    bus: tuple[str, ...] = ()
    hubs: int = 0
    address: str | None = None
    import_share: SharePercent = IMPORT_SHARE_PERCENT
    payments: PaymentName = "simulator"
    suppliers: SupplierWay = "fetch"
    access: Literal["open", "login"] | None = None
    key_file: Path | None = None
    secret_file: Path | None = None
    stripe_key_file: Path | None = None
    stripe_webhook_file: Path | None = None


class Loaded(msgspec.Struct, frozen=True):
    """Settings, and per name where its value came from."""

    settings: Settings
    origins: dict[str, str]

    def shown(self) -> dict[str, str]:
        """Every value that is not the default, with its origin; without passwords."""
        values = msgspec.structs.asdict(self.settings)
        return {
            name: f"{without_password(str(values[name]))} ({origin})"
            for name, origin in self.origins.items()
            if origin != "default"
        }


_PATHS: Final = frozenset(
    {"data", "key_file", "secret_file", "stripe_key_file", "stripe_webhook_file"}
)
_INHERITED: Final = frozenset(IssuerOptions.__struct_fields__)
_NAMES: Final = {
    field.name: field.type
    for field in sorted(
        msgspec.structs.fields(Settings), key=lambda field: field.name in _INHERITED
    )
}


def load_settings(
    given: Mapping[str, Any],
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """The first of command line, environment, file, default, for each setting.

    `given` holds the command line's options; one that is None or empty was not used. Raises
    SetupProblem for an unknown name, a value of the wrong kind, a file that cannot be read.
    """
    environ = os.environ if environ is None else environ
    if file is None and environ.get(FILE_VARIABLE):
        file = Path(environ[FILE_VARIABLE])
    found: dict[str, tuple[Any, str]] = {}
    if file is not None:
        found |= {name: (value, str(file)) for name, value in _read(file).items()}
    for name, kind in _NAMES.items():
        variable = PREFIX + name.upper()
        if environ.get(variable):
            told = environ[variable]
            listed = [part.strip() for part in told.split(",") if part.strip()]
            found[name] = (listed if kind == tuple[str, ...] else told, variable)
    for name, value in given.items():
        if value is not None and value != ():
            found[name] = (value, "command line")
    values = {name: _convert(name, *entry) for name, entry in found.items()}
    origins = {name: found[name][1] if name in found else "default" for name in _NAMES}
    return Loaded(Settings(**values), origins)


def without_password(url: str) -> str:
    """The address as it may be shown and logged."""
    return re.sub(r"//[^@/]*@", "//", re.sub(r"(?i)(password=)[^&\s]*", r"\1...", url))


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise SetupProblem(
                f"{file} is larger than {FILE_BYTES_MAX} bytes.", what=str(file), reason="too large"
            )
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise SetupProblem(
            f"{file} cannot be read: {problem}", what=str(file), reason=str(problem)
        ) from problem
    for name in content:
        if name not in _NAMES:
            near = difflib.get_close_matches(name, _NAMES, n=1)
            advice = f"did you mean {near[0]}?" if near else f"known: {', '.join(_NAMES)}"
            raise SetupProblem(
                f"{file} has an unknown setting {name!r}: {advice}", what=name, reason=advice
            )
    for name in _PATHS & content.keys():
        # A file means its own neighbourhood, wherever the process was started.
        content[name] = str(file.absolute().parent / str(content[name]))
    keys = content.get("issuer_jwks")
    if isinstance(keys, str) and "://" not in keys:
        content["issuer_jwks"] = str(file.absolute().parent / keys)
    return content


def _convert(name: str, value: Any, origin: str) -> Any:
    # Words of the environment become numbers; in the file a number has to be one.
    strict = not origin.startswith(PREFIX)
    try:
        converted = msgspec.convert(value, _NAMES[name], strict=strict, dec_hook=_path)
    except msgspec.ValidationError as problem:
        raise SetupProblem(
            f"The setting {name} of {origin} cannot be used: {problem}.", what=name, reason=origin
        ) from problem
    if name == "port" and not 0 <= converted < 65_536:
        raise SetupProblem(
            f"The setting port of {origin} is {converted}; ports go up to 65535.",
            what=name,
            reason=origin,
        )
    return converted


def _path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise TypeError(f"expected {kind.__name__}")
