"""The world of screens once more, with what not everybody may see and what is told step by step.

Orders, payments and purchase orders are told version by version; carts and orders are a shopper's
own; suppliers see a part. Accounts are closed, tokens end and are changed while pages are open.
"""

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

from typing_extensions import override

from shopwire.kernel.access_errors import TokenExpired, Unauthenticated
from shopwire.kernel.identity import ANONYMOUS, Caller
from shopwire.sync.digests import digest_of_documents
from shopwire.sync.facts import FACTS_READ_MAX, FactState, Transition
from shopwire.sync.fanout import Fanout
from shopwire.sync.limits import Limits
from shopwire.sync.reducer import Change, Held, Message, decode_server
from shopwire.sync.rights import Rights
from shopwire.sync.session import Session
from shopwire.sync.topics import View
from shopwire.testing.simulation.screens import (
    PADDING,
    FakeClock,
    SimClient,
    SimLog,
    SimWire,
    World,
)

ORDERS: Final = ("sh_me-1.1", "sh_other-1.1")
STORIES: Final = [
    *(f"order:{order}" for order in ORDERS),
    *(f"payment:{order}" for order in ORDERS),
    *(f"purchase_order:{order}/{supplier}" for order in ORDERS for supplier in ("acme", "birch")),
]
"""Topics of which each transition counts."""
CARTS: Final = ["cart:sh_me-1", "cart:sh_other-1"]
CALLERS: Final = {
    "me": Caller(role="shopper", subject="sh_me"),
    "other": Caller(role="shopper", subject="sh_other"),
    "anna": Caller(role="operator", subject="anna"),
    "acme": Caller(role="supplier", subject="acme-erp", supplier="acme"),
    "reports": Caller(role="service", subject="reports"),
}
LASTS_MS: Final = (200, 6_000)
"""How long a token lasts, drawn between these; a history takes some 4,000 ms."""


