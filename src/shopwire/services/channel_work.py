"""The ways to suppliers, put together: who carries what, where answers are read."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from typing_extensions import override

from shopwire.adapters.outbound import Allowed
from shopwire.adapters.sources.spool import SecretFiles
from shopwire.adapters.suppliers.depots import Depot, FolderDepot
from shopwire.adapters.suppliers.files import X12Files
from shopwire.adapters.suppliers.mail import Mail
from shopwire.adapters.suppliers.service import SupplierService
from shopwire.adapters.suppliers.webhook import WebhookMedium
from shopwire.kernel.activities import Activity
from shopwire.kernel.clock import Clock
from shopwire.kernel.log import EventLog
from shopwire.kernel.posting import Bundle, Medium
from shopwire.kernel.purchasing import ShipTo, SupplierChannel
from shopwire.kernel.queries import Reads
from shopwire.kernel.write_path import WritePath
from shopwire.modules.channels.activities import activities
from shopwire.modules.channels.api import ApiWay, X12Way
from shopwire.services.inbox import Inbox, mending
from shopwire.services.secrets import Secrets
from shopwire.services.ways import Asking, Ledger, Posting, Ways
from shopwire.services.x12_answers import X12Answers

SECRETS: Final = "secrets"
"""Folder of the data folder in which secrets lie, one a file."""
EXCHANGE: Final = "exchange"
"""Folder of the data folder in which lie those that are shared with suppliers."""

AddressOf = Callable[[str, str], Awaitable[ShipTo | None]]


class Reach:
    """What this process may connect to, and by which secrets."""

    def __init__(self, data: Path, allow_addresses: Sequence[str]) -> None:
        """Raises InvalidField for an address that cannot be read."""
        self.allowed: Final = Allowed.of(allow_addresses)
        self._secrets = SecretFiles(data / SECRETS)
        self._exchange = data / EXCHANGE

    def secret(self, name: str) -> str:
        """A secret by its name, empty where none is named; raises SecretMissing."""
        return self._secrets.read(name) if name else ""

    def depot(self, way: X12Way) -> Depot:
        """The folder of a way; raises SecretMissing."""
        if way.place.startswith("folder:"):
            return FolderDepot(self._exchange / way.place.removeprefix("folder:"))
        # SSH takes a moment to load, which only shops that use it pay.
        from shopwire.adapters.suppliers.sftp import SftpDepot  # noqa: PLC0415

        return SftpDepot(
            way.place,
            host_key=way.host_key,
            secret=self.secret(way.secret),
            allowed=self.allowed,
        )

    def service(self, way: ApiWay) -> SupplierChannel:
        """The service of a supplier; raises SecretMissing."""
        return SupplierService(
            way.url,
            token=self.secret(way.secret),
            timeout_ms=way.timeout_ms,
            allowed=self.allowed,
        )


class Nothing(Medium):
    """Suppliers who come for their orders: what is readable has left."""

    @override
    async def stage(self, bundle: Bundle) -> None:
        """Has nothing to prepare."""

    @override
    async def release(self, bundle: Bundle) -> None:
        """Has nothing to do."""

    @override
    async def released(self, bundle: Bundle) -> bool | None:
        """It has."""
        return True


class ChannelWork(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that a process runs."""

    channel: SupplierChannel
    activities: tuple[Activity, ...]
    inbox: Inbox


def channel_work(
    reach: Reach,
    usual: dict[str, SupplierChannel],
    secrets: Secrets,
    parts: tuple[WritePath, Reads, EventLog, Clock],
    address_of: AddressOf,
) -> ChannelWork:
    """Puts the ways together.

    `usual` are the channels that need no way of their own, by kind; the first of them is taken
    where nobody said how a supplier is reached.
    """
    write_path, reads, log, clock = parts
    ledger = Ledger(write_path, reads)
    others: dict[str, Any] = {
        **usual,
        "posted": Posting(ledger),
        "api": Asking(ledger, reach.service),
    }
    media: dict[str, Medium] = {
        "webhook": WebhookMedium(secrets.of, clock, reach.allowed),
        "x12": X12Files(reach.depot),
        "email": Mail(reach.secret, reach.allowed),
        "fetch": Nothing(),
    }
    answers = X12Answers(write_path, reads, log)
    return ChannelWork(
        channel=Ways(ledger, next(iter(usual.values())), others),
        activities=(*activities(media, address_of), mending(answers)),
        inbox=Inbox(write_path, reads, answers, reach.depot, clock),
    )
