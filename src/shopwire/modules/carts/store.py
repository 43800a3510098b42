"""How carts are kept, and what screens read of them."""

from typing import Any, Final

import msgspec

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.errors import NotFound
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.carts.api import SetPart
from shopwire.modules.carts.domain import Cart, CartLine
from shopwire.modules.carts.events import CartStatus

_SQL: Final = load_queries("shopwire.modules.carts")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"]) for kind in (Cart, CartLine)
)

CHECKS: Final = (
    SqlCheck("carts.documents", _SQL["audit_cart_documents"]),
    SqlCheck("carts.lines", _SQL["audit_cart_lines"]),
)

_parts: Final = msgspec.json.Decoder(tuple[SetPart, ...]).decode


class LineToBuy(msgspec.Struct, frozen=True, kw_only=True):
    """An article of a cart as a checkout takes it."""

    sku: str
    quantity: int
    accepted_minor: int
    currency: str
    parts: tuple[SetPart, ...]


class CartToBuy(msgspec.Struct, frozen=True, kw_only=True):
    """A cart as a checkout finds it."""

    version: int
    shopper: str
    status: CartStatus
    order_id: str | None
    attempt: int
    lines: tuple[LineToBuy, ...]


async def cart_to_buy(reads: Reads, tenant: str, cart_id: str) -> CartToBuy:
    """A cart with its lines; raises NotFound."""
    rows = await reads.fetch(_SQL["cart_to_buy"], tenant, cart_id)
    if not rows:
        raise NotFound(what="cart", id=cart_id)
    first = rows[0]
    return CartToBuy(
        version=first["version"],
        shopper=first["shopper"],
        status=first["status"],
        order_id=first["order_id"],
        attempt=first["attempt"],
        lines=tuple(
            LineToBuy(
                sku=row["sku"],
                quantity=row["quantity"],
                accepted_minor=row["accepted_minor"],
                currency=row["currency"],
                parts=_parts(row["parts"]),
            )
            for row in rows
            if row["sku"] is not None
        ),
    )


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A topic's document as a client takes it into its store, by version."""

    topic: str
    v: int
    doc: msgspec.Raw
    at: int


async def read_cart(reads: Reads, tenant: str, cart_id: str) -> dict[str, Any]:
    """A cart's document with prices and stock of its articles as they are now; NotFound."""
    found = await _documents(reads, tenant, [f"cart:{cart_id}"])
    if not found:
        raise NotFound(what="cart", id=cart_id)
    cart = found[0]
    skus = [line["sku"] for line in msgspec.json.decode(cart.doc)["lines"]]
    return {
        **msgspec.structs.asdict(cart),
        "prices": await _documents(reads, tenant, [f"price:{sku}" for sku in skus]),
        "stocks": await _documents(reads, tenant, [f"stock:{sku}" for sku in skus]),
    }


async def _documents(reads: Reads, tenant: str, topics: list[str]) -> list[Entry]:
    rows = await reads.fetch(_SQL["documents_of"], tenant, topics) if topics else []
    return [
        Entry(
            topic=row["topic"],
            v=row["version"],
            doc=msgspec.Raw(row["body"].encode()),
            at=row["changed_at_ms"],
        )
        for row in rows
    ]
