"""The pulse: rates, growing versions."""

from shopwire.services.pulse import PULSE_TOPIC, Pulse
from shopwire.services.telemetry import Readings


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000_000, 0.0

    def now_ms(self) -> int:
        return self.wall

    def monotonic_ms(self) -> float:
        return self.steady

    def turn(self, ms: int) -> None:
        self.wall += ms
        self.steady += ms


def make(readings: list[Readings], clock: Hands):
    published = []
    pulse = Pulse(lambda: readings[-1], lambda *document: published.append(document), clock)
    return pulse, published


def test_rates_are_differences_over_the_time_that_passed():
    clock, readings = Hands(), [Readings(log_events=100, committed=50, refused=5, frames=1_000)]
    pulse, published = make(readings, clock)
    readings.append(Readings(log_events=160, committed=90, refused=7, frames=1_900))
    clock.turn(2_000)
    pulse.beat()
    (topic, _, document), *_ = published
    assert topic == PULSE_TOPIC
    assert document["events_per_s"] == 30.0
    assert document["commands_per_s"] == 21.0
    assert document["refused_per_s"] == 1.0
    assert document["frames_per_s"] == 450.0
    assert document["log_head"] == 160


def test_versions_grow_also_when_the_clock_is_set_back():
    clock = Hands()
    pulse, published = make([Readings()], clock)
    pulse.beat()
    clock.wall -= 60_000
    pulse.beat()
    versions = [version for _, version, _ in published]
    assert versions == sorted(set(versions))


def test_a_dead_database_is_said():
    pulse, published = make([Readings(database_up=False)], Hands())
    pulse.beat()
    assert published[0][2]["database"] == "down"
