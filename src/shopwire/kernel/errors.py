"""The numbered table of errors.

Each class is a row: its `code` never changes its meaning, and HTTP statuses, WebSocket answers and
the TypeScript codes are generated from it (`tools/gen_codes.py`). Clients decide by `code` and
`temporary`, never by prose. Ranges: 1000 request (from 1100 on callers and their rights, in
`shopwire.kernel.access_errors`), 2000 domain (from 2105 on in
`shopwire.kernel.trade_errors`), 3000 feeds (from 3100 on in
`shopwire.kernel.source_errors`), 4000 capacity and availability, 5000 our own fault.
"""

from importlib import import_module
from typing import Any, ClassVar, Final

import msgspec


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """An error as every door shows it."""

    code: int
    name: str
    message: str
    temporary: bool
    remedy: str
    data: dict[str, Any] = {}


class ShopwireError(Exception):
    """Base of the table. `message` says what happened, `remedy` what to do next."""

    code: ClassVar[int] = 5000
    status: ClassVar[int] = 500
    temporary: ClassVar[bool] = False
    """Whether the same request may succeed later; only then a client retries by itself."""
    message: ClassVar[str] = "Something went wrong on our side."
    remedy: ClassVar[str] = "Try again; if it stays, look at the server's log."
    fields: ClassVar[tuple[str, ...]] = ()
    """The names that `data` carries."""

    def __init__(self, detail: str | None = None, /, **data: Any) -> None:
        unknown = set(data) - set(self.fields)
        if unknown:
            raise TypeError(f"{type(self).__name__} does not carry {sorted(unknown)}")
        self.detail: Final = detail or self.message
        self.data: Final = data
        super().__init__(self.detail)

    def body(self) -> ErrorBody:
        """The error as data, the same on every channel."""
        return ErrorBody(
            code=self.code,
            name=type(self).__name__,
            message=self.detail,
            temporary=self.temporary,
            remedy=self.remedy,
            data=self.data,
        )


# -- 1000: the request ------------------------------------------------------------------------


class MalformedRequest(ShopwireError):
    """The request could not be read at all."""

    code, status = 1000, 400
    message = "The request could not be read."
    remedy = "Correct the named field and send it again."
    fields = ("field", "reason")


class InvalidField(ShopwireError):
    """A field has a value that is never allowed."""

    code, status = 1001, 422
    message = "A field has a value that is not allowed."
    remedy = "Correct the named field and send it again."
    fields = ("field", "reason", "value")


class UnknownOperation(ShopwireError):
    """No command has this name."""

    code, status = 1002, 404
    message = "There is no such command."
    remedy = "See docs/protocol/commands.md for the commands there are."
    fields = ("operation",)


class NotFound(ShopwireError):
    """No such thing, or none that the caller may see."""

    code, status = 1003, 404
    message = "There is no such thing here."
    remedy = "Check the id; it may have been removed."
    fields = ("what", "id")


class KeyMissing(ShopwireError):
    """A change came without an idempotency key."""

    code, status = 1004, 400
    message = "This change needs an Idempotency-Key."
    remedy = "Send a fresh id with each new intent and the same id with each retry."


class KeyMalformed(ShopwireError):
    """An idempotency key is too long or has characters that are not printable ASCII."""

    code, status = 1005, 400
    message = "The idempotency key is not usable."
    remedy = "Use 1 to 255 printable ASCII characters, for example a UUID."


class KeyReused(ShopwireError):
    """The same idempotency key came with another body; the first answer is not shown."""

    code, status = 1006, 422
    message = "This idempotency key was already used for another request."
    remedy = "Use a fresh key for a new intent; repeat the request unchanged for a retry."


class KeyInFlight(ShopwireError):
    """The same idempotency key is being worked on right now."""

    code, status, temporary = 1007, 409, True
    message = "This request is already being worked on."
    remedy = "Wait as long as retry_ms says and ask again with the same key."
    fields = ("retry_ms",)


class BodyTooLarge(ShopwireError):
    """A body is over its named limit."""

    code, status = 1008, 413
    message = "The body is larger than the limit."
    remedy = "Send less at once; the limit is in data.bytes_max."
    fields = ("bytes_max",)


