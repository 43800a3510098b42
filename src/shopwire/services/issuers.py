"""The outside issuer of a shop, as it is configured."""

from collections.abc import Sequence

import msgspec
import structlog
from joserfc.jwk import KeySet

from shopwire.adapters.outbound import Allowed
from shopwire.adapters.security.issuer import AllTokens, OutsideTokens, issuer_of
from shopwire.adapters.security.jwks import KeyShelf, ShelfState
from shopwire.adapters.security.tokens import Tokens
from shopwire.kernel.clock import Clock
from shopwire.kernel.errors import SetupProblem

_log = structlog.get_logger()


class IssuerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Whose tokens are taken beside our own; all of it is the same in every process of a shop."""

    issuer: str | None = None
    """The `iss` of its tokens; None takes only our own."""
    issuer_jwks: str | None = None
    """Its keys: an https address, or a file."""
    issuer_audience: str = ""
    """The `aud` that its tokens have to name."""
    issuer_algorithms: tuple[str, ...] = ()
    """How it signs; empty for every signature by a key pair that we know."""
    issuer_roles: tuple[str, ...] = ()
    """Its words for roles, as `word=role`; empty for `shopper` alone."""
    issuer_role_claim: str = "role"
    """Where its tokens name roles: a claim, or a path such as `realm_access.roles`."""


class OutsideIssuer(msgspec.Struct, frozen=True):
    """Its tokens, and where their keys come from."""

    tokens: OutsideTokens
    shelf: KeyShelf

    async def start(self) -> None:
        """Reads the keys; an issuer that is away keeps nobody from starting."""
        await self.shelf.read()
        if self.shelf.state().problem:
            _turned(self.shelf.state())

    async def run(self) -> None:
        """Keeps the keys fresh until it is cancelled."""
        await self.shelf.keep(_turned)


def outside_issuer(
    options: IssuerOptions, clock: Clock, allow_addresses: Sequence[str]
) -> OutsideIssuer | None:
    """What is configured, nothing of it fetched yet; raises SetupProblem, InvalidField."""
    if options.issuer is None:
        if options.issuer_jwks is not None:
            raise SetupProblem(
                "There are keys of an issuer without its name.", what="issuer", reason="name it"
            )
        return None
    if not options.issuer_jwks:
        raise SetupProblem(
            f"There are no keys of {options.issuer}.", what="issuer_jwks", reason="name them"
        )
    issuer = issuer_of(
        options.issuer,
        audience=options.issuer_audience,
        algorithms=options.issuer_algorithms,
        roles=options.issuer_roles,
        role_claim=options.issuer_role_claim,
    )
    shelf = KeyShelf(options.issuer_jwks, clock, Allowed.of(allow_addresses))
    tokens = OutsideTokens(issuer, clock, shelf.missed)

    def take(keys: KeySet | None) -> None:
        tokens.keys = keys
        _log.info("issuer.keys", issuer=issuer.name, keys=len(keys.keys) if keys else 0)

    shelf.on_keys = take
    return OutsideIssuer(tokens, shelf)


def all_tokens(own: Tokens, outside: OutsideIssuer | None) -> AllTokens:
    """Reads both."""
    return AllTokens(own, outside.tokens if outside else None)


def _turned(state: ShelfState) -> None:
    if state.problem:
        _log.warning("issuer.away", state=state.state, problem=state.problem)
    else:
        _log.info("issuer.back", keys=state.keys)
