"""States that are in no log: the last value of each, told again to whoever asks."""

from collections.abc import Iterator

from shopwire.adapters.bus.limits import STATES_MAX


class States:
    """What this process has told, newest value a topic."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, bytes]] = {}

    def note(self, topic: str, version: int, document: bytes) -> None:
        """Remembers a value, of up to STATES_MAX topics."""
        if topic in self._told or len(self._told) < STATES_MAX:
            self._told[topic] = (version, document)

    def all(self) -> Iterator[tuple[str, int, bytes]]:
        """Everything that is remembered."""
        for topic, (version, document) in self._told.items():
            yield topic, version, document
