"""Which rule decides a price, and what the rules refuse."""

from functools import lru_cache
from typing import Final

import msgspec

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.kernel.money import exponent_of
from shopwire.kernel.validation import check_name
from shopwire.modules.pricing.api import Markup, PriceRule, PriceRules, When
from shopwire.modules.pricing.floors import BASIS

MARKUPS_MAX: Final = 100
"""Cost ranges that one set of rules may have; more are refused."""
RULES_MAX: Final = 500
"""Rules of one set; more are refused."""
NAMES_A_RULE_MAX: Final = 5_000
"""SKUs, or categories, brands, suppliers, that one rule may name; more are refused."""
FACTOR_BP_MAX: Final = 1_000_000
"""A hundred times the cost; more is a slip of the finger."""
PRIORITY_MAX: Final = 1_000
"""Highest priority of a rule, and lowest with a minus."""
ALIKE_MAX: Final = 50_000
"""Kinds of articles whose rules are remembered; with one more all are looked up again."""
KEPT_MAX: Final = 8
"""Sets of rules that are kept prepared; the oldest is prepared again when it is asked for."""


class Article(msgspec.Struct, frozen=True):
    """What rules ask of a SKU besides its cost."""

    sku: str
    supplier: str = ""
    categories: tuple[str, ...] = ()
    brand: str = ""


class Terms(msgspec.Struct, frozen=True):
    """What is put on a cost, with what a rule leaves open filled from the shop's own."""

    rule: str | None
    factor_bp: int
    add_minor: int
    shipping_minor: int
    fee_minor: int
    fee_bp: int
    ending_minor: int | None
    margin_min_bp: int
    compare_at_bp: int | None


@lru_cache(maxsize=65_536)
def lineage(slug: str) -> tuple[str, ...]:
    """A category and all above it, which its slug names: `lamps--desk` lies below `lamps`."""
    names = slug.split("--")
    return tuple("--".join(names[: at + 1]) for at in range(len(names)))


@lru_cache(maxsize=65_536)
def folded(brand: str) -> str:
    """A brand without its capitals."""
    return brand.casefold()


def rank_of(rule: PriceRule) -> tuple[int, int]:
    """Its priority and how special it is.

    SKUs over categories over brands over suppliers over ranges of cost; whoever names two of them
    is more special than who names the first alone.
    """
    when = rule.when
    ranged = when.cost_from_minor > 0 or when.cost_below_minor is not None
    named = (bool(when.skus), bool(when.categories), bool(when.brands), bool(when.suppliers))
    special = sum(
        has << place for has, place in zip((*named, ranged), (4, 3, 2, 1, 0), strict=True)
    )
    return (rule.priority, special)


class _Ready:
    """One rule, prepared."""

    __slots__ = ("brands", "categories", "least", "place", "skus", "suppliers", "terms", "under")

    def __init__(self, place: int, when: When, terms: Terms) -> None:
        self.place, self.terms = place, terms
        self.least, self.under = when.cost_from_minor, when.cost_below_minor
        self.skus, self.suppliers = frozenset(when.skus), frozenset(when.suppliers)
        self.categories = frozenset(when.categories)
        self.brands = frozenset(folded(brand) for brand in when.brands)

    def ranges(self, cost_minor: int) -> bool:
        """Whether the cost lies in its range."""
        return self.least <= cost_minor and (self.under is None or cost_minor < self.under)

    def names(self, article: Article) -> bool:
        """Whether it is for such an article, whatever its SKU and cost."""
        if self.suppliers and article.supplier not in self.suppliers:
            return False
        if self.brands and folded(article.brand) not in self.brands:
            return False
        return not self.categories or any(
            not self.categories.isdisjoint(lineage(slug)) for slug in article.categories
        )


