"""How routing decides: rules, choices, moves, scores."""

import re
from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.errors import InvalidField, NotFound, VersionConflict
from shopwire.kernel.ids import home_of_order
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Need, View
from shopwire.kernel.validation import check_amount, check_name, check_quantity, check_text
from shopwire.modules.carts.api import check_insider
from shopwire.modules.orders.api import MoveUnits, SettleConflict, Source
from shopwire.modules.routing.api import (
    ChooseSupplier,
    LeaveToPerson,
    NoteConflict,
    NoteShares,
    Observe,
    Pick,
    PutRules,
    PutTerms,
    RecordChoice,
    ReleaseRoute,
    Reroute,
)
from shopwire.modules.routing.checking import check_rules
from shopwire.modules.routing.domain import (
    RULES_ID,
    RULES_PARTITION,
    Question,
    Route,
    RulesRow,
    ScoreRow,
    TermsRow,
    Watch,
)
from shopwire.modules.routing.events import (
    Left,
    Move,
    RouteChanged,
    RouteChosen,
    RouteEvent,
    RouteReleased,
    RouteShared,
    RoutingRulesPut,
    RulesDocument,
    SupplierScored,
    TermsPut,
)
from shopwire.modules.routing.observing import observed
from shopwire.modules.routing.scoring import DAY_MS, UNKNOWN, faded, score_of
from shopwire.modules.shipping.api import HoldPurchaseOrders

COUNTRIES_MAX: Final = 250
"""Countries that a supplier sends to; there are no more."""
NOTE_CHARS_MAX: Final = 500
"""Length of what a person writes who lets an order go."""
MOVES_MAX: Final = 100
"""Moves that a choice remembers; of more only the latest, the order's conflicts have all."""

_MOVE: Final = re.compile(r"M[0-9]{1,15}")
_NOTHING: Final = Decision(result={"applied": False})


# -- rules and terms --------------------------------------------------------------------------


def do_put_rules(command: PutRules, view: View, context: Context) -> Decision:
    """Replaces the rules; raises VersionConflict where the caller saw older ones."""
    check_rules(command.rules)
    known = view.one(RulesRow, RULES_ID) or RulesRow(tenant=context.tenant)
    if command.expected_version is not None and command.expected_version != known.version:
        raise VersionConflict(
            topic=f"routing:{RULES_ID}",
            expected=command.expected_version,
            current=known.version,
            conflicts=[{"field": "rules", "theirs": known.rules, "mine": command.rules}],
        )
    if known.version and known.rules == command.rules:
        return Decision(result={"applied": False, "reason": "unchanged"})
    after = replace(known, version=known.version + 1, rules=command.rules)
    event = RoutingRulesPut(
        entity=RULES_ID, version=after.version, document=RulesDocument(rules=after.rules)
    )
    return Decision(put=[after], events=[event], result={"applied": True})


def do_put_terms(command: PutTerms, view: View, context: Context) -> Decision:
    """Takes over what sending with a supplier costs; the same again changes nothing."""
    supplier = check_name(command.supplier, "supplier")
    exponent_of(command.currency)
    for field in ("parcel_minor", "unit_minor", "handling_minor"):
        check_amount(getattr(command, field), field)
    if command.unit_minor > command.parcel_minor:
        reason = "a further unit costs no more than the first"
        raise InvalidField(f"unit_minor: {reason}.", field="unit_minor", reason=reason)
    countries = tuple(sorted(set(command.countries)))
    if len(countries) > COUNTRIES_MAX or not all(
        len(one) == 2 and one.isascii() and one.isupper() for one in countries
    ):
        reason = "two capital letters each"
        raise InvalidField(f"countries take {reason}.", field="countries", reason=reason)
    known = view.one(TermsRow, supplier)
    terms = TermsRow(
        tenant=context.tenant,
        supplier=supplier,
        version=known.version if known else 0,
        currency=command.currency,
        parcel_minor=command.parcel_minor,
        unit_minor=command.unit_minor,
        handling_minor=command.handling_minor,
        countries=countries,
    )
    if terms == known:
        return Decision(result={"applied": False, "reason": "unchanged"})
    terms = replace(terms, version=terms.version + 1)
    event = TermsPut(entity=supplier, version=terms.version, document=terms.document())
    return Decision(put=[terms], events=[event], result={"applied": True})


