"""What others may ask of the accounts."""

from shopwire.kernel.commands import Command


class PutAccount(Command, frozen=True, kw_only=True):
    """Makes an account known, or opens a closed one again; a known one keeps what it has."""

    operation = "access.put_account"

    account: str
    """`role:subject`, such as `operator:anna`, `service:warehouse` or `supplier:acme-erp`."""


class SetPassword(Command, frozen=True, kw_only=True):
    """Gives an account another password, and ends the sessions of the old one.

    Internal: doors take a password, and hand on what cannot be turned back into it.
    """

    operation = "access.set_password"
    internal = True

    account: str
    password_hash: str


class CloseAccount(Command, frozen=True, kw_only=True):
    """Nobody comes in by an account any more; what is open by it is taken back at once."""

    operation = "access.close_account"

    account: str


class EndSessions(Command, frozen=True, kw_only=True):
    """All tokens that an account has now are void; new ones may be made."""

    operation = "access.end_sessions"

    account: str


class Grant(Command, frozen=True, kw_only=True):
    """A program may see all topics of a kind (`order`), or send a command by its name."""

    operation = "access.grant"

    account: str
    what: str


class Withdraw(Command, frozen=True, kw_only=True):
    """A program may no longer do what it was granted."""

    operation = "access.withdraw"

    account: str
    what: str