class UnsupportedProtocol(ShopwireError):
    """A client speaks a version of the sync protocol that this server does not."""

    code, status = 1009, 400
    message = "This version of the sync protocol is not spoken here."
    remedy = "Update the client; data.supported lists the versions spoken here."
    fields = ("supported",)


class TopicRefused(ShopwireError):
    """A topic's name is malformed, or of a kind that nobody publishes, or not for this caller."""

    code, status = 1010, 404
    message = "This topic cannot be subscribed to."
    remedy = "See docs/protocol for the kinds of topics there are."
    fields = ("topic", "reason")


class TooManyTopics(ShopwireError):
    """A client asked for more topics than one connection may hold."""

    code, status = 1011, 429
    message = "This connection holds as many topics as it may."
    remedy = "Unsubscribe from what is no longer on the screen; the limit is data.topics_max."
    fields = ("topics_max",)


class TooManyMessages(ShopwireError):
    """A client sends faster than it may."""

    code, status, temporary = 1012, 429, True
    message = "Too many messages at once."
    remedy = "Wait as long as retry_ms says."
    fields = ("retry_ms",)


class MethodNotAllowed(ShopwireError):
    """There is such a path, but not with this HTTP method."""

    code, status = 1013, 405
    message = "This address does not take that method."
    remedy = "Use one of the methods in data.allowed."
    fields = ("method", "allowed")


class AddressRefused(ShopwireError):
    """An address to connect to is internal, or cannot be resolved."""

    code, status = 1014, 422
    message = "This process does not connect to that address."
    remedy = "Use an address of the public net, or allow it by the setting allow_addresses."
    fields = ("host", "reason")


class QueryTooLarge(ShopwireError):
    """A GraphQL operation asks for more than one may; nothing of it was run."""

    code, status = 1015, 422
    message = "This operation asks for too much at once."
    remedy = "Ask for less, in several operations: fewer levels, fields or entries of a page."
    fields = ("limit", "max", "found")


# -- 2000: the domain -------------------------------------------------------------------------


class VersionConflict(ShopwireError):
    """The thing was changed since the caller read it."""

    code, status = 2000, 409
    message = "This was changed by someone else in the meantime."
    remedy = "Look at base, theirs and mine, decide, and send it with the current version."
    fields = ("topic", "expected", "current", "conflicts")


class AlreadyExists(ShopwireError):
    """Something with this natural key is there already."""

    code, status = 2001, 409
    message = "This exists already."
    remedy = "Change the existing one, or choose another key."
    fields = ("what", "id")


class RuleBroken(ShopwireError):
    """A rule of the business forbids it; `rule` names which."""

    code, status = 2002, 422
    message = "A rule forbids this."
    remedy = "See data.rule and data.reason."
    fields = ("rule", "reason")


class ConstraintRefused(ShopwireError):
    """The database refused what the application had let through."""

    code, status = 2003, 409
    message = "The database refused this change."
    remedy = "Read the current state again; report it, since a check before it was missing."
    fields = ("constraint",)


class StockShort(ShopwireError):
    """Fewer units can be sold than were asked for."""

    code, status = 2104, 409
    message = "There are not enough units left."
    remedy = "Take at most data.available units, or choose another article."
    fields = ("sku", "requested", "available")


# -- 3000: feeds ------------------------------------------------------------------------------


class FeedUnreadable(ShopwireError):
    """A whole feed could not be read; nothing of it was applied after the named place."""

    code, status = 3000, 422
    message = "The feed could not be read."
    remedy = "Mend the file, or say how to read it, and send it again: what was taken stays."
    fields = ("reason", "line")


class ProfileUnknown(ShopwireError):
    """No profile has this name, or none fits the file."""

    code, status = 3001, 422
    message = "No profile fits this feed."
    remedy = "Name a profile with --profile or write a mapping; data.known lists the profiles."
    fields = ("profile", "known")


class MappingInvalid(ShopwireError):
    """A mapping file is wrong in itself."""

    code, status = 3002, 422
    message = "The mapping cannot be used."
    remedy = "Correct the named field of the mapping."
    fields = ("field", "reason")


