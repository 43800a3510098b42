"""What was used once and is good no more: the port that all processes of a shop share."""

from typing import Protocol


class UsedOnce(Protocol):
    """Remembers ids until a moment; each is given out once, whichever process asks."""

    async def use(self, id_: str, *, until_ms: int, now_ms: int) -> bool:
        """Whether nobody has used this id before; it is used from now on.

        After `until_ms` it may be forgotten: whoever asks knows by itself that it is too old.
        Raises StorageUnavailable where nobody can say, and then it is not to be taken.
        """
        ...
