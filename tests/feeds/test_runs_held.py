"""Feeds that would do too much at once wait for a person; full feeds end what they do not name."""

import msgspec
import pytest
from tests.feeds.conftest import RECORD, Shop, open_shop

from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import RuleBroken
from shopwire.modules.feeds.api import PutLimits, RejectRun

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

HEAD = "id,title,category,sku,stock,cost\n"


def feed(count: int = 40, *, stock: int = 5, cost: str = "2.00", start: int = 0) -> str:
    rows = (f"p{n},Product {n},All,S{n},{stock},{cost}\n" for n in range(start, start + count))
    return HEAD + "".join(rows)


async def send(shop: Shop, command, key: str):
    return await shop.write_path.submit(Envelope(command=command, key=key, principal="ann"))


async def documents(shop: Shop, *kinds: str) -> dict[str, str]:
    rows = await shop.query("SELECT topic, body::text FROM documents ORDER BY topic")
    return {row[0]: row[1] for row in rows if row[0].split(":")[0] in kinds}


PUBLIC = ("product", "stock", "offer", "price")


async def test_an_import_that_zeroes_the_shop_is_held_until_a_person_approves(shop: Shop):
    await shop.take(feed())
    before = await shop.dump()
    told = await shop.take(feed(stock=0), dry_run=True)
    assert (told.status, told.changed) == ("finished", 40)
    assert [one.rule for one in told.hold.reasons] == ["zeroed"]
    assert await shop.dump() == before
    held = await shop.take(feed(stock=0), run="zero")
    assert (held.status, held.rows, held.changed) == ("held", 40, 40)
    (reason,) = held.hold.reasons
    assert (reason.rule, reason.count, reason.of, reason.limit_percent) == ("zeroed", 40, 40, 30)
    assert len(held.hold.examples) == 10
    assert {(one.field, one.before, one.now) for one in held.hold.examples} == {("stock", 5, 0)}
    after = await shop.dump()
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= RECORD | {"import_held"}
    async with open_shop(shop.dsn) as other:  # another process, after a restart
        applied = await other.importer.approve("zero", principal="ann")
        assert (applied.status, applied.changed, applied.stock.applied) == ("finished", 40, 40)
        (run,) = await other.query("SELECT status, decided_by FROM import_run WHERE id = 'zero'")
        assert tuple(run) == ("finished", "ann")
        stocks = await documents(other, "stock")
        assert {msgspec.json.decode(body)["available"] for body in stocks.values()} == {0}
        (left,) = await other.query("SELECT sum(length(data)) FROM import_held")
        assert left[0] == 0
        with pytest.raises(RuleBroken):
            await other.importer.approve("zero", principal="ann")
        assert await other.drift() == []


async def test_moved_prices_are_a_share_of_all_that_are_named_whatever_their_counts(shop: Shop):
    await shop.take(feed(stock=5))
    few = feed(stock=6).replace("S7,6,2.00", "S7,6,4.00").replace("S8,6,2.00", "S8,6,4.00")
    told = await shop.take(few)
    assert (told.status, told.changed, told.offers.applied) == ("finished", 40, 2)
    many = feed(stock=7).replace(",7,2.00", ",7,4.00")
    held = await shop.take(many)
    (reason,) = held.hold.reasons
    assert (reason.rule, reason.count, reason.of) == ("price_moved", 38, 40)


async def test_a_held_feed_is_rejected_and_news_again_and_limits_are_the_suppliers(shop: Shop):
    await shop.take(feed())
    held = await shop.take(feed(cost="3.50"))
    assert [one.rule for one in held.hold.reasons] == ["price_moved"]
    assert held.hold.examples[0].before, held.hold.examples[0].now == (200, 350)
    assert (await send(shop, RejectRun(run=held.id), "reject")).ok
    (run,) = await shop.query("SELECT status, decided_by FROM import_run WHERE id = $1", held.id)
    assert tuple(run) == ("rejected", "ann")
    with pytest.raises(RuleBroken):
        await shop.importer.approve(held.id)
    again = await shop.take(feed(cost="3.50"), force=True)
    assert (again.status, again.offers.applied) == ("finished", 40)
    refused = await send(shop, PutLimits(supplier="acme", zeroed_percent=101), "wrong")
    assert refused.status == 422
    assert (await send(shop, PutLimits(supplier="acme", zeroed_percent=100), "limits")).ok
    assert (await shop.take(feed(stock=0, cost="3.50"))).status == "finished"
    assert await shop.drift() == []


async def test_one_poisoned_price_is_a_bad_row_and_the_rest_is_taken(shop: Shop):
    await shop.take(feed())
    poisoned = feed(cost="2.10").replace("S7,5,2.10", "S7,9,2100.00")
    summary = await shop.take(poisoned)
    assert (summary.status, summary.changed, summary.quarantined) == ("finished", 39, 1)
    (bad,) = await shop.quarantine(summary.id)
    assert (bad["code"], bad["line"]) == ("poisoned_price", 9)
    found = await documents(shop, "offer", "stock")
    assert msgspec.json.decode(found["offer:S7/acme"])["cost_minor"] == 200
    assert msgspec.json.decode(found["stock:S7"])["available"] == 5
    assert await shop.drift() == []


