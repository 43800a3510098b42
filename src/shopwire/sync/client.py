"""A Python client of the protocol: for services, tests, benchmarks and the demo.

    async with SyncClient("ws://127.0.0.1:8000/sync", token=my_token) as client:
        client.subscribe(["stock:MUG-1"])
        await client.until_live()
        print(client.held("stock:MUG-1"), client.status)
        done = await client.send("inventory.sell_stock", {"sku": "MUG-1", "quantity": 1})

It keeps what `packages/client` keeps, by the same vectors: docs/how-to/use-the-python-client.md.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final, Self

from shopwire.kernel.clock import Clock, SystemClock
from shopwire.sync.client_access import Access, TokenProvider, always
from shopwire.sync.client_commands import Asking, Done, new_key
from shopwire.sync.client_connection import BACKOFF_MS_MIN, Connection
from shopwire.sync.client_digest import IDLE_MS, DigestCounts, Proofs
from shopwire.sync.client_facts import FactHandler, Facts
from shopwire.sync.client_freshness import Freshness, Status
from shopwire.sync.client_hubs import Hubs
from shopwire.sync.client_topics import Refusal, Topics, portions
from shopwire.sync.reducer import Change, Held, Message, Replica

ANSWER_S_MAX: Final = 15.0
"""Wait for a command's answer over all of its sendings, unless the caller says otherwise."""
REFETCH_S: Final = 0.5
"""Wait before a topic is fetched again whose gap the last answer did not close."""

_TOO_MANY_TOPICS: Final = 1011


