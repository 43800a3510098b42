"""How matches are remembered and decided."""

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.errors import AlreadyExists, InvalidField, NotFound, RuleBroken
from shopwire.kernel.events import Event
from shopwire.kernel.names import slug_of
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.validation import check_name
from shopwire.modules.catalog.api import CheckSku, ProductContent, PutProduct
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.matching.api import (
    ForgetLink,
    IgnoreMatch,
    LinkMatch,
    MakeNew,
    NoteMatches,
    PutPolicy,
)
from shopwire.modules.matching.domain import (
    QUEUE,
    WAITING_MAX,
    MatchCase,
    MatchHold,
    MatchLink,
    MatchPolicy,
    MatchQueue,
    case_of,
)
from shopwire.modules.matching.events import (
    MATCHING,
    LinkForgotten,
    LinkRemembered,
    MatchDecided,
    MatchDoubted,
    PolicyPut,
    QueueChanged,
    Status,
)
from shopwire.modules.suppliers.api import PutOffer

OneRow = LinkMatch | MakeNew | IgnoreMatch | ForgetLink
"""Commands about one supplier's SKU."""


def do_put_policy(command: PutPolicy, view: View, context: Context) -> Decision:
    """Takes over a policy; the same again changes nothing."""
    supplier = slug_of(check_name(command.supplier, "supplier"))
    known = view.one(MatchPolicy, supplier)
    policy = MatchPolicy(
        tenant=context.tenant,
        supplier=supplier,
        version=known.version if known else 0,
        mode=command.mode,
        unknown=command.unknown,
        titles=command.titles,
    )
    if policy == known:
        return Decision(result={"applied": False, "reason": "unchanged"})
    policy = replace(policy, version=policy.version + 1)
    event = PolicyPut(entity=supplier, version=policy.version, document=policy.document())
    return Decision(put=[policy], events=[event], result={"applied": True})


def do_note_matches(command: NoteMatches, view: View, context: Context) -> Decision:
    """Remembers each link whose article is free, and keeps each row that says something new."""
    work = _Work(view, context, _supplier(command.supplier))
    refused: list[str] = []
    for link in command.links:
        known = work.link(link.supplier_sku)
        if known is not None and known.state == "linked" and known.sku == link.sku:
            continue
        if known is not None or work.holder(link.sku) not in ("", link.supplier_sku):
            # A person decided meanwhile, or the article is another one's: it is asked anew.
            refused.append(link.supplier_sku)
            continue
        work.remember(link.supplier_sku, "linked", sku=link.sku, how=link.how)
        case = work.case(link.supplier_sku)
        if case is not None and case.status == "waiting":
            work.settle(case, "settled", sku=link.sku)
    for waiting in command.waiting:
        before = work.case(waiting.supplier_sku)
        case = case_of(
            waiting,
            before,
            tenant=context.tenant,
            supplier=command.supplier,
            run=command.run,
            now_ms=context.now_ms,
        )
        if before is not None and before.status == "waiting" and before.digest == case.digest:
            continue
        work.keep(before, case)
    return work.decision({"refused": refused})


def do_link(command: LinkMatch, view: View, context: Context) -> Decision:
    """Remembers it, and has the waiting row take effect under the article's SKU."""
    work = _work(command, view, context)
    sku = check_name(command.sku, "sku")
    known = work.link(command.supplier_sku)
    if known is not None and known.state == "linked":
        if known.sku == sku:
            return Decision(result={"applied": False, "reason": "unchanged"})
        raise _linked_already(command.supplier_sku, known.sku)
    _check_free(work, command.supplier_sku, sku)
    work.remember(command.supplier_sku, "linked", sku=sku, how="person", told=True)
    then: list[Command] = [CheckSku(sku=sku)]
    case = work.case(command.supplier_sku)
    if case is not None and case.status == "waiting":
        work.settle(case, "linked", sku=sku)
        then += effects_of(case, sku)
    return replace(work.decision({"applied": True, "sku": sku}), then=then)


def do_make_new(command: MakeNew, view: View, context: Context) -> Decision:
    """Makes an article of the waiting row; raises RuleBroken where it says too little for one."""
    work = _work(command, view, context)
    sku, product_id = check_name(command.sku, "sku"), check_name(command.product, "product")
    case = work.case(command.supplier_sku)
    if case is None or case.status != "waiting":
        return _no_case(work, command.supplier_sku, case, sku)
    if case.product is None:
        raise RuleBroken(
            f"{command.supplier_sku} has no title: its feed brings no products.",
            rule="an article needs a title",
            reason="link it to an article, or make that one first",
        )
    _check_free(work, command.supplier_sku, sku)
    work.remember(command.supplier_sku, "linked", sku=sku, how="new", told=True)
    work.settle(case, "made", sku=sku)
    variants = tuple(replace(one, sku=sku) for one in case.product.variants)
    product = replace(case.product, id=product_id, variants=variants)
    put = PutProduct(source=command.supplier, product=product, partial=True)
    then: list[Command] = [CheckSku(sku=sku, free=True), put, *effects_of(case, sku)]
    return replace(work.decision({"applied": True, "sku": sku}), then=then)


