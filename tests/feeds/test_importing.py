"""Feeds into a shop on PostgreSQL: what takes effect, what does not, and that sums add up."""

import asyncio

import msgspec
import pytest
from tests.feeds.conftest import RECORD, Shop, open_shop

from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import (
    AlreadyExists,
    FeedUnreadable,
    MappingInvalid,
    ProfileUnknown,
    StorageUnavailable,
)
from shopwire.modules.feeds import commands as feed_commands
from shopwire.modules.feeds.api import NoteChunk
from shopwire.modules.feeds.limits import SENDS_MAX
from shopwire.modules.inventory.api import ReportStocks, SellStock
from shopwire.modules.pricing.api import PutRates, RateLine
from shopwire.modules.suppliers.api import WithdrawOffer
from shopwire.services import import_job, importing

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

HEAD = "id,title,category,sku,stock,cost\n"
SMALL = HEAD + "mug,Mug,Kitchen,M-S,5,2.50\nmug,Mug,Kitchen,M-L,6,3.50\njug,Jug,Kitchen,J,0,9\n"
WORSE = SMALL + "pan,Pan,Kitchen,P,-1,20\npot,Pot,Kitchen,T,1.5,20\n"


def many(count: int, stock: int = 1) -> str:
    rows = "".join(
        f"p{n // 2},Product {n // 2},All,S{n},{stock + n % 5},1.50\n" for n in range(count)
    )
    return HEAD + rows


def sums(summary) -> tuple[int, int, int, int]:
    assert summary.rows == summary.changed + summary.unchanged + summary.quarantined
    return (summary.rows, summary.changed, summary.unchanged, summary.quarantined)


async def test_a_feed_becomes_products_offers_and_stock(shop: Shop):
    summary = await shop.take(SMALL)
    assert sums(summary) == (3, 3, 0, 0)
    assert (summary.profile, summary.status) == ("generic", "finished")
    found = {
        row["topic"]: msgspec.json.decode(row["body"])
        for row in await shop.query("SELECT topic, body::text FROM documents")
    }
    assert [one["sku"] for one in found["product:mug"]["variants"]] == ["M-S", "M-L"]
    assert found["stock:M-L"]["available"] == 6
    assert found["offer:J/acme"]["cost_minor"] == 900
    assert found[f"import:{summary.id}"]["status"] == "finished"
    assert found[f"import:{summary.id}"]["changed"] == 3
    assert await shop.drift() == []


async def test_the_same_feed_again_writes_nothing_but_its_own_record(shop: Shop):
    await shop.take(many(1_200))
    before = await shop.dump()
    again = await shop.take(many(1_200))
    after = await shop.dump()
    assert sums(again) == (1_200, 0, 1_200, 0)
    assert {name for name in after if after[name] != before[name]} <= RECORD
    assert len(after["events"]) - len(before["events"]) == 3
    assert len(after["import_run"]) - len(before["import_run"]) == 1


async def test_rows_of_a_product_far_apart_are_unchanged_the_second_time(shop: Shop):
    content = HEAD + "mug,Mug,All,M-S,5,2\n" + many(700)[len(HEAD) :] + "mug,Mug,All,M-L,6,2\n"
    await shop.take(content)
    again = await shop.take(content)
    assert sums(again) == (702, 0, 702, 0)
    (row,) = await shop.query("SELECT body::text FROM documents WHERE topic = 'product:mug'")
    assert [one["sku"] for one in msgspec.json.decode(row[0])["variants"]] == ["M-S", "M-L"]


async def test_only_what_is_new_is_sent(shop: Shop):
    await shop.take(SMALL)
    summary = await shop.take(SMALL.replace("J,0,9", "J,4,9"))
    assert sums(summary) == (3, 1, 2, 0)
    assert summary.stock.applied == 1
    assert (summary.products.applied, summary.offers.applied) == (0, 0)


async def test_a_dry_run_tells_and_writes_nothing_at_all(shop: Shop):
    await shop.take(SMALL)
    before = await shop.dump()
    summary = await shop.take(WORSE.replace("J,0,9", "J,4,9"), dry_run=True)
    assert sums(summary) == (5, 1, 2, 2)
    assert summary.stock.applied == 1
    assert [bad.code for bad in summary.bad_rows] == ["negative", "fractional"]
    assert await shop.dump() == before


