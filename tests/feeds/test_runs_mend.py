"""Rows in quarantine that a person mends, tries again, or sets aside; by HTTP as well."""

from typing import Any

import httpx2
import msgspec
import pytest
from tests.feeds.conftest import Shop
from tests.feeds.test_doors import web as web  # noqa: PLC0414 - a fixture
from tests.feeds.test_formats import zipped

from shopwire.kernel.errors import InvalidField, RuleBroken
from shopwire.modules.feeds.profile import parse_profile
from shopwire.services.import_mend import MendRequest, mend_row
from shopwire.services.import_undo import undo_run

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

HEAD = "id,title,category,sku,stock,cost\n"
FEED = HEAD + (
    'mug,Mug,Kitchen,M-S,5,2.50\nmug,,,M-L,-6,3.50\njug,"Jug, old",All,J,1.5,9\n'
    "pan,Pan,All,P,1\npot,Pot,All,T,?,3\n"
)


async def mend(shop: Shop, run: str, seq: int, **wanted: Any):
    return await mend_row(shop.importer, run, seq, MendRequest(**wanted), principal="ann")


async def said(shop: Shop, topic: str):
    rows = await shop.query("SELECT body::text FROM documents WHERE topic = $1", topic)
    return msgspec.json.decode(rows[0][0]) if rows else None


async def test_a_mended_row_reaches_the_shop_and_an_undo_knows_it(shop: Shop):
    summary = await shop.take(FEED)
    run = summary.id
    bad = {row["line"]: row for row in await shop.quarantine(run)}
    assert [bad[line]["code"] for line in (3, 4, 5, 6)] == [
        "negative", "fractional", "cell_count", "not_a_number",
    ]  # fmt: skip
    with pytest.raises(InvalidField) as refused:
        await mend(shop, run, bad[3]["seq"], cells={"stock": "-2"})
    assert refused.value.data["field"] == "stock"
    assert (await said(shop, "stock:M-L")) is None
    # A row that goes on with a product keeps what the product's first row says.
    await mend(shop, run, bad[3]["seq"], cells={"stock": "6"})
    mug = await said(shop, "product:mug")
    assert (mug["title"], mug["categories"]) == ("Mug", ["kitchen"])
    assert [one["sku"] for one in mug["variants"]] == ["M-S", "M-L"]
    assert (await said(shop, "stock:M-L"))["available"] == 6
    # A row that came apart into no cells is mended as text, below the header of its file.
    after = await mend(shop, run, bad[5]["seq"], raw="pan,Pan,All,P,1,4.00")
    assert (await said(shop, "offer:P/acme"))["cost_minor"] == 400
    assert (after["mended"], after["dropped"], after["quarantined"]) == (2, 0, 4)
    await mend(shop, run, bad[4]["seq"], drop=True)
    with pytest.raises(RuleBroken):
        await mend(shop, run, bad[4]["seq"], cells={"stock": "1"})
    assert await said(shop, "stock:J") is None
    settled = {row["line"]: row for row in await shop.quarantine(run)}
    assert (settled[3]["outcome"], settled[3]["settled_by"]) == ("mended", "ann")
    assert (settled[4]["outcome"], settled[6]["outcome"]) == ("dropped", None)
    assert await shop.drift() == []
    assert (await undo_run(shop.importer, run, principal="ann"))["stayed"] == 0
    assert (await said(shop, "stock:M-L"))["available"] == 0
    assert not (await said(shop, "offer:P/acme"))["active"]
    with pytest.raises(RuleBroken):
        await mend(shop, run, bad[6]["seq"], cells={"stock": "1"})
    assert await said(shop, "stock:T") is None
    assert await shop.drift() == []


async def test_a_poisoned_price_that_a_person_confirms_is_taken(shop: Shop):
    await shop.take(HEAD + "jug,Jug,All,J,1,9\n")
    summary = await shop.take(HEAD + "jug,Jug,All,J,1,9000\n")
    assert summary.quarantined == 1
    await mend(shop, summary.id, 1)
    assert (await said(shop, "offer:J/acme"))["cost_minor"] == 900_000
    assert await shop.drift() == []


