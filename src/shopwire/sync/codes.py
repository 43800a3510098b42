"""Close codes: 4000 to 4499 ask a client to reconnect, 4500 to 4999 tell it not to."""

from enum import IntEnum
from typing import Final


class CloseCode(IntEnum):
    """Why the server ends a connection; docs/protocol/sync-v1.md section 9."""

    SERVER_STOPPING = 4000
    SILENT = 4001
    HELLO_TIMEOUT = 4002
    FLOODING = 4003
    SERVER_FULL = 4004
    TOO_MANY_CONNECTIONS = 4005
    SERVER_FAILED = 4010
    PROTOCOL_ERROR = 4500
    TOO_MANY_BAD_MESSAGES = 4501
    UNSUPPORTED_PROTOCOL = 4502

    @property
    def reason(self) -> str:
        """The name as it stands in the close frame."""
        return self.name.lower()


LEAST_WAIT_MS: Final = 10_000
"""How long a client stays away at least that was closed for asking too much."""
_STANDARD_FINAL = frozenset({1002, 1003, 1007, 1008, 1009, 1010})


def may_reconnect(code: int) -> bool:
    """Whether a client that was closed with this code tries again."""
    if code >= 4000:
        return code < 4500
    return code not in _STANDARD_FINAL


def least_wait_ms(code: int) -> int:
    """How long a client that was closed with this code waits at least before it tries again."""
    greedy = code in {CloseCode.FLOODING, CloseCode.TOO_MANY_CONNECTIONS}
    return LEAST_WAIT_MS if greedy else 0