class Book:
    """A set of rules, prepared so that an article's own is found without a look at the others."""

    def __init__(self, rules: PriceRules) -> None:
        self.rules = rules
        order = sorted(
            range(len(rules.rules)),
            key=lambda at: (*(-part for part in rank_of(rules.rules[at])), at),
        )
        ready = [
            _Ready(place, rules.rules[at].when, _terms(rules, rules.rules[at]))
            for place, at in enumerate(order)
        ]
        self._for_many = [one for one in ready if not one.skus]
        self._for_sku: dict[str, list[_Ready]] = {}
        for one in ready:
            for sku in one.skus:
                self._for_sku.setdefault(sku, []).append(one)
        self._alike: dict[tuple[tuple[str, ...], str, str], list[_Ready]] = {}
        """By categories, brand and supplier: the rules for such articles, the first one first."""
        self._markups = sorted(rules.markups, key=lambda one: one.cost_from_minor, reverse=True)
        self._terms = {one: _terms_of_markup(rules, one) for one in self._markups}
        self._rest = _terms_of_markup(rules, Markup())

    def terms_for(self, article: Article, cost_minor: int) -> Terms:
        """The terms of the one rule that decides; without one, those of the cost's range."""
        best: _Ready | None = None
        for one in self._for_sku.get(article.sku, ()):
            if one.ranges(cost_minor) and one.names(article):
                best = one
                break
        if self._for_many:
            for one in self._of_alike(article):
                if best is not None and best.place < one.place:
                    break
                if one.ranges(cost_minor):
                    best = one
                    break
        if best is not None:
            return best.terms
        for markup in self._markups:
            if markup.cost_from_minor <= cost_minor:
                return self._terms[markup]
        return self._rest

    def _of_alike(self, article: Article) -> list[_Ready]:
        alike = (article.categories, article.brand, article.supplier)
        found = self._alike.get(alike)
        if found is None:
            if len(self._alike) >= ALIKE_MAX:
                self._alike.clear()
            found = [one for one in self._for_many if one.names(article)]
            self._alike[alike] = found
        return found


_KEPT: Final[list[tuple[PriceRules, Book]]] = []


def book_of(rules: PriceRules) -> Book:
    """The rules, prepared once: for the same object at once, for an equal one after a comparison.

    Each batch of commands reads the same rules as an object of its own, and what a book has found
    out about articles is worth more than that comparison.
    """
    for known, book in tuple(_KEPT):
        if known is rules:
            return book
    book = next((book for known, book in tuple(_KEPT) if known == rules), None) or Book(rules)
    _KEPT.append((rules, book))
    del _KEPT[:-KEPT_MAX]
    return book


def _terms(rules: PriceRules, rule: PriceRule) -> Terms:
    def own(name: str) -> int:
        said: int | None = getattr(rule, name)
        shops: int = getattr(rules, name)
        return shops if said is None else said

    ending = rules.ending_minor if rule.ending_minor is None else rule.ending_minor
    return Terms(
        rule=rule.name,
        factor_bp=rule.factor_bp,
        add_minor=rule.add_minor,
        shipping_minor=own("shipping_minor"),
        fee_minor=own("fee_minor"),
        fee_bp=own("fee_bp"),
        ending_minor=None if rule.exact else ending,
        margin_min_bp=max(rules.margin_min_bp, rule.margin_min_bp or 0),
        compare_at_bp=rules.compare_at_bp if rule.compare_at_bp is None else rule.compare_at_bp,
    )


def _terms_of_markup(rules: PriceRules, markup: Markup) -> Terms:
    return Terms(
        rule=None,
        factor_bp=markup.factor_bp,
        add_minor=markup.add_minor,
        shipping_minor=rules.shipping_minor,
        fee_minor=rules.fee_minor,
        fee_bp=rules.fee_bp,
        ending_minor=rules.ending_minor,
        margin_min_bp=rules.margin_min_bp,
        compare_at_bp=rules.compare_at_bp,
    )


# -- what is refused --------------------------------------------------------------------------


