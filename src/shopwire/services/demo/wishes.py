"""What simulated shoppers want and what becomes of it: decided before they enter the shop."""

from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import Final

import msgspec

POPULARITY_EXPONENT: Final = 1.05
"""Zipf's exponent: a few articles are bought all the time, most now and then."""
LEAVES_SHARE: Final = 0.22
"""Carts that are left standing."""
GREEDY_SHARE: Final = 0.02
"""Shoppers who want more than there is; they are told what is left."""
GREEDY_UNITS: Final = 5_000
REGRETS_SHARE: Final = 0.05
"""Orders that are cancelled soon after."""
RETURNS_SHARE: Final = 0.08
"""Delivered orders of which something comes back."""
SECOND_CARD_SHARE: Final = 0.6
"""Shoppers who try another card when theirs was declined."""

CARDS: Final = {
    "card": 82,
    "card_declined": 4,
    "card_expired": 1,
    "card_slow": 3,
    "card_lost": 2,
    "card_pending": 3,
    "card_pending_declined": 1,
    "card_told_first": 2,
    "card_told_twice": 1,
    "card_told_reversed": 1,
}
"""How the provider behaves with a shopper's card, and how many of 100 have such a one."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One shopper."""

    lines: tuple[tuple[str, int], ...]
    """SKUs and units."""
    leaves: bool
    card: str
    second_card: str | None
    regrets: bool
    """Cancels when the order is placed."""
    returns: bool
    """Sends something back when it has arrived."""


class Wishes:
    """Makes shoppers up; `skus` are sorted by popularity."""

    def __init__(self, skus: Sequence[str], chance: Random) -> None:
        self._skus = skus
        self._chance = chance
        weights = [1 / rank**POPULARITY_EXPONENT for rank in range(1, len(skus) + 1)]
        self._cumulative = list(accumulate(weights))

    def next(self) -> Wish:
        """The next shopper."""
        chance = self._chance
        count = chance.choices([1, 2, 3, 4], weights=[52, 28, 14, 6])[0]
        chosen = dict.fromkeys(
            chance.choices(self._skus, cum_weights=self._cumulative)[0] for _ in range(count)
        )
        greedy = chance.random() < GREEDY_SHARE
        lines = tuple(
            (sku, GREEDY_UNITS if greedy else chance.choices([1, 2, 3, 6], [76, 17, 5, 2])[0])
            for sku in chosen
        )
        return Wish(
            lines=lines,
            leaves=chance.random() < LEAVES_SHARE,
            card=chance.choices(list(CARDS), list(CARDS.values()))[0],
            second_card="card" if chance.random() < SECOND_CARD_SHARE else None,
            regrets=chance.random() < REGRETS_SHARE,
            returns=chance.random() < RETURNS_SHARE,
        )
