"""How prices are decided, and how a checkout takes units at them."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.each import LINES_A_COMMAND_MAX, each
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.events import Event
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.trade_errors import PriceMoved, QuotaShort
from shopwire.kernel.validation import check_amount, check_name, check_quantity
from shopwire.modules.pricing.api import (
    Accepted,
    ApplyCost,
    ConfirmPrices,
    DescribeProduct,
    Reprice,
    RepriceMany,
    SettleSale,
)
from shopwire.modules.pricing.domain import (
    RULES_ID,
    CategorySales,
    CostInput,
    Price,
    Sale,
    SaleUnits,
    Traits,
)
from shopwire.modules.pricing.events import PriceFacts, SaleSoldOut
from shopwire.modules.pricing.promotion_commands import HANDLERS as PROMOTION_HANDLERS
from shopwire.modules.pricing.publishing import (
    Change,
    event_of,
    follow,
    needs_of_skus,
    together,
)
from shopwire.modules.pricing.rate_commands import HANDLERS as RATE_HANDLERS
from shopwire.modules.pricing.rule_commands import HANDLERS as RULE_HANDLERS
from shopwire.modules.pricing.rules import lineage

CATEGORIES_MAX: Final = 100
"""Categories of one product that rules may ask for; a product cannot be in more."""


def do_apply_cost(command: ApplyCost, view: View, context: Context) -> Decision:
    """Takes over a supplier's cost and publishes the price that follows, if it is another one."""
    sku = check_name(command.sku, "sku")
    exponent_of(command.currency)
    for field in ("map_minor", "msrp_minor"):
        amount = getattr(command, field)
        if amount is not None:
            check_amount(amount, field, least=1)
    if command.lead_time_days is not None:
        check_quantity(command.lead_time_days, least=0, field="lead_time_days")
    known = CostInput(
        tenant=context.tenant,
        sku=sku,
        supplier=check_name(command.supplier, "supplier"),
        cost_minor=check_amount(command.cost_minor, "cost_minor", least=1),
        currency=command.currency,
        lead_time_days=command.lead_time_days,
        map_minor=command.map_minor,
        msrp_minor=command.msrp_minor,
        active=command.active,
    )
    return _alone(follow(sku, view, context, cost=known))


def do_reprice(command: Reprice, view: View, context: Context) -> Decision:
    """Publishes the price that follows from the rules as they are now, if it is another one."""
    return _alone(follow(check_name(command.sku, "sku"), view, context))


def _alone(change: Change) -> Decision:
    if change.event is None:
        return Decision(put=change.put, result={"applied": False, "reason": "unchanged"})
    return Decision(put=change.put, events=[change.event], result={"applied": True})


def do_reprice_many(command: RepriceMany, view: View, context: Context) -> Decision:
    """Publishes the prices that are other ones now; the result counts, it does not list."""
    if len(command.skus) > LINES_A_COMMAND_MAX:
        raise InvalidField("Too many lines.", field="skus", reason="too many lines")
    changes = [
        follow(check_name(sku, "skus"), view, context) for sku in dict.fromkeys(command.skus)
    ]
    return together(changes)


def do_describe_product(command: DescribeProduct, view: View, context: Context) -> Decision:
    """Takes over what rules may ask of a product, for each of its SKUs."""
    if len(command.categories) > CATEGORIES_MAX:
        raise InvalidField("Too many.", field="categories", reason=f"at most {CATEGORIES_MAX}")
    product = check_name(command.product, "product")

    def one(sku: str) -> Decision:
        traits = Traits(
            tenant=context.tenant,
            sku=check_name(sku, "skus"),
            product=product,
            categories=command.categories,
            brand=command.brand,
        )
        if view.one(Traits, sku) == traits:
            return Decision()
        sales = _sales_of(traits, view, context)
        change = follow(sku, view, context, traits=traits, changed=sales)
        return Decision(put=change.put, events=[change.event] if change.event else ())

    return each(dict.fromkeys(command.skus), str, one)


def _sales_of(traits: Traits, view: View, context: Context) -> list[Sale]:
    """What changes of an article's promotions when it comes into a category, or leaves one."""
    known = view.one(CategorySales, RULES_ID)
    found = []
    for one in known.open if known else ():
        if one.ends_at_ms <= context.now_ms:
            continue
        inside = any(one.category in lineage(slug) for slug in traits.categories)
        sale = view.one(Sale, traits.sku, one.promotion)
        if inside and (sale is None or sale.state == "ended"):
            entered = one.at(context.tenant, traits.sku)
            found.append(entered.having_sold(sale.taken) if sale else entered)
        elif sale is not None and not inside and sale.state != "ended":
            found.append(replace(sale, state="ended"))
    return found


# -- checkout ---------------------------------------------------------------------------------


def do_confirm_prices(command: ConfirmPrices, view: View, context: Context) -> Decision:
    """Refuses unless every price is the accepted one, and takes what an order buys on sale.

    Raises PriceMoved with all that are not; QuotaShort where a sale has fewer units left.
    """
    if len(command.lines) > LINES_A_COMMAND_MAX:
        raise InvalidField("Too many lines.", field="lines", reason="too many lines")
    changes = []
    for line in command.lines:
        price = view.one(Price, line.sku)
        now = (price.asked_at(context.now_ms), price.currency) if price else (None, "")
        if now != (line.amount_minor, line.currency):
            changes.append(
                {
                    "sku": line.sku,
                    "accepted_minor": line.amount_minor,
                    "amount_minor": now[0],
                    "currency": now[1] or line.currency,
                }
            )
    if changes:
        raise PriceMoved(changes=changes)
    rows: list[Row] = []
    events: list[Event] = []
    for line in _of_order(command):
        _take_units(line, command.order, view, context, rows, events)
    return Decision(put=rows, events=events, result={"confirmed": len(command.lines)})