# -- choices ----------------------------------------------------------------------------------


def do_record_choice(command: RecordChoice, view: View, context: Context) -> Decision:
    """Keeps the choice; where a person has to look at it, its purchase orders wait."""
    check_insider(context.principal, command.operation)
    if view.one(Route, command.order_id) is not None:
        return _NOTHING
    route = Route(
        tenant=context.tenant,
        order_id=command.order_id,
        state="waiting" if command.choice.reviews else "chosen",
        currency=command.currency,
        choice=command.choice,
        chosen_at_ms=context.now_ms,
    )
    return replace(_told(RouteChosen, route), then=_holding(command))


def _holding(command: RecordChoice) -> tuple[Command, ...]:
    if not command.choice.reviews:
        return ()
    return (HoldPurchaseOrders(order_id=command.order_id, held=True),)


def do_note_shares(command: NoteShares, view: View, context: Context) -> Decision:
    """Shows who really sends the units; of a later plan its move tells."""
    check_insider(context.principal, command.operation)
    route = view.one(Route, command.order_id)
    if route is None or command.plan != command.order_id or route.shares == command.shares:
        return _NOTHING
    return _told(RouteShared, replace(route, shares=command.shares))


def do_release_route(command: ReleaseRoute, view: View, context: Context) -> Decision:
    """Lets the purchase orders go; raises NotFound where there is no choice."""
    route = view.one(Route, command.order_id)
    if route is None:
        raise NotFound(what="route", id=command.order_id)
    if command.note:
        check_text(command.note, "note", chars_max=NOTE_CHARS_MAX)
    if route.state != "waiting":
        return Decision(result={"applied": False, "state": route.state})
    released = replace(route, state="released", released_at_ms=context.now_ms, note=command.note)
    return replace(
        _told(RouteReleased, released),
        then=[HoldPurchaseOrders(order_id=command.order_id, held=False)],
    )


def do_choose_supplier(command: ChooseSupplier, view: View, context: Context) -> Decision:
    """Moves units to the supplier that a person chose."""
    route = view.one(Route, command.order_id)
    if route is None:
        raise NotFound(what="route", id=command.order_id)
    check_quantity(command.quantity, least=1)
    if not _MOVE.fullmatch(command.move):
        reason = "M and a number"
        raise InvalidField(f"move takes {reason}.", field="move", reason=reason)
    conflict_id = f"{command.order_id}/{command.move}"
    if any(one.conflict_id == conflict_id for one in route.moves):
        return _NOTHING
    choice = route.choice
    known = (*choice.picks, *(pick for one in choice.alternatives for pick in one.picks))
    pick = next(
        (one for one in known if (one.sku, one.supplier) == (command.sku, command.to)),
        Pick(sku=command.sku, supplier=command.to, quantity=0, cost_minor=0),
    )
    move = Move(
        conflict_id=conflict_id,
        sku=command.sku,
        supplier=command.supplier,
        why="review",
        quantity=command.quantity,
        picks=(replace(pick, quantity=command.quantity),),
        shipping_minor=0,
        paid_minor=0,
        loss_minor=0,
        at_ms=context.now_ms,
    )
    return replace(_moved(route, move), then=_moving(command))


def _moving(command: ChooseSupplier) -> tuple[Command, ...]:
    return (
        MoveUnits(
            order_id=command.order_id,
            move=command.move,
            sku=command.sku,
            supplier=command.supplier,
            sources=(Source(supplier=command.to, quantity=command.quantity),),
        ),
    )


def _told(kind: type[RouteEvent], route: Route) -> Decision:
    route = replace(route, version=route.version + 1)
    event = kind(entity=route.order_id, version=route.version, document=route.document())
    return Decision(put=[route], events=[event], result={"applied": True, "state": route.state})


def _moved(route: Route, move: Move) -> Decision:
    return _told(RouteChanged, replace(route, moves=(*route.moves, move)[-MOVES_MAX:]))


# -- units in question ------------------------------------------------------------------------


