"""Limits of the log's adapters."""

from typing import Final

APPEND_QUEUE_EVENTS_MAX: Final = 16_384
"""Events waiting in `EventLog.append` of one partition; more is refused with QueueFull."""
APPEND_BATCH_EVENTS_MAX: Final = 2_048
"""Events appended in one commit, unless one call alone brings more."""
APPEND_BATCH_EVENTS_MIN: Final = 64
"""What a slow database cannot shrink a commit below."""
APPEND_TARGET_MS: Final = 25.0
"""A commit that takes longer halves the next batch."""
APPEND_RETRY_MS: Final = 50
"""Wait that a full append queue asks for."""

TAIL_POLL_MS: Final = 1_000
"""A tailing reader looks again after this time without a hint: a lost hint costs this much."""

RETRY_MS: Final = 500
"""Wait that callers are asked for while the database is away."""