async def test_bad_rows_are_kept_with_all_that_mends_them(shop: Shop):
    summary = await shop.take(WORSE)
    assert sums(summary) == (5, 3, 0, 2)
    negative, fractional = await shop.quarantine(summary.id)
    assert negative == {
        "seq": 1,
        "line": 5,
        "column": "stock",
        "code": "negative",
        "reason": "stock is -1",
        "remedy": "Give 0 or more.",
        "raw": "pan,Pan,Kitchen,P,-1,20",
        "cells": {
            "id": "pan",
            "title": "Pan",
            "category": "Kitchen",
            "sku": "P",
            "stock": "-1",
            "cost": "20",
        },
        "outcome": None,
        "settled_by": None,
        "settled_at_ms": None,
    }
    assert (fractional["line"], fractional["code"]) == (6, "fractional")
    assert (
        await shop.query("SELECT 1 FROM documents WHERE topic IN ('product:pan', 'stock:T')") == []
    )


async def test_quarantine_is_bounded_and_the_rest_is_counted(shop: Shop, monkeypatch):
    for module in (feed_commands, import_job):
        monkeypatch.setattr(module, "QUARANTINED_ROWS_MAX", 3)
    rows = "".join(f"p{n},P,All,S{n},-1,1\n" for n in range(700))
    summary = await shop.take(HEAD + rows + "good,Good,All,G,1,1\n")
    assert sums(summary) == (701, 1, 0, 700)
    assert [row["line"] for row in await shop.quarantine(summary.id)] == [2, 3, 4]
    assert "only the first 3 bad rows are kept" in summary.notes
    assert await shop.drift() == []


async def test_a_row_that_was_bad_takes_effect_once_it_is_mended(shop: Shop):
    await shop.take(SMALL.replace("J,0,9", "J,-1,9"))
    summary = await shop.take(SMALL)
    assert sums(summary) == (3, 1, 2, 0)


async def test_a_row_that_turns_bad_leaves_the_shop_as_it_is(shop: Shop):
    await shop.take(SMALL)
    before = await shop.dump()
    summary = await shop.take(SMALL.replace("J,0,9", "J,-1,9"))
    after = await shop.dump()
    assert sums(summary) == (3, 0, 2, 1)
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= RECORD | {"import_quarantine"}
    assert sums(await shop.take(SMALL)) == (3, 0, 3, 0)


async def test_a_feed_that_is_cut_off_fails_and_keeps_what_came_before(shop: Shop):
    summary = await shop.take(many(1_001) + 'jug,"Ju')
    assert (summary.status, sums(summary)) == ("failed", (1_001, 1_001, 0, 0))
    assert summary.error.startswith("line 1003: the file ends inside a quoted cell")
    (run,) = await shop.query("SELECT status, rows, error FROM import_run")
    assert tuple(run) == ("failed", 1_001, summary.error)
    (found,) = await shop.query("SELECT count(*) FROM documents WHERE topic LIKE 'stock:%'")
    assert found[0] == 1_001


@pytest.mark.parametrize(
    ("content", "more", "error"),
    [
        ("", {}, FeedUnreadable),
        ("a,b\n1,2\n", {}, ProfileUnknown),
        (SMALL, {"profile": "nope"}, ProfileUnknown),
        (SMALL, {"profile": "adventureworks-offers"}, MappingInvalid),
        (SMALL, {"profile": "shopify"}, FeedUnreadable),
        ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><rss/>', {}, None),
    ],
)
async def test_a_feed_that_cannot_be_read_at_all_has_no_effect(shop: Shop, content, more, error):
    before = await shop.dump()
    if error is None:
        assert (await shop.take(content, **more)).status == "failed"
    else:
        with pytest.raises(error):
            await shop.take(content, **more)
        assert await shop.dump() == before
    assert (await shop.query("SELECT count(*) FROM product"))[0][0] == 0


