"""Every limit that belongs to the whole system: a name, a number, and what happens when reached.

A limit that one room alone knows stands in that room's own `limits.py`. Units come last in a name.
"""

from typing import Final

PARTITIONS_DEFAULT: Final = 4
"""Partitions of a new log, fixed when it is made: an entity's key decides its partition."""

BATCH_COMMANDS_MAX: Final = 1_024
"""Commands decided in one transaction; the rest waits for the next one."""

QUEUE_COMMANDS_MAX: Final = 8_192
"""Commands waiting for one partition; one more is refused with `QueueFull` and may be retried."""

BATCH_EVENTS_MAX: Final = 20_000
"""Events one command may produce; more is a `CommandTooLarge`."""

COMMAND_BYTES_MAX: Final = 1_048_576
"""Size of one command's body; more is refused with `BodyTooLarge`."""

COMMAND_KEY_CHARS_MAX: Final = 255
"""Length of an idempotency key; printable ASCII only."""

IDEMPOTENCY_KEPT_MS: Final = 7 * 24 * 3_600_000
"""How long an answer is kept for replay: longer than every retry schedule."""

CLAIM_LEASE_MS: Final = 30_000
"""How long a claim of several phases is held before another may take it over."""

READ_EVENTS_MAX: Final = 2_000
"""Events one read of the log returns; the reader asks again from where it ended."""

NAME_CHARS_MAX: Final = 200
"""Length of a SKU, a supplier's name, a handle."""

TEXT_CHARS_MAX: Final = 20_000
"""Length of a description."""

MONEY_MINOR_MAX: Final = 10**12
"""Largest amount of money, in minor units."""

QUANTITY_MAX: Final = 10**9
"""Largest quantity of one SKU at one supplier."""
