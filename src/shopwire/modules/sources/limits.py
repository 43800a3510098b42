"""Limits of sources: each has a name, a number, and what happens when it is reached."""

from typing import Final

SOURCES_A_SUPPLIER_MAX: Final = 20
"""Sources that one supplier may have; one more is refused."""
EVERY_MINUTES_MAX: Final = 7 * 24 * 60
"""Longest time between two runs of a schedule; a longer one is refused."""
RULE_MINUTES_MAX: Final = 90 * 24 * 60
"""Longest time after which a rule may call data late or stale; a longer one is refused."""
RETRY_MS_MIN: Final = 30_000
"""First wait after a failed try; it doubles, with jitter, up to RETRY_MS_MAX."""
RETRY_MS_MAX: Final = 30 * 60_000
"""Longest wait between two tries."""
FAILED_TRIES_AN_HOUR_MAX: Final = 12
"""Failed tries of one source within an hour; then it rests until the first is an hour ago."""
BREAKER_FAILURES: Final = 5
"""Failures in a row of all of a supplier's sources after which none is tried for a while."""
OPEN_MS_MIN: Final = 5 * 60_000
"""How long a breaker stays open at first; it doubles, up to OPEN_MS_MAX."""
OPEN_MS_MAX: Final = 6 * 3_600_000
"""Longest time that a breaker stays open before one source is tried."""
LEASE_MS: Final = 60_000
"""How long a run is taken to be alive without a word of it; then another may begin."""
LATE_GRACE_MS: Final = 10 * 60_000
"""Least time beyond its schedule before data is called late, unless the rule says otherwise."""
STALE_MS_MIN: Final = 3_600_000
"""Least age at which data is called stale, unless the rule says otherwise."""
UNSCHEDULED_MS: Final = 24 * 3_600_000
"""How often data is expected of a source that has no schedule, or whose schedule does not tell."""
HOUR_MS: Final = 3_600_000
"""One step of a buffer that grows with the age of data."""
GROWN_HOURS_MAX: Final = 72
"""Hours over which a buffer grows; older data keeps back no more, so that the steps end."""
REASON_CHARS_MAX: Final = 500
"""Letters of a reason that are kept with a run; the rest is cut off."""
FETCHES_PAGE_MAX: Final = 200
"""Runs that one page shows; the next page is asked for by the last one's number."""
SOURCE_RUNS_KEPT: Final = 2_000
"""Runs of one source that are kept; the oldest goes with each further one. The schema does it: the
number stands there as well."""
SUPPLIERS_MAX: Final = 1_000
"""Suppliers that one list shows."""
