"""A process that dies around a call to a supplier: the supplier's book has everything once."""

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.modules.shop import Shop, drifts, postgres_shop
from tests.shipping.desk import ORDER, plan_of, po, units
from tests.shipping.world import WAIT_S, until

from shopwire.adapters.suppliers.books import Entry, FileBook
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    CancelPurchaseOrders,
    SetSupplierRules,
)

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.slow]
SENDER = Path(__file__).with_name("sender.py")
OWN = po("acme")


@asynccontextmanager
async def sender(dsn: str, book: Path, point: str):
    child = await asyncio.create_subprocess_exec(sys.executable, str(SENDER), dsn, str(book), point)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def killed(dsn: str, book: Path, point: str) -> None:
    """Lets one run into its point."""
    async with sender(dsn, book, point) as child, asyncio.timeout(WAIT_S):
        assert await child.wait() == -signal.SIGKILL


async def line_of(shop: Shop) -> dict:
    return (await shop.document(f"purchase_order:{OWN}"))["lines"][0]


async def status_of(shop: Shop) -> str:
    return (await shop.document(f"purchase_order:{OWN}"))["status"]


async def reaches(shop: Shop, status: str) -> None:
    async def there() -> bool:
        return await status_of(shop) == status

    async with asyncio.timeout(WAIT_S):
        await until(shop, there)


def taken_in(book: Path) -> int:
    """How many orders the supplier has."""
    kept = FileBook(book)
    try:
        return sum(entry.taken for entry in kept.entries())
    finally:
        kept.close()


def entry_of(book: Path) -> Entry:
    kept = FileBook(book)
    try:
        (entry,) = kept.entries()
        return entry
    finally:
        kept.close()


@pytest.mark.parametrize(
    ("point", "then", "known"),
    [("before", "sent", False), ("after", "acknowledged", False), ("after", "acknowledged", True)],
)
async def test_an_order_is_handed_over_once_wherever_the_process_dies(
    database_url, tmp_path, point, then, known
):
    book = tmp_path / "suppliers.sqlite"
    async with postgres_shop(database_url) as shop:
        await shop.do(plan_of({"acme": {"A": 2}}, known=known))
        await killed(database_url, book, point)
        assert await status_of(shop) == "sending"
        assert taken_in(book) == (0 if then == "sent" else 1)
        async with sender(database_url, book, "none"):
            # A supplier that is asked says at once what it accepts.
            await reaches(shop, then)
        entry = entry_of(book)
        assert entry.taken == 1
        assert entry.tries["send"] == 1
        assert entry.tries["fetch"] >= 1, "whoever did not begin it has to ask first"
        assert [one for one in await drifts(shop) if one.check.startswith("shipping.")] == []


async def test_units_are_given_back_once_wherever_the_process_dies(database_url, tmp_path):
    book = tmp_path / "suppliers.sqlite"
    async with postgres_shop(database_url) as shop:
        await shop.do(plan_of({"acme": {"A": 3}}))
        async with sender(database_url, book, "none"):
            await reaches(shop, "sent")
        await shop.do(
            CancelPurchaseOrders(order_id=ORDER, wish="w", reason="shopper", lines=units(A=2))
        )
        await killed(database_url, book, "cancelled")
        assert entry_of(book).cancelled == {"A": 2}
        assert (await line_of(shop))["cancelling"] == 2
        async with sender(database_url, book, "none"):
            await reaches(shop, "sent")
        assert entry_of(book).cancelled == {"A": 2}
        assert (await line_of(shop))["cancelled"] == 2


async def test_a_question_that_was_answered_to_a_dead_process_is_asked_again(
    database_url, tmp_path
):
    book = tmp_path / "suppliers.sqlite"
    async with postgres_shop(database_url) as shop:
        await shop.do(SetSupplierRules(supplier="acme", acknowledge_within_ms=1))
        await shop.do(plan_of({"acme": {"A": 3}}))
        await killed(database_url, book, "asked")
        assert await status_of(shop) == "sent"
        async with sender(database_url, book, "none"):
            await reaches(shop, "acknowledged")
        assert (await line_of(shop))["accepted"] == 3
        again = AcknowledgePurchaseOrder(purchase_order=OWN, lines=units(A=3))
        before = await shop.version(f"purchase_order:{OWN}")
        await shop.do(again)
        assert await shop.version(f"purchase_order:{OWN}") == before