async def test_a_row_is_mended_with_tables_that_came_in_the_same_archive(shop: Shop):
    mapping = parse_profile(
        'brings = ["product", "offer", "stock"]\n[fields]\nsku = { columns = ["sku"] }\n'
        'title = { columns = ["title"] }\ncost = { columns = ["cost"] }\n'
        'quantity = { lookup = "stock", columns = ["sku"] }\n'
        '[lookups]\nstock = { file = "stock.csv", key = 0, value = 1 }\n'
    )
    files = {"feed.csv": b"sku,title,cost\nA,Cup,2\nB,Jug,none\n", "stock.csv": b"A\t4\nB\t9\n"}
    for number, keep in enumerate((True, False)):  # kept from the beginning, or at its end
        run = (await shop.take(zipped(**files), profile=mapping, keep=keep)).id
        (bad,) = await shop.quarantine(run)
        await mend(shop, run, bad["seq"], cells={"cost": f"{3 + number}"})
        assert (await said(shop, "stock:B"))["available"] == 9
        assert (await said(shop, "offer:B/acme"))["cost_minor"] == 300 + 100 * number
    whole = {**files, "feed.csv": b"sku,title,cost\nA,Cup,2\nB,Jug,7\n"}
    run = (await shop.take(zipped(**whole), profile=mapping, keep=True)).id
    assert await shop.query("SELECT 1 FROM import_run WHERE id = $1 AND held_parts > 0", run) == []
    assert await shop.drift() == []


async def test_decisions_by_http(web: httpx2.AsyncClient, shop: Shop):
    rows = "".join(f"p{n},Product {n},All,S{n},5,2\n" for n in range(30))

    async def send(content: str, key: str, **params: Any):
        params = {"supplier": "Acme"} | params
        headers = {"Idempotency-Key": key}
        answer = await web.post("/api/imports", params=params, content=content, headers=headers)
        return answer.json()

    await send(HEAD + rows, "first")
    held = await send(HEAD + rows.replace(",5,2", ",0,2") + "x,X,All,X,-1,2\n", "second")
    assert held["status"] == "held"
    path = f"/api/imports/{held['id']}"
    shown = (await web.get(path)).json()
    assert shown["hold"]["reasons"][0]["rule"] == "zeroed"
    assert (await web.post(f"{path}/undo")).json()["name"] == "RuleBroken"
    assert (await web.post(f"{path}/approve")).json()["changed"] == 30
    changes = (await web.get(f"{path}/changes?limit=1")).json()
    (item,) = changes["items"]
    (stock,) = item["altered"]
    assert (stock["what"], stock["was"]["reported"], stock["now"]) == ("stock", 5, {"reported": 0})
    assert changes["next"] == 1
    mended = await web.post(f"{path}/quarantine/1", json={"cells": {"stock": "4"}})
    assert (mended.status_code, mended.json()["mended"]) == (200, 1)
    wrong = await web.post(f"{path}/quarantine/1", json={"cell": 1})
    assert (wrong.status_code, wrong.json()["name"]) == (400, "MalformedRequest")
    undone = (await web.post(f"{path}/undo")).json()
    assert (undone["status"], undone["stayed"]) == ("undone", 0)
    assert (await web.get(f"{path}/left")).json() == {"items": [], "next": None}
    third = await send(HEAD + rows.replace(",5,2", ",0,2"), "third")
    rejected = (await web.post(f"/api/imports/{third['id']}/reject")).json()
    assert (rejected["status"], rejected["finished_at_ms"] is None) == ("rejected", False)
    forced = await send(HEAD + rows.replace(",5,2", ",0,2"), "forced", force="true", kind="full")
    assert (forced["status"], forced["kind"]) == ("finished", "full")
    limits = (await web.get("/api/feed-limits/acme")).json()
    assert (limits["zeroed_percent"], limits["skus_min"]) == (30, 20)
