"""The last word on every price: never below what it costs, the least margin, the advertised one.

List prices and promotions end in the same `clamp`; nothing comes after it.
"""

from functools import lru_cache
from typing import Final

import msgspec

from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.kernel.money import exponent_of

BASIS: Final = 10_000
"""Basis points of a whole."""


class Floors(msgspec.Struct, frozen=True):
    """What no price goes below, in minor units of the shop's currency."""

    margin_minor: int
    """The landed cost with the fee and the least margin; at least the landed cost with the fee."""
    map_minor: int
    """The highest minimum that a supplier demands; 0 for none."""

    @property
    def least_minor(self) -> int:
        """The higher of both."""
        return max(self.margin_minor, self.map_minor)


def floors_of(landed_minor: int, map_minor: int, *, fee_bp: int, margin_min_bp: int) -> Floors:
    """The floors for a cost with shipping and fixed fee.

    From a price `p` the fee `p * fee_bp` goes away, and `p * margin_min_bp` is to be left: so
    `p >= landed / (1 - fee - margin)`, rounded up. Where both together are the whole price or more,
    the rules' check refuses them; here the share is bounded so that there is a number at all.
    """
    share = min(fee_bp + margin_min_bp, BASIS - 1)
    return Floors(-(-landed_minor * BASIS // (BASIS - share)), map_minor)


def clamp(wanted_minor: int, floors: Floors, currency: str, ending_minor: int | None) -> int:
    """What may be asked where `wanted_minor` is wished for.

    The ending is rounded up to, so that it cannot break a floor. Never above MONEY_MINOR_MAX,
    where all of this yields.
    """
    amount = max(wanted_minor, floors.margin_minor, floors.map_minor)
    if ending_minor is not None and (unit := _unit(currency)) > 1:
        amount += (ending_minor - amount) % unit
    return min(amount, MONEY_MINOR_MAX)


@lru_cache(maxsize=512)
def _unit(currency: str) -> int:
    digits: int = 10 ** exponent_of(currency)
    return digits
