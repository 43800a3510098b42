"""An undo puts back exactly what a run changed, and nothing that is newer."""

import asyncio
import random

import msgspec
import pytest
from tests.feeds.conftest import Shop

from shopwire.kernel.commands import Command, Envelope
from shopwire.modules.catalog.api import Change, EditProduct
from shopwire.modules.inventory.api import (
    HoldLine,
    HoldStock,
    PostHold,
    SellStock,
)
from shopwire.modules.suppliers.api import PutOffer
from shopwire.services.import_undo import undo_run

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

HEAD = "id,title,category,sku,stock,cost\n"
FIRST = HEAD + "mug,Mug,Kitchen,M-S,5,2.50\nmug,Mug,Kitchen,M-L,6,3.50\njug,Jug,Kitchen,J,7,9\n"
SECOND = HEAD + (
    "mug,Big mug,Kitchen,M-S,8,2.60\nmug,Big mug,Kitchen,M-L,6,3.50\n"
    "pan,Pan,Garden,P,3,20\njug,Jug,Kitchen,J,2,9\n"
)


async def do(shop: Shop, command: Command, key: str = ""):
    key = key or msgspec.json.encode(command).decode()[:200]
    outcome = await shop.write_path.submit(Envelope(command=command, key=key))
    assert outcome.ok, outcome.body
    return msgspec.json.decode(outcome.body)["result"]


async def undo(shop: Shop, run: str) -> dict:
    return await undo_run(shop.importer, run, principal="ann")


async def public(shop: Shop) -> dict[str, str]:
    """What everybody sees, byte for byte; a category counts its revisions and is left out."""
    rows = await shop.query("SELECT topic, body::text FROM documents ORDER BY topic")
    return {row[0]: row[1] for row in rows if row[0].split(":")[0] in ("product", "stock", "offer")}


def said(documents: dict[str, str], topic: str):
    return msgspec.json.decode(documents[topic])


async def test_an_undo_restores_to_the_byte_and_the_same_feed_is_news_again(shop: Shop):
    await shop.take(FIRST)
    before = await public(shop)
    known = await shop.query("SELECT * FROM feed_row ORDER BY entity")
    summary = await shop.take(SECOND, run="second")
    after = await public(shop)
    assert after != before
    run = await undo(shop, "second")
    assert (run["status"], run["stayed"], run["decided_by"]) == ("undone", 0, "ann")
    now = await public(shop)
    assert {topic: now[topic] for topic in before} == before
    new = {topic for topic in now if topic not in before}
    assert new == {"product:pan", "stock:P", "offer:P/acme"}
    assert said(now, "product:pan")["status"] == "archived"
    assert said(now, "stock:P")["available"] == 0
    assert not said(now, "offer:P/acme")["active"]
    rows = await shop.query("SELECT * FROM feed_row WHERE entity <> 'pan' ORDER BY entity")
    assert rows == known
    assert await undo(shop, "second") == run  # a second time has no second effect
    again = await shop.take(SECOND)
    assert (again.changed, again.unchanged) == (summary.changed, summary.unchanged)
    assert await public(shop) == after
    assert await shop.drift() == []


async def test_what_is_newer_is_left_and_told(shop: Shop):
    await shop.take(FIRST)
    await shop.take(SECOND, run="second")
    await do(shop, PutOffer(sku="M-S", supplier="acme", cost_minor=270, currency="EUR"))
    was = {"title": Change(was="Big mug", now="My mug")}
    await do(shop, EditProduct(id="mug", changes=was))
    await shop.take(SECOND.replace("J,2,9", "J,1,9").replace("P,3,", "P,4,"), run="third")
    await shop.take(SECOND.replace("J,2,9", "J,1,9"), run="fourth")  # P has three again
    run = await undo(shop, "second")
    page = await shop.query("SELECT kept::text FROM import_left ORDER BY seq")
    left = {(one["what"], one["id"], *one["fields"]) for row in page for one in [read(row[0])]}
    assert left == {
        ("offer", "M-S", "cost_minor"),
        ("product", "mug", "title"),
        ("stock", "J", "reported"),
        ("stock", "P", "reported"),
    }
    assert run["stayed"] == 4
    now = await public(shop)
    assert said(now, "offer:M-S/acme")["cost_minor"] == 270
    assert said(now, "product:mug")["title"] == "My mug"
    assert said(now, "stock:J")["available"] == 1
    assert said(now, "stock:M-S")["available"] == 5
    # What is newer is still known as said; the rest is news.
    again = await shop.take(SECOND.replace("J,2,9", "J,1,9"))
    assert (again.changed, again.unchanged) == (3, 1)
    assert await shop.drift() == []


def read(text: str):
    return msgspec.json.decode(text)


async def test_a_full_feed_is_undone_with_what_it_ended(shop: Shop):
    await shop.take(FIRST)
    before = await public(shop)
    ended = await shop.take(HEAD + "jug,Jug,Kitchen,J,7,9\n", kind="full", run="full")
    assert ended.discontinued == 2
    assert (await undo(shop, "full"))["status"] == "undone"
    assert await public(shop) == before
    again = await shop.take(FIRST)
    assert (again.changed, again.unchanged) == (0, 3)
    assert await shop.drift() == []


