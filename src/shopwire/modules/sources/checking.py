"""What may be said of a source, checked before it is kept."""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.fetching import Place
from shopwire.kernel.limits import QUANTITY_MAX
from shopwire.kernel.money import exponent_of
from shopwire.kernel.names import slug_of
from shopwire.kernel.validation import check_name, check_quantity
from shopwire.modules.sources.api import PutRule, PutSource
from shopwire.modules.sources.limits import RULE_MINUTES_MAX
from shopwire.modules.sources.schedule import check_schedule

ADDRESS_CHARS_MAX: Final = 2_000
"""Letters of an address; a longer one is refused."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Of sources and secrets: a part of topics and of files' names, so nothing that means a place."""
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_HOST_KEY: Final = re.compile(
    r"SHA256:[A-Za-z0-9+/]{43}|[a-z0-9@.-]{1,60} [A-Za-z0-9+/]{40,2000}={0,2}"
)


def check_ids(supplier: str, name: str) -> None:
    """Raises InvalidField for what cannot be a part of a topic."""
    check_name(supplier, "supplier")
    if slug_of(supplier) != supplier:
        raise _invalid("supplier", f"a supplier's id is written {slug_of(supplier)!r}")
    if not _NAME.fullmatch(name):
        raise _invalid("name", "it has up to 64 letters, digits, points, lines")


def check_source(command: PutSource) -> None:
    """Raises InvalidField for what can never be fetched, or would keep a secret in the log."""
    check_ids(command.supplier, command.name)
    place, schedule = command.place, command.schedule
    {"folder": _folder, "http": _http, "sftp": _sftp, "push": _push}[place.kind](place)
    if len(place.address) > ADDRESS_CHARS_MAX or not place.address.isprintable():
        raise _invalid("place.address", f"it has up to {ADDRESS_CHARS_MAX} printable characters")
    if not 1 <= len(place.pattern) <= 200 or "/" in place.pattern:
        raise _invalid("place.pattern", "it is about names of files, so it has no slash")
    if place.secret and not _NAME.fullmatch(place.secret):
        raise _invalid("place.secret", "it is the name of a file in the folder of secrets")
    if not _HEADER.fullmatch(place.header):
        raise _invalid("place.header", "it is no name of a header")
    if schedule is not None:
        if place.kind == "push":
            raise _invalid("schedule", "what is pushed comes when its sender wants")
        check_schedule(schedule)
    exponent_of(command.currency)
    for field in ("profile", "encoding"):
        if (value := getattr(command, field)) is not None:
            check_name(value, field)


def check_rule(command: PutRule) -> None:
    """Raises InvalidField for a rule that cannot be kept to."""
    check_ids(command.supplier, "main")
    for field in ("units_per_hour", "units_max"):
        check_quantity(getattr(command, field), least=0, field=field)
    for field in ("share_bp_per_hour", "share_bp_max"):
        if not 0 <= getattr(command, field) <= 10_000:
            raise _invalid(field, "a share has 0 to 10000 hundredths of a percent")
    late, stale = command.late_after_minutes, command.stale_after_minutes
    for field, value in (("late_after_minutes", late), ("stale_after_minutes", stale)):
        if value is not None and not 1 <= value <= RULE_MINUTES_MAX:
            raise _invalid(field, f"it lies from 1 to {RULE_MINUTES_MAX}")
    if late is not None and stale is not None and late > stale:
        raise _invalid("late_after_minutes", "data is late before it is stale")
    if command.when_stale == "growing_buffer" and not (
        command.units_per_hour or command.share_bp_per_hour
    ):
        raise _invalid("units_per_hour", "a buffer that grows needs units or a share an hour")
    assert command.units_per_hour <= QUANTITY_MAX


def _folder(place: Place) -> None:
    if not place.address or "\0" in place.address:
        raise _invalid("place.address", "name the folder that is watched")


def _http(place: Place) -> None:
    parts = _split(place.address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _invalid("place.address", "it is no address as in https://host/feed.csv")
    if parts.username is not None or parts.password is not None:
        raise _invalid("place.address", "it holds a password: put it in a secret")


def _sftp(place: Place) -> None:
    parts = _split(place.address)
    if parts.scheme != "sftp" or not parts.hostname or not parts.username:
        raise _invalid("place.address", "it is no address as in sftp://user@host/folder")
    if parts.password is not None:
        raise _invalid("place.address", "it holds a password: put it in a secret")
    if not place.secret:
        raise _invalid("place.secret", "name the secret that holds the password or private key")
    if not _HOST_KEY.fullmatch(place.host_key):
        raise _invalid("place.host_key", "name the server's key, as ssh-keyscan prints it")


def _push(place: Place) -> None:
    if place.address or place.secret or place.host_key:
        raise _invalid("place.address", "what is pushed comes to us: there is no address")


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises for one that is no number
    except ValueError as problem:
        raise _invalid("place.address", f"it cannot be read: {problem}") from None
    return parts


def _invalid(field: str, reason: str) -> InvalidField:
    return InvalidField(f"{field}: {reason}.", field=field, reason=reason)
