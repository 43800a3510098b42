"""What of the news the shop has already, word for word: it is counted, and not sent.

A product is compared as a whole, so a changed count or cost of one variant brings those of its
siblings along. Of these most are as the shop knows them: each would be loaded, decided and found
unchanged, four commands' work for one change of an article in four sizes. Nothing here does I/O.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from shopwire.kernel.names import slug_of
from shopwire.modules.feeds.groups import Offered
from shopwire.modules.inventory.api import Count
from shopwire.services.import_effect import Before
from shopwire.services.import_news import News

_UNEXPLAINED: Final = ("sold", "withheld", "doubtful")
"""Of a pool in which one of them is set, the same count again may still be news."""
_TERMS: Final = (
    *("cost_minor", "currency", "lead_time_days", "order_min", "order_max", "map_minor"),
    "msrp_minor",
)


def is_known_count(count: Count, was: Mapping[str, Any] | None) -> bool:
    """Whether a count that names no moment leaves its pool as it is: `was`, or None for no pool."""
    if was is None or was["reported"] != count.quantity:
        return False
    return not any(was[name] for name in _UNEXPLAINED)


def is_known_offer(offered: Offered, was: Mapping[str, Any] | None) -> bool:
    """Whether these are the terms that stand: `was`, or None for no offer."""
    if was is None or not was["active"]:
        return False
    terms = offered.terms
    own = None if terms.supplier_sku in ("", terms.sku) else terms.supplier_sku
    return was["supplier_sku"] == own and all(was[name] == getattr(terms, name) for name in _TERMS)


def without_known(news: News, known: Before, as_of_ms: int | None) -> News:
    """The news without offers and counts that would be found unchanged.

    Counts that speak of a moment all go: a later moment is to outrank earlier ones. So does what is
    told twice: of two counts the one that is known may be the later one.
    """
    pairs = [(one.terms.sku, slug_of(one.supplier)) for one in news.offers]
    offers_told = Counter(pairs)
    offers = [
        one
        for one, pair in zip(news.offers, pairs, strict=True)
        if offers_told[pair] > 1 or not is_known_offer(one, known.offers.get(pair))
    ]
    counts = news.counts
    if as_of_ms is None:
        counts_told = Counter(count.sku for count in counts)
        counts = [
            one
            for one in counts
            if counts_told[one.sku] > 1 or not is_known_count(one, known.counts.get(one.sku))
        ]
    return News(news.groups, news.products, offers, counts)
