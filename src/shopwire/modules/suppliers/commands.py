"""How suppliers and offers are decided."""

from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.each import check_lines
from shopwire.kernel.errors import InvalidField, NotFound, ShopwireError
from shopwire.kernel.events import Event
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.validation import check_amount, check_name, check_quantity
from shopwire.modules.suppliers.api import (
    PutOffer,
    PutOffers,
    RegisterSupplier,
    Terms,
    WithdrawOffer,
)
from shopwire.modules.suppliers.domain import LEAD_TIME_DAYS_MAX, REGISTRY, Offer, Supplier
from shopwire.modules.suppliers.events import OfferPut, OfferWithdrawn, SupplierRegistered


def do_register_supplier(command: RegisterSupplier, view: View, context: Context) -> Decision:
    """Makes a supplier known; a known one of this name stays as it is."""
    known = view.one(Supplier, check_supplier(command.id, "id"))
    name = check_name(command.name, "name")
    if known is not None and known.name == name:
        return Decision(result={"applied": False, "reason": "unchanged"})
    before = known or Supplier(tenant=context.tenant, id=command.id, name=name)
    supplier = replace(before, name=name, version=before.version + 1)
    event = SupplierRegistered(
        entity=supplier.id, version=supplier.version, document=supplier.document()
    )
    return Decision(put=[supplier], events=[event], result={"applied": True, "id": supplier.id})


def do_put_offer(command: PutOffer, view: View, context: Context) -> Decision:
    """Takes over a supplier's terms; the same terms again change nothing."""
    supplier = command.supplier
    _check_terms(command, supplier)
    known = view.one(Offer, command.sku, supplier)
    offer = _offered(command, supplier, known, context.tenant)
    if offer is None:
        return Decision(result={"applied": False, "reason": "unchanged"})
    return Decision(put=[offer], events=[_put(offer)], result={"applied": True})


def do_put_offers(command: PutOffers, view: View, context: Context) -> Decision:
    """Takes each offer as `do_put_offer` does; the result tells which were refused."""
    supplier, tenant = command.supplier, context.tenant
    skus = [terms.sku for terms in command.offers]
    check_lines(skus)
    rows: list[Row] = []
    events: list[Event] = []
    applied: list[str] = []
    unchanged: list[str] = []
    refused: list[dict[str, Any]] = []
    for terms, offers in zip(command.offers, view.many(Offer, skus), strict=True):
        try:
            _check_terms(terms, supplier)
        except ShopwireError as problem:
            refused.append({"id": terms.sku, "error": problem.body()})
            continue
        known = next((offer for offer in offers if offer.supplier == supplier), None)
        offer = _offered(terms, supplier, known, tenant)
        if offer is None:
            unchanged.append(terms.sku)
        else:
            applied.append(terms.sku)
            rows.append(offer)
            events.append(_put(offer))
    result = {"applied": applied, "unchanged": unchanged, "refused": refused}
    return Decision(put=rows, events=events, result=result)


def _offered(
    terms: PutOffer | Terms, supplier: str, known: Offer | None, tenant: str
) -> Offer | None:
    """The offer with these terms at its next version; None where it has them already."""
    offer = Offer(
        tenant=tenant,
        sku=terms.sku,
        supplier=supplier,
        version=known.version if known else 1,
        cost_minor=terms.cost_minor,
        currency=terms.currency,
        lead_time_days=terms.lead_time_days,
        order_min=terms.order_min,
        order_max=terms.order_max,
        map_minor=terms.map_minor,
        msrp_minor=terms.msrp_minor,
        active=True,
        supplier_sku=_own_sku(terms),
    )
    if known is None:
        return offer
    return None if offer == known else replace(offer, version=known.version + 1)


def _put(offer: Offer) -> OfferPut:
    return OfferPut(entity=offer.entity, version=offer.version, document=offer.document())


def check_supplier(value: str, field: str) -> str:
    """Returns a supplier's id; raises InvalidField where it has a slash.

    An offer's topic is `<sku>/<supplier>`. SKUs do have slashes, so a supplier must not: else
    two offers could share a topic.
    """
    if "/" in check_name(value, field):
        reason = "a supplier's id has no slash"
        raise InvalidField(f"{field} cannot be used: {reason}.", field=field, reason=reason)
    return value


def _check_terms(terms: PutOffer | Terms, supplier: str) -> None:
    check_name(terms.sku, "sku")
    check_supplier(supplier, "supplier")
    exponent_of(terms.currency)
    check_amount(terms.cost_minor, "cost_minor", least=1)
    if terms.map_minor is not None:
        check_amount(terms.map_minor, "map_minor", least=1)
    if terms.msrp_minor is not None:
        check_amount(terms.msrp_minor, "msrp_minor", least=1)
    if terms.supplier_sku:
        check_name(terms.supplier_sku, "supplier_sku")
    check_quantity(terms.order_min, least=1, field="order_min")
    if terms.order_max is not None:
        check_quantity(terms.order_max, least=terms.order_min, field="order_max")
    days = terms.lead_time_days
    if days is not None and not 0 <= days <= LEAD_TIME_DAYS_MAX:
        raise InvalidField(
            f"A lead time has 0 to {LEAD_TIME_DAYS_MAX} days.",
            field="lead_time_days",
            reason="out of range",
            value=days,
        )


def _own_sku(terms: PutOffer | Terms) -> str | None:
    """The supplier's own SKU where it is another one than the shop's."""
    return None if terms.supplier_sku in ("", terms.sku) else terms.supplier_sku


def do_withdraw_offer(command: WithdrawOffer, view: View, _context: Context) -> Decision:
    """Ends an offer; raises NotFound where there never was one."""
    known = view.one(Offer, command.sku, command.supplier)
    if known is None:
        raise NotFound(what="offer", id=f"{command.sku}/{command.supplier}")
    if not known.active:
        return Decision(result={"applied": False, "reason": "unchanged"})
    offer = replace(known, active=False, version=known.version + 1)
    event = OfferWithdrawn(entity=offer.entity, version=offer.version, document=offer.document())
    return Decision(put=[offer], events=[event], result={"applied": True})


HANDLERS: Final = (
    Handler(
        command=RegisterSupplier,
        partition_key=lambda _: REGISTRY,
        needs=lambda command: (Need(Supplier, command.id),),
        decide=do_register_supplier,
    ),
    Handler(
        command=PutOffer,
        partition_key=lambda command: command.sku,
        needs=lambda command: (Need(Offer, command.sku),),
        decide=do_put_offer,
    ),
    Handler(
        command=PutOffers,
        partition_key=lambda command: command.offers[0].sku if command.offers else "",
        keys=lambda command: (terms.sku for terms in command.offers),
        needs=lambda command: (Need(Offer, terms.sku) for terms in command.offers),
        decide=do_put_offers,
        lines=lambda command: len(command.offers),
    ),
    Handler(
        command=WithdrawOffer,
        partition_key=lambda command: command.sku,
        needs=lambda command: (Need(Offer, command.sku),),
        decide=do_withdraw_offer,
    ),
)