async def test_an_import_that_dies_half_way_is_completed_by_the_next(shop: Shop, monkeypatch):
    parts, noted, dead = 0, asyncio.Event(), False
    submit_many = shop.write_path.submit_many

    async def dying(envelopes):
        nonlocal parts, dead
        kinds = {type(envelope.command) for envelope in envelopes}
        parts += ReportStocks in kinds
        # Of the second part offers are in, counts are not; the first is noted.
        if parts == 2 and ReportStocks in kinds:
            await noted.wait()
            dead = True
        if dead:
            raise asyncio.CancelledError
        outcomes = await submit_many(envelopes)
        if NoteChunk in kinds:
            noted.set()
        return outcomes

    monkeypatch.setattr(shop.write_path, "submit_many", dying)
    with pytest.raises(asyncio.CancelledError):
        await shop.take(many(1_200))
    monkeypatch.undo()
    async with open_shop(shop.dsn) as other:
        summary = await other.take(many(1_200))
        assert sums(summary) == (1_200, 700, 500, 0)
        counts = await other.query(
            "SELECT (SELECT count(*) FROM stock_ledger), (SELECT count(*) FROM offer),"
            " (SELECT count(*) FROM product), (SELECT count(*) FROM feed_row)"
        )
        assert tuple(counts[0]) == (1_200, 1_200, 600, 600)
        runs = await other.query("SELECT status, error FROM import_run ORDER BY started_at_ms")
        assert [run["status"] for run in runs] == ["interrupted", "finished"]
        assert "interrupted" in runs[0]["error"]
        assert sums(await other.take(many(1_200))) == (1_200, 0, 1_200, 0)
        assert await other.drift() == []


async def test_a_database_that_is_away_for_a_moment_is_waited_for(shop: Shop, monkeypatch):
    submit_many = shop.write_path.submit_many
    calls = 0

    async def broken(envelopes):
        nonlocal calls
        calls += 1
        outcomes = await submit_many(envelopes)
        if calls % 2:  # the effect is there, its answer never arrived
            raise StorageUnavailable(retry_ms=1)
        return outcomes

    monkeypatch.setattr(shop.write_path, "submit_many", broken)
    summary = await shop.take(many(1_200))
    assert sums(summary) == (1_200, 1_200, 0, 0)
    assert shop.pauses
    assert (await shop.query("SELECT count(*) FROM stock_ledger"))[0][0] == 1_200
    assert await shop.drift() == []


async def test_a_database_that_stays_away_ends_the_import(shop: Shop, monkeypatch):
    async def away(_envelopes):
        raise StorageUnavailable(retry_ms=1)

    monkeypatch.setattr(shop.write_path, "submit_many", away)
    with pytest.raises(StorageUnavailable):
        await shop.take(SMALL)
    assert len(shop.pauses) == SENDS_MAX - 1


async def test_a_newer_import_of_a_supplier_ends_the_older_one(shop: Shop, monkeypatch):
    submit_many = shop.write_path.submit_many
    newer = None

    async def overtaken(envelopes: list[Envelope]):
        nonlocal newer
        if newer is None and envelopes[0].command.operation == "feeds.note_chunk":
            newer = "begun"
            newer = await shop.take(many(1_200, stock=3))
        return await submit_many(envelopes)

    monkeypatch.setattr(shop.write_path, "submit_many", overtaken)
    older = await shop.take(many(1_200))
    assert older.status == "failed"
    assert "newer import" in older.error
    assert sums(newer) == (1_200, 1_200, 0, 0)
    assert await shop.drift() == []


async def test_a_run_that_somebody_else_closes_in_between_is_in_nobodys_way(
    shop: Shop, monkeypatch
):
    older = await shop.take(SMALL)

    async def as_it_was(reads, tenant, supplier):
        return [{**msgspec.structs.asdict(older), "status": "running", "held_parts": 0}]

    monkeypatch.setattr(importing, "open_runs", as_it_was)
    assert sums(await shop.take(WORSE)) == (5, 0, 3, 2)


async def test_the_id_of_a_run_is_used_once(shop: Shop):
    await shop.take(SMALL, run="run-1")
    before = await shop.dump()
    del before["idempotency"], before["lease_holder"]  # the run's lease was held once more
    with pytest.raises(AlreadyExists):
        await shop.take(SMALL.replace("J,0,9", "J,4,9"), run="run-1")
    after = await shop.dump()
    del after["idempotency"], after["lease_holder"]
    assert after == before


