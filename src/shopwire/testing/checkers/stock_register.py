"""One stock pool as a single caller would see it: a counter with a floor, and holds on it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from typing_extensions import override

from shopwire.testing.checkers.linearizable import Model
from shopwire.testing.history import Call


class Pool(NamedTuple):
    """What the pool holds at one moment."""

    units: int
    """What the supplier reported, less the buffer."""
    promised: int = 0
    """Units that are held or sold."""
    open: frozenset[tuple[str, int]] = frozenset()
    """Holds that are neither posted nor voided, with their units."""
    posted: frozenset[tuple[str, int]] = frozenset()
    over: frozenset[tuple[str, int]] = frozenset()
    """Holds whose units are free again."""

    @property
    def available(self) -> int:
        """What a screen shows."""
        return max(0, self.units - self.promised)


class StockRegister(Model[Pool]):
    """The calls it knows, by name, with their arguments and what their answers say.

    | name | arguments | `ok` value | `refused` value |
    | --- | --- | --- | --- |
    | `report` | `units` | available afterwards, or None | anything: no effect |
    | `reserve` | `hold`, `units` | available afterwards, or None | units left, or None |
    | `sell` | `units` | available afterwards, or None | units left, or None |
    | `post` | `hold` | None | `"over"`, or None |
    | `void` | `hold` | None | `"posted"`, or None |
    | `expire` | `hold` | whether it freed the units, or None | anything: no effect |
    | `release` | `units` | available afterwards, or None | anything: no effect |
    | `read` | | units available | anything |

    A refused call had no effect; where its value is not None the state must have been such that
    it had to be refused. `post` refused as `"over"` is also right for an open hold of which the
    call says `late=True`: its time was over, only nobody had swept it.
    """

    def __init__(self, units: Mapping[str, int] | int = 0) -> None:
        """Args: `units` at the beginning, of every key or by key."""
        self._units = units

    @override
    def start(self, key: str) -> Pool:
        """A pool without holds."""
        return Pool(self._units if isinstance(self._units, int) else self._units.get(key, 0))

    @override
    def step(self, state: Pool, call: Call) -> Iterable[Pool]:
        """See `Model.step`; raises KeyError for a call it does not know."""
        effect = _EFFECTS[call.name]
        if call.end == "refused":
            return (state,) if call.value is None or _REFUSALS[call.name](state, call) else ()
        after = effect(state, call)
        if after is None:
            return ()
        seen = call.end == "ok" and call.value is not None and call.name in _TELLS_AVAILABLE
        return () if seen and call.value != after.available else (after,)


def _find(holds: frozenset[tuple[str, int]], call: Call) -> tuple[str, int] | None:
    wanted = call.arguments["hold"]
    return next((hold for hold in holds if hold[0] == wanted), None)


def _report(pool: Pool, call: Call) -> Pool | None:
    return pool._replace(units=call.arguments["units"])


def _sell(pool: Pool, call: Call) -> Pool | None:
    units = call.arguments["units"]
    return pool._replace(promised=pool.promised + units) if units <= pool.available else None


def _release(pool: Pool, call: Call) -> Pool | None:
    left = pool.promised - call.arguments["units"]
    return pool._replace(promised=left) if left >= 0 else None


def _reserve(pool: Pool, call: Call) -> Pool | None:
    """The same hold again changes nothing, whatever became of it."""
    hold, units = call.arguments["hold"], call.arguments["units"]
    known = _find(pool.open | pool.posted | pool.over, call)
    if known is not None:
        return pool if known[1] == units else None
    if units > pool.available:
        return None
    return pool._replace(promised=pool.promised + units, open=pool.open | {(hold, units)})


def _post(pool: Pool, call: Call) -> Pool | None:
    hold = _find(pool.open, call)
    if hold is None:
        return pool if _find(pool.posted, call) else None
    return pool._replace(open=pool.open - {hold}, posted=pool.posted | {hold})


def _void(pool: Pool, call: Call) -> Pool | None:
    hold = _find(pool.open, call)
    if hold is None:
        return pool if _find(pool.over, call) else None
    return pool._replace(
        promised=pool.promised - hold[1], open=pool.open - {hold}, over=pool.over | {hold}
    )


def _expire(pool: Pool, call: Call) -> Pool | None:
    freed = _find(pool.open, call) is not None
    if call.end == "ok" and call.value is not None and call.value != freed:
        return None
    return _void(pool, call) if freed else pool


def _read(pool: Pool, call: Call) -> Pool | None:
    return pool if call.end != "ok" or call.value == pool.available else None


def _was_short(pool: Pool, call: Call) -> bool:
    return bool(call.arguments["units"] > pool.available == call.value)


def _was_over(pool: Pool, call: Call) -> bool:
    late = bool(call.arguments.get("late")) and _find(pool.open, call) is not None
    return late or _find(pool.over, call) is not None


def _was_posted(pool: Pool, call: Call) -> bool:
    return _find(pool.posted, call) is not None


def _always(_pool: Pool, _call: Call) -> bool:
    return True


_EFFECTS: Final[dict[str, Callable[[Pool, Call], Pool | None]]] = {
    "report": _report, "reserve": _reserve, "sell": _sell, "post": _post, "void": _void,
    "expire": _expire, "release": _release, "read": _read,
}  # fmt: skip
_REFUSALS: Final[dict[str, Callable[[Pool, Call], bool]]] = {
    "report": _always, "reserve": _was_short, "sell": _was_short, "post": _was_over,
    "void": _was_posted, "expire": _always, "release": _always, "read": _always,
}  # fmt: skip
_TELLS_AVAILABLE: Final = frozenset({"report", "reserve", "sell", "release"})
"""Calls whose `ok` value is what is available after them."""
