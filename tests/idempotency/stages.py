"""For every command a stage on which it takes effect: `STAGES[operation](bench)` gives it."""

from collections.abc import Awaitable, Callable

from tests.idempotency.bench import Bench

from shopwire.kernel.commands import Command
from shopwire.modules.access.api import (
    CloseAccount,
    EndSessions,
    Grant,
    PutAccount,
    SetPassword,
    Withdraw,
)
from shopwire.modules.catalog.api import (
    Change,
    CheckSku,
    EditProduct,
    ProductContent,
    PutCategory,
    PutProduct,
    PutProducts,
    Variant,
)
from shopwire.modules.feeds.api import Counts, Digest, FinishRun, NoteChunk, StartRun
from shopwire.modules.inventory.api import (
    Booked,
    BookSales,
    CheckStock,
    Count,
    CountSets,
    EndPreorder,
    ExpireHolds,
    HoldLine,
    HoldRef,
    HoldStock,
    Part,
    PostHold,
    PutBundle,
    ReleaseSale,
    ReportStock,
    ReportStocks,
    SellStock,
    SetPolicy,
    VoidHold,
)
from shopwire.modules.matching.api import (
    ForgetLink,
    IgnoreMatch,
    Link,
    LinkMatch,
    MakeNew,
    NoteMatches,
    PutPolicy,
    Waiting,
)
from shopwire.modules.pricing.api import (
    Accepted,
    ApplyCost,
    ConfirmPrices,
    PriceRules,
    PutRules,
    Reprice,
)
from shopwire.modules.suppliers.api import (
    PutOffer,
    PutOffers,
    RegisterSupplier,
    Terms,
    WithdrawOffer,
)

Stage = Callable[[Bench], Awaitable[Command]]
STAGES: dict[str, Stage] = {}


def stage(build: Stage) -> Stage:
    """Registers a stage under the operation that its name tells: `inventory__hold_stock`."""
    STAGES[build.__name__.replace("__", ".")] = build
    return build


# -- accounts -----------------------------------------------------------------------------------

ACCOUNT = "service:stats"


@stage
async def access__put_account(bench):
    return PutAccount(account=ACCOUNT)


@stage
async def access__set_password(bench):
    await bench.do(PutAccount(account=ACCOUNT))
    return SetPassword(account=ACCOUNT, password_hash="$argon2id$v=19$m=8,t=1,p=1$YQ$YQ")


@stage
async def access__close_account(bench):
    return CloseAccount(account=ACCOUNT)


@stage
async def access__end_sessions(bench):
    return EndSessions(account=ACCOUNT)


@stage
async def access__grant(bench):
    await bench.do(PutAccount(account=ACCOUNT))
    return Grant(account=ACCOUNT, what="order")


@stage
async def access__withdraw(bench):
    await bench.do(PutAccount(account=ACCOUNT))
    await bench.do(Grant(account=ACCOUNT, what="order"))
    return Withdraw(account=ACCOUNT, what="order")


# -- catalogue, suppliers, prices, feeds --------------------------------------------------------

MUG = ProductContent(id="mug", title="Mug", variants=(Variant(sku="MUG"),))


@stage
async def catalog__put_products(bench):
    return PutProducts(source="acme", products=(MUG,))


@stage
async def catalog__put_product(bench):
    return PutProduct(source="acme", product=MUG)


@stage
async def catalog__edit_product(bench):
    await bench.do(PutProduct(source="acme", product=MUG))
    return EditProduct(id="mug", changes={"title": Change(was="Mug", now="Large mug")})


@stage
async def catalog__check_sku(bench):
    await bench.do(PutProduct(source="acme", product=MUG))
    return CheckSku(sku="MUG")


@stage
async def catalog__put_category(bench):
    return PutCategory(path=("Kitchen", "Mugs"))


@stage
async def suppliers__register_supplier(bench):
    return RegisterSupplier(id="acme", name="Acme")


def offer(**changed: object):
    terms = {"sku": "MUG", "supplier": "acme", "cost_minor": 500, "currency": "EUR"}
    return PutOffer(**(terms | changed))


@stage
async def suppliers__put_offer(bench):
    return offer()


@stage
async def suppliers__put_offers(bench):
    terms = tuple(Terms(sku=sku, cost_minor=500, currency="EUR") for sku in ("MUG", "JUG"))
    return PutOffers(supplier="acme", offers=terms)


@stage
async def suppliers__withdraw_offer(bench):
    await bench.do(offer())
    return WithdrawOffer(sku="MUG", supplier="acme")


def cost(**changed: object):
    terms = {
        "sku": "MUG", "supplier": "acme", "cost_minor": 500, "currency": "EUR",
        "lead_time_days": None, "map_minor": None, "msrp_minor": None, "active": True,
    }  # fmt: skip
    return ApplyCost(**(terms | changed))


@stage
async def pricing__apply_cost(bench):
    return cost()


@stage
async def pricing__reprice(bench):
    await bench.do(cost(), PutRules(rules=PriceRules(ending_minor=50)))
    return Reprice(sku="MUG")


@stage
async def pricing__put_rules(bench):
    return PutRules(rules=PriceRules(ending_minor=50))


@stage
async def pricing__confirm_prices(bench):
    result = await bench.do(cost())
    del result
    return ConfirmPrices(lines=(await accepted(bench, "MUG"),))


