"""Imports that know rows by their marks leave the shop as the long way would leave it."""

import base64
import random
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from tests.feeds.conftest import Shop
from tests.feeds.test_runs_undo import HEAD, do, undo

from shopwire.kernel.clock import SystemClock
from shopwire.modules.feeds import blocks, leaping, opening
from shopwire.modules.feeds.api import Digest, NoteChunk
from shopwire.modules.feeds.mapping import Mapper
from shopwire.modules.feeds.marks import Marks
from shopwire.modules.feeds.store import marks_said
from shopwire.modules.inventory.api import SellStock
from shopwire.modules.matching.api import PutPolicy
from shopwire.services import import_job, import_texts

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

TABLES = (
    *("offer", "stock_pool", "stock_ledger", "product", "feed_row", "import_quarantine"),
    *("import_change", "import_run", "documents", "events"),
)
MOMENTS = (
    *(
        "tenant",
        "at_ms",
        "search",
        "ts",
        "xid",
        "id",
        "seq",
        "command_id",
        "partition",
        "offset",
        "recorded_at_ms",
        "changed_at_ms",
    ),
    *("created_at_ms", "updated_at_ms", "started_at_ms", "finished_at_ms"),
)
"""What differs between two imports of the same feed."""
FIRST = HEAD + "mug,Mug,Kitchen,M-S,5,2.50\nmug,Mug,Kitchen,M-L,6,3.50\njug,Jug,Kitchen,J,7,9\n"
OTHER = HEAD + "mug,Mug,Kitchen,M-S,5,2.50\nmug,Mug,Kitchen,M-L,6,3.50\njug,Jug,Kitchen,J,8,9\n"


@pytest.fixture(autouse=True)
def small_texts(monkeypatch) -> None:
    """Text is known again also of feeds of a few rows, in all of these tests."""
    monkeypatch.setattr(opening, "SAMPLE_ROWS_MAX", 1)
    monkeypatch.setattr(blocks, "HEAD_BYTES", 4)
    monkeypatch.setattr(leaping, "BLOCK_ROWS_MAX", 2)
    monkeypatch.setattr(import_texts, "BLOCKS_FRESH_ROWS_MIN", 1)


@pytest.fixture
def passed(monkeypatch) -> list[int]:
    """Rows of each block of text that was not parsed, whether passed over by itself or not."""
    found: list[int] = []
    real = blocks.Blocks.see

    def see(known, block, many):
        real(known, block, many)
        found.extend(len(known.told(one)[1]) for one in range(block, block + many))

    monkeypatch.setattr(blocks.Blocks, "see", see)
    return found


@dataclass
class Mapped:
    """How many groups were mapped and compared, run by run."""

    groups: int = 0


@pytest.fixture
def mapped(monkeypatch) -> Mapped:
    found = Mapped()
    real = import_job.compared

    def counted(groups, digests, known, open_skus, *, quiet_rows):
        found.groups += len(groups)
        return real(groups, digests, known, open_skus, quiet_rows=quiet_rows)

    monkeypatch.setattr(import_job, "compared", counted)
    return found


async def take(
    shop: Shop, mapped: Mapped, content: str, **more: Any
) -> tuple[int, tuple[int, ...]]:
    """Groups that were mapped, and rows: all, changed, unchanged, quarantined."""
    mapped.groups = 0
    summary = await shop.take(content, **more)
    assert summary.status == "finished", summary
    rows = summary.rows, summary.changed, summary.unchanged, summary.quarantined
    return mapped.groups, rows


async def left(shop: Shop, tenant: str) -> dict[str, list[str]]:
    """Rows of a shop without what tells when they were written."""
    found: dict[str, list[str]] = {}
    for table in TABLES:
        rows = await shop.query(
            f"SELECT (to_jsonb(t) - $2::text[])::text FROM {table} t WHERE tenant = $1",
            tenant,
            list(MOMENTS),
        )
        texts = [_without_moments(msgspec.json.decode(row[0])) for row in rows]
        found[table] = sorted(texts)
    return found


def _without_moments(value) -> str:
    def cleaned(one):
        if isinstance(one, dict):
            return {
                name: cleaned(of)
                for name, of in one.items()
                if name not in MOMENTS and not name.endswith("_ms")
            }
        if isinstance(one, list):
            return [cleaned(of) for of in one]
        return one

    return msgspec.json.encode(cleaned(value), order="deterministic").decode()


