"""The pulse: once a second what the system does, as the live document `ops:pulse`."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
import structlog

from shopwire.kernel.clock import Clock
from shopwire.services.telemetry import Readings

PULSE_TOPIC: Final = "ops:pulse"
PULSE_EVERY_MS: Final = 1_000

_log: Final = structlog.get_logger()


class PulseDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What operators' screens draw; rates are of the last second."""

    events_per_s: float = 0.0
    commands_per_s: float = 0.0
    refused_per_s: float = 0.0
    log_head: int = 0
    hub_lag_ms: int = 0
    screens: int = 0
    frames_per_s: float = 0.0
    topics: int = 0
    queue: int = 0
    database: Literal["up", "down"] = "up"
    now_ms: int = 0


class Pulse:
    """Reads the parts each second and publishes the difference to the second before."""

    def __init__(
        self,
        readings: Callable[[], Readings],
        publish: Callable[[str, int, dict[str, Any]], None],
        clock: Clock,
    ) -> None:
        self._readings = readings
        self._publish = publish
        self._clock = clock
        self._before = readings()
        self._before_ms = clock.monotonic_ms()
        self._version = 0
        self.document = PulseDocument(now_ms=clock.now_ms())

    async def run(self) -> None:
        """Beats until it is cancelled."""
        while True:
            await asyncio.sleep(PULSE_EVERY_MS / 1_000)
            try:
                self.beat()
            except Exception:  # noqa: BLE001 - a beat that fails must not end the pulse
                _log.exception("pulse.failed")

    def beat(self) -> None:
        """One beat: makes the document and publishes it."""
        now, now_ms = self._readings(), self._clock.now_ms()
        moment_ms = self._clock.monotonic_ms()
        seconds = max(moment_ms - self._before_ms, 1.0) / 1_000
        before, self._before, self._before_ms = self._before, now, moment_ms

        def rate(after: int, earlier: int) -> float:
            return round(max(after - earlier, 0) / seconds, 1)

        self.document = PulseDocument(
            # Of the log, not of this process: a command-line import beside it counts as well.
            events_per_s=rate(now.log_events, before.log_events),
            commands_per_s=rate(now.committed + now.refused, before.committed + before.refused),
            refused_per_s=rate(now.refused, before.refused),
            log_head=now.log_events,
            hub_lag_ms=round(now.hub_lag_ms),
            screens=now.screens,
            frames_per_s=rate(now.frames, before.frames),
            topics=now.topics,
            queue=now.queue,
            database="up" if now.database_up else "down",
            now_ms=now_ms,
        )
        # Milliseconds grow over restarts too; the second term holds against a clock set back.
        self._version = max(now_ms, self._version + 1)
        self._publish(PULSE_TOPIC, self._version, msgspec.to_builtins(self.document))