class Accounts:
    """Tokens by name, and what was decided about those who have them."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.void: set[str] = set()
        self.grants: set[tuple[str, str]] = set()
        self._tokens: dict[str, Caller] = {}

    def issue(self, who: str, lasts_ms: int) -> str:
        """A new token."""
        token = f"{who}.{len(self._tokens)}"
        known = CALLERS[who]
        self._tokens[token] = Caller(
            role=known.role,
            subject=known.subject,
            supplier=known.supplier,
            expires_at_ms=self.clock.now_ms() + lasts_ms,
        )
        return token

    def authenticate(self, token: str) -> Caller:
        """See Authenticator."""
        caller = self._tokens.get(token)
        if caller is None:
            raise Unauthenticated(reason="unknown")
        if (caller.expires_at_ms or 0) <= self.clock.now_ms():
            raise TokenExpired
        return caller

    def check(self, caller: Caller) -> None:
        """See Standing."""
        if caller.account in self.void:
            raise Unauthenticated(reason="ended")

    def granted(self, caller: Caller, kind: str) -> bool:
        """See Standing."""
        return (caller.account, kind) in self.grants


class StoryLog(SimLog):
    """Orders go on beside stock and prices, sometimes by several steps in one command."""

    @override
    def change(self, rng: random.Random) -> None:
        if rng.random() < 0.5:
            super().change(rng)
            return
        self.commands += 1
        if rng.random() < 0.2:
            self._append(1, rng.choice(CARTS), {"n": self.commands, "text": PADDING})
            return
        order = rng.choice(ORDERS)
        touched = [topic for topic in STORIES if f":{order}" in topic]
        for topic in rng.sample(touched, rng.randint(1, 3)):
            for _ in range(rng.choice((1, 1, 2))):
                gone = {} if rng.random() < 0.2 else {"note": self.commands}
                document = {"n": self.commands, "order_id": order, "text": PADDING, **gone}
                self._append(1, topic, document)

    def transitions(self, topic: str, base: int) -> list[tuple[int, bytes, int]]:
        """What the log has of a topic behind a version."""
        found = [
            (event.version, event.document, event.recorded_at_ms)
            for events in self.events
            for event in events
            if event.topic == topic and event.version > base
        ]
        return found[: FACTS_READ_MAX + 1]


class StoryWire(SimWire):
    """Looks at every frame as it leaves: nothing is sent to somebody who may not see it."""

    def __init__(self, world: "StoryWorld") -> None:
        super().__init__()
        self.world = world
        self.session: Session | None = None

    @override
    def send(self, kind: int, frame: bytes) -> None:
        message = decode_server(frame)
        for item in message.get("items", [message]):
            if item["t"] in {"snap", "patch"} and self.session is not None:
                view = self.world.view(self.session.caller, item["topic"])
                fields = {**(item.get("doc") or {}), **item.get("set", {})}
                if view is None or fields.keys() & set(view.hidden):
                    self.world.leaks.append(item["topic"])
        super().send(kind, frame)


class StoryClient(SimClient):
    """Comes and goes as somebody, leaves topics and takes them up again, and asks for proofs."""

    world: "StoryWorld"

    def __init__(self, world: "StoryWorld", rng: random.Random) -> None:
        super().__init__(world, rng)
        self.wanted = [*self.topics, *rng.sample(STORIES + CARTS, rng.randint(1, 6))]
        self.topics = list(self.wanted)
        """Those that it has asked for and was not refused."""
        self.short = rng.random() < 0.5
        self.anew: set[str] = set()
        """Topics that it asked for from nothing: a snapshot answers, whatever it holds by then."""
        self.asked: dict[int, dict[str, tuple[int, Any]]] = {}
        """What it held when it asked for a proof, by the number of the digest."""

    @override
    def make_wire(self) -> SimWire:
        return StoryWire(self.world)

    @override
    def introduction(self) -> Message:
        token = self.world.token(self.rng) if self.rng.random() < 0.7 else None
        return {"short": self.short} | ({} if token is None else {"token": token})

    @override
    def connect(self) -> None:
        super().connect()
        assert isinstance(self.wire, StoryWire)
        self.wire.session = self.session
        self.topics = list(self.wanted)
        self.asked.clear()
        self.anew.clear()

    @override
    def hear_again(self) -> None:
        """What is left of an earlier connection is ignored, as the protocol asks."""

    @override
    def sub(self, topics: Sequence[str], have: Mapping[str, int]) -> None:
        self.live = False
        number = self.number()
        self.subs[number] = set(topics)
        known = {topic: have[topic] for topic in topics if topic in have}
        self.anew.update(topic for topic in topics if topic not in known)
        claimed = {"have": known, "epoch": self.replica.epoch} if known else {}
        self.say({"t": "sub", "id": number, "topics": topics, **claimed})

    def number(self) -> int:
        """Of another message."""
        self.next_id += 1
        return self.next_id - 1

    def show(self, token: str) -> None:
        """Goes on as somebody else."""
        self.say({"t": "auth", "id": self.number(), "token": token})

    def leave(self) -> None:
        """Looks at something else; what it holds of the topic is kept for the way back."""
        if self.session is not None and self.replica.epoch is not None and len(self.topics) > 1:
            topic = self.topics.pop(self.rng.randrange(len(self.topics)))
            for topics in self.subs.values():
                topics.discard(topic)
            self.say({"t": "unsub", "id": self.number(), "topics": [topic]})

    def come_back(self) -> None:
        """Asks for everything that it wants and does not follow."""
        lacking = [topic for topic in self.wanted if topic not in self.topics]
        if self.session is not None and self.replica.epoch is not None and lacking:
            self.topics += lacking
            self.sub(lacking, self.replica.versions)

    def prove(self) -> None:
        """Asks whether it holds what the server has."""
        docs = self.replica.docs
        held = {topic: docs[topic] for topic in self.topics if topic in docs}
        if self.live and held:
            number, pairs = self.number(), {topic: tuple(one) for topic, one in held.items()}
            self.asked[number] = pairs
            versions = {topic: version for topic, (version, _) in pairs.items()}
            digest = digest_of_documents(pairs)
            self.say({"t": "digest", "id": number, "topics": versions, "hash": digest})

    @override
    def take(self, message: Message) -> None:
        kind = message["t"]
        if kind == "revoke" or (kind == "error" and "topic" in message["data"]):
            self.lose(message["topic"] if kind == "revoke" else message["data"]["topic"])
        if kind == "reset":
            self.topics = list(self.wanted)
            self.asked.clear()
        missed = set(self.replica.missed)
        super().take(message)
        if kind in {"patch", "batch"}:
            assert not (self.replica.missed.keys() - missed) & set(STORIES), "a gap in facts"
        if kind == "authed":
            self.come_back()
        elif kind == "differ":
            self.check_differ(message)
        elif kind == "same":
            self.asked.pop(message["id"], None)

    def lose(self, topic: str) -> None:
        """It is not followed any more."""
        if topic in self.topics:
            self.topics.remove(topic)
        for topics in self.subs.values():
            topics.discard(topic)

    # -- what must hold ------------------------------------------------------------------------

    @override
    def check_documents(self, before: Mapping[str, Held], change: Change) -> None:
        log, epoch = self.world.log, self.replica.epoch
        for topic, held in self.replica.docs.items():
            if held.version:
                assert epoch is not None
                truth = log.truth[epoch, topic, held.version]
                assert held.document in (truth, _part(truth)), topic
            if topic in before and not change.dropped:
                assert held.version >= before[topic].version, "a step back"
        held_at = {topic: held.version for topic, held in before.items()}
        for topic, held in change.steps:
            if topic in STORIES and topic in held_at and held.version != held_at[topic] + 1:
                assert topic in self.anew, "a fact was skipped"
                self.anew.discard(topic)
            held_at[topic] = held.version

    @override
    def check_live(self, message: Message) -> None:
        due = self.subs.get(message["id"], set())
        if self.replica.epoch == self.world.log.epoch:
            for topic in due - self.replica.missed.keys():
                assert topic in self.replica.docs, "live without a document"
        super().check_live(message)

    @override
    def check_beat(self, message: Message) -> None:
        if self.live and self.replica.epoch == self.world.log.epoch:
            for topic in self.topics:
                assert topic in self.replica.docs, "a beat before its document"
        super().check_beat(message)

    def check_differ(self, message: Message) -> None:
        """No alarm over a copy that equals the server's."""
        asked = self.asked.pop(message["id"], {})
        for topic, digest in message["hashes"].items():
            held = self.replica.docs.get(topic)
            if digest and held is not None and asked.get(topic) == tuple(held):
                assert digest == digest_of_documents({topic: tuple(held)}), "a false alarm"


