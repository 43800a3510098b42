"""Which kinds of topics there are, and which view of them each role has."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from shopwire.kernel.identity import owner_of_cart
from shopwire.kernel.ids import home_of_order

Audience = Literal["public", "own", "supplier", "operator"]
"""Who may see the topics of a kind: everybody; besides operators the shopper whose own it is, or
the supplier whom it concerns; operators alone."""
Delivery = Literal["state", "fact"]
"""`state`: the newest counts, versions between may be left out. `fact`: each is told, in order."""


class View(msgspec.Struct, frozen=True, eq=False):
    """What of a document somebody sees. There is one object for each view, and no equal ones."""

    name: str
    hidden: tuple[str, ...] = ()
    """Fields that are left out."""

    def project(self, document: bytes) -> bytes:
        """The document as JSON, without what is hidden."""
        if not self.hidden or not document.startswith(b"{"):
            return document
        fields = _fields(document)
        for name in self.hidden:
            fields.pop(name, None)
        return _encode(fields)


_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode: Final = msgspec.json.Encoder().encode

PUBLIC: Final = View("public")
"""What everybody sees."""
OWN: Final = View("own")
"""What a shopper sees of what is the shopper's own."""
OPERATOR: Final = View("operator")
"""Everything that a document holds."""
SUPPLIER: Final = View("supplier", hidden=("order_id",))
"""What a supplier sees of what concerns it; whose order it is, is not its business."""


def _cart_owner(entity: str) -> str:
    return owner_of_cart(entity)


def _order_owner(entity: str) -> str:
    """Orders, and what belongs to one, are named after the cart that they began as."""
    return owner_of_cart(home_of_order(entity))


def _purchase_order_supplier(entity: str) -> str:
    """`{order}/{supplier}` and perhaps a number."""
    parts = entity.split("/")
    return parts[1] if len(parts) > 1 else ""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of topic. Who may see one is told by its name alone, so before it exists, too."""

    audience: Audience = "public"
    owner: Callable[[str], str] | None = None
    """The shopper whose own an entity is, by its id."""
    supplier: Callable[[str], str] | None = None
    """The supplier whom an entity concerns, by its id."""
    delivery: Delivery = "state"
    ephemeral: bool = False
    """Made by this process and not in the log: nothing is read for it."""


_PUBLIC: Final = Kind()
_OPERATOR: Final = Kind(audience="operator")

KINDS: Final[Mapping[str, Kind]] = {
    "product": _PUBLIC,
    "category": _PUBLIC,
    "stock": _PUBLIC,
    "price": _PUBLIC,
    "supplier": Kind(audience="supplier", supplier=str),
    "offer": _OPERATOR,
    "rules": _OPERATOR,
    "rates": _OPERATOR,
    "promotion": _OPERATOR,
    "import": _OPERATOR,
    "imports": _OPERATOR,
    "feed_limits": _OPERATOR,
    "source": _OPERATOR,
    "supply": _OPERATOR,
    "feed_profile": _OPERATOR,
    "match": _OPERATOR,
    "matches": _OPERATOR,
    "match_link": _OPERATOR,
    "match_policy": _OPERATOR,
    "cart": Kind(audience="own", owner=_cart_owner),
    "order": Kind(audience="own", owner=_order_owner, delivery="fact"),
    "shipment": Kind(audience="own", owner=_order_owner, delivery="fact"),
    "return": Kind(audience="own", owner=_order_owner, delivery="fact"),
    "payment": Kind(audience="operator", delivery="fact"),
    "purchase_order": Kind(audience="supplier", supplier=_purchase_order_supplier, delivery="fact"),
    "conflict": Kind(audience="operator", delivery="fact"),
    "notice": Kind(audience="operator", delivery="fact"),
    "access": _OPERATOR,
    "route": _OPERATOR,
    "routing": _OPERATOR,
    "terms": _OPERATOR,
    "score": _OPERATOR,
    "channel": _OPERATOR,
    "bundle": _OPERATOR,
    "invoice": _OPERATOR,
    "message": _OPERATOR,
    "ops": Kind(audience="operator", ephemeral=True),
}


def kind_of(topic: str) -> Kind | None:
    """The kind of a topic's name, None for a kind that does not exist."""
    return KINDS.get(topic.partition(":")[0])
