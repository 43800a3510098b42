"""An outside issuer's keys: fetched within limits, kept while it is away, asked for when missed."""

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import httpx2
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shopwire.adapters.outbound import Allowed, guarded_client, read_bounded
from shopwire.adapters.security.keys import key_set
from shopwire.kernel.access_errors import SigningKeyUnknown
from shopwire.kernel.clock import Clock
from shopwire.kernel.errors import AddressRefused, SetupProblem

JWKS_AGE_MS_MAX: Final = 300_000
"""Keys that were read so long ago are read again."""
JWKS_FLOOR_MS: Final = 10_000
"""Between two readings lies at least this: whoever makes up key ids makes no traffic."""
JWKS_KEPT_MS_MAX: Final = 86_400_000
"""Keys of an issuer that is away longer are trusted no more: what it withdrew is not known."""
JWKS_BYTES_MAX: Final = 262_144
"""A longer answer is none."""
JWKS_S_MAX: Final = 5.0
"""An answer that is not there by then, whole, is none."""
JWKS_KEYS_MAX: Final = 64
"""A set with more keys is refused."""
RSA_BITS_MIN: Final = 2_048
"""Shorter RSA keys are left out: their signatures can be made up."""

State = Literal["fresh", "stale", "none"]


class ShelfState(msgspec.Struct, frozen=True):
    """What is known of an issuer's keys."""

    state: State
    """`stale`: they were not read when they should have been; they are used all the same."""
    keys: int
    age_ms: float | None
    """Since they were last read; None where they never were, or are kept no more."""
    problem: str = ""
    """Why the last reading failed."""


class KeyShelf:
    """The keys of one issuer, at an address or in a file."""

    def __init__(self, source: str, clock: Clock, allowed: Allowed) -> None:
        """Raises SetupProblem. `on_keys` gets the keys whenever they are others."""
        self.on_keys: Callable[[KeySet | None], None] = lambda _: None
        self.source: Final = source
        self.is_address: Final = re.match(r"(?i)[a-z][a-z0-9+.-]*://", source) is not None
        self._clock, self._allowed = clock, allowed
        self._read_ms: float | None = None
        self._tried_ms: float | None = None
        self._raw, self._count, self._problem = b"", 0, ""
        self._reading: asyncio.Task[bool] | None = None
        if self.is_address:
            _check_address(source, allowed)

    def state(self) -> ShelfState:
        """How it stands now."""
        if self._read_ms is None:
            return ShelfState("none", 0, None, self._problem)
        age_ms = self._clock.monotonic_ms() - self._read_ms
        stale = age_ms > JWKS_AGE_MS_MAX + JWKS_FLOOR_MS
        return ShelfState("stale" if stale else "fresh", self._count, age_ms, self._problem)

    def missed(self) -> None:
        """A token names a key that is not here; raises SigningKeyUnknown where asking may help."""
        if self._may_read():
            raise SigningKeyUnknown(retry_ms=1_000)

    async def read(self) -> bool:
        """Asks the issuer unless it was asked just now; True where keys came.

        All who wait at the same time wait for the same answer.
        """
        if self._reading is None:
            if not self._may_read():
                return False
            self._tried_ms = self._clock.monotonic_ms()
            self._reading = asyncio.create_task(self._read())
        return await asyncio.shield(self._reading)

    async def keep(self, on_turn: Callable[[ShelfState], None]) -> None:
        """Reads them again in time, until it is cancelled; `on_turn` hears when that changes."""
        before = self.state()
        while True:
            wait_ms = JWKS_AGE_MS_MAX if not self._problem else JWKS_FLOOR_MS
            await asyncio.sleep(wait_ms / 1_000)
            await self.read()
            now = self.state()
            if (now.state, bool(now.problem)) != (before.state, bool(before.problem)):
                on_turn(now)
            before = now

    def _may_read(self) -> bool:
        if self._reading is not None or self._tried_ms is None:
            return True
        return self._clock.monotonic_ms() - self._tried_ms >= JWKS_FLOOR_MS

    async def _read(self) -> bool:
        try:
            raw = await self._fetch() if self.is_address else await self._load()
            found = outside_keys(raw)
        except (
            OSError, ValueError, JoseError, AddressRefused, httpx2.HTTPError, httpx2.InvalidURL
        ) as problem:  # fmt: skip
            self._problem = str(problem)[:200] or type(problem).__name__
            self._forget_old()
            return False
        finally:
            self._reading = None
        self._read_ms, self._problem = self._clock.monotonic_ms(), ""
        if raw != self._raw:  # the same keys forget no token
            self._raw, self._count = raw, len(found.keys)
            self.on_keys(found)
        return True

    def _forget_old(self) -> None:
        if (
            self._read_ms is not None
            and self._clock.monotonic_ms() - self._read_ms > JWKS_KEPT_MS_MAX
        ):
            self._read_ms, self._raw, self._count = None, b"", 0
            self.on_keys(None)

    async def _fetch(self) -> bytes:
        async with (
            asyncio.timeout(JWKS_S_MAX),
            guarded_client(self._allowed, timeout_s=JWKS_S_MAX) as client,
            client.stream("GET", self.source, headers={"accept": "application/json"}) as answer,
        ):
            if answer.status_code != 200:
                raise ValueError(f"the issuer answers with {answer.status_code}")
            raw = await read_bounded(answer, JWKS_BYTES_MAX)
        if raw is None:
            raise ValueError(f"the answer has over {JWKS_BYTES_MAX} bytes")
        return raw

    async def _load(self) -> bytes:
        def load() -> bytes:
            with Path(self.source).open("rb") as file:
                return file.read(JWKS_BYTES_MAX + 1)

        raw = await asyncio.to_thread(load)
        if len(raw) > JWKS_BYTES_MAX:
            raise ValueError(f"the file has over {JWKS_BYTES_MAX} bytes")
        return raw


def outside_keys(raw: bytes) -> KeySet:
    """The keys of a set that can be trusted; raises ValueError, JoseError."""
    content = json.loads(raw)
    listed = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(listed, list) or len(listed) > JWKS_KEYS_MAX:
        raise ValueError(f"it is no set of up to {JWKS_KEYS_MAX} keys")
    found = []
    for one in listed:
        # An issuer may list keys of kinds that we do not know beside those that we do.
        if _is_strong(one):
            with suppress(JoseError, ValueError, TypeError):
                found += key_set({"keys": [one]}).keys
    if not found:
        raise ValueError("it has no public signing key with a kid that is strong enough")
    return KeySet(found)


def _is_strong(key: Any) -> bool:
    """Told by the modulus as it is written, before anything is made of it."""
    if not isinstance(key, dict) or key.get("kty") != "RSA":
        return isinstance(key, dict)
    modulus = str(key.get("n", "")).lstrip("A")  # zeroes in front make no key longer
    return len(modulus) * 6 >= RSA_BITS_MIN


def _check_address(source: str, allowed: Allowed) -> None:
    """Keys that come without TLS could be anybody's, except on a net that the setting names."""
    try:
        split = urlsplit(source)
        host, scheme = split.hostname or "", split.scheme.lower()
        plain_is_fine = scheme == "http" and allowed.names(host)
    except ValueError:
        host, scheme, plain_is_fine = "", "", False
    if not host or (scheme != "https" and not plain_is_fine):
        raise SetupProblem(
            f"The issuer's keys cannot be taken from {source}.",
            what="issuer_jwks",
            reason="an https address, or a file; http for addresses that allow_addresses names",
        )
