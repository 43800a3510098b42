"""Accounts as rows."""

from typing import Final, get_args

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.identity import Role
from shopwire.kernel.rows import Row
from shopwire.kernel.validation import check_name
from shopwire.modules.access.events import AccountDocument

GRANTS_MAX: Final = 100
"""Things that one account may be granted; one more is refused."""


class Account(Row, frozen=True, kw_only=True):
    """What was decided about somebody who comes with a token."""

    table = "access_account"
    group_field = "account"
    key_fields = ("account",)

    account: str
    version: int = 0
    closed: bool = False
    password_hash: str = ""
    void_before_ms: int = 0
    grants: tuple[str, ...] = ()

    def document(self) -> AccountDocument:
        """The account as operators see it."""
        return AccountDocument(
            account=self.account,
            closed=self.closed,
            has_password=bool(self.password_hash),
            void_before_ms=self.void_before_ms,
            grants=self.grants,
        )


def check_account(account: str) -> str:
    """Returns `role:subject`, or raises InvalidField."""
    role, colon, subject = check_name(account, "account").partition(":")
    if not colon or role not in get_args(Role) or role == "anonymous" or not subject:
        reason = "it is role:subject, such as operator:anna"
        raise InvalidField(
            f"account cannot be used: {reason}.", field="account", reason=reason, value=account[:60]
        )
    return account
