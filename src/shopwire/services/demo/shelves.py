"""What the simulated suppliers really have, whatever the shop believes."""

from collections.abc import Mapping
from typing import Final

import msgspec
from typing_extensions import override

from shopwire.adapters.suppliers.simulator import Stockroom
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads, load_queries
from shopwire.services.demo.catalogue import Catalogue

_SQL: Final = load_queries("shopwire.services.demo")


class Shelf(msgspec.Struct):
    """What a supplier has of one article, and what it asks for it."""

    quantity: int
    cost_minor: int


class Shelves(Stockroom):
    """Every supplier's own truth: goods leave a shelf when the supplier books a purchase order.

    It lives in memory. What a start finds in the shop's ledger (the last count less what the
    supplier has booked since) is where it goes on.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._shelves: dict[str, dict[str, Shelf]] = {
            supplier.id: {} for supplier in catalogue.suppliers
        }
        for offer in catalogue.offers:
            self._shelves[offer.supplier][offer.sku] = Shelf(offer.quantity, offer.cost_minor)

    async def load(self, reads: Reads) -> None:
        """Takes over where the shop is, of the suppliers that it knows."""
        for supplier, shelves in self._shelves.items():
            for row in await reads.fetch(_SQL["shelves_of_supplier"], DEFAULT_TENANT, supplier):
                if row["sku"] in shelves:
                    shelves[row["sku"]].quantity = max(0, row["quantity"])
            for row in await reads.fetch(_SQL["costs_of_supplier"], DEFAULT_TENANT, supplier):
                if row["sku"] in shelves:
                    shelves[row["sku"]].cost_minor = row["cost_minor"]

    def of(self, supplier: str) -> Mapping[str, Shelf]:
        """The shelves of one supplier by SKU; they may be changed."""
        return self._shelves[supplier]

    @override
    def take(self, supplier: str, sku: str, quantity: int) -> int:
        shelf = self._shelves.get(supplier, {}).get(sku)
        if shelf is None:
            return 0
        taken = min(quantity, shelf.quantity)
        shelf.quantity -= taken
        return taken

    @override
    def put_back(self, supplier: str, sku: str, quantity: int) -> None:
        shelf = self._shelves.get(supplier, {}).get(sku)
        if shelf is not None:
            shelf.quantity += quantity
