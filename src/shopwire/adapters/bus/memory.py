"""The bus in memory: one broker, any number of processes that share it, faults on demand."""

from collections.abc import Callable

from typing_extensions import override

from shopwire.adapters.bus.arrivals import Arrivals
from shopwire.adapters.bus.states import States
from shopwire.kernel.bus import Bus, Hear, Run, Subscription, decode_run, encode_run
from shopwire.kernel.errors import BusUnavailable


class MemoryBroker:
    """What all buses share; a test may take it down, wipe it, or let it lose runs."""

    def __init__(self) -> None:
        self.up = True
        self.kept: dict[tuple[int, int], list[Run]] = {}
        """Runs by epoch and partition."""
        self.loses: Callable[[Run], bool] = lambda _: False
        """Which runs reach nobody who follows."""
        self.copies = 1
        """How often each run is delivered."""
        self.buses: list[MemoryBus] = []

    def go_down(self) -> None:
        """Nobody reaches it; what it kept stays."""
        self._turn(up=False)

    def come_back(self, *, wiped: bool = False) -> None:
        """It is there again, with what it kept or with nothing."""
        if wiped:
            self.kept.clear()
        self._turn(up=True)

    def wipe(self) -> None:
        """Forgets everything it kept."""
        self.kept.clear()

    def _turn(self, *, up: bool) -> None:
        self.up = up
        for bus in self.buses:
            bus.turned()


class MemoryBus(Bus):
    """See Bus."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._following: dict[int, list[Arrivals]] = {}
        self._hearing: list[Hear] = []
        self.states = States()
        """What this process has told."""
        self._watching: list[Callable[[bool], None]] = []
        self._numbers: dict[tuple[int, int], int] = {}
        """How many runs were kept when the broker was asked last."""
        self._started = False

    @property
    @override
    def up(self) -> bool:
        return self._started and self._broker.up

    @override
    async def start(self) -> None:
        self._started = True
        self._broker.buses.append(self)
        self.turned()

    @override
    async def close(self) -> None:
        self._started = False
        self._broker.buses.remove(self)

    @override
    async def last(self, epoch: int, partition: int) -> int | None:
        self._check()
        kept = self._broker.kept.get((epoch, partition))
        self._numbers[epoch, partition] = len(kept or ())
        return kept[-1].next if kept else None

    @override
    async def publish(self, run: Run) -> None:
        self._check()
        key = (run.epoch, run.partition)
        if key not in self._numbers:
            raise BusUnavailable(reason="where it stands has to be asked first")
        kept = self._broker.kept.setdefault(key, [])
        if self._numbers.pop(key) != len(kept):
            raise BusUnavailable(reason="another publisher was faster")
        kept.append(run)
        self._numbers[key] = len(kept)
        data = encode_run(run)
        arrived = decode_run(data)
        if arrived is None or self._broker.loses(run):
            return
        for bus in self._broker.buses:
            for _ in range(self._broker.copies):
                bus.arrived(arrived, len(data))

    @override
    async def follow(self, partition: int) -> Subscription:
        async def leave(arrivals: Arrivals) -> None:
            self._following[partition].remove(arrivals)

        arrivals = Arrivals(leave)
        self._following.setdefault(partition, []).append(arrivals)
        return arrivals

    @override
    def tell(self, topic: str, version: int, document: bytes) -> None:
        self.states.note(topic, version, document)
        if self.up:
            for bus in self._broker.buses:
                bus.told(topic, version, document)

    @override
    def hear(self, hear: Hear) -> None:
        self._hearing.append(hear)
        self._ask()

    @override
    def watch(self, turned: Callable[[bool], None]) -> None:
        self._watching.append(turned)

    def arrived(self, run: Run, size: int) -> None:
        """A run from any process."""
        for arrivals in self._following.get(run.partition, ()):
            arrivals.put(run, size)

    def told(self, topic: str, version: int, document: bytes) -> None:
        """A state from any process."""
        for hear in self._hearing:
            hear(topic, version, document)

    def turned(self) -> None:
        """The broker went away or came back."""
        self._numbers.clear()
        for arrivals in [each for some in self._following.values() for each in some]:
            arrivals.wake()
        for turned in self._watching:
            turned(self.up)
        self._ask()

    def _ask(self) -> None:
        if self.up and self._hearing:
            for bus in self._broker.buses:
                for state in bus.states.all():
                    self.told(*state)

    def _check(self) -> None:
        if not self.up:
            raise BusUnavailable(reason="the broker is away")
