"""Stages of prices beyond costs and rules; see `stages`."""

from tests.idempotency.stages import cost, stage

from shopwire.modules.pricing.api import (
    Accepted,
    ApplyRates,
    ConfirmPrices,
    DescribeProduct,
    EndPromotion,
    EnterSales,
    Keep,
    NotePromotion,
    PriceRules,
    PutPromotion,
    PutRates,
    PutRules,
    RateLine,
    RepriceMany,
    SettleSale,
    SwitchSales,
    UndoRules,
)

FAR_MS = 10**13
"""After everything that a test lives through."""
PROMOTION = PutPromotion(
    id="flash",
    name="Flash",
    skus=("MUG",),
    kind="fixed",
    value=700,
    currency="EUR",
    starts_at_ms=1,
    ends_at_ms=FAR_MS,
    quota=5,
)
ENTER = EnterSales(
    promotion="flash",
    terms_version=1,
    skus=("MUG",),
    kind="fixed",
    value=700,
    currency="EUR",
    starts_at_ms=1,
    ends_at_ms=FAR_MS,
    quota=5,
    bucket=0,
)
SWITCH = SwitchSales(promotion="flash", skus=("MUG",), at_ms=1)


@stage
async def pricing__undo_rules(bench):
    await bench.do(PutRules(rules=PriceRules(ending_minor=50)))
    await bench.do(PutRules(rules=PriceRules(ending_minor=60)))
    return UndoRules(to_version=1)


@stage
async def pricing__describe_product(bench):
    await bench.do(cost())
    return DescribeProduct(product="mug", skus=("MUG", "CUP"), categories=("mugs",), brand="Clay")


@stage
async def pricing__reprice_many(bench):
    await bench.do(cost(), PutRules(rules=PriceRules(ending_minor=50)))
    return RepriceMany(skus=("MUG",))


@stage
async def pricing__put_rates(bench):
    rate = RateLine(base="USD", quote="EUR", rate="0.9", valid_from_ms=1)
    return PutRates(rates=(rate,))


@stage
async def pricing__apply_rates(bench):
    rate = RateLine(base="USD", quote="EUR", rate="0.9", valid_from_ms=FAR_MS)
    await bench.do(PutRates(rates=(rate,)))
    return ApplyRates(at_ms=FAR_MS)


@stage
async def pricing__put_promotion(bench):
    return PROMOTION


@stage
async def pricing__end_promotion(bench):
    await bench.do(PROMOTION)
    return EndPromotion(id="flash")


@stage
async def pricing__note_promotion(bench):
    await bench.do(PROMOTION)
    return NotePromotion(id="flash", of_version=1, skus_count=1)


@stage
async def pricing__enter_sales(bench):
    await bench.do(cost())
    return ENTER


@stage
async def pricing__switch_sales(bench):
    await bench.do(cost(), ENTER)
    return SWITCH


@stage
async def pricing__settle_sale(bench):
    await bench.do(cost(), ENTER, SWITCH)
    shown = bench.document("price:MUG")
    line = Accepted(
        sku="MUG", amount_minor=shown["amount_minor"], currency=shown["currency"], quantity=2
    )
    await bench.do(ConfirmPrices(lines=(line,), order="order-1"))
    return SettleSale(order="order-1", keeps=(Keep(sku="MUG", units=1),))