async def accepted(bench, sku):
    document = bench.document(f"price:{sku}")
    return Accepted(sku=sku, amount_minor=document["amount_minor"], currency=document["currency"])


RUN = StartRun(run="run-1", supplier="acme", profile="vendure", source="acme.csv")


@stage
async def feeds__start_run(bench):
    return RUN


@stage
async def feeds__note_chunk(bench):
    await bench.do(RUN)
    counts = Counts(rows=2, changed=2)
    digests = (Digest(key="MUG", product="a", offers="b", stock="c"),)
    return NoteChunk(run="run-1", supplier="acme", counts=counts, digests=digests)


@stage
async def feeds__finish_run(bench):
    await bench.do(RUN)
    return FinishRun(run="run-1", counts=Counts(rows=2, changed=2))


# -- matching -----------------------------------------------------------------------------------

DOUBT = Waiting(
    supplier_sku="X-9",
    line=2,
    reasons=("near_title",),
    product=ProductContent(id="cup", title="Cup", variants=(Variant(sku="X-9"),)),
    quantity=4,
    new_sku="X-9",
    new_product="cup",
)
NOTED = NoteMatches(supplier="acme", run="run-1", waiting=(DOUBT,))


@stage
async def matching__put_policy(bench):
    return PutPolicy(supplier="acme", mode="match")


@stage
async def matching__note_matches(bench):
    link = Link(supplier_sku="X-8", sku="MUG", how="gtin")
    return NoteMatches(supplier="acme", run="run-1", links=(link,), waiting=(DOUBT,))


@stage
async def matching__link(bench):
    await bench.do(PutProduct(source="first", product=MUG), NOTED)
    return LinkMatch(supplier="acme", supplier_sku="X-9", sku="MUG")


@stage
async def matching__make_new(bench):
    await bench.do(NOTED)
    return MakeNew(supplier="acme", supplier_sku="X-9", sku="X-9", product="cup")


@stage
async def matching__ignore(bench):
    await bench.do(NOTED)
    return IgnoreMatch(supplier="acme", supplier_sku="X-9")


@stage
async def matching__forget(bench):
    await bench.do(IgnoreMatch(supplier="acme", supplier_sku="X-9"))
    return ForgetLink(supplier="acme", supplier_sku="X-9")


# -- inventory ----------------------------------------------------------------------------------

STOCK = ReportStock(sku="MUG", supplier="acme", quantity=10)
JUGS = ReportStock(sku="JUG", supplier="acme", quantity=10)
LINES = (HoldLine(sku="MUG", quantity=2), HoldLine(sku="JUG", quantity=1))
HOLD = HoldStock(hold_id="hold-1", lines=LINES, ttl_ms=60_000)
POST = PostHold(hold_id="hold-1", skus=("JUG", "MUG"))
SET = PutBundle(sku="SET", parts=(Part(sku="MUG", quantity=2), Part(sku="JUG", quantity=1)))


@stage
async def inventory__report_stock(bench):
    return STOCK


@stage
async def inventory__report_stocks(bench):
    counts = tuple(Count(sku=sku, quantity=7) for sku in ("MUG", "JUG"))
    return ReportStocks(supplier="acme", counts=counts)


@stage
async def inventory__sell_stock(bench):
    await bench.do(STOCK)
    return SellStock(sku="MUG", quantity=2, reference="till-7")


@stage
async def inventory__hold_stock(bench):
    await bench.do(STOCK, JUGS)
    return HOLD


@stage
async def inventory__check_stock(bench):
    await bench.do(STOCK)
    return CheckStock(sku="MUG", quantity=2)


@stage
async def inventory__post_hold(bench):
    await bench.do(STOCK, JUGS, HOLD)
    return POST


@stage
async def inventory__void_hold(bench):
    await bench.do(STOCK, JUGS, HOLD)
    return VoidHold(hold_id="hold-1", skus=("JUG", "MUG"))


@stage
async def inventory__expire_holds(bench):
    await bench.do(STOCK, JUGS, HOLD)
    await bench.later(60_001)
    return ExpireHolds(holds=(HoldRef(hold_id="hold-1", skus=("JUG", "MUG")),))


@stage
async def inventory__book_sales(bench):
    await bench.do(STOCK, JUGS, HOLD, POST)
    sales = (Booked(sku="MUG", reference="hold-1"), Booked(sku="JUG", reference="hold-1"))
    return BookSales(supplier="acme", sales=sales, sequence=5)


@stage
async def inventory__release_sale(bench):
    await bench.do(STOCK, JUGS, HOLD, POST)
    return ReleaseSale(
        sku="MUG", supplier="acme", reference="hold-1", quantity=1, reason="cancelled"
    )


@stage
async def inventory__set_policy(bench):
    await bench.do(STOCK)
    return SetPolicy(sku="MUG", buffer=1, backorder_max=5)


@stage
async def inventory__end_preorder(bench):
    until_ms = bench.now_ms() + 1_000
    await bench.do(STOCK, SetPolicy(sku="MUG", backorder_max=5, preorder_until_ms=until_ms))
    await bench.later(1_001)
    return EndPreorder(sku="MUG", until_ms=until_ms)


@stage
async def inventory__put_bundle(bench):
    await bench.do(STOCK, JUGS)
    return SET


@stage
async def inventory__count_sets(bench):
    await bench.do(STOCK, JUGS, SET, SellStock(sku="JUG", quantity=9))
    return CountSets(sku="SET", parts=("MUG", "JUG"))
