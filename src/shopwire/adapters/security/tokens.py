"""Signed tokens (JWT): made for callers that proved themselves, and read at every door."""

import hashlib
import secrets
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from typing_extensions import override

from shopwire.adapters.security.keys import ALGORITHM
from shopwire.kernel.access_errors import TokenExpired, Unauthenticated
from shopwire.kernel.clock import Clock
from shopwire.kernel.identity import SHOPPER_PREFIX, Caller, Role
from shopwire.kernel.ids import DEFAULT_TENANT

TOKEN_BYTES_MAX: Final = 4_096
"""A longer token is refused before it is looked at."""
LEEWAY_MS: Final = 30_000
"""How far the clocks of issuer and reader may differ."""
KNOWN_TOKENS_MAX: Final = 10_000
"""Tokens whose signature is not checked again; the longest unused go first."""
SUBJECT_CHARS_MAX: Final = 120
"""Length of a subject; a longer one is refused."""
ALGORITHMS: Final = ("Ed25519", "EdDSA", "ES256", "RS256", "PS256")
"""Signatures by a key pair only: a shared secret or none at all proves nothing."""
ISSUER: Final = "shopwire"
AUDIENCE: Final = "shopwire"

_T = TypeVar("_T")


def new_shopper() -> str:
    """The subject of a visitor who was never here."""
    return SHOPPER_PREFIX + secrets.token_hex(10)


class TokenReader(ABC):
    """Reads the tokens of one issuer; a signature is checked once, what was signed each time."""

    def __init__(
        self, keys: KeySet | None, clock: Clock, *, algorithms: Sequence[str] = ALGORITHMS
    ) -> None:
        self._clock = clock
        self._algorithms = list(algorithms)
        self._known: OrderedDict[bytes, Caller] = OrderedDict()
        self.keys = keys

    @property
    def keys(self) -> KeySet | None:
        """The keys that are trusted now, None for no key; others forget what was read."""
        return self._keys

    @keys.setter
    def keys(self, keys: KeySet | None) -> None:
        self._keys = keys
        self._by_id = {key.kid: key for key in keys.keys if key.kid} if keys else {}
        self._known.clear()

    def authenticate(self, token: str) -> Caller:
        """See Authenticator; raises SigningKeyUnknown where the issuer is to be asked for keys."""
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthenticated(reason="the token is too long")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        caller = self._known.get(digest)
        if caller is None:
            caller = self.caller_of(self.signed(token))
            self._known[digest] = caller
            if len(self._known) > KNOWN_TOKENS_MAX:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(digest)
        if self._clock.now_ms() >= (caller.expires_at_ms or 0):
            raise TokenExpired
        return caller

    @abstractmethod
    def missed(self) -> None:
        """A token names a key that is not here: may get it, or raise SigningKeyUnknown."""

    @abstractmethod
    def caller_of(self, signed: dict[str, Any]) -> Caller:
        """Checks what was signed; raises Unauthenticated."""

    def signed(self, token: str) -> dict[str, Any]:
        """What one of our keys has signed, nothing of it checked yet; raises Unauthenticated."""
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthenticated(reason="the token is too long")
        try:
            # The key is chosen by its id among those that are trusted; nothing that the token
            # says is fetched, and its algorithm has to be one of the key's own kind.
            read = jwt.decode(token, self._key_for, algorithms=self._algorithms)
        except (JoseError, ValueError, TypeError) as problem:
            raise Unauthenticated(reason="the token is not signed by a key we trust") from problem
        return read.claims

    def _key_for(self, guest: Any) -> Any:
        headers = guest.headers()
        kid = headers.get("kid")
        if not isinstance(kid, str) or "crit" in headers:
            raise ValueError("no such key")
        if kid not in self._by_id:
            self.missed()
        key = self._by_id.get(kid)
        if key is None:
            raise ValueError("no such key")
        return key

    def check_times(self, iat: int, nbf: int) -> None:
        """Raises Unauthenticated for a token of the future; both in seconds."""
        if max(iat, nbf) * 1_000 > self._clock.now_ms() + LEEWAY_MS:
            raise Unauthenticated(reason="the token is not good yet")


