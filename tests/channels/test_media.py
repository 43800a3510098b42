"""Media on real servers: webhooks, mail, SFTP. Each says what left, and what nobody can know."""

import asyncio
import csv
import email
import email.policy
import io
import json
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest
from aiosmtpd.smtp import SMTP
from msgspec.structs import replace
from tests.channels.servers import HERE, http_server
from tests.shipping.world import CLOCK

from shopwire.adapters.suppliers.depots import DepotAway, FolderDepot
from shopwire.adapters.suppliers.files import X12Files
from shopwire.adapters.suppliers.mail import Mail, table_of
from shopwire.adapters.suppliers.sftp import SftpDepot
from shopwire.adapters.suppliers.webhook import WebhookMedium
from shopwire.adapters.x12 import PurchaseOrder850, read_interchange
from shopwire.kernel.posting import Bundle, NotLeft, Posted
from shopwire.kernel.purchasing import ShipTo
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.kernel.webhooks import new_secret, verify
from shopwire.modules.channels.api import EmailWay, WebhookWay, X12Way
from shopwire.testing.conformance.purchasing import order_of

pytestmark = pytest.mark.anyio
SECRET = new_secret(b"s" * 32)


def bundle_of(way, count: int = 1, **ship_to: str) -> Bundle:
    orders = [order_of(f"cart-000{number}-abc.1/acme") for number in range(count)]
    if ship_to:
        address = ShipTo(**({"name": "Ada", "lines": ("Lane 1",), "postal_code": "1000",
                             "city": "Ghent", "country": "BE"} | ship_to))  # fmt: skip
        orders = [type(one)(id=one.id, supplier=one.supplier, lines=one.lines, ship_to=address)
                  for one in orders]  # fmt: skip
    return Bundle(
        id="acme/7",
        supplier="acme",
        control=7,
        begun_at_ms=1_795_000_000_000,
        orders=tuple(Posted(number=f"P{n:06}", order=one) for n, one in enumerate(orders, 1)),
        way=way,
    )


def matched(bundle: Bundle) -> Bundle:
    """The same with a supplier that calls A `X-1`, and B as the shop does."""
    (posted,) = bundle.orders
    first, *others = posted.order.lines
    lines = (replace(first, supplier_sku="X-1"), *others)
    return replace(bundle, orders=(replace(posted, order=replace(posted.order, lines=lines)),))


# -- webhooks -----------------------------------------------------------------------------------


async def test_a_webhook_is_signed_and_has_one_id_however_often_it_is_sent():
    got = []

    async def handle(_method, path, headers, body):
        got.append((path, verify([SECRET], headers, body, now_ms=CLOCK.now_ms()), body))
        return 204, b""

    async with http_server(handle) as url:
        medium = WebhookMedium(lambda _: SECRET, CLOCK, HERE)
        bundle = bundle_of(WebhookWay(url=f"{url}/in"))
        await medium.release(bundle)
        await medium.release(bundle)
        await medium.release(matched(bundle))
    lines = json.loads(got.pop()[2])["data"]["lines"]
    assert [(one["sku"], one["supplier_sku"]) for one in lines] == [("A", "X-1"), ("B", None)]
    assert {path for path, *_ in got} == {"/in"}
    assert len({own_id for _, own_id, _ in got}) == 1
    message = json.loads(got[0][2])
    assert message["type"] == "purchase_order.created"
    assert message["data"]["ship_to"]["city"] == "Ghent"


@pytest.mark.parametrize("repeats", [False, True])
async def test_a_webhook_without_an_answer_is_in_doubt_unless_its_receiver_drops_repetitions(
    repeats,
):
    async def handle(*_request: object):
        return None

    async with http_server(handle) as url:
        medium = WebhookMedium(lambda _: SECRET, CLOCK, HERE)
        bundle = bundle_of(WebhookWay(url=url, repeats=repeats))
        with pytest.raises(NotLeft if repeats else ProviderUnavailable):
            await medium.release(bundle)
        assert await medium.released(bundle) is (False if repeats else None)


async def test_a_webhook_that_is_refused_or_meets_nobody_did_not_leave():
    async def handle(*_request: object):
        return 410, b""

    async with http_server(handle) as url:
        medium = WebhookMedium(lambda _: SECRET, CLOCK, HERE)
        with pytest.raises(NotLeft, match="410"):
            await medium.release(bundle_of(WebhookWay(url=url)))
    with pytest.raises(NotLeft, match="nobody answers"):
        await medium.release(bundle_of(WebhookWay(url=url)))
    inside = WebhookMedium(lambda _: SECRET, CLOCK)
    with pytest.raises(NotLeft, match="internal"):
        await inside.release(bundle_of(WebhookWay(url=url)))


# -- mail ---------------------------------------------------------------------------------------


