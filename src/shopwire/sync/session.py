"""One client as a state machine without I/O: what it wants, what it got, what it still lacks."""

import os
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shopwire.kernel.errors import (
    BodyTooLarge,
    MalformedRequest,
    ShopwireError,
    TooManyMessages,
    TooManyTopics,
    TopicRefused,
    UnknownOperation,
    UnsupportedProtocol,
)
from shopwire.kernel.identity import ANONYMOUS, Caller
from shopwire.sync.bundles import Frames
from shopwire.sync.codes import CloseCode
from shopwire.sync.crowd import Seat
from shopwire.sync.documents import NOTHING, TopicState, compare
from shopwire.sync.flushing import flush_items
from shopwire.sync.limits import (
    ANSWER_BYTES_MAX,
    BAD_MESSAGES_MAX,
    COMMAND_RETRY_MS,
    FLOOD_MESSAGES_MAX,
    TICKETS_MAX,
)
from shopwire.sync.looking import look
from shopwire.sync.protocol import (
    PROTOCOL,
    Auth,
    Cmd,
    Digest,
    Hello,
    Ping,
    Sub,
    Unsub,
    authed_frame,
    decode_client,
    error_frame,
    id_of,
    live_frame,
    narrow_frame,
    pong_frame,
    reset_frame,
    revoke_frame,
)
from shopwire.sync.topics import View
from shopwire.sync.waiting import NO_PLACE, TEXT, Bucket, State, Ticket, Wire, later

if TYPE_CHECKING:
    from shopwire.sync.fanout import Fanout


