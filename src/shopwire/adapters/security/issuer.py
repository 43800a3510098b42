"""Tokens of an outside issuer: which of them count, and who they stand for here."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final, cast, get_args
from urllib.parse import urlsplit

import msgspec
from typing_extensions import override

from shopwire.adapters.security.tokens import (
    ALGORITHMS,
    ISSUER,
    TOKEN_BYTES_MAX,
    Seconds,
    TokenReader,
    Tokens,
    claims_as,
)
from shopwire.kernel.access_errors import Unauthenticated
from shopwire.kernel.clock import Clock
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.identity import SHOPPER_PREFIX, Caller, Role

OUTSIDE_SUBJECT_CHARS_MAX: Final = 255
"""Length of another's subject (OpenID Connect's own limit); a longer one is refused."""
OUTSIDE_LIFE_S_MAX: Final = 86_400
"""Another's token that is good for longer is refused: what it may do was decided too long ago."""
ACCOUNT_SUBJECT_CHARS_MAX: Final = 60
"""A subject that does not fit into an account's name is told by its hash."""
ROLES_MAX: Final = 32
"""Words for roles that a token may hold; those behind are not looked at."""

_HASH_CHARS: Final = 20


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """What is believed of an outside issuer's tokens."""

    name: str
    """Its `iss`, letter by letter."""
    audience: str
    algorithms: tuple[str, ...]
    roles: Mapping[str, Role]
    """Its words for roles, and ours; no other role can come from it. The word `""` stands for
    tokens without any."""
    role_claim: str

    @property
    def host(self) -> str:
        """Stands behind its subjects, so that nobody of it is taken for one of ours."""
        return urlsplit(self.name).hostname or self.name


def issuer_of(
    name: str,
    *,
    audience: str,
    algorithms: Iterable[str] = (),
    roles: Iterable[str] = (),
    role_claim: str = "role",
) -> Issuer:
    """Reads what is configured; raises SetupProblem.

    `roles` are words like `shopper`, `shop-admins=operator`, or `=shopper` for tokens that name
    none.
    """
    if name == ISSUER:
        raise SetupProblem(
            f"The issuer {name} is this shop itself.", what="issuer", reason="name another's iss"
        )
    if not audience:
        # A token for another service of the issuer would open this one.
        raise SetupProblem(
            "An outside issuer needs an audience.", what="issuer_audience", reason="name its aud"
        )
    chosen = tuple(algorithms) or ALGORITHMS
    if unknown := set(chosen) - set(ALGORITHMS):
        raise SetupProblem(
            f"Signatures by {', '.join(sorted(unknown))} are not taken.",
            what="issuer_algorithms",
            reason=f"known: {', '.join(ALGORITHMS)}",
        )
    mapped: dict[str, Role] = {}
    for entry in tuple(roles) or ("shopper",):
        word, equals, role = entry.partition("=")
        role = role if equals else word
        if role not in get_args(Role) or role == "anonymous":
            raise SetupProblem(
                f"The issuer's role {entry!r} is none of ours.",
                what="issuer_roles",
                reason="word=role, of shopper, supplier, service, operator",
            )
        mapped[word] = cast("Role", role)
    return Issuer(
        name=name, audience=audience, algorithms=chosen, roles=mapped, role_claim=role_claim
    )