async def test_orders_that_came_meanwhile_stay_right(shop: Shop):
    await shop.take(FIRST, as_of_ms=1_000)
    await do(shop, SellStock(sku="M-L", quantity=2, reference="before"))
    (row,) = await shop.query("SELECT (extract(epoch FROM now()) * 1000)::bigint + 60000")
    later = FIRST.replace("M-L,6", "M-L,40").replace("J,7", "J,9")
    await shop.take(later, run="second", as_of_ms=row[0])  # it contains the sale
    await do(shop, SellStock(sku="M-L", quantity=3, reference="after"))
    held = HoldLine(sku="J", quantity=8)
    await do(shop, HoldStock(hold_id="h", lines=(held,), ttl_ms=60_000))
    run = await undo(shop, "second")
    assert (run["status"], run["stayed"]) == ("undone", 0)
    now = await public(shop)
    # Six units, of which two were sold before and three after; nine were promised of seven.
    assert said(now, "stock:M-L")["available"] == 1
    assert said(now, "stock:J")["available"] == 0
    (pool,) = await shop.query(
        "SELECT reported, reserved, shortfall, as_of_ms FROM stock_pool WHERE sku = 'J'"
    )
    assert tuple(pool) == (7, 8, 1, 1_000)
    assert await shop.drift() == []


async def test_an_undo_that_is_cut_off_goes_on(shop: Shop, monkeypatch):
    monkeypatch.setattr("shopwire.services.import_undo.UNDO_GROUPS_MAX", 1)
    await shop.take(FIRST)
    before = await public(shop)
    await shop.take(FIRST.replace(",Kitchen,", ",Garden,").replace(",7,", ",1,"), run="second")
    decide = shop.importer.decide
    calls = 0

    async def dying(command, *more):  # noqa: ANN002
        nonlocal calls
        calls += 1
        if calls == 2:  # the first part is put back, and not written down
            raise ConnectionError("killed")
        return await decide(command, *more)

    monkeypatch.setattr(shop.importer, "decide", dying)
    with pytest.raises(ConnectionError):
        await undo(shop, "second")
    run = await undo(shop, "second")
    assert (run["status"], run["stayed"]) == ("undone", 0)
    assert await public(shop) == before
    assert await shop.drift() == []


@pytest.mark.parametrize("at", [3, pytest.param(4, marks=pytest.mark.soak), 5])
async def test_an_import_that_died_half_way_is_undone_with_what_it_had_not_written_down(
    shop: Shop, monkeypatch, at
):
    await shop.take(FIRST)
    before = await public(shop)
    submit_many = shop.write_path.submit_many
    calls = 0

    async def dying(envelopes):
        nonlocal calls
        calls += 1
        if calls == at:  # behind the start and the intent: products, offers, stock
            await submit_many(envelopes)
            raise asyncio.CancelledError
        return await submit_many(envelopes)

    monkeypatch.setattr(shop.write_path, "submit_many", dying)
    with pytest.raises(asyncio.CancelledError):
        await shop.take(SECOND, run="second")
    monkeypatch.undo()
    assert await public(shop) != before
    assert (await shop.take(FIRST, source="other.csv")).changed == 0  # it closes the older run
    run = await undo(shop, "second")
    assert (run["status"], run["stayed"]) == ("undone", 0)
    now = await public(shop)
    assert {topic: now[topic] for topic in before} == before
    assert await shop.drift() == []


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 12))]
)
async def test_random_feeds_undone_leave_what_was_before(shop: Shop, seed: int):
    draw = random.Random(seed)
    skus = [f"S{number}" for number in range(24)]

    def feed() -> str:
        rows = [
            f"p{number // 2},Product {number // 2} {draw.choice('ab')},"
            f"{draw.choice(['All', 'Some'])},{sku},{draw.randint(3, 9)},{draw.choice('23')}\n"
            for number, sku in enumerate(skus)
            if draw.random() < 0.8
        ]
        return HEAD + "".join(rows)

    await shop.take(feed())
    before = await public(shop)
    runs = [f"run-{number}" for number in range(3)]
    units = dict.fromkeys(skus, 0)
    (row,) = await shop.query("SELECT (extract(epoch FROM now()) * 1000)::bigint")
    for number, run in enumerate(runs):
        # Either nothing tells which sales are in its counts, or all of them are.
        as_of_ms = draw.choice([None, row[0] + 100_000 * (number + 1)])
        kind = draw.choice(["full", "partial"])
        await shop.take(feed(), run=run, kind=kind, force=True, as_of_ms=as_of_ms)
        for sku in draw.sample(skus, 6):
            amount, name = draw.randint(1, 2), f"{run}-{sku}"
            lines = (HoldLine(sku=sku, quantity=amount),)
            commands: list[Command] = draw.choice(
                [
                    [SellStock(sku=sku, quantity=amount, reference=name)],
                    [HoldStock(hold_id=name, lines=lines, ttl_ms=60_000)],
                    [
                        HoldStock(hold_id=name, lines=lines, ttl_ms=60_000),
                        PostHold(hold_id=name, skus=(sku,)),
                    ],
                ]
            )
            for command in commands:
                outcome = await shop.write_path.submit(Envelope(command=command, key=name))
            units[sku] += amount if outcome.ok else 0
    for run in reversed(runs):
        assert (await undo(shop, run))["stayed"] == 0
    now = await public(shop)
    kept = {topic: now[topic] for topic in before if not topic.startswith("stock:")}
    assert kept == {topic: body for topic, body in before.items() if not topic.startswith("stock:")}
    for topic, body in before.items():
        if topic.startswith("stock:"):
            was, left = msgspec.json.decode(body)["available"], said(now, topic)["available"]
            assert left == max(0, was - units[topic[6:]])
    assert await shop.drift() == []
