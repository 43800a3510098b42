"""How the shop's rules for a SKU are decided: policy, preorder, sets."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.each import each
from shopwire.kernel.errors import InvalidField, RuleBroken
from shopwire.kernel.events import Event
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.validation import check_name, check_quantity
from shopwire.modules.inventory.api import CountSets, EndPreorder, KeepBack, PutBundle, SetPolicy
from shopwire.modules.inventory.domain import Pool, StockItem, document_of
from shopwire.modules.inventory.events import (
    BundleFacts,
    BundlePut,
    BundleRef,
    KeptBackFacts,
    PartDocument,
    PolicyFacts,
    SetsCounted,
    StockKeptBack,
    StockPolicySet,
)
from shopwire.modules.inventory.holding import sets_of
from shopwire.modules.inventory.limits import (
    BUNDLE_PARTS_MAX,
    BUNDLES_A_PART_MAX,
    KEPT_BACK_MAX,
    MOMENT_MS_MAX,
)

_LIMITS: Final = ("buffer", "low_threshold", "backorder_max")
SHARE_BP_MAX: Final = 10_000
"""All of something, in hundredths of a percent."""
_OPTIONAL_LIMITS: Final = ("shopper_units_max", "held_units_max")
_RULES: Final = (*_LIMITS, *_OPTIONAL_LIMITS, "preorder_until_ms")


def do_set_policy(command: SetPolicy, view: View, context: Context) -> Decision:
    """Changes the rules for a SKU; it may have no stock yet."""
    sku = check_name(command.sku, "sku")
    for name in _LIMITS:
        check_quantity(getattr(command, name), least=0, field=name)
    for name in _OPTIONAL_LIMITS:
        if (value := getattr(command, name)) is not None:
            check_quantity(value, least=0, field=name)
    if (until_ms := command.preorder_until_ms) is not None and not 0 <= until_ms <= MOMENT_MS_MAX:
        reason = "it is no moment in milliseconds since 1970"
        raise InvalidField(
            f"preorder_until_ms: {reason}.", field="preorder_until_ms", reason=reason
        )
    item = view.one(StockItem, sku) or StockItem(tenant=context.tenant, sku=sku)
    rules = {name: getattr(command, name) for name in _RULES}
    if item.version and all(getattr(item, name) == value for name, value in rules.items()):
        return Decision(result={"applied": False, "reason": "unchanged"})
    return _ruled(replace(item, **rules), view)


def _ruled(item: StockItem, view: View) -> Decision:
    """The SKU under new rules."""
    item = replace(item, version=item.version + 1)
    rows: list[Row] = [item]
    pools = []
    for pool in view.all(Pool, item.sku):
        # What was promised beyond the count stays promised.
        allowed = max(item.backorder_max, pool.backorder)
        if allowed != pool.backorder_max:
            rows.append(replace(pool, backorder_max=allowed))
        pools.append(pool)
    document = document_of(item, pools)
    facts = PolicyFacts(**{name: getattr(item, name) for name in _RULES}, bundles=item.bundles)
    event = StockPolicySet(entity=item.sku, version=item.version, document=document, facts=facts)
    result = {"applied": True, "available": document.available}
    return Decision(put=rows, events=[event], result=result)


def do_end_preorder(command: EndPreorder, view: View, context: Context) -> Decision:
    """No more preorders; those that were taken stay promised."""
    item = view.one(StockItem, check_name(command.sku, "sku"))
    until_ms = item.preorder_until_ms if item is not None else None
    if item is None or until_ms != command.until_ms or until_ms > context.now_ms:
        return Decision(result={"applied": False})
    return _ruled(replace(item, backorder_max=0, preorder_until_ms=None), view)


def do_keep_back(command: KeepBack, view: View, context: Context) -> Decision:
    """Keeps units of pools from being offered; a supplier without a count has nothing to keep."""
    del context
    check_quantity(command.units, least=0, field="units")
    if not 0 <= command.share_bp <= SHARE_BP_MAX:
        reason = f"a share has 0 to {SHARE_BP_MAX} hundredths of a percent"
        raise InvalidField(f"share_bp: {reason}.", field="share_bp", reason=reason)
    return each(command.skus, str, lambda sku: _kept_back(sku, command, view))


def _kept_back(sku: str, command: KeepBack, view: View) -> Decision:
    item = view.one(StockItem, sku)
    known = view.one(Pool, sku, command.supplier)
    if item is None or known is None:
        return Decision()
    share = -(-known.reported * command.share_bp // SHARE_BP_MAX)
    kept_back = KEPT_BACK_MAX if command.everything else command.units + share
    if kept_back == known.kept_back:
        return Decision()
    pool = replace(known, kept_back=kept_back)
    others = [one for one in view.all(Pool, sku) if one.supplier != pool.supplier]
    item = replace(item, version=item.version + 1)
    document = document_of(item, [*others, pool])
    facts = KeptBackFacts(supplier=pool.supplier, kept_back=kept_back, bundles=item.bundles)
    event = StockKeptBack(entity=sku, version=item.version, document=document, facts=facts)
    return Decision(put=[item, pool], events=[event])


# -- sets -------------------------------------------------------------------------------------


def do_put_bundle(command: PutBundle, view: View, context: Context) -> Decision:
    """Makes a SKU a set of others; their changes count its sets from then on."""
    sku = check_name(command.sku, "sku")
    _check_bundle(command)
    item = view.one(StockItem, sku) or StockItem(tenant=context.tenant, sku=sku)
    if item.version and item.parts == command.parts:
        return Decision(result={"applied": False, "reason": "unchanged"})
    if command.parts and item.bundles:
        raise _broken(f"{sku} is part of the set {item.bundles[0].sku}")
    parts = {
        part.sku: view.one(StockItem, part.sku) or StockItem(tenant=context.tenant, sku=part.sku)
        for part in command.parts
    }
    ref = BundleRef(sku=sku, parts=tuple(sorted(parts)))
    rows: list[Row] = []
    events: list[Event] = []
    for part in parts.values():
        if part.parts:
            raise _broken(f"{part.sku} is a set itself")
        others = tuple(one for one in part.bundles if one.sku != sku)
        if len(others) == BUNDLES_A_PART_MAX:
            raise _broken(f"{part.sku} is part of {BUNDLES_A_PART_MAX} sets already")
        if ref not in part.bundles:
            decision = _ruled(replace(part, bundles=(*others, ref)), view)
            rows += decision.put
            events += decision.events
    item = replace(item, parts=command.parts, version=item.version + 1)
    item = replace(item, sets=_sets(item, view))
    told = tuple(PartDocument(sku=one.sku, quantity=one.quantity) for one in command.parts)
    document = document_of(item, view.all(Pool, sku))
    event = BundlePut(
        entity=sku, version=item.version, document=document, facts=BundleFacts(parts=told)
    )
    return Decision(
        put=[item, *rows],
        events=[event, *events],
        result={"applied": True, "available": document.available},
    )


def _check_bundle(command: PutBundle) -> None:
    names = {part.sku for part in command.parts}
    reason = ""
    if len(command.parts) > BUNDLE_PARTS_MAX:
        reason = f"a set has at most {BUNDLE_PARTS_MAX}"
    elif len(names) < len(command.parts):
        reason = "one is there twice"
    elif command.sku in names:
        reason = "a set is no part of itself"
    if reason:
        raise InvalidField(f"parts: {reason}.", field="parts", reason=reason)
    for part in command.parts:
        check_name(part.sku, "parts.sku")
        check_quantity(part.quantity, least=1, field="parts.quantity")


def _broken(reason: str) -> RuleBroken:
    return RuleBroken(f"{reason}.", rule="inventory.sets_of_articles", reason=reason)


def _sets(item: StockItem, view: View) -> int:
    """Whole sets that the stock of the parts makes."""
    counts = []
    for part in item.parts:
        own = view.one(StockItem, part.sku)
        buffer = own.buffer if own is not None else 0
        units = sum(pool.sellable(buffer) for pool in view.all(Pool, part.sku))
        counts.append((units, part.quantity))
    return sets_of(counts)


def do_count_sets(command: CountSets, view: View, context: Context) -> Decision:
    """Counts a set's parts; one that is made of other parts by now is none of theirs any more."""
    del context
    item = view.one(StockItem, command.sku)
    if item is None or {part.sku for part in item.parts} != set(command.parts):
        gone = []
        for sku in command.parts:
            part = view.one(StockItem, sku)
            if part is None:
                continue
            ref = BundleRef(sku=command.sku, parts=command.parts)
            kept = tuple(one for one in part.bundles if one != ref)
            if kept != part.bundles:
                gone.append(replace(part, bundles=kept))
        return Decision(put=gone, result={"applied": False})
    sets = _sets(item, view)
    if sets == item.sets:
        return Decision(result={"applied": False})
    item = replace(item, sets=sets, version=item.version + 1)
    event = SetsCounted(entity=item.sku, version=item.version, document=document_of(item, ()))
    return Decision(put=[item], events=[event], result={"applied": True, "available": sets})


