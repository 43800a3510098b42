"""A world without I/O: a log, a hub, clients and a bad network, moved by one seeded random."""

import json
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from shopwire.kernel.events import Position, Recorded
from shopwire.kernel.log import Document
from shopwire.sync.codes import CloseCode
from shopwire.sync.documents import TopicState
from shopwire.sync.fanout import Fanout
from shopwire.sync.limits import Limits
from shopwire.sync.reducer import Change, Held, Message, Replica, decode_server
from shopwire.sync.session import Session

PAIRS: Final = 3
"""Pairs of topics that one command always changes together."""
SINGLES: Final = 4
"""Topics that change alone."""
PADDING: Final = "documents are larger than their changes " * 4
TOPICS: Final = [
    *(f"stock:P{n}" for n in range(PAIRS)),
    *(f"price:P{n}" for n in range(PAIRS)),
    *(f"stock:S{n}" for n in range(SINGLES)),
]


class FakeClock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = 1_000_000.0

    def now_ms(self) -> int:
        """Wall clock."""
        return int(self.ms)

    def monotonic_ms(self) -> float:
        """The same."""
        return self.ms


class SimLog:
    """Partition 0 has pairs that one command always changes together, partition 1 the rest."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.epoch = 1
        self.events: list[list[Recorded]] = [[], []]
        self.truth: dict[tuple[int, str, int], Any] = {}
        """(epoch, topic, version) to document, for ever."""
        self.docs: dict[str, Document] = {}
        self.commands = 0

    @property
    def heads(self) -> tuple[int, ...]:
        """Where each partition ends."""
        return tuple(map(len, self.events))

    def change(self, rng: random.Random) -> None:
        """One command."""
        self.commands += 1
        if rng.random() < 0.5:
            pair = rng.randrange(PAIRS)
            for kind in ("stock", "price"):
                self._append(0, f"{kind}:P{pair}", {"n": self.commands, kind: PADDING})
        else:
            topic = f"stock:S{rng.randrange(SINGLES)}"
            parity = "odd" if rng.random() < 0.5 else "even"
            document = {"n": self.commands, parity: 1, "text": PADDING}
            self._append(1, topic, document if rng.random() < 0.85 else None)

    def _append(self, partition: int, topic: str, document: Any) -> None:
        version = self.docs[topic].version + 1 if topic in self.docs else 1
        body = json.dumps(document).encode()
        now = self.clock.now_ms()
        position = Position(self.epoch, partition, len(self.events[partition]))
        command = f"c{self.commands}"
        event = Recorded(position, "main", topic, version, "e", body, b"null", command, now)
        self.events[partition].append(event)
        self.docs[topic] = Document(topic, version, body, now)
        self.truth[self.epoch, topic, version] = document

    def restore(self, rng: random.Random) -> None:
        """Loses a tail of each partition, at a command's end, and counts a new epoch."""
        self.epoch += 1
        for partition, events in enumerate(self.events):
            keep = rng.randint(0, len(events))
            while 0 < keep < len(events) and events[keep].command_id == events[keep - 1].command_id:
                keep -= 1
            del self.events[partition][keep:]
        self.docs = {}
        for event in (event for events in self.events for event in events):
            at = event.recorded_at_ms
            self.docs[event.topic] = Document(event.topic, event.version, event.document, at)
            self.truth[self.epoch, event.topic, event.version] = json.loads(event.document)

    def version_at(self, topic: str, head: Sequence[int]) -> int:
        """The newest version of a topic below a head."""
        found = 0
        for events, end in zip(self.events, head, strict=True):
            found = max([found, *(e.version for e in events[:end] if e.topic == topic)])
        return found


class SimWire:
    """A socket that takes everything, until somebody reads it."""

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.closed: CloseCode | None = None

    def send(self, kind: int, frame: bytes) -> None:
        """Queues a frame."""
        self.frames.append(frame)

    def ping(self) -> None:
        """Nobody is silent here."""

    def progressed(self) -> bool:
        """Everything is taken."""
        return True

    def close(self, code: CloseCode) -> None:
        """The hub ends the session."""
        self.closed = code


