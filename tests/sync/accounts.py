"""Tokens by name and what was decided about accounts: who is who for a served shop."""

from contextlib import asynccontextmanager

from tests.sync.served import serving

from shopwire.kernel.access_errors import TokenExpired, Unauthenticated
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.identity import ANONYMOUS, Caller
from shopwire.services.callers import Callers
from shopwire.sync.rights import Rights


class Accounts:
    """Authenticator and standing in one."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.tokens, self.void = {}, set()

    def issue(self, role, subject, lasts_ms):
        token = f"token.{len(self.tokens)}"
        self.tokens[token] = Caller(
            role=role,
            subject=subject,
            supplier=subject if role == "supplier" else None,
            expires_at_ms=self.clock.now_ms() + lasts_ms,
        )
        return token

    def authenticate(self, token):
        caller = self.tokens.get(token)
        if caller is None:
            raise Unauthenticated(reason="unknown")
        if caller.expires_at_ms <= self.clock.now_ms():
            raise TokenExpired
        return caller

    def check(self, caller):
        if caller.account in self.void:
            raise Unauthenticated(reason="ended")

    def granted(self, caller, kind):
        return False


@asynccontextmanager
async def guarded(*, otherwise=ANONYMOUS, **more: object):
    """A served shop that gives out tokens and takes rights back."""
    accounts = Accounts()
    rights = Rights(accounts, accounts, otherwise=otherwise)
    callers = Callers(rights, accounts.clock).of
    async with serving(rights=rights, callers=callers, **more) as shop:

        async def token(role, subject, lasts_ms):
            return accounts.issue(role, subject, lasts_ms)

        async def withdraw(role, subject):
            accounts.void.add(f"{role}:{subject}")
            shop.hub.rights_changed(f"{role}:{subject}")

        shop.token, shop.withdraw = token, withdraw
        yield shop