def do_ignore(command: IgnoreMatch, view: View, context: Context) -> Decision:
    """Has feeds pass over it; raises AlreadyExists for one that is linked."""
    work = _work(command, view, context)
    known = work.link(command.supplier_sku)
    if known is not None and known.state == "ignored":
        return Decision(result={"applied": False, "reason": "unchanged"})
    if known is not None and known.state == "linked":
        raise _linked_already(command.supplier_sku, known.sku)
    work.remember(command.supplier_sku, "ignored", how="person", told=True)
    case = work.case(command.supplier_sku)
    if case is not None and case.status == "waiting":
        work.settle(case, "ignored")
    return work.decision({"applied": True})


def do_forget(command: ForgetLink, view: View, context: Context) -> Decision:
    """Takes it back; raises NotFound where nothing was remembered."""
    work = _work(command, view, context)
    known = work.link(command.supplier_sku)
    if known is None:
        raise NotFound(what="link", id=f"{command.supplier}/{command.supplier_sku}")
    if known.state == "forgotten":
        return Decision(result={"applied": False, "reason": "unchanged"})
    work.forget(known)
    return work.decision({"applied": True, "sku": known.sku})


def effects_of(case: MatchCase, sku: str) -> list[Command]:
    """What a waiting row does under a SKU of the shop: its terms, its count."""
    effects: list[Command] = []
    for offered in case.offers:
        own = None if case.supplier_sku == sku else case.supplier_sku
        terms = msgspec.structs.asdict(replace(offered.terms, sku=sku, supplier_sku=own))
        effects.append(PutOffer(supplier=offered.supplier, **terms))
    if case.quantity is not None:
        report = ReportStock(
            sku=sku,
            supplier=case.supplier,
            quantity=case.quantity,
            as_of_ms=case.as_of_ms,
            reference=f"import {case.run}",
        )
        effects.append(report)
    return effects


class _Work:
    """What one command has done to a supplier's matches so far."""

    def __init__(self, view: View, context: Context, supplier: str) -> None:
        self._view, self._context, self._supplier = view, context, supplier
        self._links: dict[str, MatchLink] = {}
        self._holds: dict[str, MatchHold] = {}
        self._cases: dict[str, MatchCase] = {}
        self._events: list[Event] = []
        queue = view.one(MatchQueue, QUEUE) or MatchQueue(tenant=context.tenant)
        self._queue, self._waiting = queue, dict(queue.waiting)

    def link(self, supplier_sku: str) -> MatchLink | None:
        """What is remembered of it."""
        known = self._links.get(supplier_sku)
        return known or self._view.one(MatchLink, supplier_sku, self._supplier)

    def case(self, supplier_sku: str) -> MatchCase | None:
        """Its row that waits, or waited."""
        known = self._cases.get(supplier_sku)
        return known or self._view.one(MatchCase, supplier_sku, self._supplier)

    def holder(self, sku: str) -> str:
        """Which of the supplier's SKUs an article is; blank: none."""
        hold = self._holds.get(sku) or self._view.one(MatchHold, sku, self._supplier)
        return hold.supplier_sku if hold else ""

    def remember(
        self,
        supplier_sku: str,
        state: Literal["linked", "ignored"],
        *,
        sku: str = "",
        how: str,
        told: bool = False,
    ) -> None:
        """Writes a link down; `told`: with an event, since a person decided."""
        known = self.link(supplier_sku)
        row = MatchLink(
            tenant=self._context.tenant,
            supplier_sku=supplier_sku,
            supplier=self._supplier,
            version=(known.version if known else 0) + told,
            state=state,
            sku=sku,
            how=how,
            by=self._context.principal,
            at_ms=self._context.now_ms,
        )
        self._links[supplier_sku] = row
        if sku:
            self._hold(sku, supplier_sku)
        if told:
            event = LinkRemembered(entity=row.entity, version=row.version, document=row.document())
            self._events.append(event)

    def forget(self, known: MatchLink) -> None:
        """Takes a link back, and frees its article."""
        row = replace(
            known,
            version=known.version + 1,
            state="forgotten",
            by=self._context.principal,
            at_ms=self._context.now_ms,
        )
        self._links[known.supplier_sku] = row
        if known.sku:
            self._hold(known.sku, "")
        event = LinkForgotten(entity=row.entity, version=row.version, document=row.document())
        self._events.append(event)

    def keep(self, before: MatchCase | None, case: MatchCase) -> None:
        """Has a row wait, if there is room."""
        known = self._waiting.get(self._supplier, 0)
        fresh = before is None or before.status != "waiting"
        if fresh and known >= WAITING_MAX:
            return
        self._waiting[self._supplier] = known + fresh
        self._cases[case.supplier_sku] = case
        event = MatchDoubted(entity=case.entity, version=case.version, document=case.document())
        self._events.append(event)

    def settle(self, case: MatchCase, status: Status, *, sku: str = "") -> None:
        """A row waits no longer."""
        after = replace(
            case,
            version=case.version + 1,
            status=status,
            sku=sku,
            decided_by=self._context.principal,
            changed_at_ms=self._context.now_ms,
        )
        self._waiting[self._supplier] = self._waiting.get(self._supplier, 0) - 1
        self._cases[case.supplier_sku] = after
        event = MatchDecided(entity=after.entity, version=after.version, document=after.document())
        self._events.append(event)

    def _hold(self, sku: str, supplier_sku: str) -> None:
        self._holds[sku] = MatchHold(
            tenant=self._context.tenant, sku=sku, supplier=self._supplier, supplier_sku=supplier_sku
        )

    def decision(self, result: Any) -> Decision:
        """The rows and events of it all; the queue's length once."""
        rows: list[Row] = [*self._links.values(), *self._holds.values(), *self._cases.values()]
        waiting = {name: count for name, count in self._waiting.items() if count}
        if waiting != self._queue.waiting:
            queue = replace(self._queue, version=self._queue.version + 1, waiting=waiting)
            event = QueueChanged(entity=QUEUE, version=queue.version, document=queue.document())
            rows.append(queue)
            self._events.append(event)
        return Decision(put=rows, events=self._events, result=result)


