"""How promotions are put, reach their SKUs, begin and end."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.each import LINES_A_COMMAND_MAX
from shopwire.kernel.errors import InvalidField, NotFound, VersionConflict
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.trade_errors import PromotionOver
from shopwire.kernel.validation import check_amount, check_name, check_quantity, check_text
from shopwire.modules.pricing.api import (
    EndPromotion,
    EnterSales,
    NotePromotion,
    PutPromotion,
    SwitchSales,
)
from shopwire.modules.pricing.domain import (
    RULES_ID,
    RULES_PARTITION,
    CategorySale,
    CategorySales,
    Promotion,
    Sale,
)
from shopwire.modules.pricing.events import (
    PromotionEnded,
    PromotionFacts,
    PromotionPut,
    PromotionReady,
)
from shopwire.modules.pricing.floors import BASIS
from shopwire.modules.pricing.publishing import follow, needs_of_skus, together
from shopwire.modules.pricing.rate_commands import MOMENT_MS_MAX

SKUS_MAX: Final = 5_000
"""SKUs that one promotion may name; a promotion for more names a category."""
CATEGORY_PROMOTIONS_MAX: Final = 100
"""Promotions for categories that may be open at once; every product looks at them."""
NAME_CHARS_MAX: Final = 200
"""Length of a promotion's name."""
_UNCHANGED: Final = {"applied": False, "reason": "unchanged"}


def do_put_promotion(command: PutPromotion, view: View, context: Context) -> Decision:
    """Makes or changes a promotion; raises PromotionOver, VersionConflict, InvalidField."""
    _check(command)
    known = view.one(Promotion, command.id)
    _check_version(command.expected_version, known, command.id)
    if known is not None and (known.ended or known.ends_at_ms <= context.now_ms):
        raise PromotionOver(promotion=command.id)
    if command.ends_at_ms <= context.now_ms:
        raise InvalidField("It would be over.", field="ends_at_ms", reason="it lies in the past")
    before = known.version if known else 0
    wanted = Promotion(
        tenant=context.tenant,
        id=command.id,
        version=before + 1,
        terms_version=before + 1,
        name=command.name,
        skus=tuple(dict.fromkeys(command.skus)),
        category=command.category,
        kind=command.kind,
        value=command.value,
        currency=command.currency,
        starts_at_ms=command.starts_at_ms,
        ends_at_ms=command.ends_at_ms,
        quota=command.quota,
        put_by=context.principal,
        put_at_ms=context.now_ms,
    )
    if known is not None and _terms(known) == _terms(wanted):
        return Decision(result=_UNCHANGED)
    return _changed(wanted, PromotionPut, _with(wanted, view, context))


def _terms(promotion: Promotion) -> tuple[Any, ...]:
    one = promotion
    times = (one.starts_at_ms, one.ends_at_ms, one.quota)
    return (one.name, one.skus, one.category, one.kind, one.value, one.currency, *times)


def _with(promotion: Promotion, view: View, context: Context) -> CategorySales:
    """The promotions for categories with this one as it is now, without those that are over."""
    known = view.one(CategorySales, RULES_ID) or CategorySales(tenant=context.tenant)
    kept = [
        one
        for one in known.open
        if one.promotion != promotion.id and one.ends_at_ms > context.now_ms
    ]
    if promotion.category is not None and not promotion.ended:
        if len(kept) >= CATEGORY_PROMOTIONS_MAX:
            reason = f"at most {CATEGORY_PROMOTIONS_MAX} promotions for categories at once"
            raise InvalidField(f"{reason}.", field="category", reason=reason)
        kept.append(
            CategorySale(
                promotion=promotion.id,
                terms_version=promotion.terms_version,
                category=promotion.category,
                kind=promotion.kind,
                value=promotion.value,
                currency=promotion.currency,
                starts_at_ms=promotion.starts_at_ms,
                ends_at_ms=promotion.ends_at_ms,
                quota=promotion.quota,
            )
        )
    return replace(known, open=tuple(kept))


def _changed(row: Promotion, kind: Any, category_sales: CategorySales | None = None) -> Decision:
    event = kind(
        entity=row.id,
        version=row.version,
        document=row.document(),
        facts=PromotionFacts(terms_version=row.terms_version),
    )
    put: list[Row] = [row] if category_sales is None else [row, category_sales]
    return Decision(put=put, events=[event], result={"applied": True, "version": row.version})


def _check(command: PutPromotion) -> None:
    check_name(command.id, "id")
    check_text(command.name, "name", chars_max=NAME_CHARS_MAX)
    exponent_of(command.currency)
    if (not command.skus) == (command.category is None):
        reason = "name SKUs or a category, and not both"
        raise InvalidField(f"{reason}.", field="skus", reason=reason)
    if len(command.skus) > SKUS_MAX:
        raise InvalidField("Too many.", field="skus", reason=f"at most {SKUS_MAX}")
    for sku in command.skus:
        check_name(sku, "skus")
    if command.category is not None:
        check_name(command.category, "category")
    check_amount(command.value, "value", least=1)
    if command.kind == "percent" and command.value >= BASIS:
        reason = f"a share off is below {BASIS} basis points"
        raise InvalidField(f"{reason}.", field="value", reason=reason, value=command.value)
    if not 0 <= command.starts_at_ms < command.ends_at_ms <= MOMENT_MS_MAX:
        reason = "it has to end after it starts"
        raise InvalidField(f"{reason}.", field="ends_at_ms", reason=reason)
    if command.quota is not None:
        check_quantity(command.quota, least=1, field="quota")


