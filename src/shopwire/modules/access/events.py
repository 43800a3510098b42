"""What happened to accounts. No event and no document has a password, nor its hash."""

import msgspec
from typing_extensions import override

from shopwire.kernel.events import Event

HOME = "access"
"""All accounts live in one partition: they change rarely, and followers of them follow one."""


class AccountDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An account as operators see it."""

    account: str
    closed: bool
    has_password: bool
    void_before_ms: int
    """Tokens that were made before this moment are void."""
    grants: tuple[str, ...]


class AccountChanged(Event, frozen=True, kw_only=True):
    """Something was decided about an account."""

    event_type = "access.account_changed"
    topic_kind = "access"
    audience = "operator"

    document: AccountDocument

    @property
    @override
    def home(self) -> str:
        return HOME