class Tokens(TokenReader):
    """Issues with the first key of a set that has its private part, reads with all of them.

    `find` is asked for the keys again when a token names one that is not here.
    """

    def __init__(
        self,
        keys: KeySet,
        clock: Clock,
        *,
        issuer: str = ISSUER,
        audience: str = AUDIENCE,
        find: Callable[[], KeySet | None] = lambda: None,
    ) -> None:
        super().__init__(keys, clock)
        self._issuer, self._audience = issuer, audience
        self._find = find

    @override
    def missed(self) -> None:
        self.look_again()

    def look_again(self) -> None:
        """Takes the keys that are there now; what cannot be read changes nothing."""
        found = self._find()
        if found is not None:
            self.keys = found

    def issue(
        self, role: Role, subject: str, *, ttl_ms: int, supplier: str | None = None
    ) -> tuple[str, Caller]:
        """A token, and the caller that it stands for."""
        now_ms = self._clock.now_ms()
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "role": role,
            "tenant": DEFAULT_TENANT,
            "jti": secrets.token_hex(8),
            "iat": now_ms // 1_000,
            # A session that begins in the second in which others were ended is not one of them.
            "iat_ms": now_ms % 1_000,
            "exp": (now_ms + ttl_ms) // 1_000,
        }
        if supplier is not None:
            claims["sup"] = supplier
        return self.sign(claims), self.caller_of(claims)

    def sign(self, claims: dict[str, Any]) -> str:
        """A token of these claims, by the newest key."""
        keys = self._keys.keys if self._keys else ()
        key = next(key for key in keys if key.is_private)
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])

    @override
    def caller_of(self, signed: dict[str, Any]) -> Caller:
        claims = claims_as(_Claims, signed)
        audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if claims.iss != self._issuer or self._audience not in audience:
            raise Unauthenticated(reason="the token is for somebody else")
        self.check_times(claims.iat, claims.nbf)
        if not claims.sub.isprintable() or claims.role == "anonymous":
            raise Unauthenticated(reason="the token names nobody")
        if (claims.role == "supplier") != bool(claims.sup):
            raise Unauthenticated(reason="a supplier's token names its supplier, and no other does")
        if (claims.role == "shopper") != claims.sub.startswith(SHOPPER_PREFIX):
            raise Unauthenticated(reason="the subject does not fit the role")
        return Caller(
            role=claims.role,
            subject=claims.sub,
            tenant=claims.tenant,
            supplier=claims.sup,
            token_id=claims.jti,
            issued_at_ms=claims.iat * 1_000 + claims.iat_ms,
            expires_at_ms=claims.exp * 1_000,
        )


def claims_as(kind: type[_T], signed: dict[str, Any]) -> _T:
    """What was signed as a struct; raises Unauthenticated where it does not fit."""
    try:
        return msgspec.convert(signed, kind)
    except msgspec.ValidationError as problem:
        raise Unauthenticated(reason=f"the token cannot be used: {problem}") from None


_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=SUBJECT_CHARS_MAX)]
Seconds = Annotated[int, msgspec.Meta(ge=0, lt=2**40)]
"""A moment of a token, since the Unix epoch."""


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    aud: str | list[str]
    sub: _Text
    role: Role
    exp: Seconds
    iat: Seconds = 0
    iat_ms: Annotated[int, msgspec.Meta(ge=0, lt=1_000)] = 0
    nbf: Seconds = 0
    tenant: _Text = DEFAULT_TENANT
    jti: Annotated[str, msgspec.Meta(max_length=SUBJECT_CHARS_MAX)] = ""
    sup: _Text | None = None