def do_note_conflict(command: NoteConflict, view: View, context: Context) -> Decision:
    """Notes that another supplier is to be looked for, or not any more."""
    check_insider(context.principal, command.operation)
    known = view.one(Question, command.conflict_id)
    if not command.open:
        return _over(known, view.one(Route, command.order_id))
    if known is not None and known.state == "left" and known.quantity == command.quantity:
        return _NOTHING
    question = Question(
        tenant=context.tenant,
        conflict_id=command.conflict_id,
        order_id=command.order_id,
        sku=command.sku,
        supplier=command.supplier,
        quantity=command.quantity,
        reason=command.reason,
        opened_at_ms=context.now_ms + command.wait_ms,
    )
    if known is not None and replace(question, opened_at_ms=known.opened_at_ms) == known:
        return _NOTHING
    return Decision(put=[question], result={"applied": True})


def _over(question: Question | None, route: Route | None) -> Decision:
    """Somebody settled it: nobody has to decide any more."""
    if question is None or question.state not in ("open", "left"):
        return _NOTHING
    closed = replace(question, state="closed")
    left = tuple(
        one for one in (route.left if route else ()) if one.conflict_id != question.conflict_id
    )
    if route is None or left == route.left:
        return Decision(put=[closed], result={"applied": True})
    decision = _told(RouteChanged, replace(route, left=left))
    return replace(decision, put=[*decision.put, closed])


def do_reroute(command: Reroute, view: View, context: Context) -> Decision:
    """Settles units in question by other suppliers, all of them or none."""
    check_insider(context.principal, command.operation)
    question = _question(command, view)
    if question.state != "open":
        return Decision(result={"applied": False, "state": question.state})
    units = sum(pick.quantity for pick in command.picks)
    if units != question.quantity:
        reason = f"{question.quantity} are in question"
        raise InvalidField(f"picks: {reason}.", field="picks", reason=reason, value=units)
    cost = sum(pick.quantity * pick.cost_minor for pick in command.picks)
    move = Move(
        conflict_id=question.conflict_id,
        sku=question.sku,
        supplier=question.supplier,
        why=question.reason,
        quantity=question.quantity,
        picks=command.picks,
        shipping_minor=command.shipping_minor,
        paid_minor=command.paid_minor,
        loss_minor=max(0, cost + command.shipping_minor - command.paid_minor),
        at_ms=context.now_ms,
    )
    route = view.one(Route, question.order_id)
    decision = _moved(route, move) if route is not None else Decision(result={"applied": True})
    return replace(
        decision,
        put=[*decision.put, replace(question, state="moved")],
        then=_settling(command),
    )


def _settling(command: Reroute) -> tuple[Command, ...]:
    """A conflict is settled; units of a supplier that does not answer are moved without one."""
    sources = tuple(
        Source(supplier=pick.supplier, quantity=pick.quantity) for pick in command.picks
    )
    if command.purchase_order:
        order_id, _, move = command.conflict_id.partition("/")
        return (
            MoveUnits(
                order_id=order_id,
                move=move,
                sku=command.sku,
                supplier=command.purchase_order.partition("/")[2].partition("/")[0],
                sources=sources,
                reason="late",
                by="routing",
                purchase_order=command.purchase_order,
            ),
        )
    return (
        SettleConflict(
            conflict_id=command.conflict_id,
            sku=command.sku,
            choice="replace",
            by="routing",
            sources=sources,
        ),
    )


def do_leave_to_person(command: LeaveToPerson, view: View, context: Context) -> Decision:
    """Notes why nobody else sends the units; whoever looks at the conflict sees it."""
    check_insider(context.principal, command.operation)
    question = _question(command, view)
    if question.state != "open":
        return Decision(result={"applied": False, "state": question.state})
    # What the rules leave to shoppers and operators is nothing that routing has to report.
    silent = command.why in ("answered", "off")
    after = replace(question, state="closed" if silent else "left")
    if silent:
        return Decision(put=[after], result={"applied": True})
    route = view.one(Route, question.order_id)
    if route is None:
        return Decision(put=[after], result={"applied": True})
    left = Left(
        conflict_id=question.conflict_id,
        sku=question.sku,
        supplier=question.supplier,
        why=command.why,
        loss_minor=command.loss_minor,
        at_ms=context.now_ms,
    )
    decision = _told(RouteChanged, replace(route, left=(*route.left, left)[-MOVES_MAX:]))
    return replace(decision, put=[*decision.put, after])


