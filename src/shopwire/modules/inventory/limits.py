"""Limits of the inventory."""

from typing import Final

from shopwire.kernel.limits import QUANTITY_MAX

HOLD_LINES_MAX: Final = 100
"""Lines of one reservation; a cart with more is refused."""

BUNDLE_PARTS_MAX: Final = 50
"""Different articles that one set may be made of."""

BUNDLES_A_PART_MAX: Final = 50
"""Sets that one article may be part of: each change of its stock recounts all of them."""

HOLD_TTL_MS_MAX: Final = 31 * 24 * 3_600_000
"""How long a reservation may wait for its payment; longer is refused."""

HOLDS_A_SWEEP_MAX: Final = 200
"""Reservations that one command ends; the sweep sends as many commands as it takes."""

KEPT_BACK_MAX: Final = 2 * QUANTITY_MAX
"""Units kept back of a pool of which nothing is offered: more than count and backorder can be."""

WIDE_HOLDS_MAX: Final = 50
"""Reservations of several articles that one command ends: it holds all of their partitions."""

BRIEF_HOLD_MS_MAX: Final = 10_000
"""A reservation up to so long wakes the sweep, which looks by itself only every few seconds."""

PREFERRED_MAX: Final = 1_000
"""Suppliers of SKUs that one reservation may wish for; more is refused."""

HOLD_RETRY_MS: Final = 60_000
"""When to try again where all units that may wait for payment do."""

SALES_A_BOOKING_MAX: Final = 500
"""Sales that one acknowledgement may name; more is refused."""

SEEN_REFERENCES_MAX: Final = 5_000
"""References that one report may name as seen; more is refused."""

SEQUENCE_MAX: Final = 2**53
"""Largest number of a supplier's report: what every JSON reader holds exactly."""

CLOCK_SKEW_MS_MAX: Final = 5 * 60_000
"""How far ahead of ours a supplier's clock may be; a later moment is refused."""

MOMENT_MS_MAX: Final = 2**53
"""Latest moment that a rule may name."""
