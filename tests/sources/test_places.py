"""Places that feeds come from: what is taken, what is not new, what a hostile one may not do."""

import logging
import os
import zlib
from pathlib import Path
from typing import Any

import asyncssh
import httpx2
import pytest
from tests.sources.far_side import Sftp, packed, put, reply, sftp, web

from shopwire.adapters.outbound import Allowed
from shopwire.adapters.sources import FolderSource, HttpSource, SftpSource
from shopwire.adapters.sources.http import _onwards
from shopwire.adapters.sources.spool import Bounds, SecretFiles, Spool
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import AddressRefused, ShopwireError
from shopwire.kernel.fetching import REDIRECTS_MAX, Marks, Place
from shopwire.kernel.source_errors import (
    HostKeyChanged,
    SecretMissing,
    SourceRefused,
    SourceTooLarge,
    SourceTooSlow,
    SourceUnreachable,
    UnsafeFile,
)
from shopwire.services.logs import configure_logs

pytestmark = pytest.mark.anyio
HERE = Allowed.of(["127.0.0.1"])
FEED = b"sku,stock\nA,5\n"


async def fetched(source, place, marks=Marks()):  # noqa: B008 - it never changes
    async with source.open(place, marks) as found:
        return found, found.file.read() if found.file else None


def at(address: str, **more: Any) -> Place:
    return Place(kind="http", address=address, **more)


def http(folder: Path = Path("/nonexistent"), **bounds: Any) -> HttpSource:
    return HttpSource(SecretFiles(folder), HERE, Bounds(**bounds))


# -- HTTP ---------------------------------------------------------------------------------------


async def test_a_feed_is_taken_once_and_asked_for_by_its_marks_then():
    async with web() as far:
        stamp = "Thu, 26 Nov 2026 05:00:00 GMT"
        far.answers["/f.csv"] = reply(200, FEED, etag='"1"', last_modified=stamp)
        first, body = await fetched(http(), at(f"{far.url}/f.csv"))
        assert (body, first.bytes) == (FEED, len(FEED))
        assert (first.marks.etag, first.marks.name) == ('"1"', "f.csv")
        assert first.marks.modified_ms == 1_795_669_200_000
        far.answers["/f.csv"] = reply(304)
        again, body = await fetched(http(), at(f"{far.url}/f.csv"), first.marks)
        assert (again.confirmed, body) == (True, None)
        assert far.asked[-1][1]["if-none-match"] == '"1"'
        assert far.asked[-1][1]["if-modified-since"] == stamp


async def test_a_secret_goes_where_it_belongs_and_to_no_other_host(tmp_path):
    put(tmp_path / "acme", "Bearer abc\n")
    async with web() as far, web() as other:
        far.answers["/f"] = reply(302, location=f"{other.url}/g")
        other.answers["/g"] = reply(200, FEED)
        await fetched(http(tmp_path), at(f"{far.url}/f", secret="acme"))
        assert far.asked[0][1]["authorization"] == "Bearer abc"
        assert "authorization" not in other.asked[0][1]
        far.answers["/k"] = reply(200, FEED)
        await fetched(http(tmp_path), at(f"{far.url}/k?key={{secret}}", secret="acme"))
        assert far.asked[-1][0] == "/k?key=Bearer%20abc"
        with pytest.raises(SecretMissing):
            await fetched(http(tmp_path), at(f"{far.url}/k", secret="other"))
        (tmp_path / "link").symlink_to("/etc/hostname")
        with pytest.raises(SecretMissing):
            await fetched(http(tmp_path), at(f"{far.url}/k", secret="link"))


async def test_a_secret_in_an_address_is_in_no_log_and_no_error(tmp_path, caplog):
    put(tmp_path / "key", "s3cr3t")
    configure_logs()
    logging.getLogger().addHandler(caplog.handler)
    async with web() as far:
        place = at(f"{far.url}/k?key={{secret}}", secret="key")
        far.answers["/k"] = reply(200, FEED)
        await fetched(http(tmp_path), place)
        for answer in (reply(302, location="/k?key=s3cr3t"), reply(404), b"", b"rubbish\r\n\r\n"):
            far.answers["/k"] = answer
            with pytest.raises(ShopwireError) as caught:
                await fetched(http(tmp_path), place)
            assert "s3cr3t" not in f"{caught.value} {caught.value.data}"
    assert "s3cr3t" not in caplog.text


