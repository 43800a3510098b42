"""The port of sources: where a supplier's feed comes from, and what is known of its last one.

An adapter opens a source, looks whether there is anything new, and gives it as a file that can be
read from any place. What it may not do is limited here: no source is trusted.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import BinaryIO, Final, Literal, Protocol

import msgspec

FETCH_BYTES_MAX: Final = 2 * 1024 * 1024 * 1024
"""Size of a feed, as it comes and unpacked; more ends the fetch with SourceTooLarge."""
FETCH_SECONDS_MAX: Final = 15 * 60
"""Time that one fetch may take from the first word to the last byte; more is SourceTooSlow."""
IDLE_SECONDS_MAX: Final = 30
"""Time in which nothing at all comes; more is SourceUnreachable."""
SLOW_SECONDS: Final = 60
"""After so long a source must have sent BYTES_A_SECOND_MIN for each second; else SourceTooSlow."""
BYTES_A_SECOND_MIN: Final = 1_024
"""A source that drips more slowly holds a line open and brings nothing."""
REDIRECTS_MAX: Final = 5
"""Redirects of one fetch; one more is SourceRefused."""
UNPACK_RATIO_MAX: Final = 200
"""How many times larger than it came a packed body may be, beyond UNPACK_FREE_BYTES."""
UNPACK_FREE_BYTES: Final = 1024 * 1024
"""What a packed body may grow to whatever its ratio."""
FILES_MAX: Final = 10_000
"""Files that are looked at in one folder; one with more is refused with SourceRefused."""
QUIET_MS: Final = 2_000
"""A file that changed a shorter time ago is taken to be still written to, and waits."""

PlaceKind = Literal["folder", "http", "sftp", "push"]


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a feed is; what is not of its kind stays empty. A secret is named, never written."""

    kind: PlaceKind
    address: str = ""
    """A folder; `https://host/feed.csv`, in which `{secret}` stands for the secret;
    `sftp://user@host:port/folder`; nothing for push."""
    pattern: str = "*"
    """Which files of a folder, as in `stock-*.csv`."""
    secret: str = ""
    """Name of a file in the folder of secrets: a header's value, a password, a private key."""
    header: str = "Authorization"
    """In which header of a request the secret goes, where the address has no place for it."""
    host_key: str = ""
    """The server's public key as in known_hosts (`ssh-ed25519 AAAA...`), or its `SHA256:...`."""


class Marks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of the last feed, so that the same one is not taken again."""

    etag: str = ""
    last_modified: str = ""
    name: str = ""
    bytes: int = 0
    modified_ms: int = 0
    digest: str = ""
    good: bool = True
    """Whether it took effect; one that is held did not, and is not taken again either."""
    run: str = ""
    """The import that is held."""


class Fetched(msgspec.Struct, kw_only=True):
    """What a look at a source brought. `file` is None where there is nothing new."""

    file: BinaryIO | None = None
    marks: Marks = Marks()
    confirmed: bool = False
    """Without a file: the source said that what it gave last still holds."""
    bytes: int = 0
    """As they came over the line."""
    more: bool = False
    """Further files wait."""
    settle: Callable[[bool], Awaitable[None]] | None = None
    """Told whether it took effect: puts the file where it does not come again."""


class FeedSource(Protocol):
    """One kind of place."""

    def open(self, place: Place, marks: Marks) -> AbstractAsyncContextManager[Fetched]:
        """Looks, and gives what is new; the file lives as long as the context.

        Raises SourceUnreachable, SourceRefused, SourceTooLarge, SourceTooSlow, HostKeyChanged,
        UnsafeFile, SecretMissing, AddressRefused.
        """
        ...
