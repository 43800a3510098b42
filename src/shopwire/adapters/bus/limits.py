"""Limits of the buses."""

from typing import Final

WAITING_RUNS_MAX: Final = 1_000
"""Runs that wait for one slow reader; the oldest go, and the reader reads them from the log."""
WAITING_BYTES_MAX: Final = 16 * 2**20
"""Bytes of these."""
PUBLISH_MS_MAX: Final = 2_000
"""An acknowledgement that takes longer counts as none: the publisher asks where the bus stands."""
CONNECT_MS_MAX: Final = 2_000
"""A connection that is not there by then is tried again."""
RECONNECT_MS: Final = 250
"""Wait between two tries to connect."""
PING_EVERY_MS: Final = 2_000
"""How often a silent connection is asked for a sign of life; two unanswered ones end it."""
UNSENT_BYTES_MAX: Final = 2 * 2**20
"""Bytes kept for a broker that does not read; more is refused as BusUnavailable."""
KEPT_BYTES_MAX: Final = 2**30
"""What a stream keeps; the oldest runs go. Readers that are further behind read the log."""
KEPT_MS: Final = 24 * 3_600_000
"""How long a stream keeps a run."""
STATES_MAX: Final = 64
"""States of which a publisher keeps the last value; one of a further topic is told once only."""
STATE_TOPIC_CHARS_MAX: Final = 100
"""Length of such a topic."""
START_MS_MAX: Final = 60_000
"""How long our own broker may take to start, as long as our PostgreSQL."""
STOP_MS_MAX: Final = 5_000
"""How long it may take to stop before it is killed."""
PORTS_TRIED_MAX: Final = 5
"""Ports drawn for our own broker while others take them first; then its start fails."""
PROBE_MS: Final = 10
"""How often a starting broker is asked."""
MAX_PAYLOAD_BYTES: Final = 2**20
"""The largest message of our own broker, which is NATS's default; a run takes half."""
LATE_MS: Final = 250
"""How long the bus may owe an event that the log is known to have; then it is read from there."""