async def test_internal_addresses_are_refused_directly_and_behind_a_redirect():
    async with web() as far:
        with pytest.raises(AddressRefused):
            await fetched(HttpSource(SecretFiles(Path("/x"))), at(f"{far.url}/f"))
        for target in ("http://169.254.169.254/latest", "http://[::1]/", "http://10.0.0.1/"):
            far.answers["/f"] = reply(302, location=target)
            with pytest.raises(AddressRefused):
                await fetched(http(), at(f"{far.url}/f"))


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (reply(404), SourceRefused, "nothing at this address"),
        (reply(401), SourceRefused, "another secret"),
        (reply(503, retry_after="120"), SourceUnreachable, "503"),
        (reply(200, FEED, content_type="text/html; charset=utf-8"), SourceRefused, "text/html"),
        (reply(200, FEED, content_type="image/png"), SourceRefused, "image/png"),
        (reply(200, b""), SourceRefused, "no bytes"),
        (reply(304), SourceRefused, "was not asked"),
        (reply(302, location="ftp://acme.example/f"), SourceRefused, "leads to no address"),
        (reply(302), SourceRefused, "leads to no address"),
        (reply(200, FEED, content_length="99"), SourceUnreachable, "broke off"),
        (reply(200, FEED, content_length=str(10**12)), SourceTooLarge, "announces"),
        (reply(200, FEED, content_encoding="br"), SourceRefused, "'br'"),
        (reply(200, FEED, content_encoding="gzip"), SourceRefused, "cannot be unpacked"),
        (packed(FEED)[:-9], SourceUnreachable, "broke off"),
        (b"rubbish\r\n\r\n", SourceUnreachable, "broke off"),
        (b"", SourceUnreachable, "broke off"),
    ],
)
async def test_what_is_no_feed_is_an_error_that_says_why(answer, error, reason):
    async with web() as far:
        far.answers["/f"] = answer
        with pytest.raises(error) as caught:
            await fetched(http(), at(f"{far.url}/f"))
        assert reason in str(caught.value.data["reason"])
        if answer.startswith(b"HTTP/1.1 503"):
            assert caught.value.data["retry_ms"] == 120_000


def test_a_redirect_never_leads_from_tls_to_plain_text():
    headers = {"location": "http://acme.example/g"}
    place = at("https://acme.example/f")
    with pytest.raises(SourceRefused, match="without TLS"):
        _onwards(place.address, {}, place, httpx2.Response(302, headers=headers))


async def test_a_circle_of_redirects_ends():
    async with web() as far:
        far.answers["/a"] = reply(302, location="/b")
        far.answers["/b"] = reply(302, location="/a")
        with pytest.raises(SourceRefused, match=str(REDIRECTS_MAX)):
            await fetched(http(), at(f"{far.url}/a"))
        assert len(far.asked) == REDIRECTS_MAX + 1