async def test_a_full_feed_ends_what_it_does_not_name(shop: Shop):
    await shop.take(feed())
    summary = await shop.take(feed(35), kind="full")
    assert (summary.kind, summary.discontinued, summary.unchanged) == ("full", 5, 35)
    found = await documents(shop, *PUBLIC)
    assert msgspec.json.decode(found["stock:S39"])["available"] == 0
    assert not msgspec.json.decode(found["offer:S39/acme"])["active"]
    assert msgspec.json.decode(found["stock:S34"])["available"] == 5
    before = await shop.dump()
    again = await shop.take(feed(35), kind="full")
    after = await shop.dump()
    assert (again.discontinued, again.unchanged) == (0, 35)
    assert {name for name in after if after[name] != before[name]} <= RECORD
    back = await shop.take(feed(), kind="full")
    assert (back.changed, back.offers.applied, back.stock.applied) == (5, 5, 5)
    partial = await shop.take(feed(1))
    assert (partial.kind, partial.discontinued) == ("partial", 0)
    assert (await shop.query("SELECT count(*) FROM offer WHERE active"))[0][0] == 40
    await shop.take(feed(stock=0), force=True)
    held = await shop.take(feed(19), kind="full")
    assert [one.rule for one in held.hold.reasons] == ["shrunk"]
    assert held.hold.discontinued == 21
    assert await shop.drift() == []


async def test_a_full_feed_that_is_not_sure_of_what_it_names_ends_nothing(shop: Shop):
    await shop.take(feed())
    for end in ('p1,Product,All,"S', "p1,Product,All,,5,2\n"):  # cut off; a row lost its SKU
        summary = await shop.take(feed(38) + end, kind="full")
        assert summary.discontinued == 0
        assert any("discontinued" in note for note in summary.notes)
    # A bad row still names its SKU.
    summary = await shop.take(feed(39) + "p39,Product 39,All,S39,-1,2.00\n", kind="full")
    assert (summary.quarantined, summary.discontinued) == (1, 0)
    assert (await shop.query("SELECT count(*) FROM offer WHERE active"))[0][0] == 40


async def test_a_newer_feed_of_the_same_source_replaces_a_held_one(shop: Shop, monkeypatch):
    await shop.take(feed())
    first = await shop.take(feed(stock=0))
    second = await shop.take(feed(stock=0))
    rows = await shop.query("SELECT id, status FROM import_run WHERE status <> 'finished'")
    assert {row[0]: row[1] for row in rows} == {first.id: "rejected", second.id: "held"}
    assert (await shop.take(feed(stock=6))).status == "finished"
    rows = await shop.query("SELECT status FROM import_run WHERE id = $1", second.id)
    assert rows[0][0] == "rejected"
    # One that is too large to be kept is held without its bytes.
    monkeypatch.setattr("shopwire.services.import_held.HELD_BYTES_MAX", 10)
    held = await shop.take(feed(stock=0))
    assert not held.hold.kept
    with pytest.raises(RuleBroken):
        await shop.importer.approve(held.id)


async def status_of(shop: Shop, run: str) -> str:
    return (await shop.query("SELECT status FROM import_run WHERE id = $1", run))[0][0]


async def test_a_newer_feed_takes_the_place_of_a_held_one_also_where_it_says_what_was_known(
    shop: Shop,
):
    await shop.take(feed(), source="main: monday.csv")
    assert (await shop.take(feed(stock=0), source="main: tuesday.csv", run="zero")).status == "held"
    await shop.take(feed(), source="other: wednesday.csv")
    assert await status_of(shop, "zero") == "held"  # another source says nothing of it
    await shop.take(feed(), source="main: wednesday.csv", supplier="acme")
    assert await status_of(shop, "zero") == "rejected"


async def test_a_smaller_delta_leaves_what_a_held_feed_brought(shop: Shop):
    await shop.take(feed())
    await shop.take(feed(stock=0), run="zero")
    await shop.take(feed(1, stock=7))
    assert await status_of(shop, "zero") == "held"
    await shop.take(feed(39, stock=6), kind="full")  # says of all what there is
    assert await status_of(shop, "zero") == "rejected"


async def test_an_older_feed_that_is_approved_leaves_the_newer_one_waiting(shop: Shop):
    await shop.take(feed())
    await shop.take(feed(stock=0), run="older")
    await shop.take(feed(30, stock=0), run="newer")
    assert (await status_of(shop, "older"), await status_of(shop, "newer")) == ("held", "held")
    await shop.importer.approve("older")
    assert await status_of(shop, "newer") == "held"
