"""Commands: what somebody wants, who wants it, and what came of it."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, ClassVar, Final, Generic, TypeVar

import msgspec

from shopwire.kernel.errors import KeyMalformed
from shopwire.kernel.events import Event
from shopwire.kernel.ids import DEFAULT_TENANT, derived_id
from shopwire.kernel.limits import COMMAND_KEY_CHARS_MAX
from shopwire.kernel.rows import Need, Row, View

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wish in the imperative. Subclasses name it: `class SellStock(Command)`."""

    operation: ClassVar[str]
    """`<module>.<verb>_<noun>`, for example `inventory.sell_stock`; the URL and the key's scope."""
    internal: ClassVar[bool] = False
    """Only the shop itself sends it: no door knows its name. What a provider, a supplier or a clock
    says comes in by a door that proves it first."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A command with its sender: what the write path takes."""

    command: Command
    key: str
    """Idempotency key: the same intent, the same key."""
    principal: str = "system"
    """Who asks; keys of two principals never meet."""
    tenant: str = DEFAULT_TENANT

    @property
    def command_id(self) -> str:
        """The id under which the log remembers this command."""
        return derived_id(self.tenant, self.principal, self.command.operation, self.key)

    @property
    def fingerprint(self) -> bytes:
        """Digest of the canonical request: another body under the same key is told apart."""
        digest = _named(self.command.operation).copy()
        digest.update(_encode(self.command))
        fingerprint: bytes = digest.digest()[:16]
        return fingerprint


@cache
def _named(operation: str) -> Any:
    """The digest of an operation's name, to be gone on with; there are as many as handlers."""
    return hashlib.sha256(operation.encode() + b"\0")


def check_key(key: str) -> str:
    """Returns the key if it may be used, else raises KeyMalformed."""
    if not 1 <= len(key) <= COMMAND_KEY_CHARS_MAX or not key.isascii() or not key.isprintable():
        raise KeyMalformed
    return key


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision may know besides rows: no clock, no randomness of its own."""

    tenant: str
    principal: str
    command_id: str
    now_ms: int
    scope: str = ""
    """Which of the commands decided under one id this is; empty for the one that was sent."""

    def new_id(self, *parts: str) -> str:
        """An id that a replay of this command would make again."""
        return derived_id(self.command_id, *((self.scope,) if self.scope else ()), *parts)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a command does: rows to put, events to append, the answer. Nothing has happened yet."""

    put: Sequence[Row] = ()
    events: Sequence[Event] = ()
    result: Any = None
    """JSON-encodable; what the caller gets beside the versions."""
    then: Sequence[Command] = ()
    """Commands that belong to this one: decided right after it, in the same transaction, by their
    own handlers. If one is refused, so is the whole, and nothing of it remains."""


C = TypeVar("C", bound=Command)


class Handler(msgspec.Struct, Generic[C], frozen=True, kw_only=True):
    """How one command is decided.

    `decide` is pure and named `do_<verb>_<noun>`; it raises a ShopwireError to refuse. All rows
    that it puts and all events that it appends belong to the partitions of `partition_key`, `keys`
    and `includes`.
    """

    command: type[C]
    partition_key: Callable[[C], str]
    needs: Callable[[C], Iterable[Need]]
    decide: Callable[[C, View, Context], Decision]
    keys: Callable[[C], Iterable[str]] | None = None
    """For a command about many things: the keys of all of them. The heads of all their partitions
    are held; where that is more than one, each event goes to the partition of its `home`."""
    many: Callable[[Sequence[C], View, Sequence[Context]], Sequence[Decision]] | None = None
    """Decides commands that follow one another at once, where that is cheaper: as many of the first
    as it can, maybe none, as `decide` would one after the other; `decide` has the rest. Of a row
    that several of them put only the last has to put it. It refuses nothing and names no `then`."""
    lines: Callable[[C], int] | None = None
    """For a command about many things: how many. Such a command waits for its own turn, rather than
    ride in a batch of those that somebody waits for."""
    makes: frozenset[type[Row]] = frozenset()
    """Kinds of rows of which it makes those that it needs, or is told again what it made: that they
    are not there yet may be taken for granted, since the storage refuses it where they are. Each is
    `born_often`, and is a group of its own."""
    includes: Callable[[C], Iterable[Command]] | None = None
    """Commands that the decision may name in `then`, or others that need the same: what they need
    is loaded, and their partitions are held, with this one's own."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a command's answer: what it produced, and which versions contain it."""

    versions: dict[str, int]
    """Topic to version: a client drops its optimistic layer when its store holds these."""
    result: Any = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a command, as bytes that a replay repeats exactly."""

    status: int
    """HTTP status; below 400 for success."""
    body: bytes
    """JSON of an Answer, or of an ErrorBody where `status` is 400 or more."""
    replayed: bool = False

    @property
    def ok(self) -> bool:
        """Whether the command took effect (now, or when its key was first used)."""
        return self.status < 400