async def test_a_body_without_end_ends():
    async def endless(path, headers, writer):
        writer.write(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
            await writer.drain()

    async with web() as far:
        far.answers["/f"] = endless
        with pytest.raises(SourceTooLarge):
            await fetched(http(bytes_max=1_000_000), at(f"{far.url}/f"))


async def test_a_body_that_unpacks_to_a_bomb_ends_early():
    async with web() as far:
        far.answers["/f"] = packed(bytes(20_000_000))
        with pytest.raises(SourceTooLarge, match="unpack"):
            await fetched(http(), at(f"{far.url}/f"))
        far.answers["/f"] = packed(FEED * 1_000)
        assert (await fetched(http(), at(f"{far.url}/f")))[1] == FEED * 1_000


async def test_a_packed_body_that_breaks_off_is_no_feed():
    compress = zlib.compressobj(wbits=31)
    half = compress.compress(os.urandom(50_000)) + compress.flush(zlib.Z_SYNC_FLUSH)
    async with web() as far:
        far.answers["/f"] = reply(200, half, content_encoding="gzip")
        with pytest.raises(SourceUnreachable):
            await fetched(http(), at(f"{far.url}/f"))


async def test_a_source_that_drips_is_left_alone():
    async def drip(path, headers, writer):
        writer.write(b"HTTP/1.1 200 X\r\ncontent-type: text/csv\r\n\r\n" + FEED)
        await writer.drain()
        await far.let_go.wait()

    async with web() as far:
        far.answers["/f"] = drip
        with pytest.raises(SourceTooSlow):
            await fetched(http(seconds_max=0.2), at(f"{far.url}/f"))


async def test_bytes_that_come_too_slowly_are_counted(tmp_path):
    now = 0.0
    with (tmp_path / "spool").open("w+b") as file:
        spool = Spool(file, Bounds(slow_seconds=60, bytes_a_second_min=1_000), lambda: now)
        now = 59.0
        await spool.take(b"x")
        now = 61.0
        with pytest.raises(SourceTooSlow):
            await spool.take(b"x")
        await Spool(file, Bounds(), lambda: now).take(b"x")


# -- folders ------------------------------------------------------------------------------------


def folder(inbox: Path, *allowed: Path, **bounds: Any) -> FolderSource:
    return FolderSource(inbox, allowed, SystemClock(), Bounds(**bounds))


WATCHED = Place(kind="folder", address="acme", pattern="*.csv")


async def test_a_folders_files_are_taken_oldest_first_and_put_away(tmp_path):
    put(tmp_path / "acme/b.csv", "new", age_s=60)
    put(tmp_path / "acme/a.csv", "old", age_s=90)
    # Its time is ahead, else it would be finished before a busy machine looks again.
    put(tmp_path / "acme/now.csv", "unfinished", age_s=-3_600)
    put(tmp_path / "acme/c.csv.part", "unfinished")
    put(tmp_path / "acme/.hidden.csv", "hidden")
    put(tmp_path / "acme/note.txt", "other")
    seen = []
    for good in (True, False):
        async with folder(tmp_path).open(WATCHED, Marks()) as found:
            seen.append((found.file.read(), found.more))
            await found.settle(good)
    assert seen == [(b"old", True), (b"new", False)]
    assert (tmp_path / "acme/done/a.csv").read_text() == "old"
    assert (tmp_path / "acme/failed/b.csv").read_text() == "new"
    assert (await fetched(folder(tmp_path), WATCHED))[1] is None
    put(tmp_path / "acme/a.csv", "again", age_s=90)
    async with folder(tmp_path).open(WATCHED, Marks()) as found:
        await found.settle(True)
    assert (tmp_path / "acme/done/a.csv.1").read_text() == "again"


async def test_a_file_that_could_not_be_put_away_is_not_taken_again(tmp_path):
    put(tmp_path / "acme/a.csv", "old")
    first, _ = await fetched(folder(tmp_path), WATCHED)
    assert (await fetched(folder(tmp_path), WATCHED, first.marks))[1] is None


async def test_only_allowed_folders_are_watched(tmp_path):
    inbox, outside = tmp_path / "inbox", tmp_path / "outside"
    put(outside / "a.csv", "secret")
    inbox.mkdir()
    (inbox / "link").symlink_to(outside)
    for address in (str(outside), "../outside", "link", "/etc"):
        with pytest.raises(UnsafeFile):
            await fetched(folder(inbox), Place(kind="folder", address=address))
    place = Place(kind="folder", address=str(outside))
    assert (await fetched(folder(inbox, outside), place))[1] == b"secret"
    (inbox / "acme").mkdir()
    (inbox / "acme/a.csv").symlink_to(outside / "a.csv")
    os.utime(inbox / "acme/a.csv", (1, 1), follow_symlinks=False)
    assert (await fetched(folder(inbox), WATCHED))[1] is None
    with pytest.raises(SourceRefused):
        await fetched(folder(inbox), Place(kind="folder", address=str(tmp_path / "none")))


async def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path):
    put(tmp_path / "acme/a.csv", "x" * 2_000)
    with pytest.raises(SourceTooLarge):
        await fetched(folder(tmp_path, bytes_max=1_000), WATCHED)
    put(tmp_path / "acme/b.csv", "", age_s=90)
    put(tmp_path / "acme/c.csv", "good")
    with pytest.raises(SourceRefused):
        await fetched(folder(tmp_path), WATCHED)
    # Neither stands before the file that is good.
    assert (await fetched(folder(tmp_path), WATCHED))[1] == b"good"
    assert sorted(path.name for path in (tmp_path / "acme/failed").iterdir()) == ["a.csv", "b.csv"]


# -- SFTP ---------------------------------------------------------------------------------------


