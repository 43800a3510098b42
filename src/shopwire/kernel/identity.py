"""Who asks: a caller with a role, as every door knows it."""

from typing import Final, Literal, Protocol

import msgspec

from shopwire.kernel.ids import DEFAULT_TENANT

Role = Literal["anonymous", "shopper", "operator", "supplier", "service"]
"""`anonymous`: nobody known. `shopper`: one visitor of the shop, logged in or not. `operator`: runs
the shop. `supplier`: sees and answers its own purchase orders. `service`: a program, with what it
was granted."""

SHOPPER_PREFIX: Final = "sh_"
"""How a shopper's subject begins. It has no hyphen, so that ids of carts can be told apart."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody at a door."""

    role: Role = "anonymous"
    subject: str = ""
    """Whose: a shopper's id, a user's name, a supplier's id, a program's name."""
    tenant: str = DEFAULT_TENANT
    supplier: str | None = None
    """The supplier that a supplier's key speaks for."""
    issuer: str = ""
    """Whose token it was; empty for our own. Another's session is not ours to make longer."""
    token_id: str = ""
    """Of the token it came with, so that one token can be ended."""
    issued_at_ms: int = 0
    expires_at_ms: int | None = None
    """When the token ends; None where there is none, or it has no end."""

    @property
    def principal(self) -> str:
        """Whose idempotency keys these are; two principals never meet."""
        if self.role == "operator" and self.subject == LOCAL_SUBJECT:
            return LOCAL_SUBJECT
        return f"{self.role}:{self.subject}"

    @property
    def account(self) -> str:
        """The entity of the `access` topic that says what this caller may still do."""
        return f"{self.role}:{self.subject}"


LOCAL_SUBJECT: Final = "local"
ANONYMOUS: Final = Caller()
LOCAL: Final = Caller(role="operator", subject=LOCAL_SUBJECT)
"""Whoever is on this machine, where the server is open to all of them."""


class Authenticator(Protocol):
    """Knows callers by their tokens."""

    def authenticate(self, token: str) -> Caller:
        """Who it is; raises Unauthenticated, TokenExpired. Asks nobody, so that it is quick."""
        ...


def owner_of_cart(cart_id: str) -> str:
    """The shopper whose cart this is: a shopper's carts are named `{subject}-{anything}`.

    Empty for a cart of nobody's: only operators see it, and who is on this machine.
    """
    subject, hyphen, _ = cart_id.partition("-")
    return subject if hyphen and subject.startswith(SHOPPER_PREFIX) else ""