def _part(document: Any) -> Any:
    """What a supplier sees."""
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if name != "order_id"}


class StoryWorld(World):
    """A World with accounts and with topics that are read from the log."""

    log: StoryLog

    def __init__(self, seed: int) -> None:
        self.leaks: list[str] = []
        """Topics of which something was sent to somebody who may not see it."""
        super().__init__(seed)
        self.reading_facts: tuple[int, FactState, int, list[Transition]] | None = None
        self.steps |= {
            self.withdraw: 0.5,
            self.reinstate: 1,
            self.grant: 0.5,
            self.show: 1.5,
            self.fanout.sweep: 1,
            self.leave: 1,
            self.come_back: 2,
            self.prove: 2,
        }

    @override
    def make_log(self) -> SimLog:
        self.accounts = Accounts(self.clock)
        return StoryLog(self.clock)

    @override
    def make_fanout(self) -> Fanout:
        rights = Rights(self.accounts, self.accounts)
        return Fanout("main", self.clock, Limits(flush_interval_ms=0), rights)

    @override
    def make_client(self) -> SimClient:
        return StoryClient(self, self.rng)

    @override
    def client(self) -> StoryClient:
        client = super().client()
        assert isinstance(client, StoryClient)
        return client

    def token(self, rng: random.Random) -> str:
        """Of somebody, for some time."""
        return self.accounts.issue(rng.choice(sorted(CALLERS)), rng.randint(*LASTS_MS))

    def view(self, caller: Caller, topic: str) -> View | None:
        """What somebody may see of a topic now."""
        kind, _, entity = topic.partition(":")
        return self.fanout.rights.view(caller, kind, entity)

    def withdraw(self) -> None:
        """An account is closed."""
        account = self.rng.choice(sorted(CALLERS.values(), key=lambda one: one.account)).account
        self.accounts.void.add(account)
        self.fanout.rights_changed(account)

    def reinstate(self) -> None:
        """All are good again; who was shut out has to show a token."""
        self.accounts.void.clear()

    def grant(self) -> None:
        """A program is granted a kind, or loses it."""
        granted = (CALLERS["reports"].account, self.rng.choice(("order", "purchase_order", "cart")))
        self.accounts.grants ^= {granted}
        self.fanout.rights_changed(granted[0])

    def show(self) -> None:
        """A client shows another token."""
        client = self.client()
        if client.session is not None:
            client.show(self.token(self.rng))

    def leave(self) -> None:
        """A client leaves a topic."""
        self.client().leave()

    def come_back(self) -> None:
        """A client takes up what it had left or lost."""
        self.client().come_back()

    def prove(self) -> None:
        """A client asks for a proof."""
        self.client().prove()

    @override
    def read_documents(self) -> None:
        super().read_documents()
        wanted = self.fanout.wanted_facts
        if self.reading_facts is None and wanted and self.fanout.epoch == self.log.epoch:
            state, base = next(iter(wanted.items()))
            found = [
                (version, state.view.project(body), at_ms)
                for version, body, at_ms in self.log.transitions(state.name, base)
            ]
            self.reading_facts = (self.fanout.epoch, state, base, found)

    @override
    def answer_documents(self) -> None:
        super().answer_documents()
        if self.reading_facts is not None:
            (epoch, state, base, found), self.reading_facts = self.reading_facts, None
            if self.log.epoch != self.fanout.epoch:
                self.moved()
            elif epoch == self.fanout.epoch:
                self.fanout.wanted_facts.pop(state, None)
                self.fanout.facts_read(state, base, found)

    @override
    def settle(self) -> None:
        self.reinstate()
        for client in self.clients:
            assert isinstance(client, StoryClient)
            if client.session is None:
                client.connect()
            client.show(self.accounts.issue(self.rng.choice(sorted(CALLERS)), 10**9))
            client.come_back()
        super().settle()

    @override
    def check_end(self) -> None:
        assert not self.leaks, "sent to somebody who may not see it"
        for client in self.clients:
            assert isinstance(client, StoryClient)
            assert client.session is not None
            caller = client.session.caller
            assert caller != ANONYMOUS, "the token of the end was not taken"
            assert client.live, "never live"
            assert client.replica.epoch == self.log.epoch
            seen = {topic for topic in client.wanted if self.view(caller, topic) is not None}
            assert set(client.topics) == seen, "not what may be seen"
            for topic in client.wanted:
                known, held = self.log.docs.get(topic), client.replica.docs.get(topic)
                view = self.view(caller, topic)
                if view is None:
                    assert held is None, "held by somebody who may not see it"
                    continue
                assert held is not None, topic
                assert held.version == (known.version if known else 0), topic
                body = view.project(known.body) if known else b"null"
                assert held.document == json.loads(body), topic