def _needs_set(sku: str, parts: Iterable[str]) -> Iterable[Need]:
    for name in (sku, *parts):
        yield Need(StockItem, name)
        yield Need(Pool, name)


POLICY_HANDLERS: Final = (
    Handler(
        command=SetPolicy,
        partition_key=lambda command: command.sku,
        needs=lambda command: (Need(StockItem, command.sku), Need(Pool, command.sku)),
        decide=do_set_policy,
    ),
    Handler(
        command=EndPreorder,
        partition_key=lambda command: command.sku,
        needs=lambda command: (Need(StockItem, command.sku), Need(Pool, command.sku)),
        decide=do_end_preorder,
    ),
    Handler(
        command=KeepBack,
        partition_key=lambda command: command.skus[0] if command.skus else "",
        keys=lambda command: command.skus,
        needs=lambda command: (
            Need(kind, sku) for sku in command.skus for kind in (StockItem, Pool)
        ),
        decide=do_keep_back,
    ),
    Handler(
        command=PutBundle,
        partition_key=lambda command: command.sku,
        keys=lambda command: (command.sku, *(part.sku for part in command.parts)),
        needs=lambda command: _needs_set(command.sku, (part.sku for part in command.parts)),
        decide=do_put_bundle,
    ),
    Handler(
        command=CountSets,
        partition_key=lambda command: command.sku,
        keys=lambda command: (command.sku, *command.parts),
        needs=lambda command: _needs_set(command.sku, command.parts),
        decide=do_count_sets,
    ),
)
