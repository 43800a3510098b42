"""Limits of the ring."""

from typing import Final

RING_SOCKETS_MAX: Final = 16_384
"""Sockets of one ring; who comes later is sent to without it. A ring of this size holds about 2 MiB
of memory, whether it is used or not."""
RING_SOCKETS_MIN: Final = 1_024
"""Sockets of the smallest ring, for which is tried where there is no memory for a larger one."""
RING_SENDS_MAX: Final = 1_024
"""Sends that are given to the kernel at once; more are given in several portions."""
RING_BYTES_MAX: Final = 65_536
"""Size of what is sent; larger has to go another way."""
RING_FILL_SHARE: Final = 20
"""A length is written into all entries at once where at least one of so many is sent: that is
twenty times faster than into some."""
RING_ENTERS_MAX: Final = 8
"""Calls of the kernel for one portion: one is the rule, more where it was interrupted. Then the
ring is given up, and what it did not send goes another way."""
