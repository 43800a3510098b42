"""The doctor's words about access: keys, the outside issuer, origins, and who may run the shop."""

import json
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError

from shopwire.adapters.postgres.inspect import DatabaseFacts
from shopwire.adapters.security.issuer import OUTSIDE_LIFE_S_MAX
from shopwire.adapters.security.jwks import JWKS_KEPT_MS_MAX
from shopwire.adapters.security.keys import KEY_FILE_BYTES_MAX, key_set
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import ShopwireError
from shopwire.services.findings import Finding
from shopwire.services.issuers import outside_issuer
from shopwire.services.reach import is_loopback
from shopwire.services.session_door import OPERATOR_SESSION_MS, SHOPPER_SESSION_MS
from shopwire.services.settings import Settings

_HOUR_MS: Final = 3_600_000


async def access_findings(
    settings: Settings, host: str, facts: DatabaseFacts | None
) -> list[Finding]:
    """Everything about callers; nothing is made or changed. `facts` where a database answers."""
    return [
        _keys(settings.key_file or settings.data / "keys.json"),
        await _issuer(settings),
        _life(settings),
        _origins(settings.allow_origins),
        _doors(settings, host, facts),
    ]


def _keys(path: Path) -> Finding:
    """The file that signs sessions; it is made at the first start."""
    remedy = "Restore it from a backup; without one remove it: then all log in anew."
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        with path.open("rb") as file:
            count = len(key_set(json.loads(file.read(KEY_FILE_BYTES_MAX))).keys)
    except FileNotFoundError:
        return Finding("keys", "ok", f"{path} will be made at the first start")
    except PermissionError:
        seen = f"{path} cannot be read by this user"
        return Finding("keys", "fail", seen, "Run as the user that runs the shop.")
    except (OSError, ValueError, JoseError) as problem:
        return Finding("keys", "fail", f"{path} cannot be used: {problem}", remedy)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        seen = f"{path} is open to others (mode {mode:o}): who reads it is anybody here"
        remedy = f"`chmod 600 {path}`, then `shopwire token rotate-key` if others may have read it."
        return Finding("keys", "warn", seen, remedy)
    return Finding("keys", "ok", f"{count} in {path}, the first of them signs")


async def _issuer(settings: Settings) -> Finding:
    """Asks the outside issuer as a start would."""
    try:
        outside = outside_issuer(settings, SystemClock(), settings.allow_addresses)
    except ShopwireError as problem:
        reason = str(problem.data.get("reason") or problem.remedy)
        return Finding("issuer", "fail", problem.detail, f"{reason} (docs/operating/access.md)")
    if outside is None:
        return Finding("issuer", "ok", "only our own tokens are taken")
    await outside.shelf.read()
    state, name = outside.shelf.state(), outside.tokens.issuer.name
    if state.state == "fresh":
        return Finding("issuer", "ok", f"{name} is taken, too: {state.keys} keys")
    kept_h = JWKS_KEPT_MS_MAX // _HOUR_MS
    return Finding(
        "issuer",
        "warn",
        f"the keys of {name} cannot be read: {state.problem}",
        f"Check issuer_jwks and the way there; servers that run keep its keys for {kept_h} hours.",
    )


def _life(settings: Settings) -> Finding:
    told = (
        f"operators {OPERATOR_SESSION_MS // _HOUR_MS} h, shoppers"
        f" {SHOPPER_SESSION_MS // _HOUR_MS // 24} days from the last refresh"
    )
    if settings.issuer:
        told += f"; another's tokens up to {OUTSIDE_LIFE_S_MAX // 3_600} h"
    return Finding("sessions", "ok", told)


def _origins(origins: Sequence[str]) -> Finding:
    """Other pages that act in a browser's name; a word that fits nothing is a word too much."""
    wrong, plain = [], []
    for origin in origins:
        scheme, host = _parts(origin)
        if not host:
            wrong.append(origin)
        elif scheme == "http" and not is_loopback(host):
            plain.append(origin)
    if wrong:
        seen = f"allow_origins has {', '.join(wrong)}, which is no page's origin"
        return Finding("origins", "warn", seen, "Write scheme and host: https://shop.example")
    if plain:
        seen = f"pages of {', '.join(plain)} may use this shop, and anybody on the way may be them"
        return Finding("origins", "warn", seen, "Serve them over https.")
    told = ", ".join(origins)
    return Finding("origins", "ok", f"pages of {told}" if told else "only the shop's own pages")


def _parts(origin: str) -> tuple[str, str]:
    """Scheme and host of an origin; the host is empty where it is none."""
    try:
        split = urlsplit(origin.rstrip("/"))
        whole = split.scheme in ("http", "https") and not split.path and "*" not in origin
        return split.scheme, (split.hostname or "") if whole else ""
    except ValueError:
        return "", ""


def _doors(settings: Settings, host: str, facts: DatabaseFacts | None) -> Finding:
    """Who runs the shop without a login, and whether anybody can with one."""
    local = is_loopback(host)
    is_open = settings.access == "open" or (settings.access is None and local)
    login = "Set access = login (`--access login`), and `shopwire user add NAME`."
    if is_open and not local:
        return Finding("access", "warn", f"whoever reaches {host} runs this shop", login)
    if is_open and settings.allow_hosts:
        names = ", ".join(settings.allow_hosts)
        seen = f"whoever comes through {names} runs this shop: to us all of them are this machine"
        return Finding("access", "warn", seen, login)
    if is_open:
        return Finding("access", "ok", "whoever is on this machine runs the shop")
    named = any(role.rpartition("=")[2] == "operator" for role in settings.issuer_roles)
    if facts is not None and facts.operators == 0 and not (settings.issuer and named):
        seen = "operators log in, and there is none"
        return Finding("access", "warn", seen, "`shopwire user add NAME`")
    count = "" if facts is None or facts.operators is None else f": {facts.operators}"
    return Finding("access", "ok", f"operators log in{count}")
