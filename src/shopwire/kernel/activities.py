"""Work outside of the database: what a saga asks of payment providers, suppliers and the clock."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be done outside; the rows of its module say whether it still has to be."""

    id: str
    """Unique in its activity, and the same each time the same job is found."""
    tenant: str
    due_ms: int
    """When it is to be done; the runner sleeps until then."""
    payload: Mapping[str, Any]


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of job is found and done.

    The rows are the queue: a job is open until a command that `perform` gave has changed them, so
    that a crash loses none. It may then be performed again: whatever it calls has to be idempotent
    by the job's id. `perform` awaits the foreign call and gives the commands that tell what came
    of it; an exception means "again later", with growing waits.
    """

    name: str
    """`<module>.<verb>_<noun>`, for example `payments.capture_payment`."""
    wakes_on: frozenset[str]
    """Types of events after which there may be new jobs."""
    due: str
    """Query: takes a limit, returns id, tenant, due_ms, payload (json), the earliest due first."""
    perform: Callable[[Job], Awaitable[Sequence[Command]]]
    concurrency_max: int = 16
    """Jobs under way at once; the others wait in their rows."""
    notice: Callable[[Recorded], bool] | None = None
    """Looks at each such event since this process took the office, and tells whether there may be
    a new job that cannot wait for the next look by the clock; None: after each of them."""
