"""A process that dies while orders leave: what left is known, or in doubt; never twice."""

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.channels.partner import WAY, Partner
from tests.channels.servers import http_server
from tests.modules.shop import Shop, postgres_shop
from tests.shipping.world import WAIT_S, until

from shopwire.modules.channels.api import LetterLine, PostLetter, PutChannel, WebhookWay

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.slow]
CARRIER = Path(__file__).with_name("carrier.py")
POST = PostLetter(
    supplier="acme",
    purchase_order="cart-0000-abc.1/acme",
    lines=(LetterLine(sku="A", quantity=2),),
)


@asynccontextmanager
async def carrier(dsn: str, root: Path, point: str):
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.channels.carrier", dsn, str(root), point,
        cwd=CARRIER.parents[2],
    )  # fmt: skip
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def killed(dsn: str, root: Path, point: str) -> None:
    async with carrier(dsn, root, point) as child, asyncio.timeout(WAIT_S):
        assert await child.wait() == -signal.SIGKILL


async def reaches(shop: Shop, state: str) -> None:
    async def there() -> bool:
        found = await shop.document("bundle:acme/1")
        return found is not None and found["state"] == state

    async with asyncio.timeout(WAIT_S):
        await until(shop, there)


async def test_a_file_is_there_once_wherever_the_process_dies(database_url, tmp_path):
    partner = Partner(tmp_path / "acme")
    async with postgres_shop(database_url) as shop:
        await shop.do(PutChannel(supplier="acme", way=WAY, gather_ms=0))
        await shop.do(POST)
        await killed(database_url, partner.root, "staged")
        assert (await shop.document("bundle:acme/1"))["state"] == "releasing"
        assert partner.orders() == []
        # The next one finds that it did not leave, and dies after it let it.
        await killed(database_url, partner.root, "left")
        (file,) = (partner.root / "out").iterdir()
        file.unlink()  # the supplier's machine was quick
        async with carrier(database_url, partner.root, "none"):
            await reaches(shop, "left")
        assert not list((partner.root / "out").iterdir()), "it left twice"


async def test_a_call_that_nobody_knows_of_is_in_doubt_and_not_repeated(database_url, tmp_path):
    got = []

    async def handle(_method, _path, _headers, body):
        got.append(body)
        return 204, b""

    async with http_server(handle) as url, postgres_shop(database_url) as shop:
        await shop.do(PutChannel(supplier="acme", way=WebhookWay(url=url), gather_ms=0))
        await shop.do(POST)
        await killed(database_url, tmp_path, "left")
        async with carrier(database_url, tmp_path, "none"):
            await reaches(shop, "doubtful")
        assert len(got) == 1
