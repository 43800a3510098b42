"""Two parts of an import are under way at once, told in order, and none of it is beyond an undo."""

import asyncio
from typing import Any

import pytest
from tests.feeds.conftest import Shop

from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import NotFound
from shopwire.modules.feeds.api import NoteChunk
from shopwire.modules.matching.api import PutPolicy
from shopwire.services.import_undo import undo_run

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
HEAD = "id,title,sku,stock,cost\n"


def feed(count: int, ids: str = "abcdefgh", title: str = "Mug") -> str:
    rows = (f"{one}-mug,{title} {one},S{n},{count},1\n" for n, one in enumerate(ids))
    return HEAD + "".join(rows)


class Told:
    """What a run writes down, and that its first part stays under way until something comes."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch, until: str = "") -> None:
        for room in ("modules.feeds.quick", "services.import_news"):
            monkeypatch.setattr(f"shopwire.{room}.CHUNK_ROWS_MAX", 2)
        self.keys: list[str] = []
        self.under_way: list[int] = []
        self._count = 0
        self._until, self._came = until, asyncio.Event()
        self._record, self._send = shop.importer.record, shop.importer.send
        monkeypatch.setattr(shop.importer, "record", self.record)
        monkeypatch.setattr(shop.importer, "send", self.send)

    async def record(self, request: Any, key: str, command: Any) -> None:
        self.keys.append(key)
        if isinstance(command, NoteChunk) and command.intent:
            self.keys.append("and an intent")
        if key == self._until:
            self._came.set()
        await self._record(request, key, command)

    async def send(self, request: Any, commands: Any) -> Any:
        if not commands or "/stock/" not in commands[0][0]:
            return await self._send(request, commands)
        self._count += 1
        self.under_way.append(self._count)
        if commands[0][0].startswith("1/") and self._until:
            await self._came.wait()
        try:
            return await self._send(request, commands)
        finally:
            self._count -= 1


async def test_a_part_begins_while_the_one_before_it_takes_effect(shop: Shop, monkeypatch):
    told = Told(shop, monkeypatch, until="2/intent")
    summary = await shop.take(feed(1))
    assert (summary.changed, summary.stock.applied) == (8, 8)
    joined = [key for n in (1, 2) for key in (f"{n}/note", "and an intent")]
    assert told.keys == ["1/intent", "2/intent", *joined, "3/note", "4/note", "finish"]
    assert max(told.under_way) <= 2
    rows = await shop.query("SELECT seq, entity FROM import_change ORDER BY seq")
    expected = [(n, f"{one}-mug") for n, one in enumerate("abcdefgh", 1)]
    assert [tuple(row) for row in rows] == expected
    assert await shop.query("SELECT 1 FROM import_intent WHERE groups::text <> '[]'") == []
    assert await shop.drift() == []


async def test_beside_shoppers_one_part_goes_at_a_time(shop: Shop, monkeypatch):
    told = Told(shop, monkeypatch)
    with shop.importer.pacing.shopper():
        assert (await shop.take(feed(1))).changed == 8
    assert set(told.under_way) == {1}
    assert told.keys[:3] == ["1/intent", "1/note", "and an intent"]


async def test_what_two_parts_are_about_is_never_under_way_twice(shop: Shop, monkeypatch):
    told = Told(shop, monkeypatch)
    for count, run in enumerate(("first", "second"), 1):
        # The third part goes on with a product of the second.
        summary = await shop.take(feed(count, "abcdcefg", f"Mug {run}"), run=run)
        assert summary.changed == 8
        assert told.keys.index("2/note") < told.keys.index("3/intent")
        told.keys.clear()
    # Counts are about their SKUs alone, whatever products these are of.
    summary = await shop.take(feed(3, "abcdcefg", "Mug second"), run="third")
    assert (summary.changed, summary.products.applied, summary.stock.applied) == (8, 0, 8)
    assert "3/intent" not in told.keys
    for run in ("third", "second", "first"):
        assert (await undo_run(shop.importer, run, principal="ann"))["stayed"] == 0
    assert await shop.drift() == []


async def test_where_skus_are_matched_a_part_waits_for_what_those_before_it_brought(
    shop: Shop, monkeypatch
):
    policy = PutPolicy(supplier="acme", mode="match")
    assert (await shop.write_path.submit(Envelope(command=policy, key="policy"))).ok
    told = Told(shop, monkeypatch)
    assert (await shop.take(feed(1))).changed == 8
    assert told.keys[:3] == ["1/intent", "1/note", "2/intent"]


async def test_a_crash_with_two_parts_under_way_is_undone(shop: Shop, monkeypatch):
    await shop.take(feed(1))
    before = await seen(shop)
    with monkeypatch.context() as dying:
        told = Told(shop, dying)
        record = shop.importer.record

        async def die(request: Any, key: str, command: Any) -> None:
            if key == "1/note":
                raise asyncio.CancelledError
            await record(request, key, command)

        dying.setattr(shop.importer, "record", die)
        with pytest.raises(asyncio.CancelledError):
            await shop.take(feed(2), run="second")
        assert told.keys == ["1/intent", "2/intent"]
    assert sum(a != b for a, b in zip(before, await seen(shop), strict=True)) == 4
    await shop.take(feed(1), source="other.csv")  # it closes the run before it
    assert await shop.query("SELECT 1 FROM import_intent WHERE groups::text <> '[]'") == []
    undone = await undo_run(shop.importer, "second", principal="ann")
    assert (undone["status"], undone["altered"], undone["stayed"]) == ("undone", 4, 0)
    assert await seen(shop) == before
    assert await shop.drift() == []


async def test_an_import_that_fails_keeps_what_was_under_way_for_its_undo(shop: Shop, monkeypatch):
    await shop.take(feed(1))
    before = await seen(shop)
    with monkeypatch.context() as failing:
        told = Told(shop, failing, until="2/intent")
        record = shop.importer.record

        async def fail(request: Any, key: str, command: Any) -> None:
            if key == "1/note":
                raise NotFound(what="stock", id="1")
            await record(request, key, command)

        failing.setattr(shop.importer, "record", fail)
        assert (await shop.take(feed(2), run="second")).status == "failed"
        assert told.keys == ["1/intent", "2/intent", "finish"]
    undone = await undo_run(shop.importer, "second", principal="ann")
    assert (undone["status"], undone["altered"], undone["stayed"]) == ("undone", 4, 0)
    assert await seen(shop) == before
    assert await shop.drift() == []


async def seen(shop: Shop) -> list[str]:
    rows = await shop.query(
        "SELECT topic || body::text FROM documents WHERE topic LIKE 'stock:%' ORDER BY topic"
    )
    return [row[0] for row in rows]
