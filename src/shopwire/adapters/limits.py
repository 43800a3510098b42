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
STATEMENT_CHARS_KEPT_MAX: Final = 128 * 1024
"""How long a statement may be for its plan to stay with a connection; a longer one is parsed and
planned each time it is sent. One that writes what a batch of checkouts writes has 22,000, and that
takes PostgreSQL 3 ms; the driver's own limit, 15,360, would be too low for it."""
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
HINT_BYTES_MAX: Final = 5_700
"""Bytes of events that one hint carries, which NOTIFY takes as text of less than 8,000. A commit
beyond it is announced without its events: readers of other processes take them from the log."""
NOTIFY_BYTES_MAX: Final = 7_900
"""Length of a hint; one that names more partitions than leave room is sent without events."""
HINT_EVENTS_MAX: Final = 12
"""A commit of more events is not weighed: it is announced without them."""
HINT_COMMITS_MAX: Final = 32
"""Commits that one hint tells of; of more only their partitions are told."""
EARLY_EVENTS_MAX: Final = 256
"""Newest events of a partition that a process keeps for its readers between a hint and their turn;
who comes later takes them from the log, as everybody does those of a larger commit."""
EARLY_BYTES_MAX: Final = 512 * 1024
"""Documents and facts of these; the oldest go first."""
NOTIFY_QUEUE_SHARE_MAX: Final = 0.25
"""Share of the database's queue of notifications from which on commits carry no hint: a full one
would refuse them. It fills where somebody listens and never ends a transaction."""
NOTIFY_LOOK_MS: Final = 5_000
"""How often that share is looked at, and whether anybody else still listens."""
HINT_RETRY_MS: Final = 500
"""Wait before the hint connection is opened again."""
HOLDER_WAIT_MS_MAX: Final = 500
"""Longest wait of who takes a lease for the connection that says that its process lives; without it
the lease is known to be over by its time alone."""
LEADER_RETRY_MS: Final = 500
"""How often a process asks whether an office is free: the longest gap after a leader's death."""
