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

STATEMENT_MS_MAX: Final = 30_000
"""A statement that takes longer is given up as StorageUnavailable."""
CONNECT_MS_MAX: Final = 5_000
"""A connection that is not there by then counts as refused."""
ACQUIRE_MS_MAX: Final = 10_000
"""Wait for a free connection of the pool; longer is StorageUnavailable."""
IDLE_TRANSACTION_MS_MAX: Final = 10_000
"""The server ends a transaction whose process stopped, so that its partition goes on."""
READERS_MAX: Final = 8
"""Connections for reading."""
WRITERS_SPARE: Final = 4
"""Connections for writing beyond two a partition (commands, raw appends): consumers, leases."""

NOTIFY_SPACING_MS_MIN: Final = 1.0
"""Pause between two hints to other processes where commits are rare: each has its own."""
NOTIFY_SPACING_MS_MAX: Final = 5.0
"""What the pause grows to while several commits fall into one; their partitions are joined."""
HINT_RETRY_MS: Final = 500
"""Wait before the hint connection is opened again."""
LEADER_RETRY_MS: Final = 500
"""How often a process asks whether an office is free: the longest gap after a leader's death."""
