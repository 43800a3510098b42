"""How suppliers and offers are decided."""

from typing import Final

import msgspec
from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.each import each
from shopwire.kernel.errors import InvalidField, NotFound
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Need, View
from shopwire.kernel.validation import check_amount, check_name, check_quantity
from shopwire.modules.suppliers.api import PutOffer, PutOffers, RegisterSupplier, WithdrawOffer
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
    _check_terms(command)
    known = view.one(Offer, command.sku, command.supplier)
    offer = Offer(
        tenant=context.tenant,
        sku=command.sku,
        supplier=command.supplier,
        version=known.version if known else 0,
        cost_minor=command.cost_minor,
        currency=command.currency,
        lead_time_days=command.lead_time_days,
        order_min=command.order_min,
        order_max=command.order_max,
        map_minor=command.map_minor,
        msrp_minor=command.msrp_minor,
        active=True,
        supplier_sku=_own_sku(command),
    )
    if offer == known:
        return Decision(result={"applied": False, "reason": "unchanged"})
    offer = replace(offer, version=offer.version + 1)
    event = OfferPut(entity=offer.entity, version=offer.version, document=offer.document())
    return Decision(put=[offer], events=[event], result={"applied": True})


def do_put_offers(command: PutOffers, view: View, context: Context) -> Decision:
    """Takes each offer as `do_put_offer` does; the result tells which were refused."""
    return each(
        (
            PutOffer(supplier=command.supplier, **msgspec.structs.asdict(terms))
            for terms in command.offers
        ),
        lambda offer: offer.sku,
        lambda offer: do_put_offer(offer, view, context),
    )


def check_supplier(value: str, field: str) -> str:
    """Returns a supplier's id; raises InvalidField where it has a slash.

    An offer's topic is `<sku>/<supplier>`. SKUs do have slashes, so a supplier must not: else
    two offers could share a topic.
    """
    if "/" in check_name(value, field):
        reason = "a supplier's id has no slash"
        raise InvalidField(f"{field} cannot be used: {reason}.", field=field, reason=reason)
    return value


def _check_terms(command: PutOffer) -> None:
    check_name(command.sku, "sku")
    check_supplier(command.supplier, "supplier")
    exponent_of(command.currency)
    check_amount(command.cost_minor, "cost_minor", least=1)
    for field in ("map_minor", "msrp_minor"):
        amount = getattr(command, field)
        if amount is not None:
            check_amount(amount, field, least=1)
    if command.supplier_sku:
        check_name(command.supplier_sku, "supplier_sku")
    check_quantity(command.order_min, least=1, field="order_min")
    if command.order_max is not None:
        check_quantity(command.order_max, least=command.order_min, field="order_max")
    days = command.lead_time_days
    if days is not None and not 0 <= days <= LEAD_TIME_DAYS_MAX:
        raise InvalidField(
            f"A lead time has 0 to {LEAD_TIME_DAYS_MAX} days.",
            field="lead_time_days",
            reason="out of range",
            value=days,
        )


def _own_sku(command: PutOffer) -> str | None:
    """The supplier's own SKU where it is another one than the shop's."""
    return None if command.supplier_sku in ("", command.sku) else command.supplier_sku


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
