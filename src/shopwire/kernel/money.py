"""Money in minor units. Never a float."""

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

import msgspec
from typing_extensions import override

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.limits import MONEY_MINOR_MAX

_EXPONENTS: Final = dict.fromkeys(
    ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3
) | dict.fromkeys(
    [
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
        *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
    ],
    0,
)
"""Digits after the point where they are not 2 (ISO 4217)."""


_CODE: Final = re.compile("[A-Z]{3}")


def exponent_of(currency: str) -> int:
    """Digits after the point of `currency` (ISO 4217 code in capitals)."""
    if not _CODE.fullmatch(currency):
        raise InvalidField(f"{currency!r} is no currency code.", field="currency", value=currency)
    return _EXPONENTS.get(currency, 2)


class Money(msgspec.Struct, frozen=True, order=True):
    """An amount in minor units (cents) of one currency."""

    amount_minor: int
    currency: str

    @override
    def __str__(self) -> str:
        digits = exponent_of(self.currency)
        return f"{Decimal(self.amount_minor).scaleb(-digits):.{digits}f} {self.currency}"


def parse_money(text: str, currency: str, *, field: str = "price") -> Money:
    """Reads `12.50` as money; the text uses a point and no thousands separator.

    More digits than the currency has are rounded half up, as AdventureWorks' four-digit costs
    need. Raises InvalidField for anything that is no finite number in range, negative included.
    """
    shown = text[:60]
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise InvalidField(f"{shown!r} is no amount.", field=field, value=shown) from None
    if not value.is_finite() or value < 0:
        raise InvalidField(f"{shown!r} is no amount of 0 or more.", field=field, value=shown)
    if value.adjusted() > 15:
        raise InvalidField("The amount is out of range.", field=field, value=shown)
    minor = int(value.scaleb(exponent_of(currency)).to_integral_value(ROUND_HALF_UP))
    if minor > MONEY_MINOR_MAX:
        raise InvalidField("The amount is out of range.", field=field, value=shown)
    return Money(minor, currency)
