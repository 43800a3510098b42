"""An article as exports tell of it, whatever form they have."""

import msgspec

from shopwire.kernel.money import exponent_of


class ExportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One variant of a product, with what it costs and how many there are."""

    id: str
    title: str
    description: str
    brand: str
    status: str
    category: str
    """All of them with `|` between, each from the top with ` > ` between."""
    tags: list[str]
    images: list[str]
    image_alt: str
    """What the first picture shows; blank where that is the title."""
    first: bool
    """The product's first variant."""
    alone: bool
    """Its only one."""
    sku: str
    variant: str
    options: dict[str, str]
    gtin: str | None
    mpn: str | None
    cost_minor: int | None
    cost_currency: str | None
    msrp_minor: int | None
    map_minor: int | None
    lead_time_days: int | None
    order_min: int | None
    order_max: int | None
    price_minor: int | None
    price_currency: str | None
    quantity: int
    base: str = ""
    """Goes before addresses of the shop's own."""

    def whole(self, address: str) -> str:
        """An address with the shop's before it, where it is one of the shop's own."""
        return f"{self.base}{address}" if address.startswith("/") else address

    @property
    def kind(self) -> str:
        """The first of its categories."""
        return self.category.partition("|")[0]


def amount_text(minor: int | None, currency: str | None) -> str:
    """Minor units as digits with a point; blank where there is no amount."""
    if minor is None or currency is None:
        return ""
    places = exponent_of(currency)
    whole, part = divmod(minor, 10**places)
    return f"{whole}.{part:0{places}}" if places else str(whole)
