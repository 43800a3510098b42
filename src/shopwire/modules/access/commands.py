"""How accounts are decided."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.errors import NotFound, RuleBroken
from shopwire.kernel.rows import Need, View
from shopwire.kernel.validation import check_name
from shopwire.modules.access.api import (
    CloseAccount,
    EndSessions,
    Grant,
    PutAccount,
    SetPassword,
    Withdraw,
)
from shopwire.modules.access.domain import GRANTS_MAX, Account, check_account
from shopwire.modules.access.events import HOME, AccountChanged


def do_put_account(command: PutAccount, view: View, context: Context) -> Decision:
    """A closed account is open again; its earlier tokens stay void."""
    known = view.one(Account, check_account(command.account))
    if known is None:
        return _changed(Account(tenant=context.tenant, account=command.account))
    return _changed(replace(known, closed=False), known)


def do_set_password(command: SetPassword, view: View, context: Context) -> Decision:
    """Whoever came by the old password has to come again."""
    known = _known(view, command.account)
    return _changed(
        replace(known, password_hash=command.password_hash, void_before_ms=context.now_ms), known
    )


def do_close_account(command: CloseAccount, view: View, context: Context) -> Decision:
    """Also an account that was never known can be closed: that of a token somebody holds."""
    known = view.one(Account, check_account(command.account))
    before = known or Account(tenant=context.tenant, account=command.account)
    if before.closed:
        return _changed(before, known)
    return _changed(replace(before, closed=True, void_before_ms=context.now_ms), known)


def do_end_sessions(command: EndSessions, view: View, context: Context) -> Decision:
    """Tokens from now on are good again."""
    known = view.one(Account, check_account(command.account))
    before = known or Account(tenant=context.tenant, account=command.account)
    return _changed(replace(before, void_before_ms=context.now_ms), known)


def do_grant(command: Grant, view: View, _context: Context) -> Decision:
    """Granted twice is granted once."""
    known = _known(view, command.account)
    grants = tuple(sorted({*known.grants, check_name(command.what, "what")}))
    if len(grants) > GRANTS_MAX:
        reason = f"an account may be granted {GRANTS_MAX} things"
        raise RuleBroken(f"Not granted: {reason}.", rule="grants_max", reason=reason)
    return _changed(replace(known, grants=grants), known)


def do_withdraw(command: Withdraw, view: View, _context: Context) -> Decision:
    """What was not granted stays so."""
    known = _known(view, command.account)
    grants = tuple(what for what in known.grants if what != command.what)
    return _changed(replace(known, grants=grants), known)


def _known(view: View, account: str) -> Account:
    known = view.one(Account, check_account(account))
    if known is None:
        raise NotFound(what="account", id=account)
    return known


def _changed(account: Account, known: Account | None = None) -> Decision:
    if account == known:
        return Decision(result={"applied": False, "reason": "unchanged"})
    account = replace(account, version=account.version + 1)
    event = AccountChanged(
        entity=account.account, version=account.version, document=account.document()
    )
    return Decision(put=[account], events=[event], result={"applied": True})


def _home(_command: Command) -> str:
    return HOME


def _needs(command: Any) -> Iterable[Need]:
    return (Need(Account, command.account),)


def _handler(command: type[Any], decide: Callable[[Any, View, Context], Decision]) -> Handler[Any]:
    return Handler(command=command, partition_key=_home, needs=_needs, decide=decide)


HANDLERS: Final = (
    _handler(PutAccount, do_put_account),
    _handler(SetPassword, do_set_password),
    _handler(CloseAccount, do_close_account),
    _handler(EndSessions, do_end_sessions),
    _handler(Grant, do_grant),
    _handler(Withdraw, do_withdraw),
)
