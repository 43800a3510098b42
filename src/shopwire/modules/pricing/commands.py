"""How prices are decided."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.each import LINES_A_COMMAND_MAX
from shopwire.kernel.errors import InvalidField, VersionConflict
from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.trade_errors import PriceMoved
from shopwire.kernel.validation import check_amount, check_name, check_quantity
from shopwire.modules.pricing.api import (
    ApplyCost,
    ConfirmPrices,
    PriceRules,
    PutRules,
    Reprice,
)
from shopwire.modules.pricing.domain import (
    BASIS,
    RULES_ID,
    RULES_PARTITION,
    CostInput,
    Price,
    RulesRow,
    quote,
)
from shopwire.modules.pricing.events import PriceChanged, PriceWithdrawn, RulesDocument, RulesPut

MARKUPS_MAX: Final = 100
"""Cost ranges that one set of rules may have."""
FACTOR_BP_MAX: Final = 1_000_000
"""A hundred times the cost; more is a slip of the finger."""


def needs_of_sku(command: ApplyCost | Reprice) -> Iterable[Need]:
    """The SKU's costs and price, and the rules of the shop."""
    return (Need(CostInput, command.sku), Need(Price, command.sku), Need(RulesRow, RULES_ID))


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
    inputs = [one for one in view.all(CostInput, sku) if one.supplier != known.supplier]
    return _publish(sku, [*inputs, known], [known], view, context)


def do_reprice(command: Reprice, view: View, context: Context) -> Decision:
    """Publishes the price that follows from the rules as they are now, if it is another one."""
    sku = check_name(command.sku, "sku")
    return _publish(sku, view.all(CostInput, sku), [], view, context)


def _publish(
    sku: str, inputs: Iterable[CostInput], put: list[Row], view: View, context: Context
) -> Decision:
    rules = view.one(RulesRow, RULES_ID) or RulesRow(tenant=context.tenant)
    price = view.one(Price, sku) or Price(tenant=context.tenant, sku=sku)
    quoted = quote(sku, inputs, rules.rules, rules.version)
    document, facts = quoted.document, quoted.facts
    after = replace(
        price,
        version=price.version + 1,
        amount_minor=document.amount_minor if document else None,
        currency=document.currency if document else "",
        compare_at_minor=document.compare_at_minor if document else None,
        supplier=facts.supplier,
        reason=facts.reason,
    )
    public = (price.amount_minor, price.currency, price.compare_at_minor)
    if public == (after.amount_minor, after.currency, after.compare_at_minor):
        if price.version:
            put = [*put, replace(after, version=price.version)]
        return Decision(put=put, result={"applied": False, "reason": "unchanged"})
    event: PriceChanged | PriceWithdrawn
    if document is None:
        event = PriceWithdrawn(entity=sku, version=after.version, facts=facts)
    else:
        event = PriceChanged(entity=sku, version=after.version, document=document, facts=facts)
    return Decision(put=[*put, after], events=[event], result={"applied": True})


def do_put_rules(command: PutRules, view: View, context: Context) -> Decision:
    """Replaces the rules; raises VersionConflict where the caller saw older ones."""
    _check_rules(command.rules)
    known = view.one(RulesRow, RULES_ID) or RulesRow(tenant=context.tenant)
    if command.expected_version is not None and command.expected_version != known.version:
        raise VersionConflict(
            topic=f"rules:{RULES_ID}",
            expected=command.expected_version,
            current=known.version,
            conflicts=[{"field": "rules", "theirs": known.rules, "mine": command.rules}],
        )
    if known.version and known.rules == command.rules:
        return Decision(result={"applied": False, "reason": "unchanged"})
    rules = replace(known, version=known.version + 1, rules=command.rules)
    document = RulesDocument(rules=rules.rules)
    event = RulesPut(entity=RULES_ID, version=rules.version, document=document)
    return Decision(put=[rules], events=[event], result={"applied": True})


def _check_rules(rules: PriceRules) -> None:
    unit = 10 ** exponent_of(rules.currency)
    starts = [markup.cost_from_minor for markup in rules.markups]
    amounts = [one.add_minor for one in rules.markups] + starts
    problems = {
        "markups": len(starts) > MARKUPS_MAX or len(set(starts)) != len(starts),
        "cost_from_minor": any(start < 0 for start in starts),
        "markups' amounts": any(amount > MONEY_MINOR_MAX for amount in amounts),
        "factor_bp": any(not 0 <= one.factor_bp <= FACTOR_BP_MAX for one in rules.markups),
        "add_minor": any(one.add_minor < 0 for one in rules.markups),
        "ending_minor": rules.ending_minor is not None and not 0 <= rules.ending_minor < unit,
        "margin_min_bp": not 0 <= rules.margin_min_bp < BASIS,
    }
    for field, wrong in problems.items():
        if wrong:
            raise InvalidField(
                f"{field} of the rules is out of range, or a cost range is there twice.",
                field=f"rules.{field}",
                reason="out of range",
            )


def do_confirm_prices(command: ConfirmPrices, view: View, _: Context) -> Decision:
    """Refuses unless every price is the accepted one; raises PriceMoved with all that are not."""
    if len(command.lines) > LINES_A_COMMAND_MAX:
        raise InvalidField("Too many lines.", field="lines", reason="too many lines")
    changes = []
    for line in command.lines:
        price = view.one(Price, line.sku)
        now = (price.amount_minor, price.currency) if price else (None, "")
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
    return Decision(result={"confirmed": len(command.lines)})


HANDLERS: Final = (
    Handler(
        command=ApplyCost,
        partition_key=lambda command: command.sku,
        needs=needs_of_sku,
        decide=do_apply_cost,
    ),
    Handler(
        command=Reprice,
        partition_key=lambda command: command.sku,
        needs=needs_of_sku,
        decide=do_reprice,
    ),
    Handler(
        command=PutRules,
        partition_key=lambda _: RULES_PARTITION,
        needs=lambda _: (Need(RulesRow, RULES_ID),),
        decide=do_put_rules,
    ),
    Handler(
        command=ConfirmPrices,
        partition_key=lambda command: command.lines[0].sku if command.lines else "",
        keys=lambda command: (line.sku for line in command.lines),
        needs=lambda command: (Need(Price, line.sku) for line in command.lines),
        decide=do_confirm_prices,
    ),
)