async def test_a_refused_product_takes_its_offers_and_stock_with_it(shop: Shop):
    urls = ",".join(f"/{n}.png" for n in range(51))
    head = "id,title,images,sku,stock,cost\n"
    rows = f'mug,Mug,"{urls}",M-S,5,2\nmug,Mug,,M-L,6,3\njug,Jug,,J,1,1\n'
    summary = await shop.take(head + rows)
    assert sums(summary) == (3, 1, 0, 2)
    assert [(bad.line, bad.column, bad.code) for bad in summary.bad_rows] == [
        (2, "images", "refused"),
        (3, "images", "refused"),
    ]
    topics = [row[0] for row in await shop.query("SELECT topic FROM documents")]
    assert not [topic for topic in topics if "M-S" in topic or "mug" in topic]
    assert "stock:J" in topics
    again = await shop.take(head + rows)
    assert sums(again) == (3, 0, 1, 2)  # what was refused is no known news


async def test_a_sku_of_another_product_gives_offer_and_stock_but_no_text(shop: Shop):
    await shop.take(SMALL)
    summary = await shop.take(HEAD + "cup,Cup,Kitchen,M-S,9,2\n", supplier="Other")
    assert sums(summary) == (1, 1, 0, 0)
    assert any("belong to another product" in note for note in summary.notes)
    topics = [row[0] for row in await shop.query("SELECT topic FROM documents")]
    assert "offer:M-S/other" in topics
    assert "product:cup" not in topics


@pytest.mark.parametrize("name", ["Поставщик", "Müller & Söhne", "日本商店"])
async def test_suppliers_may_have_names_of_any_script(shop: Shop, name):
    assert sums(await shop.take(SMALL, supplier=name)) == (3, 3, 0, 0)
    assert sums(await shop.take(SMALL, supplier=name)) == (3, 0, 3, 0)


async def test_a_later_count_that_says_the_same_is_news_while_sales_wait_for_it(shop: Shop):
    await shop.take(SMALL, as_of_ms=1_000)
    await shop.write_path.submit(Envelope(command=SellStock(sku="M-L", quantity=2), key="k"))
    unmarked = await shop.take(SMALL)
    assert unmarked.stock.applied + unmarked.stock.unchanged == 0
    now = await shop.query("SELECT (extract(epoch FROM now()) * 1000)::bigint + 1000")
    marked = await shop.take(SMALL, as_of_ms=now[0][0])
    assert marked.stock.applied == 1
    assert await shop.drift() == []


async def test_all_compares_with_the_shop_and_mends_what_was_changed_there(shop: Shop):
    await shop.take(SMALL)
    withdraw = WithdrawOffer(sku="J", supplier="acme")
    await shop.write_path.submit(Envelope(command=withdraw, key="k"))
    assert sums(await shop.take(SMALL)) == (3, 0, 3, 0)
    summary = await shop.take(SMALL, afresh=True)
    assert (summary.offers.applied, summary.offers.unchanged) == (1, 2)
    assert (summary.products.applied, summary.stock.applied) == (0, 0)
    (row,) = await shop.query("SELECT active FROM offer WHERE sku = 'J'")
    assert row[0]


async def test_offers_in_a_currency_without_a_rate_are_told_of(shop: Shop):
    content = "sku,title,stock,cost,currency\nA,Mug,1,2.50,USD\nB,Jug,1,2.50,EUR\nC,Pan,1,9,USD\n"
    (note,) = [note for note in (await shop.take(content)).notes if "no rate" in note]
    assert note.startswith("2 offers are in USD, and the shop has no rate from USD to EUR")
    rate = RateLine(base="USD", quote="EUR", rate="0.9", valid_from_ms=0)
    await shop.write_path.submit(Envelope(command=PutRates(rates=(rate,)), key="rate"))
    again = await shop.take(content, afresh=True, source="other.csv")
    assert not [note for note in again.notes if "no rate" in note]


async def test_a_letter_that_the_database_cannot_hold_costs_its_row(shop: Shop):
    with pytest.raises(FeedUnreadable, match="a letter that is none"):
        await shop.take("sku,title,odd\0\nA,Mug,x\n")
    head = "sku,title,stock,cost,odd\n"
    summary = await shop.take(head + "A,Mu\0g,1,2.50,x\nB,Jug,1,2.50,y\0\nC,Pan,1,2.50,z\n")
    assert (summary.status, *sums(summary)) == ("finished", 3, 2, 0, 1)
    (bad,) = await shop.quarantine(summary.id)
    assert (bad["line"], bad["cells"]["title"]) == (2, "Mu\\x00g")
    assert await shop.drift() == []