def _check_version(expected: int | None, known: Promotion | None, promotion: str) -> None:
    current = known.version if known else 0
    if expected is not None and expected != current:
        raise VersionConflict(
            topic=f"promotion:{promotion}", expected=expected, current=current, conflicts=[]
        )


def do_end_promotion(command: EndPromotion, view: View, context: Context) -> Decision:
    """Ends a promotion now; raises NotFound, VersionConflict. Ended again it stays ended."""
    known = view.one(Promotion, command.id)
    if known is None:
        raise NotFound(what="promotion", id=command.id)
    _check_version(command.expected_version, known, command.id)
    if known.ended or known.ends_at_ms <= context.now_ms:
        return Decision(result=_UNCHANGED)
    version = known.version + 1
    over = replace(known, version=version, terms_version=version, ended=True, skus_count=None)
    return _changed(over, PromotionEnded, _with(over, view, context))


def do_note_promotion(command: NotePromotion, view: View, _: Context) -> Decision:
    """Notes that all SKUs are reached, unless the terms have changed meanwhile."""
    known = view.one(Promotion, command.id)
    if known is None or known.terms_version != command.of_version or known.skus_count is not None:
        return Decision(result=_UNCHANGED)
    counted = check_quantity(command.skus_count, least=0, field="skus_count")
    return _changed(replace(known, version=known.version + 1, skus_count=counted), PromotionReady)


# -- at the SKUs ------------------------------------------------------------------------------


def do_enter_sales(command: EnterSales, view: View, context: Context) -> Decision:
    """Brings a promotion's terms to SKUs. What was taken stays taken; what ended stays ended."""
    if len(command.skus) > LINES_A_COMMAND_MAX:
        raise InvalidField("Too many lines.", field="skus", reason="too many lines")
    changes = []
    for sku in dict.fromkeys(command.skus):
        known = view.one(Sale, check_name(sku, "skus"), command.promotion)
        after = _entered(sku, known, command, context)
        if after is not None and after != known:
            changes.append(follow(sku, view, context, changed=[after]))
    return together(changes)


def _entered(sku: str, known: Sale | None, command: EnterSales, context: Context) -> Sale | None:
    if command.ended:
        if known is None or known.terms_version >= command.terms_version:
            return None
        return replace(known, state="ended", terms_version=command.terms_version)
    told = Sale(
        tenant=context.tenant,
        sku=sku,
        promotion=command.promotion,
        terms_version=command.terms_version,
        kind=command.kind,
        value=command.value,
        currency=command.currency,
        starts_at_ms=command.starts_at_ms,
        ends_at_ms=command.ends_at_ms,
        quota=command.quota,
        bucket=command.bucket,
    )
    if known is None:
        return told
    if known.terms_version >= command.terms_version:
        return None
    again = known.state == "running" and told.starts_at_ms <= context.now_ms
    return replace(told.having_sold(known.taken), state="running" if again else "planned")


def do_switch_sales(command: SwitchSales, view: View, context: Context) -> Decision:
    """Begins or ends what is due at the moment that the command names."""
    if len(command.skus) > LINES_A_COMMAND_MAX:
        raise InvalidField("Too many lines.", field="skus", reason="too many lines")
    changes = []
    for sku in dict.fromkeys(command.skus):
        sale = view.one(Sale, check_name(sku, "skus"), command.promotion)
        if sale is None or sale.state == "ended":
            continue
        if sale.ends_at_ms <= command.at_ms:
            after = replace(sale, state="ended")
        elif sale.starts_at_ms <= command.at_ms:
            after = replace(sale, state="running")
        else:
            continue
        if after != sale:
            changes.append(follow(sku, view, context, changed=[after]))
    return together(changes)


def _needs(command: Any) -> Iterable[Need]:
    return (Need(Promotion, command.id), Need(CategorySales, RULES_ID))


def _handler(kind: Any, decide: Any) -> Handler[Any]:
    return Handler(
        command=kind, partition_key=lambda _: RULES_PARTITION, needs=_needs, decide=decide
    )


def _handler_at_skus(kind: Any, decide: Any) -> Handler[Any]:
    return Handler(
        command=kind,
        partition_key=lambda command: command.skus[0] if command.skus else "",
        keys=lambda command: command.skus,
        needs=lambda command: needs_of_skus(command.skus),
        decide=decide,
    )


HANDLERS: Final = (
    _handler(PutPromotion, do_put_promotion),
    _handler(EndPromotion, do_end_promotion),
    _handler(NotePromotion, do_note_promotion),
    _handler_at_skus(EnterSales, do_enter_sales),
    _handler_at_skus(SwitchSales, do_switch_sales),
)
