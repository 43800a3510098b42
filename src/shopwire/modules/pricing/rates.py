"""Exchange rates: exact, dated, and never a float."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Row
from shopwire.modules.pricing.events import RatesDocument, RateUsed

RATES_ID: Final = "default"
"""A shop has one table of rates."""
RATE_DIGITS: Final = 12
"""Places after the point of a rate; more are refused."""
RATE_MAX: Final = 10**6
"""Largest rate; more is a slip of the finger."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of `base` in units of `quote`, times 10 to the power of RATE_DIGITS."""

    base: str
    quote: str
    rate_pico: int
    valid_from_ms: int

    @property
    def pair(self) -> str:
        """`USD/EUR`."""
        return f"{self.base}/{self.quote}"

    def used(self) -> RateUsed:
        """The rate as documents and facts show it."""
        return RateUsed(
            base=self.base,
            quote=self.quote,
            rate=f"{Decimal(self.rate_pico).scaleb(-RATE_DIGITS).normalize():f}",
            valid_from_ms=self.valid_from_ms,
        )


class RatesRow(Row, frozen=True, kw_only=True):
    """The rates that hold by pair, and those that are to come, the next first."""

    table = "price_rates"
    group_field = "id"
    key_fields = ("id",)

    id: str = RATES_ID
    version: int = 0
    current: dict[str, Rate] = msgspec.field(default_factory=dict)
    coming: tuple[Rate, ...] = ()
    next_due_ms: int | None = None
    """When the next one begins to hold."""

    def document(self) -> RatesDocument:
        """The rates as operators see them."""
        return RatesDocument(
            rates=tuple(self.current[pair].used() for pair in sorted(self.current)),
            coming=tuple(rate.used() for rate in self.coming),
        )


class RateTold(Row, frozen=True, kw_only=True):
    """A rate that somebody told, for good: the history."""

    table = "price_rate_told"
    group_field = "pair"
    key_fields = ("pair", "valid_from_ms", "version")
    append_only = True

    pair: str
    valid_from_ms: int
    version: int
    """Of the table, when it was told."""
    rate_pico: int
    told_by: str
    told_at_ms: int


def parse_rate(text: str) -> int:
    """A decimal as an integer of pico-units; raises InvalidField for what is no rate."""
    shown = text[:40]
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 < value <= RATE_MAX:
        reason = f"a decimal above 0, at most {RATE_MAX}"
        raise InvalidField(f"{shown!r} is no rate: {reason}.", field="rate", reason=reason)
    scaled = value.scaleb(RATE_DIGITS)
    if scaled != scaled.to_integral_value():
        reason = f"at most {RATE_DIGITS} places after the point"
        raise InvalidField(f"{shown!r} is no rate: {reason}.", field="rate", reason=reason)
    return int(scaled)


class Converter:
    """Amounts of other currencies in the shop's, by the rates that hold.

    The rate of the pair itself counts; else that of the opposite pair, turned round. What is owed
    (a cost, a demanded minimum) is rounded up to the minor unit, so that rounding never eats into
    a floor; what is boasted (a suggested price) is rounded down.
    """

    def __init__(self, rates: Mapping[str, Rate], currency: str) -> None:
        self._rates, self.currency = rates, currency
        self._shares: dict[str, tuple[int, int, Rate | None] | None] = {currency: (1, 1, None)}

    def share(self, base: str) -> tuple[int, int, Rate | None] | None:
        """Minor units of the shop's currency for one of `base`, as a fraction; None: no rate."""
        if base not in self._shares:
            self._shares[base] = self._find(base)
        return self._shares[base]

    def _find(self, base: str) -> tuple[int, int, Rate | None] | None:
        one = 10**RATE_DIGITS
        up, down = 10 ** exponent_of(self.currency), 10 ** exponent_of(base)
        if (rate := self._rates.get(f"{base}/{self.currency}")) is not None:
            return rate.rate_pico * up, one * down, rate
        if (rate := self._rates.get(f"{self.currency}/{base}")) is not None:
            return one * up, rate.rate_pico * down, rate
        return None


def owed(amount_minor: int, over: int, under: int) -> int:
    """An amount times a fraction, rounded up, at most MONEY_MINOR_MAX."""
    return min(-(-amount_minor * over // under), MONEY_MINOR_MAX)


def boasted(amount_minor: int, over: int, under: int) -> int:
    """An amount times a fraction, rounded down, at most MONEY_MINOR_MAX."""
    return min(amount_minor * over // under, MONEY_MINOR_MAX)


def taken_over(
    row: RatesRow, told: Iterable[Rate], now_ms: int
) -> tuple[RatesRow, tuple[str, ...]]:
    """The table with what was told and what has come due, and the currencies that it concerns.

    Of two rates of a pair the one that begins later counts; told again for the same moment, the
    later word. One that began before the rate that holds is history and changes nothing.
    """
    coming = {(rate.valid_from_ms, rate.pair): rate for rate in row.coming}
    coming |= {(rate.valid_from_ms, rate.pair): rate for rate in told}
    current, touched = dict(row.current), set[str]()
    for place in sorted(coming):
        if place[0] > now_ms:
            continue
        rate = coming.pop(place)
        before = current.get(rate.pair)
        if before is None or before.valid_from_ms <= rate.valid_from_ms:
            current[rate.pair] = rate
            if before is None or before.rate_pico != rate.rate_pico:
                touched |= {rate.base, rate.quote}
    later = tuple(coming[place] for place in sorted(coming))
    after = msgspec.structs.replace(
        row,
        current=current,
        coming=later,
        next_due_ms=later[0].valid_from_ms if later else None,
    )
    return after, tuple(sorted(touched))
