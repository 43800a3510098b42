"""The bus on NATS: delivered to who is there, kept by JetStream for where to go on."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js.api import DiscardPolicy, Header, StorageType, StreamConfig
from typing_extensions import override

from shopwire.adapters.bus.arrivals import Arrivals
from shopwire.adapters.bus.limits import (
    CONNECT_MS_MAX,
    KEPT_BYTES_MAX,
    KEPT_MS,
    PING_EVERY_MS,
    PUBLISH_MS_MAX,
    RECONNECT_MS,
    STATE_TOPIC_CHARS_MAX,
    UNSENT_BYTES_MAX,
)
from shopwire.adapters.bus.states import States
from shopwire.kernel.bus import Bus, Hear, Run, Subscription, decode_run, encode_run
from shopwire.kernel.errors import BusUnavailable

_LOG: Final = logging.getLogger(__name__)
_TROUBLES: Final = (nats.errors.Error, OSError, TimeoutError)


class _State(msgspec.Struct, frozen=True, array_like=True):
    """A state on the wire."""

    topic: str
    version: int
    document: bytes


_encode_state: Final = msgspec.msgpack.Encoder().encode
_decode_state: Final = msgspec.msgpack.Decoder(_State).decode


class NatsBus(Bus):
    """See Bus. `name` keeps shops apart that share a broker; the log's id is one.

    Runs go to `shopwire.<name>.log.<epoch>.<partition>`. Followers subscribe to the subject itself,
    so they hear of a run at once, and again by themselves after a reconnect. A stream keeps what
    was published; each run names the one it comes after, so that the stream takes no run twice and
    none out of order, however many publishers there are.
    """

    def __init__(
        self,
        servers: Sequence[str],
        name: str,
        *,
        replicas: int = 1,
        publish_ms_max: int = PUBLISH_MS_MAX,
    ) -> None:
        """Args: `replicas` of the stream, where it is made by us and the broker is a cluster.

        `publish_ms_max` is how long the broker may take for an answer.
        """
        self._servers = list(servers)
        self._replicas = replicas
        self._base = f"shopwire.{name}"
        self.stream = f"SHOPWIRE_{name}"
        """The name of the stream. Where it exists already its settings are left alone."""
        self._client: Any = Client()  # its hints ask for whole seconds
        self._answer_s_max = publish_ms_max / 1_000
        self._js = self._client.jetstream(timeout=self._answer_s_max)
        self._sequences: dict[tuple[int, int], int] = {}
        """The stream's number of the run that was kept last."""
        self._following: list[tuple[int, Arrivals]] = []
        self._subscribed: dict[Arrivals, Any] = {}
        self._hearing: list[Hear] = []
        self._states = States()
        self._watching: list[Callable[[bool], None]] = []
        self._connecting: asyncio.Task[None] | None = None
        self._ready = False
        """Whether the broker has taken all subscriptions of this connection."""
        self._telling: set[asyncio.Task[None]] = set()

    @property
    @override
    def up(self) -> bool:
        return self._ready and bool(self._client.is_connected)

    @override
    async def start(self) -> None:
        self._connecting = asyncio.create_task(self._connect())

    @override
    async def close(self) -> None:
        self._watching.clear()  # it goes because we go, which is no news
        tasks = [*self._telling, *([self._connecting] if self._connecting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(*_TROUBLES):
            await self._client.close()

    # -- runs ---------------------------------------------------------------------------------

    @override
    async def last(self, epoch: int, partition: int) -> int | None:
        self._check()
        key = (epoch, partition)
        self._sequences.pop(key, None)
        try:
            try:
                found = await self._js.get_last_msg(self.stream, self._subject(*key))
            except nats.js.errors.NotFoundError:
                await self._make_stream()
                self._sequences[key] = 0
                return None
        except _TROUBLES as problem:
            raise _unavailable(problem) from problem
        self._sequences[key] = found.seq or 0
        run = decode_run(found.data or b"")
        return None if run is None else run.next

    @override
    async def publish(self, run: Run) -> None:
        self._check()
        key = (run.epoch, run.partition)
        if key not in self._sequences:
            raise BusUnavailable(reason="where it stands has to be asked first")
        headers = {Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(self._sequences.pop(key))}
        try:
            kept = await self._js.publish(
                self._subject(*key),
                encode_run(run),
                timeout=self._answer_s_max,
                stream=self.stream,
                headers=headers,
            )
        except _TROUBLES as problem:
            # Whether it was kept is unknown; the next one asks, since the number is forgotten.
            raise _unavailable(problem) from problem
        self._sequences[key] = kept.seq

    async def _make_stream(self) -> None:
        """Makes the stream where there is none."""
        with contextlib.suppress(nats.js.errors.BadRequestError):  # somebody else just made it
            await self._js.add_stream(
                StreamConfig(
                    name=self.stream,
                    subjects=[f"{self._base}.log.*.*"],
                    storage=StorageType.FILE,
                    discard=DiscardPolicy.OLD,
                    max_bytes=KEPT_BYTES_MAX,
                    max_age=KEPT_MS / 1_000,
                    num_replicas=self._replicas,
                )
            )

    @override
    async def follow(self, partition: int) -> Subscription:
        arrivals = Arrivals(self._leave)
        self._following.append((partition, arrivals))
        if self.up:
            await self._subscribe(partition, arrivals)
        return arrivals

    async def _subscribe(self, partition: int, arrivals: Arrivals) -> None:
        async def arrived(message: Any) -> None:
            run = decode_run(message.data)
            if run is not None and run.partition == partition:
                arrivals.put(run, len(message.data))

        with contextlib.suppress(*_TROUBLES):  # the connection broke: then it is done again
            self._subscribed[arrivals] = await self._client.subscribe(
                f"{self._base}.log.*.{partition}", cb=arrived
            )
            # Sent is not taken: what others publish before the broker has read it would be missed.
            await self._until_read()

    async def _leave(self, arrivals: Arrivals) -> None:
        self._following = [each for each in self._following if each[1] is not arrivals]
        subscription = self._subscribed.pop(arrivals, None)
        if subscription is not None:
            with contextlib.suppress(*_TROUBLES):
                await subscription.unsubscribe()

    # -- states -------------------------------------------------------------------------------

    @override
    def tell(self, topic: str, version: int, document: bytes) -> None:
        if len(topic) > STATE_TOPIC_CHARS_MAX:
            raise ValueError(f"{topic[:20]} is longer than {STATE_TOPIC_CHARS_MAX}")
        self._states.note(topic, version, document)
        self._send("states", _encode_state(_State(topic, version, document)))

    @override
    def hear(self, hear: Hear) -> None:
        self._hearing.append(hear)
        self._send("ask", b"")

    @override
    def watch(self, turned: Callable[[bool], None]) -> None:
        self._watching.append(turned)

    def _send(self, what: str, data: bytes) -> None:
        """Publishes without waiting; nothing where the broker is away."""
        if not self.up:
            return
        task = asyncio.create_task(self._publish_plain(f"{self._base}.{what}", data))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _publish_plain(self, subject: str, data: bytes) -> None:
        with contextlib.suppress(*_TROUBLES):
            await self._client.publish(subject, data)

    async def _on_state(self, message: Any) -> None:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            state = _decode_state(message.data)
            for hear in self._hearing:
                hear(state.topic, state.version, state.document)

    async def _on_ask(self, _message: Any) -> None:
        for topic, version, document in self._states.all():
            self._send("states", _encode_state(_State(topic, version, document)))

    # -- the connection -----------------------------------------------------------------------

    async def _connect(self) -> None:
        """Tries until the broker is there; from then on the client reconnects by itself."""
        told = False
        while True:
            try:
                await self._client.connect(
                    self._servers,
                    name="shopwire",
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_MS / 1_000,
                    connect_timeout=CONNECT_MS_MAX / 1_000,
                    ping_interval=PING_EVERY_MS / 1_000,
                    max_outstanding_pings=2,
                    pending_size=UNSENT_BYTES_MAX,
                    error_cb=self._on_error,
                    disconnected_cb=self._on_down,
                    reconnected_cb=self._on_up,
                )
            except (*_TROUBLES, ValueError) as problem:
                if not told:
                    _LOG.warning("the bus is away: %s", problem)
                told = True
                await asyncio.sleep(RECONNECT_MS / 1_000)
                continue
            break
        await self._client.subscribe(f"{self._base}.states", cb=self._on_state)
        await self._client.subscribe(f"{self._base}.ask", cb=self._on_ask)
        with contextlib.suppress(*_TROUBLES):
            await self._until_read()
        await self._on_up()

    async def _until_read(self) -> None:
        """Returns when the broker has read all that was sent before.

        The client writes its question at once, and so before commands that wait for their turn to
        be written. Those have had it by the first answer: only the second one speaks of them.
        """
        for _ in range(2):
            await self._client.flush()

    async def _on_up(self) -> None:
        """Follows what began meanwhile; the client renews the rest before it calls this."""
        while not self._client.is_closed and (
            missing := [each for each in self._following if each[1] not in self._subscribed]
        ):
            for partition, arrivals in missing:
                await self._subscribe(partition, arrivals)
        self._ready = bool(self._client.is_connected)
        self._turned()
        self._send("ask", b"")
        await self._on_ask(None)

    async def _on_down(self) -> None:
        self._ready = False
        self._turned()

    async def _on_error(self, problem: Exception) -> None:
        _LOG.info("the bus: %s", str(problem) or type(problem).__name__)

    def _turned(self) -> None:
        self._sequences.clear()
        for _, arrivals in self._following:
            arrivals.wake()
        for turned in self._watching:
            turned(self.up)

    def _subject(self, epoch: int, partition: int) -> str:
        return f"{self._base}.log.{epoch}.{partition}"

    def _check(self) -> None:
        if not self.up:
            raise BusUnavailable(reason="the broker is away")


def _unavailable(problem: BaseException) -> BusUnavailable:
    return BusUnavailable(reason=str(problem) or type(problem).__name__)
