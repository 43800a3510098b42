"""When the next flush may be: often where a flush is cheap, seldom where it is not."""

from shopwire.sync.limits import FLUSH_INTERVAL_MS_MAX, FLUSH_SHARE_EASY, FLUSH_SHARE_MAX


def next_flush_s(started_s: float, ended_s: float, cpu_s: float, interval_ms: float) -> float:
    """The moment from which on the next flush may be, in seconds of the loop's clock.

    Args:
        started_s: When the last flush began.
        ended_s: When it was done.
        cpu_s: CPU that it took. Not the time: on a machine that others fill a flush of a few
            milliseconds takes many, and waiting for a multiple of those would make screens late
            without giving anybody the CPU.
        interval_ms: The tick that flushes keep once they are worth joining.
    """
    tick_s = min(interval_ms / 1_000, cpu_s / FLUSH_SHARE_EASY)
    # As much as it used is left to reading, however long it waited for the machine.
    rest_s = min(cpu_s / FLUSH_SHARE_MAX - cpu_s, FLUSH_INTERVAL_MS_MAX / 1_000)
    return max(started_s + tick_s, ended_s + rest_s)
