"""Passwords: kept as something that cannot be turned back, and slow to guess on purpose."""

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shopwire.kernel.errors import InvalidField

PASSWORD_CHARS_MIN: Final = 10
"""A shorter password is refused."""
PASSWORD_CHARS_MAX: Final = 1_000
"""A longer one is refused: hashing it would only cost us."""
HASHES_AT_ONCE_MAX: Final = 2
"""Passwords that are looked at side by side: each takes 64 MiB and a core for a while."""


class Passwords:
    """Hashes and compares in threads, a few at a time, so that guessing does not stop the shop."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(HASHES_AT_ONCE_MAX)
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        """What is kept; raises InvalidField."""
        if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
            reason = f"it takes {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
            raise InvalidField(
                f"The password cannot be used: {reason}.", field="password", reason=reason
            )
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password_hash: str, password: str) -> bool:
        """Whether it is the one; takes as long where there is none to compare with."""
        known = bool(password_hash)
        if not known:
            self._nobodys = self._nobodys or await self.hash("nobody has this password")
            password_hash = self._nobodys
        async with self._turns:
            same = await asyncio.to_thread(self._verify, password_hash, password)
        return known and same

    def _verify(self, password_hash: str, password: str) -> bool:
        if len(password) > PASSWORD_CHARS_MAX:
            return False
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