class OutsideTokens(TokenReader):
    """Reads another's tokens; it never makes one. Its keys come from a KeyShelf."""

    def __init__(self, issuer: Issuer, clock: Clock, missed: Callable[[], None]) -> None:
        """Args: `missed` may raise SigningKeyUnknown, where asking the issuer could help."""
        super().__init__(None, clock, algorithms=issuer.algorithms)
        self.issuer: Final = issuer
        self._on_missed = missed

    @override
    def missed(self) -> None:
        self._on_missed()

    @override
    def caller_of(self, signed: dict[str, Any]) -> Caller:
        claims = claims_as(_Claims, signed)
        issuer = self.issuer
        audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if claims.iss != issuer.name or issuer.audience not in audience:
            raise Unauthenticated(reason="the token is for somebody else")
        self.check_times(claims.iat, claims.nbf)
        if claims.exp - claims.iat > OUTSIDE_LIFE_S_MAX:
            raise Unauthenticated(reason="the token is good for longer than a day")
        if not claims.sub.isprintable():
            raise Unauthenticated(reason="the token names nobody")
        role = self._role(signed)
        if (role == "supplier") != bool(claims.sup):
            raise Unauthenticated(reason="a supplier's token names its supplier, and no other does")
        return Caller(
            role=role,
            subject=self._subject(role, claims.sub),
            supplier=claims.sup,
            issuer=issuer.name,
            # Never empty, so that ending an account's sessions ends this one.
            token_id=claims.jti or f"{claims.iat}",
            issued_at_ms=claims.iat * 1_000,
            expires_at_ms=claims.exp * 1_000,
        )

    def _role(self, signed: dict[str, Any]) -> Role:
        """The one role that the token's words stand for; raises Unauthenticated."""
        said = _at(signed, self.issuer.role_claim)
        words = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        told = [word for word in words[:ROLES_MAX] if isinstance(word, str) and word]
        found = {self.issuer.roles[word] for word in told if word in self.issuer.roles}
        if not told and "" in self.issuer.roles:
            found = {self.issuer.roles[""]}
        if len(found) != 1:
            which = "names several roles" if found else "names no role that its issuer may give"
            raise Unauthenticated(reason=f"the token {which}")
        return found.pop()

    def _subject(self, role: Role, subject: str) -> str:
        """A name of its own: another's word is never taken for one of ours.

        A shopper's is the same for ever and has no hyphen, as carts are named after it.
        """
        hashed = hashlib.sha256(f"{self.issuer.name}\n{subject}".encode()).hexdigest()
        if role == "shopper":
            return SHOPPER_PREFIX + hashed[:_HASH_CHARS]
        fits = subject.strip() == subject and len(subject) <= ACCOUNT_SUBJECT_CHARS_MAX
        return f"{subject if fits else hashed[:_HASH_CHARS]}@{self.issuer.host}"


class AllTokens:
    """Our own tokens, and those of the issuer beside us; see Authenticator."""

    def __init__(self, own: Tokens, outside: OutsideTokens | None = None) -> None:
        self._own, self._outside = own, outside

    def authenticate(self, token: str) -> Caller:
        """The issuer that a token claims only says who reads it: its signature has to prove it."""
        if self._outside is not None and _claimed(token) == self._outside.issuer.name:
            return self._outside.authenticate(token)
        return self._own.authenticate(token)


def _claimed(token: str) -> str | None:
    """The `iss` that stands in a token, unproved; None where nothing can be read."""
    if len(token) > TOKEN_BYTES_MAX:
        return None
    payload = token.split(".", 2)[1:2]
    try:
        raw = base64.urlsafe_b64decode(payload[0] + "=" * (-len(payload[0]) % 4))
        return msgspec.json.decode(raw, type=_Claimed).iss
    except (IndexError, ValueError, msgspec.DecodeError):
        return None


def _at(signed: dict[str, Any], claim: str) -> Any:
    """A claim by its name, else by its path: `realm_access.roles`."""
    if claim in signed:
        return signed[claim]
    found: Any = signed
    for part in claim.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


class _Claimed(msgspec.Struct, frozen=True):
    iss: str


_Subject = Annotated[str, msgspec.Meta(min_length=1, max_length=OUTSIDE_SUBJECT_CHARS_MAX)]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    aud: str | list[str]
    sub: _Subject
    exp: Seconds
    iat: Seconds
    nbf: Seconds = 0
    jti: Annotated[str, msgspec.Meta(max_length=OUTSIDE_SUBJECT_CHARS_MAX)] = ""
    sup: _Text | None = None
