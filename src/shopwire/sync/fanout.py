"""The heart of the hub without I/O: what is known, who lacks it, what is proven."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, TypeVar

from shopwire.kernel.access_errors import TooManyConnections
from shopwire.kernel.clock import Clock
from shopwire.kernel.errors import LogCorrupt
from shopwire.kernel.events import Recorded
from shopwire.kernel.identity import Caller
from shopwire.kernel.log import Document
from shopwire.sync.broadcast import Broadcast, Failed
from shopwire.sync.bundles import Frames, Lacking, ShortFrames
from shopwire.sync.codes import CloseCode
from shopwire.sync.crowd import Crowd
from shopwire.sync.documents import TopicState
from shopwire.sync.facts import FactState, Transition
from shopwire.sync.limits import BEAT_SHARES, LATE_MS_MIN, TOPICS_IDLE_MAX, Limits
from shopwire.sync.protocol import Cmd, batch_frame, beat_frame, short_frame, welcome_frame
from shopwire.sync.rights import Rights
from shopwire.sync.session import Session
from shopwire.sync.stats import Told
from shopwire.sync.topics import PUBLIC, View, kind_of
from shopwire.sync.waiting import State, Ticket, Wire, later

_LOG: Final = logging.getLogger(__name__)
T = TypeVar("T")
_PROOFS_MAX: Final = 4
"""Proofs waiting for the tail; the oldest stay, so that a busy log does not postpone them all."""


def _nothing() -> None:
    """Stands for a driver that is not there yet."""


class Fanout:
    """Topics, sessions and positions. Everything happens at once or when the driver says so.

    The driver is told by `on_work` that a flush is due, by `on_want` that documents are to be read,
    by `on_command` that a client wants a change; where that is None, no commands are taken.
    """

    def __init__(
        self,
        tenant: str,
        clock: Clock,
        limits: Limits,
        rights: Rights | None = None,
        broadcast: Broadcast | None = None,
    ) -> None:
        self.tenant = tenant
        self.clock = clock
        self.limits = limits
        self.rights = rights or Rights()
        self.broadcast: Final = broadcast or Broadcast()
        self.epoch = 0
        self.applied: list[int] = []
        """Offsets up to which the log was taken, by partition."""
        self.topics: dict[str, TopicState] = {}
        """Whole documents."""
        self.narrowed: dict[str, dict[View, TopicState]] = {}
        """The same topics for those who do not see everything."""
        self.sessions: dict[Session, None] = {}
        self.shares: Final = tuple[dict[Session, None], ...]({} for _ in range(BEAT_SHARES))
        """The same by `Session.share`, in even shares but for those who left; each has its beat."""
        self._opened = 0
        self.aside: dict[Session, None] = {}
        """Those that lack something or take nothing now: they are flushed one by one.

        All others get each change as it comes, without a look at them.
        """
        self.wanted: dict[TopicState, None] = {}
        self.wanted_facts: dict[FactState, int] = {}
        """Topics of which transitions are to be read from the log, behind a version."""
        self.frames = 0
        """Frames sent since the start."""
        self.told = Told()
        self.crowd = Crowd(limits, clock)
        self.differed = 0
        """Digests of clients that held something else."""
        self.stopping = False
        self.on_work: Callable[[], None] = _nothing
        self.on_want: Callable[[], None] = _nothing
        self.on_command: Callable[[Session, Cmd], None] | None = None
        self.short: Final = ShortFrames()
        self._idle: dict[str, None] = {}
        self._dirty: dict[TopicState, None] = {}
        self._touched: dict[Session, None] = {}
        self._gated: list[Ticket] = []
        self._proofs: deque[tuple[Sequence[int], float]] = deque()
        self._proven_ms = clock.monotonic_ms()

    # -- the log ------------------------------------------------------------------------------

    def begin(self, epoch: int, heads: Sequence[int], asked_ms: float) -> None:
        """Starts at the log's end: what was before is read as documents."""
        self.epoch = epoch
        self.applied = list(heads)
        self._proofs.clear()
        self._proven_ms = asked_ms

    def apply(self, partition: int, events: Sequence[Recorded]) -> None:
        """Takes events of a partition; raises LogCorrupt where some are missing in front."""
        for event in events:
            expected, offset = self.applied[partition], event.position.offset
            if offset > expected:
                raise LogCorrupt(partition=partition, offset=expected, reason="skipped by the tail")
            if offset < expected:
                continue
            self.applied[partition] = offset + 1
            if event.tenant == self.tenant:
                state = self.topics.get(event.topic)
                if state is not None:
                    self._take(state, event.version, event.document, event.recorded_at_ms)
                for narrow in self.narrowed.get(event.topic, {}).values():
                    self._take(narrow, event.version, event.document, event.recorded_at_ms)
        self._advance()

    def publish(self, topic: str, version: int, document: bytes) -> None:
        """Takes a state that is in no log; older ones than the newest are ignored."""
        kind = kind_of(topic)
        if kind is None or not kind.ephemeral:
            raise ValueError(f"{topic} is not an ephemeral topic")
        state = self.topics.get(topic)
        if state is None:
            state = self.topics[topic] = TopicState(topic, ephemeral=True)
        self._take(state, version, document, self.clock.now_ms())
        self._work()

    def prove(self, heads: Sequence[int], asked_ms: float) -> None:
        """The log ended at `heads` when it was asked; proven once that much was taken."""
        if len(self._proofs) < _PROOFS_MAX:
            self._proofs.append((heads, asked_ms))
        self._advance()

    def reached(self, heads: Sequence[int]) -> bool:
        """Whether everything up to `heads` was taken."""
        return all(mine >= theirs for mine, theirs in zip(self.applied, heads, strict=False))

    def lag_ms(self) -> int:
        """Age of the last moment at which it was proven that nothing is missing."""
        return max(0, round(self.clock.monotonic_ms() - self._proven_ms))

    def reset(self, epoch: int, heads: Sequence[int], asked_ms: float, reason: str) -> None:
        """The log is another one: every document and every subscription is void."""
        for state in self._states():
            state.sessions.clear()
        self.narrowed.clear()
        self.topics = {name: state for name, state in self.topics.items() if state.ephemeral}
        self._idle.clear()
        self._dirty.clear()
        self._gated.clear()
        self.wanted.clear()
        self.wanted_facts.clear()
        self.begin(epoch, heads, asked_ms)
        for session in tuple(self.sessions):
            session.reset(reason)

    # -- topics -------------------------------------------------------------------------------

    def watch(self, name: str, session: Session, view: View = PUBLIC) -> TopicState:
        """Registers a session with a topic, before anything is read for it."""
        state = self.narrowed.get(name, {}).get(view) if view.hidden else self.topics.get(name)
        if state is None:
            state = _new_state(name, view)
            if view.hidden:
                self.narrowed.setdefault(name, {})[view] = state
            else:
                self.topics[name] = state
        if not view.hidden:
            self._idle.pop(name, None)
        if not state.sessions:
            state.flushed = state.version
        state.sessions.add(session)
        self.aside[session] = None
        return state

    def unwatch(self, state: TopicState, session: Session) -> None:
        """A topic that nobody watches is kept up to date for a while, if it was read at all."""
        state.sessions.discard(session)
        if state.view.hidden:
            if not state.sessions:
                views = self.narrowed.get(state.name, {})
                if views.get(state.view) is state:
                    del views[state.view]
                if not views:
                    self.narrowed.pop(state.name, None)
            return
        if state.sessions or state.ephemeral or self.topics.get(state.name) is not state:
            return
        if not state.loaded:
            del self.topics[state.name]
            return
        state.forget()
        self._idle[state.name] = None
        if len(self._idle) > TOPICS_IDLE_MAX:
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            del self.topics[oldest]

    def want(self, state: TopicState, ticket: Ticket) -> None:
        """Asks the driver to read a topic; many who ask at once cost one read."""
        state.waiting.append(ticket)
        if len(state.waiting) == 1 or state.loaded:
            self.wanted[state] = None
            self.on_want()

    def want_facts(self, state: TopicState, base: int) -> None:
        """Asks the driver for the transitions behind a version; whoever lacks more, asks later."""
        assert isinstance(state, FactState)
        if not state.reading:
            state.reading = True
            self.wanted_facts[state] = base
            self.on_want()

    def facts_read(self, state: FactState, base: int, transitions: Sequence[Transition]) -> None:
        """Transitions came from the log: those who lack them are told now."""
        state.read(base, transitions)
        for session in state.sessions:
            if state in session.pending:
                self._touched[session] = None
        self._work()

    def gate(self, ticket: Ticket, heads: Sequence[int]) -> None:
        """A sub becomes live when its topics are read and the tail has reached `heads`."""
        ticket.required = later(ticket.required, heads)
        if ticket.left or ticket.session is None:
            return
        if self.reached(ticket.required):
            self._touched[ticket.session] = None
        else:
            self._gated.append(ticket)

    def loaded(
        self, states: Iterable[TopicState], documents: Iterable[Document], heads: Sequence[int]
    ) -> None:
        """Documents were read and then the heads; newer states that came meanwhile stay."""
        found = {document.topic: document for document in documents}
        for state in states:
            document = found.get(state.name)
            known = document.version if document is not None else 0
            # A topic that is followed already does not run ahead of the others of its commands.
            if not state.loaded:
                if document is not None:
                    self._take(state, known, document.body, document.changed_at_ms)
                state.loaded = True
                state.heads = heads
            waiting, state.waiting = state.waiting, []
            for ticket in waiting:
                session = ticket.session
                if session is None:
                    continue
                ticket.left -= 1
                self.gate(ticket, heads)
                session.topic_loaded(state, max(known, state.version))
        self._work()

    # -- sessions -----------------------------------------------------------------------------

    def open(self, wire: Wire, caller: Caller | None = None, address: str = "") -> Session:
        """A new connection; without a caller it is whoever comes without credentials."""
        caller = self.rights.otherwise if caller is None else caller
        session = Session(self, wire, caller, address)
        if self.stopping:
            session.close(CloseCode.SERVER_STOPPING)
        elif len(self.sessions) >= self.limits.sessions_max:
            session.close(CloseCode.SERVER_FULL)
        else:
            try:
                self.crowd.check(caller, address)
            except TooManyConnections:
                session.close(CloseCode.TOO_MANY_CONNECTIONS)
            else:
                self.sessions[session] = None
                session.share = self._opened % BEAT_SHARES
                self.shares[session.share][session] = None
                self._opened += 1
                session.seats = self.crowd.take(caller, address)
        return session

    def remove(self, session: Session) -> None:
        """A connection ended."""
        if session not in self.sessions:
            return
        del self.sessions[session]
        del self.shares[session.share][session]
        self.crowd.leave(session.seats)
        session.seats = ()
        for state in session.watched.values():
            self.unwatch(state, session)
        session.watched.clear()
        session.pending.clear()
        for ticket in session.tickets:
            ticket.session = None
        session.tickets.clear()
        self._touched.pop(session, None)
        self.aside.pop(session, None)

    def rights_changed(self, account: str) -> None:
        """Something was decided about an account: its connections are looked at again."""
        for session in tuple(self.sessions):
            if session.caller.account == account:
                self._guarded(session, session.recheck, "withdrawn")

    def answered(self, session: Session, frame: bytes) -> None:
        """A command that a session sent was settled."""
        self._guarded(session, session.commanded, frame)

    def touch(self, session: Session) -> None:
        """This session has something to flush."""
        self._touched[session] = None
        self.on_work()

    def flush(self) -> None:
        """Sends to everybody what they lack; what many lack is encoded once."""
        dirty, self._dirty = self._dirty, {}
        touched, self._touched = self._touched, {}
        if len(dirty) == 1:
            self._flush_one(next(iter(dirty)), touched)
        elif dirty:
            self._flush_many(dirty, touched)
        frames: Frames = {}
        for session in touched:
            try:
                self.frames += session.flush(frames)
            except Exception as problem:  # noqa: BLE001 - one client's trouble is its own
                self._fail(session, problem)
            else:
                if session.writable and not session.pending:
                    self.aside.pop(session, None)
        self.short.clear()

    def beat(self, some: Iterable[Session] | None = None) -> None:
        """Tells everybody, or some, that the hub lives, behind everything that it speaks of."""
        self.flush()
        frame = self.beat_frame()
        ready: list[Session] = []
        for session in tuple(self.sessions) if some is None else some:
            if session.state is State.OPEN and session.writable and not session.behind:
                ready.append(session)
            else:
                self._guarded(session, session.beat, frame)
        self._count(0, self.broadcast.to_sessions(ready, frame))

    def beat_frame(self) -> bytes:
        """The beat of this moment."""
        return beat_frame(self.applied, self.lag_ms(), self.clock.now_ms())

    def welcome(self, session: Session) -> bytes:
        """What a connection is told first."""
        return welcome_frame(
            epoch=self.epoch,
            head=self.applied,
            now_ms=self.clock.now_ms(),
            lag_ms=self.lag_ms(),
            beat_ms=self.limits.beat_ms,
            session=session.id,
            role=session.caller.role,
            limits=self.limits.told(commands=session.takes_commands),
        )

    def sweep(self, late_ms: float = 0.0, some: Iterable[Session] | None = None) -> None:
        """Looks after connections that say nothing; `late_ms` later than was meant."""
        now, wall = self.clock.monotonic_ms(), self.clock.now_ms()
        late = late_ms >= LATE_MS_MIN
        for session in tuple(self.sessions) if some is None else some:
            if late:
                session.excuse(late_ms)
            if session.due_ms <= now or session.token_ms <= wall:
                self._guarded(session, partial(session.tick, now), wall)

    def stop(self) -> None:
        """Sends what is there, then asks everybody to come back to another server."""
        self.flush()
        self.stopping = True
        for session in tuple(self.sessions):
            session.close(CloseCode.SERVER_STOPPING)

    # -- inside -------------------------------------------------------------------------------

    def _flush_one(self, state: TopicState, touched: dict[Session, None]) -> None:
        """The common case of flush: one topic changed, and most clients lack nothing else.

        The others join `touched`, with what they lack in `pending`.
        """
        base, state.flushed = state.flushed, state.version
        items = state.steps(base)
        if not items:
            self._put_off(state, base, state.sessions, touched)
            return
        frame = items[0] if len(items) == 1 else batch_frame(items)
        short = short_frame(frame) if state.sessions.ticks else frame
        sent = 0
        for readers, form in ((state.sessions.plain, frame), (state.sessions.ticks, short)):
            if not readers:
                continue
            late = readers.keys() & self.aside.keys()
            failed = self.broadcast.to_audience(readers, late, form)
            sent += self._count(len(readers) - len(late), failed)
            self._put_off(state, base, late, touched)
        self.frames += sent
        self.told.count(state, base, sent)

    def _flush_many(self, dirty: Iterable[TopicState], touched: dict[Session, None]) -> None:
        """As `_flush_one`, for clients that may lack several of the topics that changed."""
        ticks, plain = Lacking(short=True), Lacking(short=False)
        for state in dirty:
            base, state.flushed = state.flushed, state.version
            items = state.steps(base)
            if not items:
                self._put_off(state, base, state.sessions, touched)
                continue
            told = 0
            readers = state.sessions
            for audience, lacking in ((readers.plain, plain), (readers.ticks, ticks)):
                if audience:
                    late = audience.keys() & self.aside.keys()
                    self._put_off(state, base, late, touched)
                    lacking.add(audience.places(late), audience.unplaced(late), items)
                    told += len(audience) - len(late)
            self.told.count(state, base, told)
        for lacking in (plain, ticks):
            groups = lacking.by_places()
            sent = sum(len(places) for places, _ in groups)
            self.frames += self._count(sent, self.broadcast.to_groups(groups))
            for sessions, frame in lacking.by_sessions():
                failed = self.broadcast.to_sessions(sessions, frame)
                self.frames += self._count(len(sessions), failed)

    def _put_off(
        self,
        state: TopicState,
        base: int,
        late: Iterable[Session],
        touched: dict[Session, None],
    ) -> None:
        """These are told by their own flush, as soon as that can be."""
        for session in late:
            session.pending.setdefault(state, base)
            self.aside[session] = touched[session] = None

    def _count(self, sent: int, failed: Failed) -> int:
        """How many of them were told; whoever could not be is closed."""
        for session, problem in failed:
            self._fail(session, problem)
        return sent - len(failed)

    def _states(self) -> Iterator[TopicState]:
        yield from self.topics.values()
        for views in self.narrowed.values():
            yield from views.values()

    def _take(self, state: TopicState, version: int, document: bytes, at_ms: int) -> None:
        if state.view.hidden and version > state.version:
            document = state.view.project(document)
        if state.update(version, document, at_ms) and state.sessions:
            self._dirty[state] = None

    def _advance(self) -> None:
        """The tail moved, or there is a new proof: who waited for that?"""
        while self._proofs and self.reached(self._proofs[0][0]):
            self._proven_ms = max(self._proven_ms, self._proofs.popleft()[1])
        if self._gated:
            waiting, self._gated = self._gated, []
            for ticket in waiting:
                if ticket.session is None:
                    continue
                if self.reached(ticket.required):
                    self._touched[ticket.session] = None
                else:
                    self._gated.append(ticket)
        self._work()

    def _work(self) -> None:
        if self._dirty or self._touched:
            self.on_work()

    def _guarded(self, session: Session, action: Callable[[T], None], argument: T) -> None:
        try:
            action(argument)
        except Exception as problem:  # noqa: BLE001 - one client's trouble is its own
            self._fail(session, problem)

    def _fail(self, session: Session, problem: Exception) -> None:
        _LOG.error("session %s failed", session.id, exc_info=problem)
        session.close(CloseCode.SERVER_FAILED)


def _new_state(name: str, view: View) -> TopicState:
    kind = kind_of(name)
    if kind is not None and kind.delivery == "fact":
        return FactState(name, view)
    return TopicState(name, ephemeral=kind is not None and kind.ephemeral, view=view)
