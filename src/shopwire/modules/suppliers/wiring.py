"""What the suppliers' module tells the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.suppliers.commands import HANDLERS
from shopwire.modules.suppliers.events import OfferPut, OfferWithdrawn, SupplierRegistered
from shopwire.modules.suppliers.restoring import RESTORING_HANDLERS
from shopwire.modules.suppliers.store import CHECKS, TABLES

MODULE: Final = Module(
    name="suppliers",
    handlers=(*HANDLERS, *RESTORING_HANDLERS),
    tables=TABLES,
    events=(SupplierRegistered, OfferPut, OfferWithdrawn),
    checks=CHECKS,
)