def _of_order(command: ConfirmPrices) -> Iterable[Accepted]:
    """What an order takes, a SKU each; raises InvalidField where one has two prices."""
    if not command.order:
        return ()
    lines: dict[str, Accepted] = {}
    for line in command.lines:
        check_quantity(line.quantity, least=1)
        known = lines.get(line.sku)
        quantity = line.quantity + (known.quantity if known else 0)
        lines[line.sku] = replace(line, quantity=quantity)
    return lines.values()


def _take_units(
    line: Accepted,
    order: str,
    view: View,
    context: Context,
    rows: list[Row],
    events: list[Event],
) -> None:
    """Takes a line's units out of its sale's quota, if it has one.

    The number on the screen follows, and with the last unit the price goes back; what else may be
    on sale by then, `reprice` finds, which follows that event.
    """
    price = view.one(Price, line.sku)
    if price is None or price.promotion is None or price.asked_at(context.now_ms) is None:
        return
    over = price.sale_ends_at_ms is not None and context.now_ms >= price.sale_ends_at_ms
    sale = view.one(Sale, line.sku, price.promotion)
    if over or sale is None or sale.left is None:
        return
    if (known := view.one(SaleUnits, order, line.sku)) is not None and known.units > 0:
        return
    if line.quantity > sale.left:
        raise QuotaShort(sku=line.sku, requested=line.quantity, available=sale.left)
    taken = replace(sale, taken=sale.taken + line.quantity)
    units = SaleUnits(
        tenant=context.tenant,
        order_id=order,
        sku=line.sku,
        promotion=sale.promotion,
        units=line.quantity,
    )
    facts = PriceFacts(
        supplier=price.supplier,
        cost_minor=None,
        rules_version=0,
        reason=f"sold to {order}",
        promotion=sale.promotion,
    )
    after = replace(price, version=price.version + 1, quota_left=taken.left)
    if taken.left:
        rows += [taken, units, after]
        events.append(event_of(after, facts))
        return
    after = replace(
        after,
        amount_minor=price.regular_minor,
        compare_at_minor=None,
        promotion=None,
        regular_minor=None,
        sale_ends_at_ms=None,
        quota_left=None,
        reason="sold out",
    )
    rows += [taken, units, after]
    document = after.document()
    if document is not None:
        events.append(
            SaleSoldOut(entity=line.sku, version=after.version, document=document, facts=facts)
        )


def do_settle_sale(command: SettleSale, view: View, context: Context) -> Decision:
    """Gives back what an order no longer stands for; the price may go down again."""
    changes = []
    for keep in command.keeps:
        held = view.one(SaleUnits, command.order, keep.sku)
        least = check_quantity(keep.units, least=0, field="units")
        if held is None or held.units <= least:
            continue
        sale = view.one(Sale, keep.sku, held.promotion)
        if sale is None:
            continue
        back = replace(sale, taken=sale.taken - (held.units - least))
        change = follow(keep.sku, view, context, changed=[back])
        changes.append(Change([*change.put, replace(held, units=least)], change.event))
    return together(changes)


def _needs_to_confirm(command: ConfirmPrices) -> Iterable[Need]:
    for line in command.lines:
        yield Need(Price, line.sku)
        if command.order:
            yield Need(Sale, line.sku)
    if command.order:
        yield Need(SaleUnits, command.order)


def _needs_to_settle(command: SettleSale) -> Iterable[Need]:
    yield Need(SaleUnits, command.order)
    yield from needs_of_skus(keep.sku for keep in command.keeps)


def _handler(kind: type[Command], decide: Any) -> Handler[Any]:
    """For a command about one SKU."""
    return Handler(
        command=kind,
        partition_key=lambda command: command.sku,
        needs=lambda command: needs_of_skus((command.sku,)),
        decide=decide,
    )


def _handler_of_many(kind: type[Command], decide: Any) -> Handler[Any]:
    """For a command about many SKUs."""
    return Handler(
        command=kind,
        partition_key=lambda command: command.skus[0] if command.skus else "",
        keys=lambda command: command.skus,
        needs=lambda command: needs_of_skus(command.skus),
        decide=decide,
    )


def _needs_to_describe(command: DescribeProduct) -> Iterable[Need]:
    yield Need(CategorySales, RULES_ID)
    yield from needs_of_skus(command.skus)


HANDLERS: Final = (
    _handler(ApplyCost, do_apply_cost),
    _handler(Reprice, do_reprice),
    _handler_of_many(RepriceMany, do_reprice_many),
    Handler(
        command=DescribeProduct,
        partition_key=lambda command: command.skus[0] if command.skus else "",
        keys=lambda command: command.skus,
        needs=_needs_to_describe,
        decide=do_describe_product,
    ),
    Handler(
        command=ConfirmPrices,
        partition_key=lambda command: command.lines[0].sku if command.lines else "",
        keys=lambda command: (line.sku for line in command.lines),
        needs=_needs_to_confirm,
        decide=do_confirm_prices,
    ),
    Handler(
        command=SettleSale,
        partition_key=lambda command: command.keeps[0].sku if command.keeps else "",
        keys=lambda command: (keep.sku for keep in command.keeps),
        needs=_needs_to_settle,
        decide=do_settle_sale,
    ),
    *RULE_HANDLERS,
    *RATE_HANDLERS,
    *PROMOTION_HANDLERS,
)
