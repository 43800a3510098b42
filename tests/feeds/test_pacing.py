"""Imports stand back while shoppers buy, and end all the same."""

import asyncio
import io
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.feeds.conftest import Shop
from tests.feeds.reading import groups_of

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Command
from shopwire.kernel.errors import StorageUnavailable
from shopwire.kernel.identity import LOCAL
from shopwire.kernel.ids import new_id
from shopwire.modules.feeds.api import NoteChunk, NoteIntent, NoteUndone
from shopwire.services.checkout_door import CheckoutDoor
from shopwire.services.command_door import CommandDoor
from shopwire.services.import_news import chunks
from shopwire.services.import_plan import compared
from shopwire.services.import_undo import undo_run
from shopwire.services.importing import ImportRequest
from shopwire.services.pacing import PIECE_ROWS_MAX, SHOPPERS_GONE_MS, Pacing

pytestmark = pytest.mark.anyio
HEAD = "id,title,sku,stock,cost\n"


class Time:
    """A clock that goes on where somebody waits."""

    def __init__(self) -> None:
        self.ms = 0.0
        self.waits: list[float] = []

    def now_ms(self) -> int:
        return int(self.ms)

    def monotonic_ms(self) -> float:
        return self.ms

    async def wait(self, _event: asyncio.Event, seconds: float) -> None:
        self.waits.append(seconds * 1_000)
        self.ms += seconds * 1_000


def paced(time: Time, share: int = 50) -> Pacing:
    return Pacing(time, share_percent=share, wait=time.wait)


async def test_nothing_waits_where_nobody_buys():
    time = Time()
    pacing = paced(time)
    async with pacing.piece(), pacing.piece():  # side by side
        time.ms += 1_000
    async with pacing.piece():
        assert not time.waits
    assert pacing.rows_max(500) == 500


@pytest.mark.parametrize("share", [1, 10, 50, 90, 100])
async def test_an_import_beside_shoppers_who_never_leave_has_its_share(share):
    time = Time()
    pacing = paced(time, share)
    worked = 0.0
    with pacing.shopper():
        assert pacing.rows_max(500) == PIECE_ROWS_MAX
        for number in range(20):
            async with pacing.piece():
                time.ms += 5 + number
                worked += 5 + number
    # The pause after the last piece is the next one's.
    assert time.ms - worked == pytest.approx((worked - 24) * (100 - share) / share)


async def test_a_pause_ends_when_the_last_shopper_was_answered():
    time = Time()
    pacing = Pacing(time, share_percent=1)  # it waits by the real clock
    buying = pacing.shopper()
    buying.__enter__()
    async with pacing.piece():
        time.ms += 3_600_000  # so that the pause would take four days
    second = asyncio.create_task(one_piece(pacing))
    await asyncio.sleep(0)
    assert not second.done()
    buying.__exit__(None, None, None)
    async with asyncio.timeout(60):
        await second


async def one_piece(pacing: Pacing) -> None:
    async with pacing.piece():
        pass


async def test_one_piece_goes_at_a_time_also_soon_after_the_last_shopper():
    time = Time()
    pacing = paced(time)
    with pacing.shopper():
        pass
    time.ms += SHOPPERS_GONE_MS - 1
    assert pacing.busy
    async with pacing.piece():
        second = asyncio.create_task(one_piece(pacing))
        await asyncio.sleep(0)
        assert not second.done()
    await second
    time.ms += 1
    assert not pacing.busy


async def test_what_a_piece_waits_for_shoppers_makes_no_pause():
    time = Time()
    pacing = paced(time)
    spent = [0.0, 0.0]
    with pacing.shopper():
        async with pacing.piece(lambda: spent):  # of two that ran side by side
            time.ms += 100
            spent = [7.0, 3.0]
        await one_piece(pacing)
    assert time.waits == [7]


async def test_a_piece_that_fails_counts_as_well():
    time = Time()
    pacing = paced(time)

    async def fail() -> None:
        async with pacing.piece():
            time.ms += 9
            raise RuntimeError

    with pacing.shopper():
        with pytest.raises(RuntimeError):
            await fail()
        await one_piece(pacing)
    assert time.waits == [9]


@pytest.mark.parametrize("share", [-1, 0, 101])
def test_a_share_is_some_percent(share):
    with pytest.raises(ValueError, match="percent"):
        Pacing(share_percent=share)


ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 30), st.booleans()), min_size=1, max_size=40
)


@given(ROWS, st.integers(1, 12))
def test_the_pieces_of_a_part_are_the_part_and_share_nothing(rows, rows_max):
    lines = [f"p{product},P,S{sku},{'x' if bad else 1},1\n" for product, sku, bad in rows]
    groups = groups_of(HEAD + "".join(lines))
    digests = {group.key: group.digest() for group in groups}
    part, news = compared(groups, digests, {}, (), quiet_rows=5)
    pieces = list(part.pieces(rows_max))
    assert [one for piece in pieces for one in piece.groups] == part.groups
    assert sum(piece.rows for piece in pieces) == part.rows
    assert [row for piece in pieces for row in piece.bad] == part.bad
    assert all(piece.rows >= len(piece.bad) for piece in pieces)
    said = [piece.news() for piece in pieces]
    assert [one for piece in said for one in piece.counts] == news.counts
    assert [one for piece in said for one in piece.offers] == news.offers
    assert sorted((one for piece in said for one in piece.products), key=lambda p: p.id) == sorted(
        news.products, key=lambda p: p.id
    )
    for before, after in pairwise(pieces):
        names = [{sku for group in one.groups for sku in group.lines} for one in (before, after)]
        assert names[0].isdisjoint(names[1])


