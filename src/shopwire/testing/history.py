"""What callers saw: which call began when, when it was answered, and with what.

A history is all that a checker may look at. It is written by the callers, outside of the system
under test, so that a defect inside cannot talk itself out of it.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

import msgspec

End = Literal["open", "ok", "refused", "unknown"]
"""How a call ended: not yet, with effect, certainly without one, or nobody knows."""


class Call(msgspec.Struct, kw_only=True, eq=False):
    """One call: its intent, when it began, and what the caller learnt.

    A call whose end is `open` or `unknown` has no time of return: it may take effect at any later
    moment, or never.
    """

    process: str
    """Who called."""
    key: str
    """What the call is about: histories of two keys are independent."""
    name: str
    """The operation: `reserve`, `post`, `read` and so on, as the model knows them."""
    arguments: dict[str, Any] = {}
    began: float
    returned: float = math.inf
    end: End = "open"
    value: Any = None
    """What the answer said."""

    def told(self) -> str:
        """One line for a person."""
        fields = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        said = "" if self.value is None else f" {self.value!r}"
        until = "?" if math.isinf(self.returned) else f"{self.returned:g}"
        when = f"[{self.began:g}, {until}]"
        return f"{when} {self.process}: {self.name}({fields}) on {self.key} -> {self.end}{said}"


class Recorder:
    """Writes a history down as it happens.

    Times come from the injected `now`, in whatever unit it has. Within one recorder they strictly
    grow, so that what happened one after the other is never taken for concurrent because a clock
    stood still.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = -math.inf
        self.calls: Final[list[Call]] = []

    def began(self, process: str, key: str, name: str, **arguments: Any) -> Call:
        """A call begins. Hand what is returned to `ok`, `refused` or `unknown`."""
        call = Call(process=process, key=key, name=name, arguments=arguments, began=self._time())
        self.calls.append(call)
        return call

    def ok(self, call: Call, value: Any = None) -> None:
        """The call was answered and took effect."""
        self._end(call, "ok", value)

    def refused(self, call: Call, value: Any = None) -> None:
        """The call was answered and certainly had no effect; `value` says why."""
        self._end(call, "refused", value)

    def unknown(self, call: Call) -> None:
        """The caller gave up: the effect may be there, may come yet, or may never come."""
        if call.end != "open":
            raise ValueError(f"ended already: {call.told()}")
        call.end = "unknown"

    def _end(self, call: Call, end: End, value: Any) -> None:
        if call.end != "open":
            raise ValueError(f"ended already: {call.told()}")
        call.end, call.value, call.returned = end, value, self._time()

    def _time(self) -> float:
        now = self._now()
        self._last = now if now > self._last else math.nextafter(self._last, math.inf)
        return self._last


def by_key(calls: Iterable[Call]) -> dict[str, list[Call]]:
    """The history of each key by itself, in the order in which calls began."""
    keys: dict[str, list[Call]] = {}
    for call in sorted(calls, key=lambda one: one.began):
        keys.setdefault(call.key, []).append(call)
    return keys


def to_lines(calls: Iterable[Call]) -> Iterator[bytes]:
    """One JSON object a call, for a process that is about to be killed or for a file."""
    for call in calls:
        fields = msgspec.structs.asdict(call)
        if math.isinf(call.returned):
            del fields["returned"]
        yield msgspec.json.encode(fields)


def from_lines(lines: Iterable[bytes | str]) -> list[Call]:
    """Reads what `to_lines` wrote; raises msgspec.ValidationError for anything else."""
    decoder = msgspec.json.Decoder(Call)
    return [decoder.decode(line) for line in lines]
