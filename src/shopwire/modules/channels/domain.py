"""Ways, orders on their way, bills and unread texts as rows. All of a supplier's live together."""

import re
from collections.abc import Iterable
from typing import Final, Literal
from urllib.parse import urlsplit

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.rows import Row
from shopwire.kernel.validation import check_name
from shopwire.modules.channels.api import (
    ApiWay,
    EmailWay,
    InvoiceLine,
    LetterLine,
    Way,
    WebhookWay,
    X12Way,
)
from shopwire.modules.channels.events import (
    BundleDocument,
    BundleState,
    ChannelDocument,
    Difference,
    InvoiceDocument,
    InvoiceState,
    MessageDocument,
    MessageState,
    Receipt,
)

GATHER_MS_MAX: Final = 24 * 3_600_000
"""Longest time that a due order waits for others; windows of days are the supplier's rules."""
ORDERS_MAX: Final = 500
"""Orders that may leave together; more leave in several bundles."""
TIMEOUT_MS_MIN: Final = 500
TIMEOUT_MS_MAX: Final = 60_000
"""Longest wait for an answer of a supplier's service."""
POLL_MS_MIN: Final = 1_000
"""Shortest time between two looks at an inbox."""
POLL_MS_MAX: Final = 24 * 3_600_000
"""Longest time between two looks at an inbox."""
RECIPIENTS_MAX: Final = 10
"""Addresses that a mail with orders goes to."""
RETRY_MS_MIN: Final = 5_000
"""First wait after a bundle did not leave; it doubles up to RETRY_MS_MAX."""
RETRY_MS_MAX: Final = 15 * 60_000
"""Longest wait between two tries of one bundle."""

