"""Who may see what: asked when somebody subscribes, and again when rights have changed."""

import re
from collections.abc import Callable
from typing import Final, Protocol

from shopwire.kernel.access_errors import Unauthenticated
from shopwire.kernel.errors import TopicRefused
from shopwire.kernel.identity import ANONYMOUS, Authenticator, Caller
from shopwire.sync.limits import TOPIC_CHARS_MAX
from shopwire.sync.topics import KINDS, OPERATOR, OWN, PUBLIC, SUPPLIER, View


class Standing(Protocol):
    """What the shop has decided about accounts since their tokens were made."""

    def check(self, caller: Caller) -> None:
        """Raises Unauthenticated where the account was closed or the session was ended."""
        ...

    def granted(self, caller: Caller, kind: str) -> bool:
        """Whether an account was granted all topics of a kind."""
        ...


class NoStanding:
    """Nothing was ever decided."""

    def check(self, caller: Caller) -> None:
        """Everybody may go on."""

    def granted(self, caller: Caller, kind: str) -> bool:
        """Nobody was granted anything."""
        return False


class Rights:
    """Answers from memory: which view of a topic a caller has, and who a token stands for."""

    def __init__(
        self,
        authenticator: Authenticator | None = None,
        standing: Standing | None = None,
        *,
        otherwise: Caller = ANONYMOUS,
    ) -> None:
        """Args: `otherwise` is the caller without credentials."""
        self._authenticator = authenticator
        self.standing: Final[Standing] = standing or NoStanding()
        self.otherwise: Final = otherwise

    def caller(self, token: str) -> Caller:
        """Who it is; raises Unauthenticated, TokenExpired."""
        if self._authenticator is None:
            raise Unauthenticated(reason="this server knows no tokens")
        caller = self._authenticator.authenticate(token)
        self.standing.check(caller)
        return caller

    def stands(self, caller: Caller) -> bool:
        """Whether the account that a caller came with is still good."""
        try:
            self.standing.check(caller)
        except Unauthenticated:
            return False
        return True

    def check(self, caller: Caller, topic: str) -> View:
        """The view of an allowed topic; raises TopicRefused."""
        kind, colon, entity = topic.partition(":")
        if not colon or not entity or len(topic) > TOPIC_CHARS_MAX or not _printable(topic):
            raise TopicRefused(topic=topic[:TOPIC_CHARS_MAX], reason="malformed")
        if kind not in KINDS:
            raise TopicRefused(topic=topic, reason="unknown_kind")
        view = self.view(caller, kind, entity)
        if view is None:
            raise TopicRefused(topic=topic, reason="not_allowed")
        return view

    def view(self, caller: Caller, kind: str, entity: str) -> View | None:
        """What a caller sees of an entity; None for nothing."""
        rule = KINDS[kind]
        if rule.audience == "public":
            return PUBLIC
        if caller.role == "operator":
            return OPERATOR
        if caller.role == "shopper":
            return OWN if _matches(rule.owner, entity, caller.subject) else None
        if caller.role == "supplier":
            return SUPPLIER if _matches(rule.supplier, entity, caller.supplier) else None
        if caller.role == "service" and self.standing.granted(caller, kind):
            return OPERATOR
        return None


_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def _matches(whose: Callable[[str], str] | None, entity: str, subject: str | None) -> bool:
    return whose is not None and bool(subject) and whose(entity) == subject


def _printable(text: str) -> bool:
    """No control characters and no lone surrogates, which could not be sent back."""
    return _UNPRINTABLE.search(text) is None
