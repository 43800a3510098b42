"""Histories of a stock register whose every answer is known to be right, or known to be wrong."""

import heapq
import itertools
import random

from shopwire.testing.history import Recorder


class Register:
    """The truth, kept apart from the checker's model on purpose; `fault` is the defect it has."""

    def __init__(self, units, fault=None) -> None:
        self.units, self.fault = units, fault
        self.promised = 0
        self.holds = {}
        """Hold to (units, state)."""
        self.struck = 0
        """How often the defect showed in an answer or in a number."""
        self.past = [self.available]

    @property
    def available(self):
        return max(0, self.units - self.promised)

    def apply(self, name, arguments):
        end, value = getattr(self, name)(**arguments)
        self.past.append(self.available)
        return end, value

    def _hit(self, *faults: str):
        if self.fault in faults and not self.struck:
            self.struck += 1
            return True
        return False

    def reserve(self, hold, units):
        short = units > self.available
        if short and not self._hit("oversell"):
            return "refused", self.available
        if not short and self._hit("false short"):
            return "refused", self.available
        self.holds[hold] = (units, "open")
        if self._hit("lost update"):
            pass
        elif self._hit("double effect"):
            self.promised += 2 * units
        else:
            self.promised += units
        return "ok", None

    def sell(self, units):
        if units > self.available:
            left = self.available
            return "refused", left + 1 if self._hit("wrong number") else left
        self.promised += units
        return "ok", self.available

    def post(self, hold):
        units, state = self.holds.get(hold, (0, "over"))
        if state == "over":
            return ("ok", None) if self._hit("post of a lost hold") else ("refused", "over")
        self.holds[hold] = (units, "posted")
        return "ok", None

    def void(self, hold):
        units, state = self.holds.get(hold, (0, "over"))
        if state == "posted":
            return ("ok", None) if self._hit("void of a posted hold") else ("refused", "posted")
        self.holds[hold] = (units, "over")
        free = state == "open" and not self._hit("units not freed")
        if state == "over" and self.promised >= units:
            free = self._hit("freed twice")
        self.promised -= units if free else 0
        return "ok", None

    def read(self):
        stale = [value for value in self.past[-4:-1] if value != self.available]
        return "ok", stale[-1] if stale and self._hit("stale read") else self.available


FAULTS = [
    "lost update", "double effect", "oversell", "false short", "wrong number",
    "post of a lost hold", "void of a posted hold", "units not freed", "freed twice", "stale read",
]  # fmt: skip


def history(seed, *, fault=None, calls=40, processes=4, unknowns=0.0, units=None):
    """A recorder full of calls of several processes, and the register that answered them.

    Each call takes effect at a moment of its own between its beginning and its end; one whose
    caller gives up may take effect later, or never. At the end, all alone, comes a read.
    """
    rng = random.Random(seed)
    register = Register(rng.randint(3, 30) if units is None else units, fault)
    clock = itertools.count()
    recorder = Recorder(lambda: next(clock))
    todo, names, order = [], itertools.count(), itertools.count()
    left = calls

    def plan(at, what, *about: object):
        heapq.heappush(todo, (at, next(order), what, *about))

    def begin(at, process):
        nonlocal left
        if left <= 0:
            return
        left -= 1
        name, arguments = _wish(rng, register, names)
        call = recorder.began(f"p{process}", "SKU", name, **arguments)
        answer = []
        gives_up = rng.random() < unknowns
        point = at + rng.random() * (30 if gives_up else 1)
        if not gives_up or rng.random() < 0.6:
            plan(point, "point", call, answer)
        plan(at + 1 if gives_up else point + rng.random(), "end", call, answer, process, gives_up)

    for process in range(processes):
        plan(rng.random(), "begin", process)
    while todo:
        at, _, what, *about = heapq.heappop(todo)
        if what == "begin":
            begin(at, *about)
        elif what == "point":
            call, answer = about
            answer.append(register.apply(call.name, call.arguments))
        else:
            call, answer, process, gives_up = about
            if gives_up:
                recorder.unknown(call)
            else:
                ((end, value),) = answer
                (recorder.ok if end == "ok" else recorder.refused)(call, value)
            plan(at + rng.random(), "begin", process)
    last = recorder.began("auditor", "SKU", "read")
    recorder.ok(last, register.read()[1])
    return recorder, register


def _wish(rng, register, names):
    known = list(register.holds)
    kind = rng.choices(["reserve", "sell", "post", "void", "read"], [5, 2, 3, 3, 3])[0]
    if kind in ("post", "void") and known:
        return kind, {"hold": rng.choice(known)}
    if kind == "sell":
        return "sell", {"units": rng.randint(1, 4)}
    if kind == "read":
        return "read", {}
    return "reserve", {"hold": f"h{next(names)}", "units": rng.randint(1, 4)}


def obeyed(recorder, units):
    """Whether a register without a fault, asked one call after the other, answers the same."""
    right = Register(units)
    return all((c.end, c.value) == right.apply(c.name, c.arguments) for c in recorder.calls)


def explainable(model, calls):
    """By following every order that there may be at once; slow, and nothing to get wrong.

    A situation is a state and the calls that are under way and have not taken effect.
    """
    times = [(c.began, 0, n) for n, c in enumerate(calls)]
    times += [(c.returned, 1, n) for n, c in enumerate(calls) if c.end in ("ok", "refused")]
    situations = {(model.start("SKU"), frozenset())}
    for _, ends, number in sorted(times):
        if not ends:
            situations = {(state, waiting | {number}) for state, waiting in situations}
            continue
        reached, fresh = set(situations), situations
        while fresh:
            fresh = {
                (after, waiting - {n})
                for state, waiting in fresh
                for n in waiting
                if number in waiting
                for after in model.step(state, calls[n])
            } - reached
            reached |= fresh
        situations = {(state, waiting) for state, waiting in reached if number not in waiting}
    return bool(situations)


def explainable_by_trying(model, calls):
    """By trying all orders, without any cleverness; for a handful of calls."""
    sure = [call for call in calls if call.end in ("ok", "refused")]
    doubtful = [call for call in calls if call.end not in ("ok", "refused")]
    return any(
        _in_time(order) and _fits(model, order)
        for count in range(len(doubtful) + 1)
        for some in itertools.combinations(doubtful, count)
        for order in itertools.permutations([*sure, *some])
    )


def _in_time(order):
    latest = float("-inf")
    for call in order:
        if call.returned < latest:
            return False
        latest = max(latest, call.began)
    return True


def _fits(model, order):
    states = {model.start("SKU")}
    for call in order:
        states = {after for state in states for after in model.step(state, call)}
        if not states:
            return False
    return True