_SECRET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PLACE: Final = re.compile(r"folder:[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BELOW: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,5}"
)
_MAIL: Final = re.compile(r"[^@\s<>,;\"]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_PARTY: Final = re.compile(r"[A-Za-z0-9 ._&-]{1,15}")

LetterState = Literal["queued", "bundled", "left", "recalled", "direct"]
"""`direct`: its supplier's own service keeps the books of it."""


class Channel(Row, frozen=True, kw_only=True):
    """How a supplier is reached, and the numbers that were given out there."""

    table = "channel"
    group_field = "supplier"
    key_fields = ("supplier",)

    supplier: str
    version: int = 0
    way: Way
    gather_ms: int
    orders_max: int
    letters: int = 0
    """Numbers of orders that were given out."""
    bundles: int = 0
    """Control numbers that were given out."""
    inbox_trouble: str = ""

    def document(self) -> ChannelDocument:
        """The way as operators see it."""
        return ChannelDocument(
            supplier=self.supplier,
            way=self.way,
            gather_ms=self.gather_ms,
            orders_max=self.orders_max,
            inbox_trouble=self.inbox_trouble,
        )


class Letter(Row, frozen=True, kw_only=True):
    """A purchase order that the shop itself sees leave once. Where it goes is not kept here."""

    table = "channel_letter"
    group_field = "purchase_order"
    key_fields = ("purchase_order",)

    purchase_order: str
    supplier: str
    number: str
    """What its supplier sees as the order's number: short enough for every medium."""
    state: LetterState = "queued"
    bundle: str | None = None
    lines: tuple[LetterLine, ...]
    posted_at_ms: int
    left_at_ms: int | None = None


class Bundle(Row, frozen=True, kw_only=True):
    """Orders that leave together, under one control number."""

    table = "channel_bundle"
    group_field = "id"
    key_fields = ("id",)
    blind = True
    """Its number comes of its channel's count, so a new one replaces none."""

    id: str
    supplier: str
    control: int
    version: int = 0
    kind: str
    way: Way
    """As it leaves: taken from the channel anew each time that it surely did not leave."""
    state: BundleState = "staging"
    letters: tuple[str, ...]
    trouble: str = ""
    tries: int = 0
    begun_at_ms: int
    due_at_ms: int
    left_at_ms: int | None = None
    receipt: Receipt = "none"

    def document(self) -> BundleDocument:
        """The bundle as operators see it."""
        return BundleDocument(
            id=self.id,
            supplier=self.supplier,
            control=self.control,
            kind=self.kind,
            state=self.state,
            orders=self.letters,
            trouble=self.trouble,
            tries=self.tries,
            begun_at_ms=self.begun_at_ms,
            due_at_ms=self.due_at_ms,
            left_at_ms=self.left_at_ms,
            receipt=self.receipt,
        )


class Invoice(Row, frozen=True, kw_only=True):
    """A supplier's bill."""

    table = "supplier_invoice"
    group_field = "purchase_order"
    key_fields = ("purchase_order", "id")

    id: str
    supplier: str
    number: str
    purchase_order: str
    version: int = 0
    state: InvoiceState
    currency: str
    lines: tuple[InvoiceLine, ...]
    charges_minor: int
    tax_minor: int
    total_minor: int
    expected_minor: int | None
    differences: tuple[Difference, ...]
    note: str = ""
    received_at_ms: int

    def document(self) -> InvoiceDocument:
        """The bill as operators see it."""
        return InvoiceDocument(
            id=self.id,
            supplier=self.supplier,
            number=self.number,
            purchase_order=self.purchase_order,
            state=self.state,
            currency=self.currency,
            total_minor=self.total_minor,
            expected_minor=self.expected_minor,
            differences=self.differences,
            note=self.note,
            received_at_ms=self.received_at_ms,
        )


MESSAGES_KEPT_MS: Final = 30 * 24 * 3_600_000
"""How long the text of a message that is settled is kept, from when it came; then it is erased."""
MESSAGES_OPEN_MS: Final = 90 * 24 * 3_600_000
"""The same of one that nobody has settled: until then somebody may mend it."""


class Message(Row, frozen=True, kw_only=True):
    """Something that a supplier sent and that could not be used."""

    table = "channel_message"
    group_field = "id"
    key_fields = ("id",)

    id: str
    supplier: str
    own_id: str
    name: str
    version: int = 0
    state: MessageState = "open"
    reason: str
    text: str
    received_at_ms: int
    tries: int = 0

    @property
    def erased_at_ms(self) -> int:
        """When its text goes."""
        settled = self.state in ("applied", "dismissed")
        return self.received_at_ms + (MESSAGES_KEPT_MS if settled else MESSAGES_OPEN_MS)

    def document(self) -> MessageDocument:
        """What operators see of it without opening it."""
        return MessageDocument(
            id=self.id,
            supplier=self.supplier,
            name=self.name,
            state=self.state,
            reason=self.reason,
            received_at_ms=self.received_at_ms,
            tries=self.tries,
        )


def check_supplier(supplier: str) -> str:
    """Returns a supplier's id; raises InvalidField where it has a slash: ids are made with it."""
    if "/" in check_name(supplier, "supplier"):
        raise _bad("supplier", "a supplier's id has no slash", supplier)
    return supplier


def check_way(way: Way) -> Way:
    """Returns a way whose settings can be used, or raises InvalidField."""
    secret = getattr(way, "secret", "")
    if secret and not _SECRET.fullmatch(secret):
        raise _bad("way.secret", "it is the name of a file: letters, digits, . _ -", secret)
    if isinstance(way, ApiWay | WebhookWay):
        _check_url(way.url, ("http", "https"))
        _check_range(way.timeout_ms, TIMEOUT_MS_MIN, TIMEOUT_MS_MAX, "way.timeout_ms")
    elif isinstance(way, X12Way):
        _check_x12(way)
    elif isinstance(way, EmailWay):
        _check_email(way)
    return way


def _check_x12(way: X12Way) -> None:
    if way.place.startswith("folder:"):
        if not _PLACE.fullmatch(way.place):
            raise _bad("way.place", "folder: and a name of letters, digits, . _ -", way.place)
    else:
        _check_url(way.place, ("sftp",), field="way.place")
        if not way.host_key:
            raise _bad("way.host_key", "SFTP needs the server's public key", "")
    for field in ("outbox", "inbox"):
        if not _BELOW.fullmatch(getattr(way, field)):
            raise _bad(f"way.{field}", "it is a folder below the place", getattr(way, field))
    if way.outbox == way.inbox:
        raise _bad("way.inbox", "it cannot be the outbox", way.inbox)
    for field in ("sender", "receiver"):
        if not _PARTY.fullmatch(getattr(way, field)):
            raise _bad(f"way.{field}", "1 to 15 plain letters or digits", getattr(way, field))
    signs = (way.element_sign, way.component_sign, way.terminator)
    if len(set(signs)) < 3 or any(len(one) != 1 or one.isalnum() for one in signs):
        raise _bad("way.terminator", "the three separators have to be different signs", "")
    for field in ("sender_kind", "receiver_kind", "sku_kind"):
        value = getattr(way, field)
        if len(value) != 2 or not value.isalnum():
            raise _bad(f"way.{field}", "a qualifier has two letters or digits", value)
    _check_range(way.poll_ms, POLL_MS_MIN, POLL_MS_MAX, "way.poll_ms")


def _check_email(way: EmailWay) -> None:
    if not 1 <= len(way.to) <= RECIPIENTS_MAX:
        raise _bad("way.to", f"1 to {RECIPIENTS_MAX} addresses", "")
    for field, address in [("way.sender", way.sender), *(("way.to", one) for one in way.to)]:
        if not _MAIL.fullmatch(address):
            raise _bad(field, "it is no mail address", address)
    check_name(way.host, "way.host")
    _check_range(way.port, 1, 65_535, "way.port")
    if way.user and way.security == "none":
        raise _bad("way.security", "a password is not sent without encryption", way.security)


def _check_url(url: str, schemes: Iterable[str], field: str = "way.url") -> None:
    try:
        parts = urlsplit(check_name(url, field))
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable:
        raise _bad(field, f"it is no address that begins with {' or '.join(schemes)}", url)
    if parts.password is not None or (parts.username is not None and parts.scheme != "sftp"):
        raise _bad(field, "a password does not belong here: name a secret", "")


def check_gathering(gather_ms: int, orders_max: int) -> None:
    """Raises InvalidField where orders would wait too long, or too many leave together."""
    _check_range(gather_ms, 0, GATHER_MS_MAX, "gather_ms")
    _check_range(orders_max, 1, ORDERS_MAX, "orders_max")


def _check_range(value: int, least: int, most: int, field: str) -> None:
    if not least <= value <= most:
        raise _bad(field, f"it must lie from {least} to {most}", str(value))


def _bad(field: str, reason: str, value: str) -> InvalidField:
    return InvalidField(
        f"{field} cannot be used: {reason}.", field=field, reason=reason, value=value[:60]
    )


def kind_of(way: Way) -> str:
    """What a way is called: `x12`, `email` and so on."""
    return str(type(way).__struct_config__.tag)


def retry_ms(tries: int) -> int:
    """How long a bundle that did not leave waits."""
    return min(RETRY_MS_MAX, RETRY_MS_MIN << min(tries, 16))