def _work(command: OneRow, view: View, context: Context) -> _Work:
    check_name(command.supplier_sku, "supplier_sku")
    return _Work(view, context, _supplier(command.supplier))


def _supplier(value: str) -> str:
    """A supplier's id; a slash in it would let two rows share a topic."""
    if "/" in check_name(value, "supplier"):
        reason = "a supplier's id has no slash"
        raise InvalidField(f"supplier cannot be used: {reason}.", field="supplier", reason=reason)
    return value


def _check_free(work: _Work, supplier_sku: str, sku: str) -> None:
    holder = work.holder(sku)
    if holder not in ("", supplier_sku):
        raise AlreadyExists(
            f"{sku} is this supplier's {holder} already; take that link back first.",
            what="link",
            id=holder,
        )


def _linked_already(supplier_sku: str, sku: str) -> AlreadyExists:
    return AlreadyExists(
        f"{supplier_sku} is linked to {sku}; take that link back first.", what="link", id=sku
    )


def _no_case(work: _Work, supplier_sku: str, case: MatchCase | None, sku: str) -> Decision:
    """The same decision again changes nothing; without a row that waits there is none."""
    if case is not None and case.status == "made" and case.sku == sku:
        return Decision(result={"applied": False, "reason": "unchanged"})
    known = work.link(supplier_sku)
    if known is not None and known.state == "linked":
        raise _linked_already(supplier_sku, known.sku)
    raise NotFound(what="waiting row", id=supplier_sku)


def _needs(command: OneRow) -> Iterable[Need]:
    yield Need(MatchQueue, QUEUE)
    yield Need(MatchLink, command.supplier_sku)
    yield Need(MatchCase, command.supplier_sku)
    if isinstance(command, LinkMatch | MakeNew):
        yield Need(MatchHold, command.sku)


def _needs_of_many(command: NoteMatches) -> Iterable[Need]:
    yield Need(MatchQueue, QUEUE)
    for link in command.links:
        yield Need(MatchLink, link.supplier_sku)
        yield Need(MatchCase, link.supplier_sku)
        yield Need(MatchHold, link.sku)
    for waiting in command.waiting:
        yield Need(MatchCase, waiting.supplier_sku)


def _effects(sku: str, supplier: str) -> Iterable[Command]:
    """Commands that need what the waiting row's will, whatever it says."""
    yield PutOffer(sku=sku, supplier=supplier, cost_minor=1, currency="EUR")
    yield ReportStock(sku=sku, supplier=supplier, quantity=0)
    yield CheckSku(sku=sku)


def _included(command: LinkMatch | MakeNew) -> Iterable[Command]:
    yield from _effects(command.sku, command.supplier)
    if isinstance(command, MakeNew):
        content = ProductContent(id=command.product, title="")
        yield PutProduct(source=command.supplier, product=content)


def _handler(kind: Any, decide: Any, needs: Any = _needs, includes: Any = None) -> Any:
    return Handler(
        command=kind,
        partition_key=lambda _: MATCHING,
        needs=needs,
        decide=decide,
        includes=includes,
    )


HANDLERS: Final = (
    _handler(
        PutPolicy, do_put_policy, lambda command: (Need(MatchPolicy, slug_of(command.supplier)),)
    ),
    _handler(NoteMatches, do_note_matches, _needs_of_many),
    _handler(LinkMatch, do_link, includes=_included),
    _handler(MakeNew, do_make_new, includes=_included),
    _handler(IgnoreMatch, do_ignore),
    _handler(ForgetLink, do_forget),
)
