"""A preview says what really happens when its rules are put, and changes nothing."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from tests.modules.shop import drifts, postgres_shop
from tests.pricing.desk import costing
from tests.pricing.test_on_postgres import amounts, caught_up

from shopwire.cli.main import run
from shopwire.cli.price import load_rules
from shopwire.kernel.errors import InvalidField, MalformedRequest
from shopwire.modules.catalog.api import ProductContent, PutProduct, Variant
from shopwire.modules.pricing.api import PriceRule, PriceRules, PutRules, When
from shopwire.modules.pricing.rules import check_rules
from shopwire.services import pricing_preview
from shopwire.services.pricing_preview import preview_rules, read_asked

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

PLAIN = PriceRules(ending_minor=None, compare_at_msrp=False)
LAMPS = PriceRule(name="lamps", when=When(categories=("lamps",)), factor_bp=30_000)
CHEAP = PriceRule(name="cheap", when=When(suppliers=("bolt",)), factor_bp=10_000)
THEN = PriceRules(
    ending_minor=None, compare_at_msrp=False, rules=(LAMPS, CHEAP), margin_min_bp=2_000
)


async def filled(shop):
    await shop.do(PutRules(rules=PLAIN))
    lamp = ProductContent(
        id="lamp",
        title="Lamp",
        categories=(("Lamps", "Desk"),),
        variants=(Variant(sku="S000"), Variant(sku="S001")),
    )
    await shop.do(PutProduct(source="feed", product=lamp))
    await shop.many(costing(f"S{n:03}", 1_000 + n) for n in range(6))
    await shop.many(costing(f"S{n:03}", 900 + n, supplier="bolt") for n in range(4, 6))
    await shop.many([costing("US", 5_000, currency="USD")])
    await caught_up(shop)


async def test_the_preview_is_what_then_happens(database_url, monkeypatch):
    monkeypatch.setattr(pricing_preview, "OFFERS_AT_ONCE", 3)
    async with postgres_shop(database_url) as shop:
        await filled(shop)
        skus = [f"S{n:03}" for n in range(6)]
        before = await amounts(shop, *skus)
        events = len(await shop.events())
        found = await preview_rules(shop.reads, "main", THEN)
        assert await amounts(shop, *skus) == before
        assert len(await shop.events()) == events
        assert (found.skus, found.priced, found.changed, found.up, found.down) == (7, 6, 4, 2, 2)
        assert found.rules_used == {"lamps": 2, "": 2, "cheap": 2}
        assert {part.category: part.skus for part in found.categories} == {"lamps": 2, "": 4}
        assert (found.floors_after, found.floored_count) == ({"margin": 2}, 2)
        assert sum(bar.skus for bar in found.histogram) == 6
        await shop.do(PutRules(rules=THEN, expected_version=found.rules_version))
        await caught_up(shop)
        after = await amounts(shop, *skus)
        moves = {one.sku: one for one in (*found.largest_up, *found.largest_down)}
        assert {
            sku: (old, new) for sku, old, new in zip(skus, before, after, strict=True) if old != new
        } == {sku: (one.before_minor, one.after_minor) for sku, one in moves.items()}
        assert found.total.after.revenue_minor == sum(after)
        assert found.total.before.revenue_minor == sum(before)
        assert await drifts(shop) == []


async def test_the_command_line_previews_explains_and_undoes(database_url, tmp_path, capfd):
    async with postgres_shop(database_url) as shop:
        await filled(shop)
        await shop.do(PutRules(rules=THEN))
    rules = tmp_path / "rules.toml"
    rules.write_text('ending_minor = 50\n[[rules]]\nname = "all"\nfactor_bp = 25000\n')
    (tmp_path / "broken.toml").write_text("no_such_field = 1\n")

    def shopwire(*words: str) -> tuple[int, str]:
        code = run(["price", *words, "--database", database_url])
        return code, capfd.readouterr().out

    async def outside(*words: str) -> tuple[int, str]:
        return await asyncio.to_thread(shopwire, *words)

    code, text = await outside("preview", str(rules), "--json")
    assert (code, json.loads(text)["rules_used"]) == (0, {"all": 6})
    assert (await outside("preview", str(rules)))[0] == 0
    assert (await outside("preview", str(tmp_path / "broken.toml")))[0] == 1
    code, text = await outside("why", "S000")
    assert (code, "lamps category lamps--desk" in " ".join(text.split())) == (0, True)
    assert (await outside("undo"))[0] == 0
    code, text = await outside("history", "--json")
    assert [one["returns_to"] for one in json.loads(text)["items"]] == [1, None, None]
    assert (await outside("undo"))[0] == 0
    assert (await outside("undo"))[0] == 1


def test_what_is_no_request_is_refused_by_its_field():
    assert read_asked(b'{"rules": {}}') == PriceRules()
    with pytest.raises(MalformedRequest):
        read_asked(b"{")
    with pytest.raises(InvalidField) as refused:
        read_asked(b'{"rules": {"rules": [{"name": 1}]}}')
    assert "rules" in refused.value.data["field"]


def test_the_rules_of_the_guide_can_be_used(tmp_path):
    guide = (Path(__file__).parents[2] / "docs/how-to/set-prices.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml rules\.toml\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "rules.toml").write_text(block)
    rules = load_rules(tmp_path / "rules.toml")
    check_rules(rules)
    assert [rule.name for rule in rules.rules] == ["Lamps", "Lux, whatever it is"]