def check_rules(rules: PriceRules) -> None:
    """Raises InvalidField, which names the field and, in `reason`, the rule."""
    unit = 10 ** exponent_of(rules.currency)
    starts = [markup.cost_from_minor for markup in rules.markups]
    if len(starts) > MARKUPS_MAX or len(set(starts)) != len(starts):
        _refuse("markups", f"more than {MARKUPS_MAX}, or a cost range is there twice")
    if any(not 0 <= start <= MONEY_MINOR_MAX for start in starts):
        _refuse("cost_from_minor", "out of range")
    for markup in rules.markups:
        _check_markup(markup.factor_bp, markup.add_minor, "")
    _check_shares(rules.margin_min_bp, rules.fee_bp, "")
    _check_costs(rules.shipping_minor, rules.fee_minor, "")
    _check_ending(rules.ending_minor, unit, "")
    _check_compare_at(rules.compare_at_bp, "")
    if len(rules.rules) > RULES_MAX:
        _refuse("rules", f"more than {RULES_MAX}")
    names = [rule.name for rule in rules.rules]
    if len(set(names)) != len(names):
        _refuse("rules.name", "a name is there twice")
    for rule in rules.rules:
        _check_rule(rule, rules, unit)


def _check_rule(rule: PriceRule, rules: PriceRules, unit: int) -> None:
    check_name(rule.name, "rules.rules.name")
    _check_when(rule)
    _check_markup(rule.factor_bp, rule.add_minor, rule.name)
    terms = _terms(rules, rule)
    _check_shares(terms.margin_min_bp, terms.fee_bp, rule.name)
    _check_shares(rule.margin_min_bp or 0, terms.fee_bp, rule.name)
    _check_costs(terms.shipping_minor, terms.fee_minor, rule.name)
    _check_ending(terms.ending_minor, unit, rule.name)
    _check_compare_at(rule.compare_at_bp, rule.name)
    if not -PRIORITY_MAX <= rule.priority <= PRIORITY_MAX:
        _refuse("priority", "out of range", rule.name)


def _check_when(rule: PriceRule) -> None:
    when, below = rule.when, rule.when.cost_below_minor
    least = when.cost_from_minor
    if not 0 <= least <= MONEY_MINOR_MAX or (below is not None and below <= least):
        _refuse("when", "the range of costs is empty or out of range", rule.name)
    for field in ("skus", "categories", "brands", "suppliers"):
        named: tuple[str, ...] = getattr(when, field)
        if len(named) > NAMES_A_RULE_MAX:
            _refuse(f"when.{field}", f"more than {NAMES_A_RULE_MAX}", rule.name)
        for name in named:
            check_name(name, f"rules.when.{field}")


def _check_markup(factor_bp: int, add_minor: int, rule: str) -> None:
    if not 0 <= factor_bp <= FACTOR_BP_MAX:
        _refuse("factor_bp", "out of range", rule)
    if not 0 <= add_minor <= MONEY_MINOR_MAX:
        _refuse("add_minor", "out of range", rule)


def _check_costs(shipping_minor: int, fee_minor: int, rule: str) -> None:
    if not 0 <= shipping_minor <= MONEY_MINOR_MAX or not 0 <= fee_minor <= MONEY_MINOR_MAX:
        _refuse("shipping_minor", "shipping or fee is out of range", rule)


def _check_shares(margin_min_bp: int, fee_bp: int, rule: str) -> None:
    if margin_min_bp < 0 or fee_bp < 0 or margin_min_bp + fee_bp >= BASIS:
        _refuse("margin_min_bp", "margin and fee together are the whole price", rule)


def _check_ending(ending_minor: int | None, unit: int, rule: str) -> None:
    if ending_minor is not None and not 0 <= ending_minor < unit:
        _refuse("ending_minor", "out of range", rule)


def _check_compare_at(compare_at_bp: int | None, rule: str) -> None:
    if compare_at_bp is not None and not BASIS < compare_at_bp <= FACTOR_BP_MAX:
        _refuse("compare_at_bp", "out of range: it has to be above the price", rule)


def _refuse(field: str, reason: str, rule: str = "") -> None:
    where = f" of rule {rule!r}" if rule else ""
    raise InvalidField(
        f"{field}{where} cannot be used: {reason}.", field=f"rules.{field}", reason=reason
    )