class NotAFeed(ShopwireError):
    """A message of trade, which says nothing of what a supplier has. Nothing of it was taken."""

    code, status = 3003, 422
    message = "That is no list of articles."
    remedy = "Put it where it belongs. A feed is the supplier's catalogue, or its X12 846."
    fields = ("kind", "door")


# -- 4000: capacity and availability ----------------------------------------------------------


class QueueFull(ShopwireError):
    """A bounded queue is full: the work was refused, nothing of it was done."""

    code, status, temporary = 4000, 503, True
    message = "More work is waiting than can be taken."
    remedy = "Try again after retry_ms with the same idempotency key."
    fields = ("queue", "retry_ms")


class StorageUnavailable(ShopwireError):
    """The database cannot be reached or broke off; whether a commit happened may be unknown."""

    code, status, temporary = 4001, 503, True
    message = "The database cannot be reached right now."
    remedy = "Try again with the same idempotency key: it takes effect once at most."
    fields = ("retry_ms",)


class Fenced(ShopwireError):
    """This writer's epoch is over: the log was restored or failed over behind its back."""

    code, status, temporary = 4002, 503, True
    message = "This writer is no longer the current one."
    remedy = "Restart the process; it then takes the new epoch."
    fields = ("epoch", "current")


class PositionMoved(ShopwireError):
    """A consumer's position is not where it was: another instance did the work already."""

    code, status, temporary = 4003, 409, True
    message = "Another instance of this consumer went on already."
    remedy = "Read the position again and go on from there."
    fields = ("consumer", "partition", "expected")


class ShuttingDown(ShopwireError):
    """The server is stopping and takes no new work."""

    code, status, temporary = 4004, 503, True
    message = "The server is stopping."
    remedy = "Connect again; retry with the same idempotency key."


class SetupProblem(ShopwireError):
    """Something that Shopwire stands on is missing, in the way or misconfigured."""

    code, status = 4005, 500
    message = "Shopwire cannot start."
    remedy = "Run `shopwire doctor`."
    fields = ("what", "reason")


class LeaseLost(ShopwireError):
    """A leased key was taken over by another worker after its lease had run out."""

    code, status, temporary = 4006, 409, True
    message = "Another worker took this request over."
    remedy = "Ask again with the same key: the answer will be the other worker's."


class BusUnavailable(ShopwireError):
    """The broker is away, or another publisher was faster. Nothing is lost: the log has it."""

    code, status, temporary = 4007, 503, True
    message = "The bus cannot be reached right now."
    remedy = "Ask where it stands and go on from there; readers use the log meanwhile."
    fields = ("reason",)


class StorageFull(StorageUnavailable):
    """The database's disk is full. Nothing of what was asked is done, and nothing else is lost."""

    code, status, temporary = 4008, 503, True
    message = "The disk of the database is full."
    remedy = "Make room on it; then try again with the same idempotency key."
    fields = ("retry_ms",)


# -- 5000: our own fault ----------------------------------------------------------------------


class InternalError(ShopwireError):
    """A defect. The details are in the server's log under data.incident."""

    code, status = 5000, 500
    fields = ("incident",)


class LogCorrupt(ShopwireError):
    """The log is not what it must be: a hole, a repeat or a step back."""

    code, status = 5001, 500
    message = "The log is not contiguous."
    remedy = "Run `shopwire log verify` and restore from the last good backup."
    fields = ("partition", "offset", "reason")


class CommandTooLarge(ShopwireError):
    """One command produced more events than a transaction takes."""

    code, status = 5002, 500
    message = "One command produced more events than a transaction takes."
    remedy = "Split the request; the limit is data.events_max."
    fields = ("events_max",)


def error_table() -> dict[int, type[ShopwireError]]:
    """Every error by its code, in order; raises ValueError where two share one code."""
    for part in ("access_errors", "source_errors", "trade_errors"):
        import_module(f"shopwire.kernel.{part}")
    table: dict[int, type[ShopwireError]] = {}
    pending = list(ShopwireError.__subclasses__())
    while pending:
        kind = pending.pop()
        pending.extend(kind.__subclasses__())
        if table.setdefault(kind.code, kind) is not kind:
            raise ValueError(f"code {kind.code} is used by {table[kind.code]} and {kind}")
    return dict(sorted(table.items()))