class Postbox:
    """Takes mail, or does not."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refuses = ""
        self.hangs_up = False

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server, _session, envelope, address, _options
    ):
        if address == self.refuses:
            return "550 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802 - the same
        self.mails.append(envelope.content)
        if self.hangs_up:
            server.transport.abort()
        return "250 OK"


@asynccontextmanager
async def postbox():
    box = Postbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, hostname="mail.example", loop=loop), "127.0.0.1", 0
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        way = EmailWay(
            to=("orders@acme.example", "copy@acme.example"), sender="shop@shop.example",
            host="127.0.0.1", port=port, security="none",
        )  # fmt: skip
        yield box, way


async def test_a_mail_has_a_row_a_line_and_nothing_that_a_spreadsheet_runs():
    async with postbox() as (box, way):
        bundle = bundle_of(way, 2, name="=HYPERLINK(1)", city="Ghent\r\nBcc: x@y.example")
        medium = Mail(lambda _: "", HERE)
        await medium.stage(bundle)
        await medium.release(bundle)
    (sent,) = box.mails
    mail = email.message_from_bytes(sent, policy=email.policy.default)
    assert mail["To"] == "orders@acme.example, copy@acme.example"
    assert mail["Bcc"] is None
    (table,) = mail.iter_attachments()
    text = table.get_payload(decode=True).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["order"], row["sku"], row["quantity"], row["unit_cost"]) for row in rows] == [
        ("P000001", "A", "3", "2.50"), ("P000001", "B", "1", "2.50"),
        ("P000002", "A", "3", "2.50"), ("P000002", "B", "1", "2.50"),
    ]  # fmt: skip
    assert {row["name"] for row in rows} == {"'=HYPERLINK(1)"}
    assert {row["city"] for row in rows} == {"Ghent  Bcc: x@y.example"}


def test_a_table_has_what_the_supplier_calls_each_article_beside_the_shops_sku():
    way = EmailWay(to=("a@acme.example",), sender="shop@shop.example", host="127.0.0.1")
    text = table_of(matched(bundle_of(way))).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["sku"], row["supplier_sku"]) for row in rows] == [("A", "X-1"), ("B", "B")]


async def test_a_mail_to_an_unknown_address_did_not_leave_to_anybody():
    async with postbox() as (box, way):
        box.refuses = "copy@acme.example"
        with pytest.raises(NotLeft, match="550"):
            await Mail(lambda _: "", HERE).release(bundle_of(way))
        assert box.mails == []


async def test_a_mail_whose_answer_is_lost_is_in_doubt():
    async with postbox() as (box, way):
        box.hangs_up = True
        medium = Mail(lambda _: "", HERE)
        with pytest.raises(ProviderUnavailable):
            await medium.release(bundle_of(way))
        assert len(box.mails) == 1
        assert await medium.released(bundle_of(way)) is None


async def test_a_mail_meets_no_server_or_no_encryption_and_did_not_leave():
    async with postbox() as (box, way):
        secure = EmailWay(
            to=way.to, sender=way.sender, host=way.host, port=way.port, security="starttls"
        )
        with pytest.raises(NotLeft):
            await Mail(lambda _: "", HERE).release(bundle_of(secure))
        with pytest.raises(NotLeft, match="internal"):
            await Mail(lambda _: "").release(bundle_of(way))
        assert box.mails == []
    with pytest.raises(NotLeft):
        await Mail(lambda _: "", HERE).release(bundle_of(way))


# -- SFTP ---------------------------------------------------------------------------------------


@asynccontextmanager
async def sftp_server(root: Path, word: str = "word"):
    """A server whose users see nothing but `root`; gives a way to it."""

    class Doorman(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("shop", word)

    def room(channel: asyncssh.SSHServerChannel) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(root))

    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], server_factory=Doorman, sftp_factory=room
    )
    async with server:
        place = f"sftp://shop@127.0.0.1:{server.get_port()}/acme"
        host_key = key.export_public_key().decode().strip()
        yield X12Way(place=place, sender="SHOP", receiver="ACME", host_key=host_key)


def depot_of(way: X12Way, secret: str = "word") -> SftpDepot:
    return SftpDepot(way.place, host_key=way.host_key, secret=secret, allowed=HERE)


async def test_an_850_by_sftp_appears_whole_and_once(tmp_path):
    async with sftp_server(tmp_path) as way:
        medium = X12Files(depot_of)
        bundle = bundle_of(way, 2)
        await medium.stage(bundle)
        assert await medium.released(bundle) is False
        # Whoever asks takes it away: a process that is about to let it leave comes too late.
        with pytest.raises(ProviderUnavailable):
            await medium.release(bundle)
        assert not list((tmp_path / "acme/out").glob("*"))
        await medium.stage(bundle)
        await medium.release(bundle)
        assert await medium.released(bundle) is True
        with pytest.raises(ProviderUnavailable):
            await medium.release(bundle)
        (file,) = (tmp_path / "acme/out").iterdir()
        (group,) = read_interchange(file.read_bytes()).groups
        orders = [PurchaseOrder850.from_segments(one.segments) for one in group.sets]
        assert [one.number for one in orders] == ["P000001", "P000002"]


async def test_files_of_a_server_are_taken_when_they_are_finished(tmp_path):
    inbox = tmp_path / "acme/in"
    inbox.mkdir(parents=True)
    for name in ("b.edi", "a.edi", ".hidden", "c.edi.part"):
        (inbox / name).write_bytes(name.encode())
    (inbox / "folder").mkdir()
    (inbox / "link.edi").symlink_to("/etc/passwd")
    assert await FolderDepot(tmp_path / "acme").names("in") == ["a.edi", "b.edi"]
    async with sftp_server(tmp_path) as way:
        depot = depot_of(way)
        assert await depot.names("in") == ["a.edi", "b.edi"]
        assert await depot.read("in/a.edi", 100) == b"a.edi"
        assert await depot.read("in/a.edi", 3) is None
        await depot.move("in/a.edi", "done/a.edi")
        assert await depot.names("in") == ["b.edi"]
        assert await depot.names("nowhere") == []


async def test_a_server_with_another_key_or_a_wrong_word_gets_nothing(tmp_path):
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    async with sftp_server(tmp_path) as way:
        for depot in (
            SftpDepot(way.place, host_key=other, secret="word", allowed=HERE),
            depot_of(way, "wrong"),
            SftpDepot(way.place, host_key=way.host_key, secret="word"),
        ):
            with pytest.raises(DepotAway) as problem:
                await depot.put("staging/x", b"x")
            assert "word" not in str(problem.value)
        assert not list(tmp_path.iterdir())