def random_feed(draw: random.Random, before: list[list[str]]) -> list[list[str]]:
    rows = [list(row) for row in before if draw.random() > 0.08]
    for row in rows:
        if draw.random() < 0.25:
            row[4] = draw.choice(("0", "3", "9", "many", ""))
        if draw.random() < 0.1:
            row[1] = draw.choice(("Red", "Blue", ""))
    for _ in range(draw.randint(0, 3)):
        number = draw.randint(0, 60)
        row = [f"p{number // 3}", "New", "Kitchen", f"S{number}", "4", "1.50"]
        rows.insert(draw.randint(0, len(rows)), row)
    return rows


@pytest.mark.parametrize("seed", range(2))
async def test_random_feeds_leave_the_same_rows_both_ways(shop: Shop, monkeypatch, seed):
    real = shop.importer.marks_said
    quick = True

    async def marks(request, supplier):
        return await real(request, supplier) if quick else Marks()

    monkeypatch.setattr(shop.importer, "marks_said", marks)
    draw = random.Random(seed)
    rows = [
        [f"p{n // 3}", f"P{n // 3}", "Kitchen", f"S{n}", str(n), f"{n + 1}.00"] for n in range(30)
    ]
    for number in range(5):
        feed = HEAD + "".join(",".join(row) + "\n" for row in rows)
        asked = {"run": f"run{number}", "kind": draw.choice(("full", "partial")), "force": True}
        told = []
        for tenant in ("main", "other"):
            quick = tenant == "main"
            told.append(msgspec.to_builtins(await shop.take(feed, tenant=tenant, **asked)))
        assert told[0] == told[1]
        assert await left(shop, "main") == await left(shop, "other")
        rows = random_feed(draw, rows)
    assert await shop.drift() == []


async def test_what_was_undone_is_news_again_and_what_was_before_is_none(shop: Shop, mapped):
    await shop.take(FIRST)
    assert await take(shop, mapped, FIRST) == (0, (3, 0, 3, 0))
    await shop.take(OTHER, run="other")
    await undo(shop, "other")
    assert await take(shop, mapped, FIRST) == (0, (3, 0, 3, 0))
    assert await take(shop, mapped, OTHER) == (1, (3, 1, 2, 0))


async def test_known_text_is_passed_over_until_it_is_said_no_more(shop: Shop, mapped, passed):
    """After a feed that changes it, after an undo, and under another mapping."""
    await shop.take(FIRST)
    assert (await take(shop, mapped, FIRST), passed) == ((0, (3, 0, 3, 0)), [2, 1])
    await shop.take(OTHER, run="other")
    passed.clear()
    assert (await take(shop, mapped, FIRST, dry_run=True), passed) == ((1, (3, 1, 2, 0)), [2])
    await undo(shop, "other")
    passed.clear()
    assert (await take(shop, mapped, OTHER, dry_run=True), passed) == ((1, (3, 1, 2, 0)), [2])
    passed.clear()
    assert (await take(shop, mapped, FIRST), passed) == ((0, (3, 0, 3, 0)), [2, 1])
    passed.clear()
    assert await take(shop, mapped, FIRST, currency="USD", dry_run=True) == (2, (3, 3, 0, 0))
    assert passed == []


async def test_what_is_known_of_text_can_be_lost(shop: Shop, mapped, passed):
    await shop.take(FIRST)
    for data in ("", "bm8gYmxvY2tz", "no base64"):
        await shop.query("UPDATE feed_text SET data = $1", data)
        assert await take(shop, mapped, FIRST) == (0, (3, 0, 3, 0))
        assert passed == []
        assert await take(shop, mapped, FIRST) == (0, (3, 0, 3, 0))
        assert passed == [2, 1]
        passed.clear()


async def test_text_that_comes_no_more_is_forgotten(shop: Shop):
    for number in range(6):
        rows = [f"p{n},P,Kitchen,S{n},{number},1\n" for n in range(6)]
        await shop.take(HEAD + "".join(rows))
        kept = await shop.query("SELECT piece FROM feed_text WHERE data <> '' ORDER BY 1")
        assert [row[0] for row in kept] == ([0], [0, 1])[number % 2]


@pytest.mark.parametrize("roomy", [0, 99])
async def test_of_much_text_only_what_came_is_kept_once_a_quarter_comes_no_more(
    shop: Shop, monkeypatch, passed, roomy
):
    monkeypatch.setattr(import_texts, "BLOCKS_ROOMY_MAX", roomy)
    rows = [f"p{n:02},P,Kitchen,S{n},5,1\n" for n in range(17)]
    await shop.take(HEAD + "".join(rows))
    first = len(await known_blocks(shop))
    rows[3:9] = [row.replace(",5,", ",6,") for row in rows[3:9]]
    await shop.take(HEAD + "".join(rows))
    assert len(passed) in (first - 3, first - 4)
    fresh = first - len(passed)
    assert len(await known_blocks(shop)) == (first if roomy == 0 else first + fresh)
    passed.clear()
    assert (await shop.take(HEAD + "".join(rows))).unchanged == 17
    assert len(passed) == first


