"""UsedOnce in memory: for tests, and for a process that is alone."""

from typing import Final

from typing_extensions import override

from shopwire.kernel.tickets import UsedOnce

USED_MAX: Final = 100_000
"""Ids that are remembered; further ones are refused until some are too old."""


class MemoryUsedOnce(UsedOnce):
    """See UsedOnce."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    @override
    async def use(self, id_: str, *, until_ms: int, now_ms: int) -> bool:
        """See UsedOnce."""
        if len(self._used) >= USED_MAX:
            self._used = {one: until for one, until in self._used.items() if until > now_ms}
        if id_ in self._used or len(self._used) >= USED_MAX:
            return False
        self._used[id_] = until_ms
        return True
