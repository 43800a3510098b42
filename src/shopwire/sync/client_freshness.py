"""How old what a Python client holds may be: sync-v1.md section 5. No wall clock is asked."""

from typing import Final, Literal

Status = Literal["live", "delayed", "stale", "offline"]

LIVE_AGE_MS_MAX: Final = 3_000
"""An older proof is no longer live but delayed."""
DELAYED_AGE_MS_MAX: Final = 10_000
"""An older proof is stale."""
DRIFT_MAX: Final = 0.0005
"""How fast the clocks of two machines may drift apart, in parts of one; crystals do 0.0001."""


class Freshness:
    """What beats prove, and the status that follows; every `now` is ours and monotonic, in ms.

    The server's clock is only ever compared with itself: the beat that was the least time on its
    way tells how far the two clocks are apart, and one that lay in a queue proves that much less.
    """

    def __init__(self) -> None:
        self.lag_ms = 0.0
        """What the server said last of its own knowledge."""
        self._offset_ms: float | None = None
        self._seen_at_ms = 0.0
        self._proof_ms: float | None = None

    def welcomed(self, lag_ms: float, server_ms: float | None, now: float) -> None:
        """A welcome: perhaps of another server, with another clock."""
        self._offset_ms = None
        self.proved(lag_ms, server_ms, now)

    def proved(self, lag_ms: float, server_ms: float | None, now: float) -> None:
        """A beat: everything up to `server_ms - lag_ms` on the server's clock is here."""
        self.lag_ms = lag_ms
        if server_ms is None:
            self._proof_ms = now - lag_ms
            return
        seen = server_ms - now
        if self._offset_ms is not None:
            least = self._offset_ms - DRIFT_MAX * (now - self._seen_at_ms)
            seen = max(seen, least)
        self._offset_ms, self._seen_at_ms = seen, now
        self._proof_ms = server_ms - lag_ms - seen

    def age_ms(self, now: float) -> float | None:
        """Time since the server is known to have held everything; None before the first proof."""
        return None if self._proof_ms is None else now - self._proof_ms

    def status(self, now: float, *, connected: bool, complete: bool) -> Status:
        """How far what is held can be believed; `complete`: everything wanted is live."""
        age = self.age_ms(now)
        if not connected:
            return "offline"
        if age is not None and age > DELAYED_AGE_MS_MAX:
            return "stale"
        return "live" if complete and age is not None and age <= LIVE_AGE_MS_MAX else "delayed"