def ssh(tmp_path: Path, **bounds: Any) -> SftpSource:
    put(tmp_path / "secrets/acme", "let me in")
    return SftpSource(SecretFiles(tmp_path / "secrets"), SystemClock(), HERE, Bounds(**bounds))


def on(far: Sftp, **more: Any) -> Place:
    fields = {"address": far.url, "secret": "acme", "host_key": far.host_key, "pattern": "*.csv"}
    return Place(kind="sftp", **(fields | more))


async def test_the_newest_file_that_fits_is_taken_once(tmp_path):
    put(tmp_path / "out/old.csv", "old", age_s=90)
    put(tmp_path / "out/new.csv", "new", age_s=60)
    put(tmp_path / "out/newer.txt", "other", age_s=30)
    async with sftp(tmp_path) as far:
        source = ssh(tmp_path)
        first, body = await fetched(source, on(far))
        assert (body, first.marks.name) == (b"new", "new.csv")
        again, body = await fetched(source, on(far), first.marks)
        assert (again.confirmed, body) == (False, None)
        shown = far.key.get_fingerprint("sha256")
        assert (await fetched(source, on(far, host_key=shown)))[1] == b"new"
        with pytest.raises(SourceTooLarge):
            await fetched(ssh(tmp_path, bytes_max=2), on(far))


async def test_a_server_with_another_key_is_not_spoken_to(tmp_path):
    put(tmp_path / "out/a.csv", "a")
    other = asyncssh.generate_private_key("ssh-ed25519").get_fingerprint("sha256")
    async with sftp(tmp_path) as far:
        with pytest.raises(HostKeyChanged) as caught:
            await fetched(ssh(tmp_path), on(far, host_key=other))
        assert caught.value.data == {"known": other, "shown": far.key.get_fingerprint("sha256")}
        far.password = "another"
        with pytest.raises(SourceRefused, match="secret"):
            await fetched(ssh(tmp_path), on(far))


async def test_a_private_key_lets_in_and_rubbish_does_not(tmp_path):
    put(tmp_path / "out/a.csv", "a")
    async with sftp(tmp_path) as far:
        source = ssh(tmp_path)
        key = asyncssh.generate_private_key("ssh-ed25519")
        far.client = key.convert_to_public()
        put(tmp_path / "secrets/key", key.export_private_key().decode())
        assert (await fetched(source, on(far, secret="key")))[1] == b"a"
        put(tmp_path / "secrets/broken", "-----BEGIN OPENSSH PRIVATE KEY-----\nxx\n")
        with pytest.raises(SecretMissing):
            await fetched(source, on(far, secret="broken"))


@pytest.mark.parametrize("name", ["../../etc/cron.csv", "a/../../b.csv", "a\nb.csv", "\x1b[2J.csv"])
async def test_names_that_lead_elsewhere_end_the_run(tmp_path, name):
    class Liar(asyncssh.SFTPServer):
        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=str(tmp_path))

        async def scandir(self, path):
            attrs = asyncssh.SFTPAttrs(
                type=asyncssh.FILEXFER_TYPE_REGULAR, size=3, permissions=0o100644, atime=1, mtime=1
            )
            yield asyncssh.SFTPName(name.encode(), attrs=attrs)

    async with sftp(tmp_path, Liar) as far:
        with pytest.raises(UnsafeFile):
            await fetched(ssh(tmp_path), on(far))


async def test_links_on_the_server_are_not_followed(tmp_path):
    put(tmp_path / "secret.csv", "secret")
    async with sftp(tmp_path) as far:
        (tmp_path / "out/a.csv").symlink_to(tmp_path / "secret.csv")
        os.utime(tmp_path / "out/a.csv", (1, 1), follow_symlinks=False)
        assert (await fetched(ssh(tmp_path), on(far)))[1] is None


async def test_ssh_to_internal_addresses_is_refused(tmp_path):
    async with sftp(tmp_path) as far:
        put(tmp_path / "secrets/acme", "let me in")
        source = SftpSource(SecretFiles(tmp_path / "secrets"), SystemClock())
        with pytest.raises(AddressRefused):
            await fetched(source, on(far))


async def test_nobody_there_is_unreachable(tmp_path):
    async with sftp(tmp_path) as far:
        place = on(far)
    with pytest.raises(SourceUnreachable):
        await fetched(ssh(tmp_path), place)
