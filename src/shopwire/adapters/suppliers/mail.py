"""Purchase orders as a table attached to a mail. Mail tells nothing back: the portal does."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final

import aiosmtplib
from typing_extensions import override

from shopwire.adapters.outbound import NOTHING, Allowed, open_socket
from shopwire.kernel.errors import AddressRefused, ShopwireError
from shopwire.kernel.ids import derived_id
from shopwire.kernel.money import exponent_of
from shopwire.kernel.posting import Bundle, Medium, NotLeft
from shopwire.kernel.purchasing import OrderedLine
from shopwire.kernel.trade_errors import ProviderUnavailable

CALL_S_MAX: Final = 30.0
"""A mail server that takes longer for one answer counts as away."""
RETRY_MS: Final = 30_000
COLUMNS: Final = (
    "order", "purchase_order", "sku", "quantity", "unit_cost", "currency", "name", "address",
    "postal_code", "city", "region", "country", "phone", "supplier_sku",
)  # fmt: skip
"""`sku` is the shop's, `supplier_sku` what the supplier calls it, the same if it has no other."""

SecretFor = Callable[[str], str]
"""The secret of a name; raises ShopwireError where there is none."""
_FORMULA: Final = re.compile(r"^[=+\-@\t\r]")


class Mail(Medium):
    """See Medium. Whether a mail left is unknown only between its text and the server's answer."""

    def __init__(self, secret_for: SecretFor, allowed: Allowed = NOTHING) -> None:
        self._secret_for, self._allowed = secret_for, allowed

    @override
    async def stage(self, bundle: Bundle) -> None:
        mail_of(bundle)

    @override
    async def release(self, bundle: Bundle) -> None:
        way, mail = bundle.way, mail_of(bundle)
        client = await self.connect(way)
        try:
            await _prepared(client, way)
            try:
                await client.data(mail.as_bytes())
            except aiosmtplib.SMTPDataError as problem:
                raise NotLeft(f"the server refused the mail: {problem.code}") from problem
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as problem:
                raise ProviderUnavailable(provider=bundle.supplier, retry_ms=RETRY_MS) from problem
        finally:
            client.close()

    @override
    async def released(self, bundle: Bundle) -> bool | None:
        return None

    async def connect(self, way: Any) -> aiosmtplib.SMTP:
        """A connection over which mail may be sent; raises NotLeft, since nothing left so far."""
        try:
            secret = self._secret_for(way.secret) if way.secret else ""
            sock = await open_socket(way.host, way.port, self._allowed)
            client = aiosmtplib.SMTP(
                hostname=way.host,
                port=None,
                sock=sock,
                timeout=CALL_S_MAX,
                use_tls=way.security == "tls",
                start_tls=way.security == "starttls",
                username=way.user or None,
                password=secret or None,
            )
            await client.connect()
        except AddressRefused as problem:
            raise NotLeft(f"{problem.data['host']}: {problem.data['reason']}") from None
        except ShopwireError as problem:
            raise NotLeft(problem.detail) from problem
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as problem:
            raise NotLeft(f"{way.host}: {type(problem).__name__}") from problem
        return client


async def _prepared(client: aiosmtplib.SMTP, way: Any) -> None:
    """Sender and all recipients, as the server takes them; one that it refuses stops the mail."""
    try:
        await client.mail(way.sender)
        for address in way.to:
            await client.rcpt(address)
    except aiosmtplib.SMTPResponseException as problem:
        raise NotLeft(f"the server refused an address: {problem.code}") from problem
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as problem:
        raise NotLeft(f"{way.host}: {type(problem).__name__}") from problem


def mail_of(bundle: Bundle) -> EmailMessage:
    """The mail of a bundle, the same each time: a mailbox that looks at ids has it once."""
    way = bundle.way
    mail = EmailMessage()
    mail["Message-ID"] = f"<{derived_id('mail', bundle.id)}@{way.sender.rpartition('@')[2]}>"
    mail["Date"] = format_datetime(datetime.fromtimestamp(bundle.begun_at_ms / 1_000, UTC))
    mail["From"], mail["To"] = way.sender, ", ".join(way.to)
    count = len(bundle.orders)
    what = bundle.orders[0].number if count == 1 else f"{count} purchase orders"
    mail["Subject"] = f"Purchase order {what}" if count == 1 else f"{what} ({bundle.control})"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(
        f"{count} purchase {'order is' if count == 1 else 'orders are'} in the table attached.\n"
        "Please accept, refuse and ship them at the shop's supplier portal.\n"
    )
    mail.add_attachment(
        table_of(bundle), maintype="text", subtype="csv",
        filename=f"purchase-orders-{bundle.control}.csv",
    )  # fmt: skip
    return mail


def table_of(bundle: Bundle) -> bytes:
    """A row a line of an order, as UTF-8 with the mark that spreadsheets look for."""
    out = io.StringIO(newline="")
    write = csv.writer(out).writerow
    write(COLUMNS)
    for posted in bundle.orders:
        for line in posted.order.lines:
            goods = (posted.number, posted.order.id, line.sku, str(line.quantity), *_cost(line))
            own = line.supplier_sku or line.sku
            write([harmless(text) for text in (*goods, *_address(posted.order.ship_to), own)])
    return out.getvalue().encode("utf-8-sig")


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula, and that stays on its line."""
    flat = " ".join(text.split("\n")).replace("\r", " ")
    return f"'{flat}" if _FORMULA.match(flat) else flat


def _cost(line: OrderedLine) -> tuple[str, str]:
    if line.cost_minor is None or line.currency is None:
        return "", ""
    digits = exponent_of(line.currency)
    whole, part = divmod(line.cost_minor, 10**digits)
    return (f"{whole}.{part:0{digits}}" if digits else str(whole)), line.currency


def _address(ship_to: Any) -> Iterator[str]:
    if ship_to is None:
        yield from ("",) * 7
        return
    yield from (ship_to.name, ", ".join(ship_to.lines), ship_to.postal_code, ship_to.city)
    yield from (ship_to.region, ship_to.country, ship_to.phone)