def _question(command: Reroute | LeaveToPerson, view: View) -> Question:
    found = view.one(Question, command.conflict_id)
    if found is None:
        raise NotFound(what="conflict", id=command.conflict_id)
    return found


# -- scores -----------------------------------------------------------------------------------


def do_observe(command: Observe, view: View, context: Context) -> Decision:
    """Counts what a supplier did; told where the score or a number beside it is another one."""
    check_insider(context.principal, command.operation)
    watch = view.one(Watch, command.purchase_order) or Watch(
        tenant=context.tenant, purchase_order=command.purchase_order, supplier=command.supplier
    )
    known = view.one(ScoreRow, command.supplier)
    day = command.at_ms // DAY_MS
    score = known or ScoreRow(
        tenant=context.tenant, supplier=command.supplier, score=UNKNOWN, day=day
    )
    # What comes late does not make the others older.
    days = max(0, day - score.day)
    tallies = faded(score.tallies, days)
    after, counted = observed(watch, tallies, command)
    put: list[Any] = [] if after == view.one(Watch, command.purchase_order) else [after]
    if counted == tallies:
        return Decision(put=put, result={"applied": bool(put)})
    score = replace(score, day=score.day + days, tallies=counted, score=score_of(counted))
    score = replace(score, version=score.version + 1)
    event = SupplierScored(
        entity=score.supplier, version=score.version, document=score.document(command.at_ms)
    )
    return Decision(put=[*put, score], events=[event], result={"applied": True})


# -- handlers ---------------------------------------------------------------------------------


def _of_order(command: Any) -> str:
    return home_of_order(command.order_id)


def _route(command: Any) -> Iterable[Need]:
    return (Need(Route, command.order_id),)


def _of_conflict(command: Any) -> str:
    return home_of_order(command.conflict_id)


def _conflict(command: Any) -> Iterable[Need]:
    return (
        Need(Question, command.conflict_id),
        Need(Route, command.conflict_id.partition("/")[0]),
    )


HANDLERS: Final[tuple[Handler[Any], ...]] = (
    Handler(
        command=PutRules,
        partition_key=lambda _: RULES_PARTITION,
        needs=lambda _: (Need(RulesRow, RULES_ID),),
        decide=do_put_rules,
    ),
    Handler(
        command=PutTerms,
        partition_key=lambda command: command.supplier,
        needs=lambda command: (Need(TermsRow, command.supplier),),
        decide=do_put_terms,
    ),
    Handler(
        command=RecordChoice,
        partition_key=_of_order,
        needs=_route,
        decide=do_record_choice,
        includes=_holding,
    ),
    Handler(command=NoteShares, partition_key=_of_order, needs=_route, decide=do_note_shares),
    Handler(
        command=ReleaseRoute,
        partition_key=_of_order,
        needs=_route,
        decide=do_release_route,
        includes=lambda command: (HoldPurchaseOrders(order_id=command.order_id, held=False),),
    ),
    Handler(
        command=ChooseSupplier,
        partition_key=_of_order,
        needs=_route,
        decide=do_choose_supplier,
        includes=_moving,
    ),
    Handler(
        command=NoteConflict,
        partition_key=_of_conflict,
        needs=_conflict,
        decide=do_note_conflict,
    ),
    Handler(
        command=Reroute,
        partition_key=_of_conflict,
        needs=_conflict,
        decide=do_reroute,
        includes=_settling,
    ),
    Handler(
        command=LeaveToPerson,
        partition_key=_of_conflict,
        needs=_conflict,
        decide=do_leave_to_person,
    ),
    Handler(
        command=Observe,
        partition_key=lambda command: command.supplier,
        needs=lambda command: (
            Need(Watch, command.purchase_order),
            Need(ScoreRow, command.supplier),
        ),
        decide=do_observe,
    ),
)