class SyncClient:
    """Keeps a Replica of its topics in step with a server, over reconnects.

    `async with`, or `start` and `stop`; `subscribe([...])`, `await until(lambda: ...)`, read
    `held(topic)`. `on_change` hears of every change, `on_fact` follows one topic step by step.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | TokenProvider | None = None,
        hubs: bool = False,
        on_change: Callable[[Change], None] | None = None,
        on_refusal: Callable[[str, Refusal], None] | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
        backoff_ms_min: float = BACKOFF_MS_MIN,
        idle_ms: float = IDLE_MS,
    ) -> None:
        """A client that does nothing yet.

        Args:
            url: the sync endpoint, ws:// or wss://.
            token: a token, or what gives a good one whenever it is asked.
            hubs: whether to ask the server for others to connect to, too.
            on_change: hears of every change, once for what changed together.
            on_refusal: hears which topics cannot be had, or no longer.
            clock: asked for its monotonic time only.
            seed: of the spread of reconnects, for tests.
            backoff_ms_min: ceiling of the first wait before a reconnect.
            idle_ms: quiet time after which what is held is compared with the server's.
        """
        self.replica = Replica()
        self.errors: list[Message] = []
        """Errors that the server sent and that answer no command and no token."""
        self.head: list[int] = []
        self._on_change = on_change
        self._on_refusal = on_refusal
        self._clock = clock or SystemClock()
        self._topics = Topics()
        self._fresh = Freshness()
        self._facts = Facts(lambda: self.replica.epoch)
        self._proofs = Proofs(self._proven)
        self._next_id = 1
        self._welcomed = False
        self._said: int | None = None
        """Epoch in the last hello: where it is another one, a reset follows the welcome."""
        self._commands_max = 0
        self._idle_ms = idle_ms
        self._idle: asyncio.TimerHandle | None = None
        # Only spreads reconnects; nothing secret hangs on it.
        chance = random.Random(seed)  # noqa: S311
        self._hubs = Hubs(url, chance)
        self._ask_hubs = hubs
        self._connection = Connection(
            *(self._hubs, self._clock, chance),
            hello=self._hello,
            message=self.on_message,
            lost=self._lost,
            backoff_ms_min=backoff_ms_min,
        )
        say, take_id = self._connection.say, self._take_id
        provider = always(token) if isinstance(token, str) else token
        self.access = Access(provider, say, take_id, self._regain, chance)
        """Whom the connection speaks for: role, subject, and why no token could be had."""
        commands = self._until_commands
        self._asking = Asking(say, take_id, commands, self._hubs.home, self.access)
        self._task: asyncio.Task[None] | None = None
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    # -- for users ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Begins to connect; returns at once."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Closes and ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self.access.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def subscribe(self, topics: Iterable[str]) -> None:
        """Adds topics; takes effect at once, or on connecting."""
        fresh = self._topics.add(topics)
        if self._welcomed:
            self._sub(fresh, self.replica.versions)

    def unsubscribe(self, topics: Iterable[str]) -> None:
        """Drops topics and what is held of them."""
        gone = self._topics.remove(topics)
        for topic in gone:
            self.replica.docs.pop(topic, None)
            self.replica.missed.pop(topic, None)
            self.replica.suspect.discard(topic)
        if gone and self._welcomed:
            self._connection.say({"t": "unsub", "id": self._take_id(), "topics": gone})

    def on_fact(self, topic: str, handler: FactHandler) -> Callable[[], None]:
        """Subscribes, and tells each version of a topic once and in order; returns how to end.

        What is held is told first. The handler must not raise: what it raises is only logged.
        """
        self.subscribe([topic])
        return self._facts.follow(topic, self.held(topic), handler)

    async def send(
        self, operation: str, body: Any, *, key: str | None = None, timeout_s: float = ANSWER_S_MAX
    ) -> Done:
        """Sends a command, over reconnects and over HTTP, with one key; raises CommandRefused.

        TimeoutError where no answer came: its outcome is unknown, and the same key asks again. So
        name a key where that matters; one is made up otherwise.
        """
        async with asyncio.timeout(timeout_s):
            return await self._asking.send(operation, body, key or new_key())

    def held(self, topic: str) -> Held | None:
        """Version and document of a topic, None where nothing is known yet."""
        return self.replica.docs.get(topic)

    def refusal(self, topic: str) -> Refusal | None:
        """Why a topic cannot be had, or no longer; None where it can."""
        return self._topics.refused.get(topic)

    @property
    def connections(self) -> int:
        """How often a connection was made."""
        return self._connection.count

    @property
    def close_code(self) -> int | None:
        """How the last connection ended; None before that."""
        return self._connection.close_code

    @property
    def broken(self) -> bool:
        """Whether the connection of now ends because the server broke the protocol."""
        return self._connection.broken

    @property
    def digests(self) -> DigestCounts:
        """How often what is held was compared with the server's, and how much differed."""
        return self._proofs.counts

    @property
    def url(self) -> str:
        """Where the client connects to; set, it is the only place, from the next connection on."""
        return self._hubs.current

    @url.setter
    def url(self, url: str) -> None:
        self._hubs.move(url)

    @property
    def lag_ms(self) -> float:
        """How old the server said its own knowledge was, at its last beat."""
        return self._fresh.lag_ms

    @property
    def age_ms(self) -> float | None:
        """Time since the server is known to have held everything; None before the first proof."""
        return self._fresh.age_ms(self._clock.monotonic_ms())

    @property
    def status(self) -> Status:
        """How far what is held can be believed."""
        return self._status(complete=self._topics.complete and not self.replica.missed)

    def status_of(self, topic: str) -> Status:
        """The same of one topic."""
        return self._status(
            complete=self._topics.is_live(topic) and topic not in self.replica.missed
        )

    async def until(self, condition: Callable[[], bool], timeout_s: float | None = 10.0) -> None:
        """Waits until a condition holds; it is looked at after every message."""
        if condition():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (condition, future)
        self._waiters.append(entry)
        try:
            await asyncio.wait_for(future, timeout_s)
        finally:
            if entry in self._waiters:
                self._waiters.remove(entry)

    async def until_live(self, timeout_s: float = 10.0) -> None:
        """Waits until everything that was subscribed is live."""
        await self.until(lambda: self._welcomed and self._topics.complete, timeout_s)

    async def until_held(self, versions: Mapping[str, int], timeout_s: float = 10.0) -> None:
        """Waits until a command's `versions` are held: its effect is in what is read."""

        def there() -> bool:
            held = self.replica.docs
            return all(t in held and held[t].version >= v for t, v in versions.items())

        await self.until(there, timeout_s)

    def cut(self) -> None:
        """Breaks the connection without a word, as a network does."""
        self._connection.cut()

    # -- messages -----------------------------------------------------------------------------

    def on_message(self, message: Message) -> None:
        """One message of the server."""
        kind = message["t"]
        change = self.replica.apply(message)
        take = self._TAKES.get(kind)
        if take is not None:
            take(self, message)
        # Behind a welcome everything is asked for anyway.
        if change.missed and kind != "welcome":
            self._sub([topic for topic in change.missed if topic in self._topics.wanted], {})
        if change.topics or change.dropped:
            self._idle_again()
            self._facts.took(change)
            if self._on_change is not None:
                self._on_change(change)
        self._look()

    def _welcome(self, message: Message) -> None:
        self._commands_max = message.get("limits", {}).get("commands_max", 0)
        self._fresh.welcomed(message["lag_ms"], message.get("now"), self._connection.heard_ms)
        self.head = message["head"]
        self._welcomed = True
        self.access.welcomed(message.get("role"))
        self._connection.watch(message["beat_ms"])
        self._topics.retry_refused()
        if self._said in {None, message["epoch"]}:
            self._sub(list(self._topics.wanted), self.replica.versions)
        self._idle_again()

    def _reset(self, _: Message) -> None:
        self._topics.open.clear()
        self._topics.retry_refused()
        self._sub(list(self._topics.wanted), {})

    def _beat(self, message: Message) -> None:
        self._fresh.proved(message["lag_ms"], message.get("now"), self._connection.heard_ms)
        self.head = message["head"]

    def _lived(self, message: Message) -> None:
        self._connection.proven()
        topics = self._topics.open.pop(message["id"], frozenset())
        still = topics & self.replica.missed.keys()
        if still:
            # The answer did not close the gap; this server is behind what another one showed.
            loop = asyncio.get_running_loop()
            loop.call_later(REFETCH_S, self._again, still)

    def _done(self, message: Message) -> None:
        self._asking.settle(message)

    def _failed(self, message: Message) -> None:
        if self._asking.settle(message) or self.access.refused(message):
            return
        if self._proofs.refused(message["id"]):
            return
        self.errors.append(message)
        topic = self._topics.deny(message)
        if topic is not None:
            self._tell_refusal(topic)
        elif message["code"] == _TOO_MANY_TOPICS and message["id"] is not None:
            self._topics.open.pop(message["id"], None)

    def _revoked(self, message: Message) -> None:
        if self._topics.revoke(message["topic"], message.get("reason", "withdrawn")):
            self._tell_refusal(message["topic"])

    def _authed(self, message: Message) -> None:
        self.access.authed(message)

    def _expiring(self, _: Message) -> None:
        self.access.expiring()

    def _same(self, message: Message) -> None:
        self._proofs.same(message["id"])
        self._idle_again()

    def _differ(self, message: Message) -> None:
        hashes = message.get("hashes", {})
        wrong = self._proofs.differ(message["id"], message["topics"], hashes)
        self.replica.suspect.update(wrong)
        self._sub(wrong, {})
        self._idle_again()

    _TAKES: ClassVar[Mapping[str, Callable[["SyncClient", Message], None]]] = {
        "welcome": _welcome,
        "reset": _reset,
        "beat": _beat,
        "live": _lived,
        "done": _done,
        "error": _failed,
        "revoke": _revoked,
        "authed": _authed,
        "expiring": _expiring,
        "same": _same,
        "differ": _differ,
    }

    def _tell_refusal(self, topic: str) -> None:
        if self._on_refusal is not None:
            self._on_refusal(topic, self._topics.refused[topic])

    def _regain(self) -> None:
        """The caller is another one: what was refused is asked for again."""
        self._sub(self._topics.retry_refused(), {})

    def _again(self, topics: frozenset[str]) -> None:
        still = [topic for topic in topics if topic in self.replica.missed]
        if self._welcomed:
            self._sub(still, {})

    def _status(self, *, complete: bool) -> Status:
        now = self._clock.monotonic_ms()
        return self._fresh.status(now, connected=self._welcomed, complete=complete)

    def _proven(self) -> dict[str, Held]:
        """What a digest may speak of: live, without a gap, and not in doubt already."""
        return {
            topic: held
            for topic, held in self.replica.docs.items()
            if self._topics.is_live(topic)
            and topic not in self.replica.missed
            and topic not in self.replica.suspect
        }

    def _idle_again(self) -> None:
        """Documents moved, or a connection began: not idle before `idle_ms` from now."""
        if self._idle is not None:
            self._idle.cancel()
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(self._idle_ms / 1_000, self._prove_equal)

    def _prove_equal(self) -> None:
        self._idle = None
        question = self._proofs.ask(self._take_id()) if self._welcomed else None
        if question is not None:
            self._connection.say(question)

    def _sub(self, topics: list[str], have: dict[str, int]) -> None:
        for part in portions(topics):
            sub = self._take_id()
            self._topics.open[sub] = frozenset(part)
            known = {topic: have[topic] for topic in part if topic in have}
            epoch = self.replica.epoch
            self._connection.say(
                {"t": "sub", "id": sub, "topics": part, "have": known, "epoch": epoch}
            )

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    async def _until_commands(self) -> None:
        """Returns when there is a connection that takes commands."""
        await self.until(lambda: self._welcomed and self._commands_max > 0, None)

    # -- the connection -----------------------------------------------------------------------

    async def _run(self) -> None:
        if self._ask_hubs:
            await self._hubs.load()
        await self._connection.run()

    async def _hello(self) -> dict[str, Any]:
        token = await self.access.hello()
        self._said = self.replica.epoch
        shown = {} if token is None else {"token": token}
        return {"t": "hello", "proto": 1, "epoch": self._said, "short": True, **shown}

    def _lost(self) -> None:
        self._welcomed = False
        self._topics.open.clear()
        self._asking.lost()
        self._proofs.lost()
        self.access.lost()
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        self._look()

    def _look(self) -> None:
        """Wakes those whose condition holds now."""
        for entry in list(self._waiters):
            condition, future = entry
            if not future.done() and condition():
                future.set_result(None)
                self._waiters.remove(entry)
