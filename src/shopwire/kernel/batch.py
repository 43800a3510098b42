"""One batch of commands, decided and written inside one transaction."""

import asyncio
import logging
from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.commands import Answer, Command, Context, Decision, Outcome
from shopwire.kernel.errors import (
    BodyTooLarge,
    CommandTooLarge,
    InternalError,
    InvalidField,
    KeyInFlight,
    KeyMalformed,
    KeyMissing,
    KeyReused,
    MalformedRequest,
    PositionMoved,
    ShopwireError,
    UnknownOperation,
)
from shopwire.kernel.events import Event, NewEvent, encode_event
from shopwire.kernel.handlers import THEN_DEPTH_MAX, Handlers, needs_of
from shopwire.kernel.ids import new_id, partition_of
from shopwire.kernel.items import Item, Step, Ticket, tickets_of
from shopwire.kernel.limits import BATCH_EVENTS_MAX
from shopwire.kernel.rows import Need, Row
from shopwire.kernel.storage import Claim, Claimed, Move, Work
from shopwire.kernel.working_set import WorkingSet

_LOG: Final = logging.getLogger(__name__)
_encode: Final = msgspec.json.Encoder(order="deterministic").encode

_UNSTORED: Final = (
    MalformedRequest, InvalidField, BodyTooLarge, UnknownOperation,
    KeyMissing, KeyMalformed, KeyReused,
)  # fmt: skip
"""Refusals of the request itself: the corrected request may come under the same key."""


class Verdict(msgspec.Struct):
    """What came of a batch, valid once its transaction has committed."""

    settled: list[tuple[Ticket, Outcome]] = []
    deferred: list[Item] = []
    """Not looked at: their turn comes in a transaction of their own."""
    undone: list[tuple[Step, ShopwireError]] = []
    """Steps of which nothing remains, and why."""
    events: int = 0
    grown: Sequence[int] = ()
    """Partitions that got events."""


def refusal(error: ShopwireError) -> Outcome:
    """An error as an outcome."""
    return Outcome(status=error.status, body=_encode(error.body()))


def is_stored(error: ShopwireError) -> bool:
    """Whether a replay repeats this refusal; if not, the same key may try again."""
    return not error.temporary and error.status < 500 and not isinstance(error, _UNSTORED)


def defect(problem: BaseException, where: str) -> InternalError:
    """Logs an unexpected exception with an incident's id and returns what callers may see."""
    incident = new_id()
    _LOG.error("incident %s in %s", incident, where, exc_info=problem)
    return InternalError(incident=incident)


class _Decided(msgspec.Struct):
    """What came of one command; what it put is in the working set already."""

    outcome: Outcome
    events: Sequence[tuple[int, NewEvent]] = ()
    """With the partition of each."""
    stored: bool = True
    trouble: ShopwireError | None = None


ALIKE_COMMANDS_MIN: Final = 4
"""Fewer like commands in a row are decided one by one."""
WRITE_AHEAD_COMMANDS: Final = 64
"""Commands whose effect is written while those after them are decided, where as many follow."""


class _Effect:
    """What one command and those that belong to it do, while it is being decided."""

    __slots__ = (
        "command_id",
        "decided",
        "events",
        "now_ms",
        "rows",
        "ticket",
        "undoable",
        "versions",
    )

    def __init__(self, ticket: Ticket, now_ms: int) -> None:
        self.ticket = ticket
        self.command_id = ticket.envelope.command_id
        self.now_ms = now_ms
        self.events: list[tuple[str, Event]] = []
        """With the topic of each."""
        self.versions: dict[tuple[str, str], int] = {}
        self.rows: Sequence[Row] = ()
        """Of a command on its own, put when it is through: there is nothing to take back then."""
        self.undoable = False
        """Whether the working set remembers how to take back what was put."""
        self.decided = 0

    def context(self, depth: int) -> Context:
        """For the next command of the effect; the log remembers all under the outer one's id."""
        envelope = self.ticket.envelope
        self.decided += 1
        return Context(
            tenant=envelope.tenant,
            principal=envelope.principal,
            command_id=self.command_id,
            now_ms=self.now_ms,
            scope=str(self.decided) if depth else "",
        )