class SimClient:
    """Plays the client's rules on what arrives, and checks it against the truth."""

    def __init__(self, world: "World", rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.replica = Replica()
        self.topics = rng.sample(TOPICS, rng.randint(1, len(TOPICS)))
        self.wire: SimWire | None = None
        self.session: Session | None = None
        self.up: deque[bytes] = deque()
        self.subs: dict[int, set[str]] = {}
        self.live = False
        self.leftovers: list[bytes] = []
        self.left_epoch: int | None = None
        self.hello_epoch: int | None = None
        self.next_id = 1
        self.seen: Counter[str] = Counter()

    def connect(self) -> None:
        """A new connection."""
        wire = self.wire = self.make_wire()
        self.session = self.world.fanout.open(wire)
        self.up.clear()
        self.subs.clear()
        self.live = False
        self.hello_epoch = self.replica.epoch
        self.say({"t": "hello", "proto": 1, "epoch": self.hello_epoch, **self.introduction()})

    def make_wire(self) -> SimWire:
        """The other end of a new connection."""
        return SimWire()

    def introduction(self) -> Message:
        """What else the hello says."""
        return {}

    def cut(self) -> None:
        """The connection is gone; some of what was on its way may come again."""
        if self.session is not None and self.wire is not None:
            self.leftovers = list(self.wire.frames)[:5]
            self.left_epoch = self.replica.epoch
            self.session.on_closed()
            self.session = self.wire = None
            self.live = False

    def say(self, message: Message) -> None:
        """Puts a message on its way."""
        self.up.append(json.dumps(message).encode())

    def sub(self, topics: Sequence[str], have: Mapping[str, int]) -> None:
        """Subscribes."""
        sub = self.next_id
        self.next_id += 1
        self.subs[sub] = set(topics)
        known = {topic: have[topic] for topic in topics if topic in have}
        self.say({"t": "sub", "id": sub, "topics": topics, "have": known})

    def speak(self) -> None:
        """One message reaches the server."""
        if self.session is not None and self.up:
            self.session.on_message(self.up.popleft())

    def hear(self) -> None:
        """One frame reaches the client."""
        if self.wire is not None and self.wire.frames:
            self.take(decode_server(self.wire.frames.popleft()))

    def hear_again(self) -> None:
        """A frame that was heard or lost before comes once more, in the same epoch."""
        if self.leftovers and self.left_epoch == self.replica.epoch:
            message = decode_server(self.leftovers.pop(self.rng.randrange(len(self.leftovers))))
            if message["t"] in {"snap", "patch", "batch"}:
                self.seen["leftover"] += 1
                self.take(message)

    def take(self, message: Message) -> None:
        """What a client does with a message."""
        self.seen.update(item["t"] for item in [message, *message.get("items", [])])
        before = dict(self.replica.docs)
        change = self.replica.apply(message)
        self.check_documents(before, change)
        kind = message["t"]
        if kind in {"snap", "patch", "batch"} and self.rng.random() < 0.1:
            held = dict(self.replica.docs)
            self.check_documents(held, self.replica.apply(message))
        if kind == "welcome" and self.hello_epoch in {None, message["epoch"]}:
            self.sub(self.topics, self.replica.versions)
        elif kind == "reset":
            self.subs.clear()
            self.live = False
            self.sub(self.topics, {})
        elif kind == "live":
            self.check_live(message)
        elif kind == "beat":
            self.check_beat(message)
        missed = sorted(change.missed & set(self.topics))
        # Behind a welcome everything is asked for anyway.
        if missed and kind != "welcome" and self.session is not None:
            self.live = False
            self.sub(missed, {})
        self.check_pairs()

    # -- what must hold ------------------------------------------------------------------------

    def check_documents(self, before: Mapping[str, Held], change: Change) -> None:
        """Each document is one that was; none steps back."""
        truth, epoch = self.world.log.truth, self.replica.epoch
        for topic, held in self.replica.docs.items():
            if held.version:
                assert epoch is not None
                assert held.document == truth[epoch, topic, held.version], topic
            if topic in before and not change.dropped:
                assert held.version >= before[topic].version, "a step back"

    def check_live(self, message: Message) -> None:
        """`live` stands behind what it speaks of."""
        topics = self.subs.pop(message["id"], set())
        if self.replica.epoch != self.world.log.epoch:
            return
        for topic in topics - self.replica.missed.keys():
            held = self.replica.docs[topic].version
            assert held >= self.world.log.version_at(topic, message["head"]), "live too early"
        self.live = not self.subs

    def check_beat(self, message: Message) -> None:
        """What was committed before the proof is on the screen."""
        log = self.world.log
        if not self.live or self.replica.epoch != log.epoch:
            return
        proof = message["now"] - message["lag_ms"]
        for topic in self.topics:
            known = [
                event.version
                for events in log.events
                for event in events
                if event.topic == topic and event.recorded_at_ms < proof
            ]
            if known:
                assert self.replica.docs[topic].version >= max(known), "a false proof"

    def check_pairs(self) -> None:
        """What one command changed is seen together."""
        if not self.live or self.replica.missed:
            return
        for pair in range(PAIRS):
            names = [f"stock:P{pair}", f"price:P{pair}"]
            if set(names) <= set(self.topics):
                one, other = (self.replica.docs[name].document for name in names)
                assert (one or {}).get("n") == (other or {}).get("n"), "a torn transaction"


class World:
    """Steps are chosen by the seed; whatever the order, the end is the truth."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - a history that can be had again
        self.clock = FakeClock()
        self.log = self.make_log()
        self.fanout = self.make_fanout()
        for _ in range(self.rng.randint(0, 5)):
            self.log.change(self.rng)
        self.fanout.begin(self.log.epoch, self.log.heads, self.clock.ms)
        self.hub_log = self.log
        self.reading: tuple[int, int, list[TopicState], list[Document]] | None = None
        self.asked: tuple[float, int, tuple[int, ...]] | None = None
        self.clients = [self.make_client() for _ in range(self.rng.randint(1, 4))]
        self.steps: dict[Callable[[], None], float] = {
            self.change: 10,
            self.tail: 10,
            self.read_documents: 6,
            self.answer_documents: 6,
            self.ask_heads: 1,
            self.answer_heads: 2,
            self.flush: 6,
            self.fanout.beat: 1,
            self.speak: 8,
            self.hear: 40,
            self.connect: 4,
            self.cut: 1,
            self.pause: 1,
            self.resume: 2,
            self.hear_again: 4,
            self.restore: 0.1,
        }

    def make_log(self) -> SimLog:
        """What the hub follows."""
        return SimLog(self.clock)

    def make_fanout(self) -> Fanout:
        """The hub."""
        return Fanout("main", self.clock, Limits(flush_interval_ms=0))

    def make_client(self) -> SimClient:
        """One that is not connected yet."""
        return SimClient(self, self.rng)

    def run(self, steps: int) -> None:
        """So many steps, drawn by their weights."""
        names, weights = list(self.steps), list(self.steps.values())
        for step in self.rng.choices(names, weights, k=steps):
            self.clock.ms += self.rng.random() * 20
            step()

    def client(self) -> SimClient:
        """One of them."""
        return self.rng.choice(self.clients)

    def change(self) -> None:
        """The shop goes on."""
        self.log.change(self.rng)

    def restore(self) -> None:
        """A backup is put back."""
        self.log.restore(self.rng)

    def tail(self) -> None:
        """A few events of a partition, whole commands; an old hub hears nothing of a new epoch."""
        partition = self.rng.randrange(2)
        start = self.fanout.applied[partition]
        events = self.log.events[partition][start:]
        if self.fanout.epoch != self.log.epoch or not events:
            return
        end = self.rng.randint(1, len(events))
        while end < len(events) and events[end].command_id == events[end - 1].command_id:
            end += 1
        self.fanout.apply(partition, events[:end])

    def read_documents(self) -> None:
        """The hub reads some of what it wants."""
        if self.reading is None and self.fanout.wanted:
            states = list(self.fanout.wanted)[: self.rng.randint(1, 4)]
            for state in states:
                del self.fanout.wanted[state]
            names = {state.name for state in states}
            documents = [d for name, d in self.log.docs.items() if name in names]
            self.reading = (self.fanout.epoch, self.log.epoch, states, documents)

    def answer_documents(self) -> None:
        """What was read comes back, perhaps too late."""
        if self.reading is not None:
            (epoch, read_in, states, documents), self.reading = self.reading, None
            if self.log.epoch != self.fanout.epoch:
                self.moved()
            elif epoch == self.fanout.epoch == read_in:
                self.fanout.loaded(states, documents, self.log.heads)

    def ask_heads(self) -> None:
        """The log is asked where it ends."""
        self.asked = (self.clock.ms, self.log.epoch, self.log.heads)

    def answer_heads(self) -> None:
        """The answer comes."""
        if self.asked is not None:
            (at, epoch, heads), self.asked = self.asked, None
            if self.log.epoch != self.fanout.epoch:
                self.moved()
            elif epoch == self.fanout.epoch:
                self.fanout.prove(heads, at)

    def moved(self) -> None:
        """The hub learns of another epoch."""
        self.fanout.reset(self.log.epoch, self.log.heads, self.clock.ms, "epoch_changed")

    def flush(self) -> None:
        """The hub sends."""
        self.fanout.flush()

    def speak(self) -> None:
        """A client is heard."""
        self.client().speak()

    def hear(self) -> None:
        """A client hears."""
        self.client().hear()

    def hear_again(self) -> None:
        """A client hears what it heard before."""
        self.client().hear_again()

    def connect(self) -> None:
        """A client comes."""
        client = self.client()
        if client.session is None:
            client.connect()

    def cut(self) -> None:
        """A client goes."""
        self.client().cut()

    def pause(self) -> None:
        """A client reads no more."""
        session = self.client().session
        if session is not None:
            session.on_pause()

    def resume(self) -> None:
        """A client reads again."""
        session = self.client().session
        if session is not None:
            session.on_resume()

    def settle(self) -> None:
        """The network heals: everybody connects, everything arrives."""
        for client in self.clients:
            if client.session is None:
                client.connect()
            assert client.session is not None
            client.session.on_resume()
        for _ in range(200):
            self.ask_heads()
            self.answer_heads()
            self.read_documents()
            self.answer_documents()
            for partition in range(2):
                start = self.fanout.applied[partition]
                self.fanout.apply(partition, self.log.events[partition][start:])
            self.flush()
            for client in self.clients:
                while client.up:
                    client.speak()
                while client.wire is not None and client.wire.frames:
                    client.hear()
        self.fanout.beat()
        for client in self.clients:
            client.hear()

    def check_end(self) -> None:
        """All hold the truth and are live."""
        for client in self.clients:
            assert isinstance(client.session, Session)
            assert client.wire is not None
            assert client.wire.closed is None or client.wire.closed is CloseCode.SERVER_STOPPING
            assert client.live, "never live"
            assert not client.replica.missed
            assert client.replica.epoch == self.log.epoch
            for topic in client.topics:
                known = self.log.docs.get(topic)
                held = client.replica.docs[topic]
                assert held.version == (known.version if known else 0), topic
                assert held.document == (json.loads(known.body) if known else None), topic
