"""What rules may say."""

from typing import Final

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.kernel.validation import check_name
from shopwire.modules.routing.api import RoutingRules, Rule

RULES_MAX: Final = 200
"""Rules that a shop may have; more is refused."""
NAMES_MAX: Final = 500
"""Suppliers, SKUs, categories or countries that one rule may name; more is refused."""
DAYS_MAX: Final = 365
"""What an unknown lead time may count as."""
BASIS_MAX: Final = 100_000
"""Ten times the cost, in basis points; more is a slip of the finger."""


def check_rules(rules: RoutingRules) -> None:
    """Raises InvalidField, which names the field and the rule."""
    amounts = ("lead_day_minor", "split_minor", "parcel_minor", "unit_minor", "fee_minor")
    for field in (*amounts, "reroute_loss_minor_max"):
        _within(getattr(rules, field), MONEY_MINOR_MAX, field)
    for field in ("score_bp", "doubt_bp", "fee_bp"):
        _within(getattr(rules, field), BASIS_MAX, field)
    _within(rules.unknown_lead_days, DAYS_MAX, "unknown_lead_days")
    if rules.unit_minor > rules.parcel_minor:
        reason = "a further unit costs no more than the first"
        raise InvalidField(f"unit_minor: {reason}.", field="rules.unit_minor", reason=reason)
    if len(rules.rules) > RULES_MAX:
        reason = f"at most {RULES_MAX}"
        raise InvalidField(f"A shop has {reason} rules.", field="rules.rules", reason=reason)
    names = [rule.name for rule in rules.rules]
    for rule in rules.rules:
        check_name(rule.name, "rules.rules.name")
        if names.count(rule.name) > 1:
            reason = f"{rule.name!r} is there twice"
            raise InvalidField(f"{reason}.", field="rules.rules.name", reason=reason)
        _check_rule(rule)


def _check_rule(rule: Rule) -> None:
    for field in ("suppliers", "skus", "categories", "countries"):
        listed = getattr(rule, field)
        if len(listed) > NAMES_MAX:
            reason = f"at most {NAMES_MAX}"
            raise InvalidField(
                f"{rule.name}: {field} names {reason}.", field=f"rules.{field}", reason=reason
            )
        for name in listed:
            check_name(name, f"rules.{field}")
    for field in ("value_from_minor", "value_to_minor"):
        amount = getattr(rule, field)
        if amount is not None:
            _within(amount, MONEY_MINOR_MAX, field)
    below = rule.margin_below_minor
    if below is not None and abs(below) > MONEY_MINOR_MAX:
        raise InvalidField(
            f"{rule.name}: margin_below_minor is out of range.",
            field="rules.margin_below_minor",
            reason="out of range",
        )
    _within(rule.bonus_minor, MONEY_MINOR_MAX, "bonus_minor")
    if (rule.action == "prefer") != bool(rule.bonus_minor):
        reason = "it goes with prefer, and prefer needs one"
        raise InvalidField(
            f"{rule.name}: bonus_minor: {reason}.", field="rules.bonus_minor", reason=reason
        )


def _within(value: int, most: int, field: str) -> None:
    if not 0 <= value <= most:
        reason = f"0 to {most}"
        raise InvalidField(
            f"{field} takes {reason}.", field=f"rules.{field}", reason=reason, value=value
        )