class Session:
    """One client. The outbox holds topics, not frames: a slow client costs one entry a topic."""

    __slots__ = (
        "_address",
        "_answer_bytes",
        "_answers",
        "_bad",
        "_bucket",
        "_commands",
        "_epoch",
        "_fanout",
        "_flooded",
        "beat_due",
        "behind",
        "caller",
        "due_ms",
        "expiring",
        "heard_ms",
        "id",
        "looking",
        "opened_ms",
        "pending",
        "pinged_ms",
        "place",
        "push",
        "seats",
        "share",
        "short",
        "standing",
        "state",
        "tickets",
        "token_ms",
        "watched",
        "wire",
        "writable",
    )

    def __init__(self, fanout: "Fanout", wire: Wire, caller: Caller, address: str = "") -> None:
        now = fanout.clock.monotonic_ms()
        self._fanout = fanout
        self.caller = caller
        """Whom the connection speaks for now."""
        self._address = address
        self.seats: tuple[Seat, ...] = ()
        """What it shares with the other connections of its caller and of its address."""
        self.expiring = False
        self.share, self.place = 0, NO_PLACE
        self.wire = wire
        self.push = wire.send
        """Sends a frame as it is; `send` does what the client asked for first."""
        self.short = False
        """Whether the client reads ticks."""
        self.id = os.urandom(6).hex()
        self.state = State.OPENING
        self.writable = True
        self.watched: dict[str, TopicState] = {}
        """Topics by name, each in the view that this client has of it."""
        self.pending: dict[TopicState, int] = {}
        """Topics of which it may lack the newest version, with the version it has.

        Of all others it has what was flushed to everybody, so that nothing is noted for them.
        """
        self.tickets: deque[Ticket] = deque()
        self.beat_due = self.behind = False
        """`behind`: facts that it lacks are being read; nothing that speaks of them goes before."""
        self.standing: Sub | None = None
        """Subscribed again by the server after a reset: for clients that cannot speak."""
        self._epoch: int | None = None
        self._answers: deque[bytes] = deque()
        self._answer_bytes = 0
        self.opened_ms = self.heard_ms = self.pinged_ms = now
        self.due_ms = now
        """Before this moment of the monotonic clock `tick` has nothing to do..."""
        self.token_ms: float = 0
        """... and before this one of the machine's: what there is to say about its token."""
        self.looking = False
        """Whether the last tick asked the wire too: what it says is news since then."""
        limits = fanout.limits
        self._bucket = Bucket(limits.messages_per_s_max, limits.messages_burst_max, now)
        self._flooded = 0
        self._bad = 0
        self._commands = 0

    # -- what the client says -----------------------------------------------------------------

    def on_message(self, data: bytes) -> None:
        """A text message came."""
        self.on_life()
        if self.state is State.CLOSING or not self._may_speak(data):
            return
        try:
            message = decode_client(data)
        except MalformedRequest as problem:
            self._refuse(problem, id_of(data))
            return
        if isinstance(message, Hello):
            self.hello(message)
        elif self.state is not State.OPEN:
            self.close(CloseCode.PROTOCOL_ERROR)
        elif isinstance(message, Cmd):
            self.command(message)
        elif isinstance(message, Sub):
            self.sub(message)
        elif isinstance(message, Unsub):
            self.unsub(message)
        elif isinstance(message, Auth):
            self.auth(message.token, message.id)
        elif isinstance(message, Digest):
            self.digest(message)
        elif isinstance(message, Ping):
            self.answer(pong_frame(message.id, self._fanout.clock.now_ms()))

    def on_binary(self) -> None:
        """A binary message came: there are none in this protocol."""
        self.close(CloseCode.PROTOCOL_ERROR)

    def on_life(self) -> None:
        """Anything came, or anything was taken."""
        self.heard_ms = self._fanout.clock.monotonic_ms()

    def hello(self, message: Hello) -> None:
        """Opens the session."""
        fanout = self._fanout
        if self.state is not State.OPENING:
            self._refuse(MalformedRequest("There was a hello already.", field="t"), None)
            return
        if message.proto != PROTOCOL:
            self.answer(error_frame(UnsupportedProtocol(supported=[PROTOCOL]), None))
            self.close(CloseCode.UNSUPPORTED_PROTOCOL)
            return
        problem = self._show(message.token) if message.token is not None else None
        self.state = State.OPEN
        self._epoch = message.epoch
        self.short = message.short
        self.answer(fanout.welcome(self))
        if problem is not None:
            self.answer(error_frame(problem, None))
        if message.epoch is not None and message.epoch != fanout.epoch:
            self.reset("epoch_changed")

    def auth(self, token: str, answered: int) -> None:
        """Goes on as the caller of another token; one that is no good changes nothing."""
        problem = self._show(token)
        if problem is not None:
            self.answer(error_frame(problem, answered))
            return
        self.answer(authed_frame(answered, self.caller))
        self.recheck("unauthenticated")

    def recheck(self, reason: str) -> None:
        """Looks at every topic again: takes back what the caller may no longer see.

        What was sent before stands before this in the queue, and nothing of it comes after.
        """
        rights = self._fanout.rights
        if not rights.stands(self.caller):
            self.become(ANONYMOUS)
        for name, state in tuple(self.watched.items()):
            kind, _, entity = name.partition(":")
            view = rights.view(self.caller, kind, entity)
            if view is not None and view.hidden == state.view.hidden:
                continue
            self._leave(state)
            if view is None:
                self.answer(revoke_frame(name, reason))
            else:
                self.answer(narrow_frame(name, view.name))
                ticket = Ticket(self, None)
                ticket.precede(self.tickets, self._join(name, view, NOTHING, ticket))
                self.tickets.append(ticket)
                self._fanout.gate(ticket, ())
        self._fanout.touch(self)

    def sub(self, message: Sub) -> None:
        """Registers first; the documents are read, where they have to be, after that."""
        fanout = self._fanout
        views = {name: self._view(name, message.id) for name in dict.fromkeys(message.topics)}
        fresh = sum(1 for name, view in views.items() if view and name not in self.watched)
        if len(self.watched) + fresh > fanout.limits.topics_max:
            self._refuse(TooManyTopics(topics_max=fanout.limits.topics_max), message.id)
            return
        if len(self.tickets) >= TICKETS_MAX:
            self.close(CloseCode.FLOODING)
            return
        claimed = self._epoch if message.epoch is None else message.epoch
        have = message.have if claimed == fanout.epoch else {}
        ticket = Ticket(self, message.id)
        heads: Sequence[int] = ()
        for name, view in views.items():
            if view is None:
                continue
            state = self._join(name, view, max(have.get(name, NOTHING), NOTHING), ticket)
            if state.heads and fanout.reached(state.heads):
                state.heads = ()
            heads = later(heads, state.heads)
        self.tickets.append(ticket)
        fanout.gate(ticket, heads)
        fanout.touch(self)

    def unsub(self, message: Unsub) -> None:
        """Forgets topics."""
        for name in message.topics:
            state = self.watched.get(name)
            if state is not None:
                self._leave(state)

    def digest(self, message: Digest) -> None:
        """Says whether the client holds what the server has."""
        frame, same = compare(self.watched, message)
        self._fanout.differed += not same
        self.answer(frame)

    def command(self, message: Cmd) -> None:
        """Hands a command on: it takes effect also where the connection ends before its answer."""
        run, limits = self._fanout.on_command, self._fanout.limits
        if run is None or not self.takes_commands:
            self.answer(error_frame(UnknownOperation(operation=message.op), message.id))
        elif len(memoryview(message.body)) > limits.command_bytes_max:
            refusal = BodyTooLarge(bytes_max=limits.command_bytes_max)
            self.answer(error_frame(refusal, message.id))
        elif self._commands >= limits.commands_max:
            self.answer(error_frame(TooManyMessages(retry_ms=COMMAND_RETRY_MS), message.id))
        else:
            self._commands += 1
            run(self, message)

    # -- what the hub does --------------------------------------------------------------------

    def commanded(self, frame: bytes) -> None:
        """A command was answered; where nobody listens any more the key finds the answer."""
        self._commands -= 1
        self.answer(frame)

    def topic_loaded(self, state: TopicState, known: int) -> None:
        """A topic it waits for was read; a client that has more than there is starts anew."""
        if self.pending.get(state, NOTHING) > known:
            self.reset("cursor_unknown")

    def reset(self, reason: str) -> None:
        """Takes everything back: the client drops what it has and subscribes again."""
        for state in self.watched.values():
            self._fanout.unwatch(state, self)
        self.watched.clear()
        self.pending.clear()
        for ticket in self.tickets:
            ticket.session = None
        self.tickets.clear()
        self._epoch = None
        if self.behind:
            self._fanout.touch(self)
        if self.state is State.OPEN:
            self.answer(reset_frame(self._fanout.epoch, reason))
            if self.standing is not None:
                self.sub(self.standing)

    def send(self, frame: bytes) -> None:
        """Sends a frame that is this client's alone, or nearly so."""
        if self.short and frame.startswith((b'{"t":"patch"', b'{"t":"batch"')):
            frame = self._fanout.short[frame]
        self.push(TEXT, frame)

    def flush(self, frames: Frames) -> int:
        """Sends what the client lacks, then what speaks about it; returns the frames sent."""
        if not self.writable:
            return 0
        count = flush_items(self, self._fanout, frames)
        if not self.writable or self.behind:
            return count
        if self.tickets:
            count += self._flush_lives()
        if self.beat_due:
            self.beat_due = False
            self.send(self._fanout.beat_frame())
            count += 1
        return count

    def held(self, state: TopicState) -> int:
        """Version of a watched topic that was sent to this client, or NOTHING."""
        return self.pending.get(state, state.flushed)

    def beat(self, frame: bytes) -> None:
        """The hub's beat; a client that is behind gets one when it has caught up."""
        if self.state is not State.OPEN:
            return
        if self.writable and not self.behind:
            self.send(frame)
        else:
            self.beat_due = True

    def excuse(self, late_ms: float) -> None:
        """What came while this process stood still was not heard: that is nobody's silence."""
        self.opened_ms += late_ms
        self.heard_ms += late_ms

    def tick(self, now_ms: float, wall_ms: int) -> None:
        """Looks after time: no hello, no sign of life, the end of a token."""
        look(self, self._fanout.limits, now_ms, wall_ms)

    def become(self, caller: Caller) -> None:
        """From now on it speaks for somebody else, or for the same one with another token."""
        crowd, before = self._fanout.crowd, self.seats
        # Taken before the others are given back: a seat that is kept keeps its count of messages.
        self.caller, self.seats = caller, crowd.take(caller, self._address)
        self.token_ms = 0
        crowd.leave(before)

    def answer(self, frame: bytes) -> None:
        """Sends what is no news: never dropped, and before what is flushed later."""
        if self.state is State.CLOSING:
            return
        if self.writable and not self._answers:
            self.send(frame)
            return
        self._answers.append(frame)
        self._answer_bytes += len(frame)
        if self._answer_bytes > ANSWER_BYTES_MAX:
            self.close(CloseCode.FLOODING)

    # -- what the transport tells -------------------------------------------------------------

    def on_pause(self) -> None:
        """The socket is full: from now on only topics are noted."""
        if self.state is not State.CLOSING:
            self.writable = False
            self._fanout.aside[self] = None

    def on_resume(self) -> None:
        """The socket takes bytes again."""
        if self.state is State.CLOSING:
            return
        self.writable = True
        self.on_life()
        while self._answers and self.writable:
            frame = self._answers.popleft()
            self._answer_bytes -= len(frame)
            self.send(frame)
        self._fanout.touch(self)

    def on_closed(self) -> None:
        """The connection is gone."""
        self.state = State.CLOSING
        self._fanout.remove(self)

    def close(self, code: CloseCode) -> None:
        """Ends the session from the server's side."""
        if self.state is not State.CLOSING:
            self.state = State.CLOSING
            self._fanout.remove(self)
            self.wire.close(code)

    # -- inside -------------------------------------------------------------------------------

    def _may_speak(self, data: bytes) -> bool:
        wait_ms = self._bucket.wait_ms(self.heard_ms)
        for seat in self.seats:
            wait_ms = wait_ms or seat.bucket.wait_ms(self.heard_ms)
        if not wait_ms:
            return True
        self._flooded += 1
        if self._flooded >= FLOOD_MESSAGES_MAX:
            self.close(CloseCode.FLOODING)
        else:
            self.answer(error_frame(TooManyMessages(retry_ms=wait_ms), id_of(data)))
        return False

    @property
    def takes_commands(self) -> bool:
        """Whether somebody carries commands out, and this client can send any."""
        return self._fanout.on_command is not None and self.standing is None

    def _view(self, name: str, answered: int) -> View | None:
        try:
            return self._fanout.rights.check(self.caller, name)
        except TopicRefused as problem:
            self.answer(error_frame(problem, answered))
            return None

    def _join(self, name: str, view: View, base: int, ticket: Ticket) -> TopicState:
        """Watches a topic from a version on; what has to be read is read for the ticket."""
        fanout = self._fanout
        state = fanout.watch(name, self, view)
        self.watched[name] = state
        self.pending[state] = base
        # A version higher than the hub's is either news to the hub or nobody's: ask the log.
        if not state.loaded or (base > state.version and not state.ephemeral):
            ticket.left += 1
            fanout.want(state, ticket)
        elif base > state.version:
            self.pending[state] = NOTHING
        return state

    def _leave(self, state: TopicState) -> None:
        del self.watched[state.name]
        self.pending.pop(state, None)
        self._fanout.unwatch(state, self)
        if self.behind:
            self._fanout.touch(self)  # it may wait for nothing any more

    def _show(self, token: str) -> ShopwireError | None:
        """Takes the caller of a token; what is wrong with it, where it is no good."""
        try:
            caller = self._fanout.rights.caller(token)
            if caller.principal != self.caller.principal:
                self._fanout.crowd.check(caller, "")
        except ShopwireError as problem:
            return problem
        self.become(caller)
        self.expiring = False
        return None

    def _refuse(self, problem: ShopwireError, answered: int | None) -> None:
        """Answers a message that cannot be done; too many of them end the connection."""
        if self.state is State.OPENING:
            self.close(CloseCode.PROTOCOL_ERROR)
            return
        self.answer(error_frame(problem, answered))
        self._bad += 1
        if self._bad >= BAD_MESSAGES_MAX:
            self.close(CloseCode.TOO_MANY_BAD_MESSAGES)

    def _flush_lives(self) -> int:
        """Behind the last item of its sub, and not before the hub itself has got that far."""
        ready = [t for t in self.tickets if not t.left and self._fanout.reached(t.required)]
        for ticket in ready:
            self.tickets.remove(ticket)
            if ticket.id is not None:
                self.send(live_frame(ticket.id, self._fanout.applied))
        return len(ready)