async def known_blocks(shop: Shop) -> blocks.Blocks:
    found = await shop.query("SELECT data FROM feed_text WHERE data <> '' ORDER BY piece")
    return blocks.Blocks(base64.b64decode(row[0]) for row in found)


async def test_an_undo_of_something_that_was_said_newer_leaves_no_mark(shop: Shop, mapped):
    """The texts of the second feed go back, the count of the third stays: no rows said both."""
    await shop.take(FIRST)
    renamed = FIRST.replace("jug,Jug", "jug,Big jug")
    await shop.take(renamed, run="renamed")
    await shop.take(renamed.replace("J,7,9", "J,4,9"))
    await undo(shop, "renamed")
    found = await shop.query("SELECT entity FROM feed_row WHERE mark = 0")
    assert [row[0] for row in found] == ["jug"]
    assert await take(shop, mapped, FIRST) == (1, (3, 1, 2, 0))


async def test_a_full_feed_that_names_less_makes_the_rest_news_again(shop: Shop, mapped):
    await shop.take(FIRST, kind="full")
    short = "".join(FIRST.splitlines(keepends=True)[:3])
    summary = await shop.take(short, kind="full")
    assert (summary.discontinued, summary.unchanged) == (1, 2)
    assert (await take(shop, mapped, FIRST, kind="full"))[1] == (3, 1, 2, 0)
    assert await shop.query("SELECT sku FROM offer WHERE active ORDER BY sku COLLATE \"C\"") == [
        ("J",), ("M-L",), ("M-S",)
    ]  # fmt: skip


async def test_another_profile_reads_all_rows_once_and_knows_them_then(shop: Shop, mapped):
    await shop.take(FIRST)
    before = await shop.query("SELECT entity, product, offers, stock FROM feed_row ORDER BY 1")
    assert await take(shop, mapped, FIRST, currency="USD", dry_run=True) == (2, (3, 3, 0, 0))
    renamed = FIRST.replace("id,title", "handle,name")
    assert await take(shop, mapped, renamed) == (2, (3, 0, 3, 0))
    assert await take(shop, mapped, renamed) == (0, (3, 0, 3, 0))
    after = await shop.query("SELECT entity, product, offers, stock FROM feed_row ORDER BY 1")
    assert after == before


async def test_matched_and_afresh_feeds_are_mapped(shop: Shop, mapped):
    await shop.take(FIRST)
    assert (await take(shop, mapped, FIRST, afresh=True))[0] == 2
    await do(shop, PutPolicy(supplier="acme", mode="match"))
    assert (await take(shop, mapped, FIRST))[0] == 2
    await do(shop, PutPolicy(supplier="acme", mode="own_skus"), "back")
    assert (await take(shop, mapped, FIRST))[0] == 0


async def test_a_bad_row_is_bad_each_time(shop: Shop, mapped):
    bad = FIRST + "pan,Pan,Garden,P,many,3\n"
    assert await take(shop, mapped, bad) == (3, (4, 3, 0, 1))
    assert await take(shop, mapped, bad, run="again") == (1, (4, 0, 3, 1))
    (row,) = await shop.quarantine("again")
    assert (row["line"], row["code"]) == (5, "not_a_number")


async def test_a_count_that_sales_wait_for_is_mapped(shop: Shop, mapped):
    await shop.take(FIRST, as_of_ms=1_000)
    await do(shop, SellStock(sku="J", quantity=2))
    assert await take(shop, mapped, FIRST) == (0, (3, 0, 3, 0))
    later = SystemClock().now_ms() + 1_000
    assert await take(shop, mapped, FIRST, as_of_ms=later) == (1, (3, 1, 2, 0))


async def test_where_only_counts_are_new_nothing_else_is_mapped(shop: Shop, monkeypatch):
    mapped = whole(monkeypatch)
    await shop.take(FIRST)
    assert mapped == ["mug", "jug"]
    summary = await shop.take(OTHER)
    assert (summary.changed, summary.products.applied, summary.stock.applied) == (1, 0, 1)
    assert mapped == ["mug", "jug"]
    assert await rests(shop) == 2


