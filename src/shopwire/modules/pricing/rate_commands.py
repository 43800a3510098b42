"""How exchange rates are told, and how they begin to hold."""

from typing import Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.each import LINES_A_COMMAND_MAX
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Need, Row, View
from shopwire.modules.pricing.api import ApplyRates, PutRates
from shopwire.modules.pricing.domain import RULES_PARTITION
from shopwire.modules.pricing.events import RatesChanged, RatesFacts
from shopwire.modules.pricing.rates import (
    RATES_ID,
    Rate,
    RatesRow,
    RateTold,
    parse_rate,
    taken_over,
)

PAIRS_MAX: Final = 500
"""Pairs of currencies that a shop may have rates for; more are refused."""
COMING_MAX: Final = 2_000
"""Rates that may wait for their day; more are refused."""
MOMENT_MS_MAX: Final = 253_402_300_799_999
"""The last moment that a date of four digits can name."""


def do_put_rates(command: PutRates, view: View, context: Context) -> Decision:
    """Takes rates over: those of now at once, those to come when their time is there."""
    if not 1 <= len(command.rates) <= LINES_A_COMMAND_MAX:
        reason = f"1 to {LINES_A_COMMAND_MAX} lines"
        raise InvalidField(f"Rates come in {reason}.", field="rates", reason=reason)
    told: dict[tuple[str, int], Rate] = {}
    for line in command.rates:
        exponent_of(line.base)
        exponent_of(line.quote)
        if line.base == line.quote:
            reason = "base and quote are the same currency"
            raise InvalidField(f"{reason}.", field="quote", reason=reason, value=line.quote)
        if not 0 <= line.valid_from_ms <= MOMENT_MS_MAX:
            raise InvalidField(field="valid_from_ms", reason="out of range")
        rate = Rate(
            base=line.base,
            quote=line.quote,
            rate_pico=parse_rate(line.rate),
            valid_from_ms=line.valid_from_ms,
        )
        if told.setdefault((rate.pair, rate.valid_from_ms), rate).rate_pico != rate.rate_pico:
            reason = f"{rate.pair} has two rates for one moment"
            raise InvalidField(f"{reason}.", field="rates", reason=reason)
    known = view.one(RatesRow, RATES_ID) or RatesRow(tenant=context.tenant)
    after, touched = taken_over(known, told.values(), context.now_ms)
    if len(after.current) > PAIRS_MAX or len(after.coming) > COMING_MAX:
        reason = f"at most {PAIRS_MAX} pairs, and {COMING_MAX} rates to come"
        raise InvalidField(f"A shop has {reason}.", field="rates", reason=reason)
    if after == known:
        return Decision(result={"applied": False, "reason": "unchanged"})
    version = known.version + 1
    history = [
        RateTold(
            tenant=context.tenant,
            pair=rate.pair,
            valid_from_ms=rate.valid_from_ms,
            version=version,
            rate_pico=rate.rate_pico,
            told_by=context.principal,
            told_at_ms=context.now_ms,
        )
        for rate in told.values()
    ]
    return _changed(replace(after, version=version), touched, history)


def do_apply_rates(command: ApplyRates, view: View, context: Context) -> Decision:
    """Rates whose time has come begin to hold."""
    known = view.one(RatesRow, RATES_ID) or RatesRow(tenant=context.tenant)
    after, touched = taken_over(known, (), command.at_ms)
    if after == known:
        return Decision(result={"applied": False, "reason": "unchanged"})
    return _changed(replace(after, version=known.version + 1), touched, [])


def _changed(row: RatesRow, touched: tuple[str, ...], history: list[RateTold]) -> Decision:
    event = RatesChanged(
        entity=RATES_ID,
        version=row.version,
        document=row.document(),
        facts=RatesFacts(currencies=touched),
    )
    rows: list[Row] = [row, *history]
    return Decision(put=rows, events=[event], result={"applied": True, "version": row.version})


HANDLERS: Final = (
    Handler(
        command=PutRates,
        partition_key=lambda _: RULES_PARTITION,
        needs=lambda _: (Need(RatesRow, RATES_ID),),
        decide=do_put_rates,
    ),
    Handler(
        command=ApplyRates,
        partition_key=lambda _: RULES_PARTITION,
        needs=lambda _: (Need(RatesRow, RATES_ID),),
        decide=do_apply_rates,
    ),
)
