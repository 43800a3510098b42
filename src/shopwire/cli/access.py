"""`shopwire user` and `shopwire token`: who may run the shop, and programs that work for it."""

import asyncio
import getpass
import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import open_database
from shopwire.adapters.postgres.store import open_store
from shopwire.adapters.security.keys import keys_at, rotate
from shopwire.adapters.security.passwords import Passwords
from shopwire.adapters.security.tokens import Tokens
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Command, Envelope
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.kernel.validation import check_name
from shopwire.kernel.write_path import WritePath
from shopwire.modules.access.api import CloseAccount, EndSessions, PutAccount, SetPassword
from shopwire.modules.access.store import list_accounts
from shopwire.modules.access.wiring import MODULE
from shopwire.services.command_door import PRINCIPAL
from shopwire.services.settings import load_settings

DAYS_MAX: Final = 3_650
"""A token is good for ten years at most."""

user = App(name="user", help="Operators: who may log in.")
token = App(name="token", help="Tokens for suppliers and programs, and the keys that sign them.")

Data = Annotated[Path | None, Parameter(help="Folder of the shop.")]
Config = Annotated[Path | None, Parameter(help="TOML file with the settings.")]
Json = Annotated[bool, Parameter(name="--json", negative="")]
PasswordFile = Annotated[
    Path | None, Parameter(help="File whose first line is the password; asked for without it.")
]


@user.command
def add(
    name: str,
    *,
    password_file: PasswordFile = None,
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Makes an operator who may log in, or opens a closed account again."""
    word = _password(password_file)
    return _do(_operator(name), data, config, json_, PutAccount, password=word)


@user.command
def password(
    name: str,
    *,
    password_file: PasswordFile = None,
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Gives an operator another password; whoever came by the old one has to log in again."""
    word = _password(password_file)
    return _do(_operator(name), data, config, json_, None, password=word)


@user.command
def close(name: str, *, data: Data = None, config: Config = None, json_: Json = False) -> int:
    """Closes an operator's account: every screen that is open by it loses what is not public."""
    return _do(_operator(name), data, config, json_, CloseAccount)


@user.command(name="end-sessions")
def end_sessions(
    account: Annotated[str, Parameter(help="A name, or role:subject such as supplier:acme-erp.")],
    *,
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Ends all sessions and tokens that an account has now."""
    whose = account if ":" in account else _operator(account)
    return _do(whose, data, config, json_, EndSessions)


@user.command(name="list")
def list_(*, data: Data = None, config: Config = None, json_: Json = False) -> int:
    """Shows every account that something was decided about."""
    found = asyncio.run(_listed(data, config))
    if json_:
        print(json.dumps(found))
    for one in () if json_ else found:
        words = ["closed" if one["closed"] else "open", *one["grants"]]
        print(f"{one['account']:32} {' '.join(words)}")
    return 0


@token.command
def new(
    subject: Annotated[str, Parameter(help="A name of its own, such as acme-erp.")],
    *,
    role: Literal["supplier", "service", "operator"],
    supplier: Annotated[str | None, Parameter(help="The supplier it speaks for.")] = None,
    days: int = 365,
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Makes a token, shown once: send it as `Authorization: Bearer`.

    What a service may see or do is granted to `service:<subject>` by the command access.grant.
    """
    check_name(subject, "subject")
    if (role == "supplier") != (supplier is not None):
        reason = "a supplier's token names its supplier, and no other does"
        raise InvalidField(f"--supplier: {reason}.", field="supplier", reason=reason)
    if not 1 <= days <= DAYS_MAX:
        reason = f"1 to {DAYS_MAX}"
        raise InvalidField(f"--days takes {reason}.", field="days", reason=reason, value=days)
    settings = load_settings({"data": data}, file=config).settings
    keys = keys_at(settings.key_file or settings.data / "keys.json")
    made, caller = Tokens(keys, SystemClock()).issue(
        role, subject, ttl_ms=days * 86_400_000, supplier=supplier
    )
    told = {"token": made, "account": caller.account, "expires_at_ms": caller.expires_at_ms}
    print(json.dumps(told) if json_ else made)
    return 0


@token.command(name="rotate-key")
def rotate_key(*, data: Data = None, config: Config = None) -> int:
    """Signs with a new key within seconds; tokens of the earlier keys stay good."""
    settings = load_settings({"data": data}, file=config).settings
    keys = rotate(settings.key_file or settings.data / "keys.json")
    print(f"{len(keys.keys)} keys; servers that share this file know them without a restart.")
    return 0


def _operator(name: str) -> str:
    return f"operator:{check_name(name, 'name')}"


def _password(file: Path | None) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8").split("\n", 1)[0]
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    word = getpass.getpass("Password: ")
    if word != getpass.getpass("Again: "):
        raise InvalidField("These are two passwords.", field="password", reason="not the same")
    return word


def _do(
    account: str,
    data: Path | None,
    config: Path | None,
    as_json: bool,
    command: Any,
    *,
    password: str | None = None,
) -> int:
    outcomes = asyncio.run(_send(account, data, config, command, password))
    print(outcomes[-1].decode() if as_json else f"{account}: done")
    return 0


async def _send(
    account: str, data: Path | None, config: Path | None, command: Any, password: str | None
) -> list[bytes]:
    commands: list[Command] = [] if command is None else [command(account=account)]
    if password is not None:
        hashed = await Passwords().hash(password)
        commands.append(SetPassword(account=account, password_hash=hashed))
    settings = load_settings({"data": data}, file=config).settings
    async with open_database(settings.data, settings.database_url) as opened:
        await migrate(opened.dsn)
        async with open_store(opened.dsn, MODULE.tables) as store:
            write_path = WritePath(store.storage, MODULE.handlers, SystemClock())
            await write_path.start()
            try:
                outcomes = [
                    await write_path.submit(
                        Envelope(command=one, key=new_id(), principal=PRINCIPAL)
                    )
                    for one in commands
                ]
            finally:
                await write_path.stop()
    for outcome in outcomes:
        if not outcome.ok:
            raise InvalidField(outcome.body.decode(), field="account", reason="refused")
    return [outcome.body for outcome in outcomes]


async def _listed(data: Path | None, config: Path | None) -> list[dict[str, Any]]:
    settings = load_settings({"data": data}, file=config).settings
    async with open_database(settings.data, settings.database_url) as opened:
        await migrate(opened.dsn)
        async with open_store(opened.dsn, MODULE.tables) as store:
            return await list_accounts(store.reads, DEFAULT_TENANT)
