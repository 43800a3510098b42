"""How Python's one lock is shared between the loop and the threads that read feeds beside it."""

import sys
from typing import Final

SWITCH_S: Final = 0.000_5
"""How long a thread may keep the lock while another wants it. After each wait of the loop a thread
that reads a feed has it: with 0.005, the default, each step of a checkout may come so much later,
and a checkout has dozens of steps."""


def let_the_loop_go_first() -> None:
    """Call it where a server starts."""
    sys.setswitchinterval(SWITCH_S)