async def test_what_turns_out_to_be_said_otherwise_by_now_is_mapped_whole(shop: Shop, monkeypatch):
    """As when another import of the supplier ends between the look at its marks and this one."""
    await shop.take(FIRST)
    (row,) = await shop.query("SELECT product, rest FROM feed_row WHERE entity = 'jug'")
    real = shop.importer.marks_said

    async def looks(request, supplier):
        marks = await real(request, supplier)
        await shop.query("UPDATE feed_row SET product = 'x', rest = rest # 1 WHERE entity = 'jug'")
        return marks

    monkeypatch.setattr(shop.importer, "marks_said", looks)
    mapped = whole(monkeypatch)
    summary = await shop.take(OTHER)
    assert (summary.changed, summary.stock.applied, mapped) == (1, 1, ["jug"])
    (now,) = await shop.query("SELECT product FROM feed_row WHERE entity = 'jug'")
    assert now["product"] == row["product"]


async def test_a_former_release_ends_what_is_known_of_rows_without_their_counts(
    shop: Shop, monkeypatch
):
    """It writes a mark and what was said, and leaves what it does not know."""
    await shop.take(FIRST)
    await shop.query("UPDATE feed_row SET mark = mark # 4711, offers = 'x' WHERE entity = 'jug'")
    mapped = whole(monkeypatch)
    summary = await shop.take(OTHER)
    assert (summary.changed, summary.stock.applied, mapped) == (1, 1, ["jug"])


async def test_after_half_an_undo_nothing_is_known_of_rows_without_their_counts(
    shop: Shop, monkeypatch
):
    await shop.take(FIRST)
    dearer = FIRST.replace("J,7,9", "J,7,8")
    second = await shop.take(dearer)
    await shop.take(dearer.replace("J,7,8", "J,6,8"))  # its count is newer, and stays
    await undo(shop, second.id)
    assert await rests(shop) == 1
    mapped = whole(monkeypatch)
    await shop.take(OTHER)
    assert mapped == ["jug"]
    assert not await shop.drift()


def whole(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The products of which everything was mapped, as they come."""
    found: list[str] = []
    real = Mapper.group_of

    def group_of(mapper, held):
        group = real(mapper, held)
        found.append(group.key)
        return group

    monkeypatch.setattr(Mapper, "group_of", group_of)
    return found


async def rests(shop: Shop) -> int:
    (row,) = await shop.query("SELECT count(*) FROM feed_row WHERE rest <> 0")
    return row[0]


async def test_a_mark_is_only_taken_where_nothing_else_is_said_by_now(shop: Shop):
    """As when an undo comes between the comparison and its note."""
    await shop.take(FIRST)
    (row,) = await shop.query("SELECT * FROM feed_row WHERE entity = 'jug'")
    said = {name: row[name] for name in ("product", "offers", "stock")}
    for number, digest in enumerate(
        (Digest(key="jug", mark=7, **{**said, "stock": "x"}), Digest(key="jug", mark=8, **said))
    ):
        run = f"r{number}"
        await do(shop, import_start(run), run)
        note = NoteChunk(run=run, supplier="acme", counts=import_job.Counts(), marks=(digest,))
        await do(shop, note, f"{run}/note")
        (now,) = await shop.query("SELECT mark FROM feed_row WHERE entity = 'jug'")
        assert now[0] == (row["mark"], 8)[number]


def import_start(run: str) -> import_job.StartRun:
    return import_job.StartRun(run=run, supplier="ACME", profile="generic", source="feed.csv")


async def test_a_crash_before_the_note_leaves_no_mark(shop: Shop, mapped, monkeypatch):
    await shop.take(FIRST)
    real = shop.importer.record

    async def dies(request, key, command):
        if command.operation == NoteChunk.operation:
            raise RuntimeError("the process dies here")
        await real(request, key, command)

    monkeypatch.setattr(shop.importer, "record", dies)
    with pytest.raises(RuntimeError):
        await shop.take(OTHER)
    monkeypatch.setattr(shop.importer, "record", real)
    assert await take(shop, mapped, FIRST) == (0, (3, 0, 3, 0))
    assert await take(shop, mapped, OTHER) == (1, (3, 1, 2, 0))


async def test_other_suppliers_marks_are_others(shop: Shop, mapped):
    await shop.take(FIRST)
    assert (await take(shop, mapped, FIRST, supplier="Beta"))[0] == 2
    found = await marks_said(shop.store.reads, "main", "gamma")
    assert found.find(1) is None
