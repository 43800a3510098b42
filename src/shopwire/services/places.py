"""Which places feeds are fetched from, by what the settings allow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from shopwire.adapters.outbound import Allowed
from shopwire.kernel.clock import Clock
from shopwire.kernel.fetching import FeedSource

if TYPE_CHECKING:
    from shopwire.adapters.sources.spool import Bounds, SecretFiles

SECRETS: Final = "secrets"
"""Folder of the data folder in which secrets lie, one a file."""
INBOX: Final = "inbox"
"""Folder of the data folder in which watched folders lie."""


LOOK_SECONDS_MAX: Final = 60
"""Time that a look takes which only tries a source out; a longer one ends with SourceTooSlow."""


class FeedPlaces(msgspec.Struct, frozen=True, kw_only=True):
    """Where feeds may come from, and the secrets that open the doors there."""

    data: Path
    clock: Clock
    allow_addresses: Sequence[str]
    source_folders: Sequence[str]

    def adapters(self) -> Mapping[str, FeedSource]:
        """By kind of place; raises InvalidField for an address that cannot be read."""
        from shopwire.adapters.sources.spool import Bounds  # noqa: PLC0415

        return self._made(self._secrets(), Bounds(), moves=True)

    def only_looking(self, secret: str, text: str) -> Mapping[str, FeedSource]:
        """The same, which leave every file where it is, with a secret that is kept nowhere yet."""
        from shopwire.adapters.sources.spool import Bounds, TypedSecret  # noqa: PLC0415

        typed = TypedSecret(self.data / SECRETS, secret, text)
        return self._made(typed, Bounds(seconds_max=LOOK_SECONDS_MAX), moves=False)

    def keep_secret(self, name: str, text: str) -> None:
        """Keeps a secret in its file; raises InvalidField."""
        self._secrets().write(name, text)

    def secret_names(self) -> list[str]:
        """Which secrets there are."""
        return self._secrets().names()

    def _secrets(self) -> "SecretFiles":
        from shopwire.adapters.sources.spool import SecretFiles  # noqa: PLC0415

        return SecretFiles(self.data / SECRETS)

    def _made(
        self, secrets: "SecretFiles", bounds: "Bounds", *, moves: bool
    ) -> Mapping[str, FeedSource]:
        # SSH takes a moment to load, which only processes that fetch pay.
        from shopwire.adapters.sources import (  # noqa: PLC0415
            FolderSource,
            HttpSource,
            SftpSource,
        )

        allowed = Allowed.of(self.allow_addresses)
        folders = [Path(folder) for folder in self.source_folders]
        return {
            "folder": FolderSource(self.data / INBOX, folders, self.clock, bounds, moves=moves),
            "http": HttpSource(secrets, allowed, bounds),
            "sftp": SftpSource(secrets, self.clock, allowed, bounds),
        }


def places_of(
    data: Path, clock: Clock, *, allow_addresses: Sequence[str], source_folders: Sequence[str]
) -> Mapping[str, FeedSource]:
    """The adapters by kind of place; raises InvalidField for an address that cannot be read."""
    return FeedPlaces(
        data=data, clock=clock, allow_addresses=allow_addresses, source_folders=source_folders
    ).adapters()
