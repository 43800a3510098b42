"""A smallest domain to run the write path on: counters on shelves, and a ledger of them."""

from typing import Any, Final

import msgspec
from typing_extensions import override

from shopwire.kernel.commands import Command, Context, Decision, Envelope, Handler
from shopwire.kernel.errors import InvalidField, RuleBroken, StorageUnavailable
from shopwire.kernel.events import Event, NewEvent
from shopwire.kernel.queries import load_queries
from shopwire.kernel.rows import Need, Row, Table, View

_SQL: Final = load_queries("shopwire.testing.conformance")
COUNT_MAX: Final = 1_000_000
"""The schema's limit; the handler deliberately does not check it."""


class Counter(Row, frozen=True, kw_only=True):
    """How often something was counted."""

    table = "sample_counter"
    group_field = "shelf"
    key_fields = ("shelf", "id")
    born_often = True

    shelf: str
    id: str
    count: int
    version: int
    label: str | None = None
    tags: tuple[str, ...] = ()


class Line(Row, frozen=True, kw_only=True):
    """One movement of a counter."""

    table = "sample_line"
    group_field = "shelf"
    key_fields = ("shelf", "line")
    append_only = True

    shelf: str
    line: str
    amount: int


class Counted(Event, frozen=True, kw_only=True):
    """A counter moved."""

    event_type = "sample.counted"
    topic_kind = "counter"

    @property
    @override
    def home(self) -> str:
        return self.entity.partition("/")[0]


class CountUp(Command, frozen=True, kw_only=True):
    """Moves a counter; `how` asks for one of the ways in which a command may fail."""

    operation = "sample.count_up"

    shelf: str
    id: str = "a"
    by: int = 1
    how: str = ""


def do_count_up(command: CountUp, view: View, context: Context) -> Decision:
    """Counts, or fails as it was asked to."""
    if command.how == "rule":
        raise RuleBroken(rule="asked", reason=command.how)
    if command.how == "field":
        raise InvalidField(field="by", value=command.by)
    if command.how == "away":
        raise StorageUnavailable(retry_ms=1)
    if command.how == "defect":
        raise ZeroDivisionError("asked")
    held = view.one(Counter, command.shelf, command.id)
    version = 0 if held is None else held.version
    count = (0 if held is None else held.count) + command.by
    grown = version + (2 if command.how == "skip" else 1)
    row = Counter(
        tenant=context.tenant,
        shelf=command.shelf,
        id=command.id,
        count=count,
        version=grown,
        tags=(command.how,),
    )
    line = Line(
        tenant=context.tenant, shelf=command.shelf, line=context.new_id("line"), amount=command.by
    )
    entity = f"{command.shelf}/{command.id}"
    event = Counted(entity=entity, version=grown, document={"count": count})
    many = 30_000 if command.how == "many" else 1
    return Decision(put=[row, line], events=[event] * many, result={"count": count})


COUNT_UP: Final[Handler[Any]] = Handler(
    command=CountUp,
    partition_key=lambda command: command.shelf,
    needs=lambda command: [Need(Counter, command.shelf)],
    decide=do_count_up,
)
CREATE: Final = _SQL["create"]
"""Makes the tables in PostgreSQL."""
TABLES: Final = (
    Table(Counter, _SQL["load_counters"], _SQL["save_counters"]),
    Table(Line, _SQL["load_lines"], _SQL["save_lines"]),
)


def over_limit(row: Counter) -> str | None:
    """The schema's constraint, for storages without a schema."""
    return None if 0 <= row.count <= COUNT_MAX else "sample_counter_limit"


def count_up(key: str, shelf: str = "shelf", **fields: Any) -> Envelope:
    """A command in its envelope."""
    return Envelope(command=CountUp(shelf=shelf, **fields), key=key)


def new_event(topic: str, version: int, *, tenant: str = "main", document: Any = None) -> NewEvent:
    """An event on its way into the log."""
    body = msgspec.json.encode({"v": version} if document is None else document)
    return NewEvent(tenant, topic, version, "sample.counted", body, b"null", f"{topic}-{version}")