def test_a_part_is_cut_where_it_may_be():
    groups = groups_of(HEAD + "".join(f"p{n},P,S{n},1,1\n" for n in range(100)))
    part, _ = compared(groups, {group.key: group.digest() for group in groups}, {}, ())
    assert [piece.rows for piece in part.pieces(30)] == [30, 30, 30, 10]
    assert list(part.pieces(500)) == [part]
    pacing = Pacing()
    rows = range(300)
    pieces = pacing.cut(rows, 200)
    assert len(next(pieces)) == 200
    with pacing.shopper():
        assert [len(piece) for piece in pacing.cut(rows, 500)] == [128, 128, 44]
        assert [len(piece) for piece in Pacing().cut(rows, 500)] == [300]
    assert [len(piece) for piece in pieces] == [100]
    sizes = [len(chunk.groups) for chunk in chunks(iter(groups), lambda rows: min(rows, 40))]
    assert sizes == [40, 40, 20]


@pytest.mark.postgres
async def test_a_feed_beside_shoppers_who_never_leave_ends_and_says_the_same(shop: Shop):
    rows = [f"p{n},P,S{n},{n},9.90\n" for n in range(200)] + ["p,P,BAD,x,1\n"]
    feed, later = (HEAD + "".join(rows), HEAD + "".join(rows).replace(",9.90", ",9.80"))
    alone = await shop.take(feed, supplier="Alone")
    time = Time()
    pacing = shop.importer.pacing = paced(time)
    sent: list[int] = []
    listen(shop, sent)
    before_ms = sum(shop.write_path.bulk_ms)
    with pacing.shopper():
        first = await shop.take(feed, supplier="Beside")
    assert max(sent) <= PIECE_ROWS_MAX
    assert sum(shop.write_path.bulk_ms) > before_ms
    sent.clear()
    time.ms += SHOPPERS_GONE_MS
    with ExitStack() as shopping:
        # What was read at once while nobody bought is cut when somebody does.
        request = ImportRequest(run=new_id(), supplier="Beside", source="feed.csv")
        come = lambda *_: shopping.enter_context(pacing.shopper())  # noqa: E731
        again = await shop.importer.run(request, io.BytesIO(later.encode()), come)
    assert max(sent) <= PIECE_ROWS_MAX
    for summary in (first, again):
        assert (summary.status, summary.rows) == ("finished", 201)
        assert (summary.changed, summary.quarantined) == (200, 1)
    assert (first.offers, first.stock) == (alone.offers, alone.stock)
    sent.clear()
    with pacing.shopper():
        end = await shop.take(HEAD + "p0,P,S0,0,9.80\n", supplier="Beside", kind="full", force=True)
        assert end.discontinued == 199
        await undo_run(shop.importer, end.id, principal="somebody")
    assert sum(sent) > 3 * 199  # both notes of its end, and that of its undo
    assert max(sent) <= PIECE_ROWS_MAX
    assert await shop.drift() == []


def listen(shop: Shop, sent: list[int]) -> None:
    """Notes how many products each command is about that goes with a part of a feed."""
    submit, submit_many = shop.write_path.submit, shop.write_path.submit_many

    def note(command: Command) -> None:
        if isinstance(command, NoteIntent):
            sent.append(len(command.groups))
        elif isinstance(command, NoteChunk):
            sent.append(len(command.digests or command.altered))
        elif isinstance(command, NoteUndone):
            sent.append(len(command.said))

    async def one(envelope):
        note(envelope.command)
        return await submit(envelope)

    async def many(envelopes):
        for envelope in envelopes:
            note(envelope.command)
        return await submit_many(envelopes)

    shop.write_path.submit, shop.write_path.submit_many = one, many


@pytest.mark.postgres
async def test_who_waits_at_a_door_is_a_shopper(shop: Shop):
    path, reads, clock = shop.write_path, shop.store.reads, SystemClock()
    pacing = Pacing()
    busy: list[bool] = []

    async def submit(_envelope):
        busy.append(pacing.busy)
        raise StorageUnavailable(retry_ms=1)

    path.submit = submit
    completion: Any = None
    provider: Any = None
    checkout = CheckoutDoor(
        path, reads, {"none": provider}, completion, clock, provider="none", pacing=pacing
    )
    body = (
        b'{"lines": [{"sku": "A", "quantity": 1, "price_minor": 1}], "currency": "EUR",'
        b' "email": "", "method": "", "address": {"name": "", "lines": [], "postal_code": "",'
        b' "city": "", "country": "DE"}}'
    )
    assert not pacing.busy
    with pytest.raises(StorageUnavailable):
        await checkout.take("key", body)
    assert busy == [True]
    pacing = Pacing()
    commands = CommandDoor(path, pacing=pacing)
    with pytest.raises(StorageUnavailable):
        await commands.take(
            LOCAL, "suppliers.register_supplier", "key", b'{"id": "a", "name": "A"}'
        )
    assert busy == [True, True]
    assert pacing.busy  # for a while