class Batch:
    """Decides items in order over one working set and writes what they produced, set-wise."""

    def __init__(
        self,
        tx: Work,
        items: Sequence[Item],
        handlers: Handlers,
        *,
        refused: Mapping[int, ShopwireError] | None = None,
        write_ahead: int = WRITE_AHEAD_COMMANDS,
    ) -> None:
        """Args: `refused` by `id(ticket)` are not decided again."""
        self._write_ahead = write_ahead
        self._tx = tx
        self._items = items
        self._tickets = tickets_of(items)
        self._handlers = handlers
        self._known: dict[int, Exception] = dict(refused or {})
        self._now_ms = 0
        self._set = WorkingSet()
        self._held: dict[tuple[str, str, str, str], Claimed] = {}
        self._needs: dict[int, frozenset[Need]] = {}
        self._events: dict[int, list[NewEvent]] = {}
        self._versions: MutableMapping[tuple[str, str], int] = {}
        self._answers: list[tuple[Claim, Outcome]] = []
        self._verdict = Verdict()
        self._grown: set[int] = set()
        self._writing: asyncio.Task[None] | None = None

    async def run(self) -> Verdict:
        """Everything inside the transaction, in its fixed order."""
        firsts: dict[tuple[str, str, str, str], Claim] = {}
        for ticket in self._tickets:
            firsts.setdefault(ticket.identity, ticket.claim)
        wanted = self._wanted()
        claims, rows = await self._tx.read(list(firsts.values()), wanted)
        self._now_ms = self._tx.now_ms
        for identity, claimed in zip(firsts, claims, strict=True):
            if not claimed.mine:
                self._held[identity] = claimed
        for kind, groups in wanted.items():
            self._set.hold(kind, groups, rows[kind])
        moved = await self._move([item for item in self._items if isinstance(item, Step)])
        try:
            await self._decide_all(moved)
        finally:
            await self._written()
        await self._move_back(moved)
        await self._write()
        return self._verdict

    async def _decide_all(self, moved: set[int]) -> None:
        """Decides the items in order; what the first of them did is written meanwhile."""
        undecided = len(self._tickets)
        unwritten = 0
        at = alone_before = 0
        while at < len(self._items):
            if self._verdict.events >= BATCH_EVENTS_MAX:
                self._verdict.deferred = list(self._items[at:])
                break
            item, weight, taken = self._items[at], 0, 0
            if isinstance(item, Ticket):
                if item.handler.many is not None and at >= alone_before:
                    until_write = self._write_ahead - unwritten % self._write_ahead
                    run = self._alike(item, at, until_write)
                    taken = weight = self._take_run(run)
                    alone_before = at + len(run)
                if not taken:
                    self._take(item, self._answer(item))
            elif id(item) in moved:
                self._take_step(item)
            weight = weight or item.weight
            at += taken or 1
            undecided -= weight
            unwritten += weight
            if unwritten >= self._write_ahead <= undecided:
                unwritten = 0
                await self._written()
                self._writing = asyncio.create_task(self._write())
                # Once for the task to begin, once for its bytes to leave.
                await asyncio.sleep(0)
                await asyncio.sleep(0)

    async def _written(self) -> None:
        """Waits for what is being written; a connection does one thing at a time."""
        if (writing := self._writing) is not None:
            self._writing = None
            await writing

    async def _move(self, steps: Sequence[Step]) -> set[int]:
        """Moves the steps' positions first: one that is elsewhere has had its effect already."""
        done = await self._tx.advance_all([step.move for step in steps]) if steps else ()
        for step, at_its_place in zip(steps, done, strict=True):
            if not at_its_place:
                consumer, partition, expected, _ = step.move
                problem = PositionMoved(consumer=consumer, partition=partition, expected=expected)
                self._verdict.undone.append((step, problem))
        return {id(step) for step, at_its_place in zip(steps, done, strict=True) if at_its_place}

    async def _move_back(self, moved: set[int]) -> None:
        """A step that was undone or deferred is to be taken again."""
        without = [*(step for step, _ in self._verdict.undone), *self._verdict.deferred]
        back = [
            Move(one.move.consumer, one.move.partition, one.move.to, one.move.expected)
            for one in without
            if isinstance(one, Step) and id(one) in moved
        ]
        if back and not all(await self._tx.advance_all(back)):
            raise RuntimeError("a position that this transaction moved is elsewhere")

    def _take_step(self, step: Step) -> None:
        before = self._versions
        ahead: ChainMap[tuple[str, str], int] = ChainMap({}, dict(before))
        self._versions = ahead
        self._set.begin()
        decided = []
        for ticket in step.tickets:
            one = self._answer(ticket)
            if one.trouble is not None:
                self._set.undo()
                self._versions = before
                self._verdict.undone.append((step, one.trouble))
                return
            decided.append(one)
        self._set.keep()
        self._versions = {**before, **ahead.maps[0]}
        for ticket, one in zip(step.tickets, decided, strict=True):
            self._take(ticket, one)

    def _alike(self, first: Ticket, at: int, most: int) -> list[Ticket]:
        """The commands from `at` on that the first one's handler may decide at once."""
        run: list[Ticket] = []
        keys: set[tuple[str, str, str, str]] = set()
        for item in self._items[at : at + most]:
            if (
                not isinstance(item, Ticket)
                or item.handler is not first.handler
                or item.envelope.tenant != first.envelope.tenant
                or item.identity in self._held
                or item.identity in keys
                or id(item) in self._known
            ):
                break
            keys.add(item.identity)
            run.append(item)
        return run

    def _take_run(self, run: Sequence[Ticket]) -> int:
        """Decides like commands at once; returns how many, 0 where each has to go alone."""
        if len(run) < ALIKE_COMMANDS_MIN or (many := run[0].handler.many) is None:
            return 0
        before = dict(self._versions)
        try:
            effects = [_Effect(ticket, self._now_ms) for ticket in run]
            needs = frozenset[Need]().union(*(self._needs[id(ticket)] for ticket in run))
            view = self._set.view(run[0].envelope.tenant, needs)
            commands = [ticket.envelope.command for ticket in run]
            decisions = many(commands, view, [effect.context(0) for effect in effects])
            if self._verdict.events + sum(len(one.events) for one in decisions) > BATCH_EVENTS_MAX:
                return 0
            decided = [
                self._through(effect, one) for effect, one in zip(effects, decisions, strict=False)
            ]
        except Exception as problem:  # noqa: BLE001 - then each goes alone, and is told its own
            _LOG.error("%s could not be decided at once", run[0].claim.operation, exc_info=problem)
            self._versions = before
            return 0
        for ticket, decision, one in zip(run, decisions, decided, strict=False):
            self._set.put(decision.put)
            self._take(ticket, one)
        return len(decided)

    def _through(self, effect: _Effect, decision: Decision) -> _Decided:
        """What one of several is told; all of them are checked before the first is put."""
        if decision.then:
            raise ValueError("a decision of many names others")
        ticket = effect.ticket
        self._set.check(ticket.envelope.tenant, self._needs[id(ticket)], decision.put)
        for event in decision.events:
            self._take_version(effect, event)
        self._versions.update(effect.versions)
        return self._told_of(effect, decision.result)

    def _answer(self, ticket: Ticket) -> "_Decided":
        held = self._held.get(ticket.identity)
        return self._decide(ticket) if held is None else _told(ticket, held)

    def _wanted(self) -> dict[type[Row], list[tuple[str, str]]]:
        """The groups of rows that the tickets need, each once."""
        kinds: dict[type[Row], dict[tuple[str, str], None]] = {}
        for ticket in self._tickets:
            tenant = ticket.envelope.tenant
            try:
                needs = needs_of(ticket.whole)
            except Exception as problem:  # noqa: BLE001 - one handler's defect is not the batch's
                self._known[id(ticket)] = problem
                continue
            self._needs[id(ticket)] = needs
            for kind, group in needs:
                kinds.setdefault(kind, {})[tenant, group] = None
        return {kind: list(groups) for kind, groups in kinds.items()}

    def _decide(self, ticket: Ticket) -> _Decided:
        envelope = ticket.envelope
        effect = _Effect(ticket, self._now_ms)
        try:
            if (known := self._known.get(id(ticket))) is not None:
                raise known  # noqa: TRY301 - one way out for refusals, whoever found them
            result = self._run(effect, envelope.command, self._needs[id(ticket)])
            decided = self._told_of(effect, result)
        except Exception as problem:  # noqa: BLE001 - one handler's defect is not the batch's
            if effect.undoable:
                self._set.undo()
            return _failed(ticket, problem)
        if effect.undoable:
            self._set.keep()
        else:
            self._set.put(effect.rows)
        self._versions.update(effect.versions)
        return decided

    def _told_of(self, effect: _Effect, result: Any) -> _Decided:
        versions = {topic: event.version for topic, event in effect.events}
        body = _encode(Answer(versions=versions, result=result))
        return _Decided(Outcome(status=200, body=body), self._encoded(effect))

    def _run(
        self, effect: "_Effect", command: Command, needs: frozenset[Need], depth: int = 0
    ) -> Any:
        """Decides a command and those that belong to it; returns its result."""
        tenant = effect.ticket.envelope.tenant
        view = self._set.view(tenant, needs)
        context = effect.context(depth)
        decision = self._handlers.of(command).decide(command, view, context)
        if len(effect.events) + len(decision.events) > BATCH_EVENTS_MAX:
            raise CommandTooLarge(events_max=BATCH_EVENTS_MAX)
        self._set.check(tenant, needs, decision.put)
        for event in decision.events:
            self._take_version(effect, event)
        if not depth and not decision.then:
            effect.rows = decision.put
            return decision.result
        if depth > THEN_DEPTH_MAX:
            raise ValueError(f"{command.operation} lies deeper than {THEN_DEPTH_MAX} commands")
        if not effect.undoable:
            effect.undoable = True
            self._set.begin()
        self._set.put(decision.put)
        for one in decision.then:
            wanted = frozenset(self._handlers.of(one).needs(one))
            if not wanted <= self._needs[id(effect.ticket)]:
                missing = sorted(f"{need.kind.__name__} {need.group!r}" for need in wanted - needs)
                raise ValueError(f"{one.operation} needs what was not loaded: {missing}")
            self._run(effect, one, wanted, depth + 1)
        return decision.result

    def _take_version(self, effect: "_Effect", event: Event) -> None:
        """The append refuses a wrong version too, but then the whole batch has to be repeated."""
        name = event.topic
        topic = (effect.ticket.envelope.tenant, name)
        before = effect.versions.get(topic) or self._versions.get(topic)
        if before is not None and event.version != before + 1:
            raise ValueError(f"{name} goes from version {before} to {event.version}")
        effect.versions[topic] = event.version
        effect.events.append((name, event))

    def _encoded(self, effect: _Effect) -> list[tuple[int, NewEvent]]:
        """Each event as the log takes it, with its partition."""
        ticket, command_id = effect.ticket, effect.command_id
        tenant = ticket.envelope.tenant
        return [
            (
                self._partition_of(ticket, event),
                encode_event(event, tenant=tenant, command_id=command_id, topic=topic),
            )
            for topic, event in effect.events
        ]

    def _partition_of(self, ticket: Ticket, event: Event) -> int:
        if len(ticket.partitions) == 1:
            return ticket.partitions[0]
        home = partition_of(ticket.envelope.tenant, event.home, self._handlers.partitions)
        if home not in ticket.partitions:
            raise ValueError(f"{event.topic} lives in partition {home}, which is not held")
        return home

    def _take(self, ticket: Ticket, decided: _Decided) -> None:
        for partition, event in decided.events:
            self._events.setdefault(partition, []).append(event)
        self._verdict.events += len(decided.events)
        if decided.stored:
            self._answers.append((ticket.claim, decided.outcome))
            # Whoever comes with this key later in the batch finds what the table will say.
            self._held[ticket.identity] = Claimed(
                mine=False, fingerprint=ticket.claim.fingerprint, outcome=decided.outcome
            )
        self._verdict.settled.append((ticket, decided.outcome))

    async def _write(self) -> None:
        """Writes what was decided since the last time."""
        (rows, born), events, answers = self._set.take_changed(), self._events, self._answers
        self._events, self._answers = {}, []
        self._grown |= events.keys()
        self._verdict.grown = sorted(self._grown)
        await self._tx.write(rows, events, answers, born)


def _failed(ticket: Ticket, problem: Exception) -> _Decided:
    error = problem
    if not isinstance(error, ShopwireError):
        error = defect(problem, ticket.claim.operation)
    try:
        outcome = refusal(error)
    except Exception as unspeakable:  # noqa: BLE001 - an error whose data is no JSON is a defect
        error = defect(unspeakable, ticket.claim.operation)
        outcome = refusal(error)
    passing = error.temporary or error.status >= 500
    return _Decided(outcome, stored=is_stored(error), trouble=error if passing else None)


def _told(ticket: Ticket, held: Claimed) -> _Decided:
    """What a key that is not free is told; the same request alone sees the first answer."""
    if held.fingerprint != ticket.claim.fingerprint:
        return _Decided(refusal(KeyReused()), stored=False)
    if held.outcome is None:
        busy = KeyInFlight(retry_ms=held.retry_ms)
        return _Decided(refusal(busy), stored=False, trouble=busy)
    return _Decided(msgspec.structs.replace(held.outcome, replayed=True), stored=False)
