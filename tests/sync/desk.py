"""A fan-out with one client, whose rights and log a test holds in its hands."""

import json

import msgspec
from tests.sync.simulated import FakeClock, SimWire

from shopwire.kernel.access_errors import TokenExpired, Unauthenticated
from shopwire.kernel.events import Position, Recorded
from shopwire.kernel.identity import Caller
from shopwire.kernel.log import Document
from shopwire.sync.fanout import Fanout
from shopwire.sync.limits import Limits
from shopwire.sync.reducer import Replica
from shopwire.sync.rights import Rights

ME, OTHER = "sh_me", "sh_other"
CART = f"cart:{ME}-1"
ORDER = f"purchase_order:{ME}-1.1/acme"
SHOPPER = Caller(role="shopper", subject=ME, expires_at_ms=2_000_000)
ANNA = Caller(role="operator", subject="anna")
ACME = Caller(role="supplier", subject="acme-erp", supplier="acme")
DOC = {"id": "x", "order_id": "secret", "status": "sent"}


class Book:
    """Tokens by name, and what was decided about accounts."""

    def __init__(self) -> None:
        self.tokens = {"me": SHOPPER, "anna": ANNA, "acme": ACME}
        self.void, self.grants = set(), set()

    def authenticate(self, token):
        if token == "old":
            raise TokenExpired
        if token not in self.tokens:
            raise Unauthenticated(reason="unknown")
        return self.tokens[token]

    def check(self, caller):
        if caller.account in self.void:
            raise Unauthenticated(reason="ended")

    def granted(self, caller, kind):
        return (caller.account, kind) in self.grants


class Desk:
    """A fan-out with one client."""

    def __init__(self, *, token=None, caller=None, otherwise=None) -> None:
        self.clock, self.book = FakeClock(), Book()
        more = {"otherwise": otherwise} if otherwise else {}
        self.fanout = Fanout("main", self.clock, Limits(), Rights(self.book, self.book, **more))
        self.fanout.begin(1, [0], 0)
        self.docs = {}
        self.wire = SimWire()
        self.session = self.fanout.open(self.wire, caller)
        self.replica, self.seen = Replica(), []
        self.say(t="hello", proto=1, epoch=None, **({"token": token} if token else {}))

    def say(self, **message: object):
        self.session.on_message(json.dumps(message).encode())
        self.run()

    def run(self):
        while self.fanout.wanted:
            states = list(self.fanout.wanted)
            self.fanout.wanted.clear()
            found = [
                Document(state.name, *self.docs[state.name], 0)
                for state in states
                if state.name in self.docs
            ]
            self.fanout.loaded(states, found, self.fanout.applied)
        self.fanout.flush()

    def sub(self, *topics: str):
        self.say(t="sub", id=1, topics=topics)

    def change(self, topic, version, document):
        body = msgspec.json.encode(document)
        self.docs[topic] = (version, body)
        offset = self.fanout.applied[0]
        position = Position(1, 0, offset)
        self.fanout.apply(
            0, [Recorded(position, "main", topic, version, "x", body, b"null", f"c{offset}", 0)]
        )
        self.run()

    def take(self):
        """The messages that came since the last call, and their effect."""
        new = [json.loads(frame) for frame in list(self.wire.frames)[len(self.seen) :]]
        self.seen += new
        for message in new:
            self.replica.apply(message)
        return new

    def kinds(self):
        return [message["t"] for message in self.take()]

    def doc(self, topic):
        self.take()
        held = self.replica.docs.get(topic)
        return None if held is None else held.document
