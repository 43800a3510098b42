"""While a part of a feed is written down the next one is looked at, and not more than that."""

import asyncio
from typing import Any

import pytest
from tests.feeds.conftest import Shop

pytestmark = pytest.mark.anyio
HEAD = "id,title,sku,stock,cost\n"


def feed(count: int) -> str:
    return HEAD + "".join(f"mug-{n},Mug {n},S{n},{count},1\n" for n in range(6))


async def test_nothing_of_a_part_is_intended_before_the_last_one_is_written_down(
    shop: Shop, monkeypatch
):
    await shop.take(feed(1))
    for room in ("modules.feeds.quick", "services.import_news"):
        monkeypatch.setattr(f"shopwire.{room}.CHUNK_ROWS_MAX", 2)
    told: list[str] = []
    looked = asyncio.Event()
    record, fetch = shop.importer.record, shop.importer.reads.fetch

    async def note(request: Any, key: str, command: Any) -> None:
        told.append(f"{key} begins")
        if key == "1/note":
            await looked.wait()
        await record(request, key, command)
        told.append(f"{key} ends")

    class Reads:
        async def fetch(self, *args: Any) -> Any:
            found = await fetch(*args)
            if "1/note begins" in told:
                looked.set()
            return found

    monkeypatch.setattr(shop.importer, "record", note)
    monkeypatch.setattr(shop.importer, "reads", Reads())
    summary = await shop.take(feed(2))
    assert (summary.changed, summary.stock.applied) == (6, 6)
    parts = [f"{n}/{what} {when}" for n in (1, 2, 3) for what in ("intent", "note") for when in
             ("begins", "ends")]  # fmt: skip
    assert told == [*parts, "finish begins", "finish ends"]
    assert await shop.drift() == []
