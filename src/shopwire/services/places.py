"""Which places feeds are fetched from, by what the settings allow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from shopwire.adapters.outbound import Allowed
from shopwire.kernel.clock import Clock
from shopwire.kernel.fetching import FeedSource

SECRETS: Final = "secrets"
"""Folder of the data folder in which secrets lie, one a file."""
INBOX: Final = "inbox"
"""Folder of the data folder in which watched folders lie."""


def places_of(
    data: Path, clock: Clock, *, allow_addresses: Sequence[str], source_folders: Sequence[str]
) -> Mapping[str, FeedSource]:
    """The adapters by kind of place; raises InvalidField for an address that cannot be read."""
    # SSH takes a moment to load, which only processes that fetch pay.
    from shopwire.adapters.sources import (  # noqa: PLC0415
        FolderSource,
        HttpSource,
        SftpSource,
    )
    from shopwire.adapters.sources.spool import SecretFiles  # noqa: PLC0415

    allowed = Allowed.of(allow_addresses)
    secrets = SecretFiles(data / SECRETS)
    folders = [Path(folder) for folder in source_folders]
    return {
        "folder": FolderSource(data / INBOX, folders, clock),
        "http": HttpSource(secrets, allowed),
        "sftp": SftpSource(secrets, clock, allowed),
    }
