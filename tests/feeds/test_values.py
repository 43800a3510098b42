"""Amounts, counts and article numbers: what is read, what is refused and why."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.kernel.limits import MONEY_MINOR_MAX, QUANTITY_MAX
from shopwire.modules.feeds.values import Refused, amount_of, count_of, gtin_of


def refusal(call, *args: Any, **more: Any) -> str:
    with pytest.raises(Refused) as caught:
        call(*args, column="c", **more)
    assert caught.value.reason
    assert caught.value.remedy
    assert caught.value.column == "c"
    return caught.value.code


@pytest.mark.parametrize(
    ("text", "decimal", "amount", "currency"),
    [
        ("12.50", ".", 1250, ""),
        ("12", ".", 1200, ""),
        (".5", ".", 50, ""),
        ("1,299.00", ".", 129_900, ""),
        ("1,299", ".", 129_900, ""),
        ("12,50", ",", 1250, ""),
        ("1.299,00", ",", 129_900, ""),
        ("15.00 USD", ".", 1500, "USD"),
        ("USD 15.00", ".", 1500, "USD"),
        ("€ 9.99", ".", 999, ""),
        ("1500 JPY", ".", 1500, "JPY"),
        ("50.2635", ".", 5026, ""),
    ],
)
def test_amounts_are_read_in_minor_units(text, decimal, amount, currency):
    assert amount_of(text, "EUR", column="c", decimal=decimal) == (amount, currency)


@pytest.mark.parametrize(
    ("text", "decimal", "code"),
    [
        ("0", ".", "zero_price"),
        ("0.00", ".", "zero_price"),
        ("0.001", ".", "zero_price"),
        ("-1.50", ".", "negative"),
        ("12,50", ".", "not_a_number"),
        ("12.50", ",", "not_a_number"),
        ("cheap", ".", "not_a_number"),
        ("1e5", ".", "not_a_number"),
        ("1_000", ".", "not_a_number"),
        ("NaN", ".", "not_a_number"),
        ("Infinity", ".", "not_a_number"),
        (".", ".", "not_a_number"),
        ("=1+1", ".", "not_a_number"),
        ("١٢", ".", "not_a_number"),
        ("9" * 30, ".", "out_of_range"),
    ],
)
def test_amounts_that_cannot_be_used_are_refused(text, decimal, code):
    assert refusal(amount_of, text, "EUR", decimal=decimal) == code


@pytest.mark.parametrize(
    ("text", "count"), [("5", 5), ("5.0", 5), ("+5", 5), ("007", 7), ("-0", 0)]
)
def test_counts_are_whole_numbers(text, count):
    assert count_of(text, column="c") == count


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("-1", "negative"),
        ("1.5", "fractional"),
        (".5", "fractional"),
        ("1,000", "not_a_number"),
        ("many", "not_a_number"),
        ("1e3", "not_a_number"),
        ("٣", "not_a_number"),
        (str(QUANTITY_MAX + 1), "out_of_range"),
        ("9" * 5_000, "out_of_range"),
    ],
)
def test_counts_that_cannot_be_used_are_refused(text, code):
    assert refusal(count_of, text) == code


def test_blank_is_no_value_rather_than_zero():
    assert count_of("", column="c") is None
    assert amount_of("", "EUR", column="c") == (None, "")


@given(st.integers(1, MONEY_MINOR_MAX), st.sampled_from([(".", ","), (",", ".")]), st.booleans())
def test_every_amount_is_read_as_it_was_written(minor, signs, grouped):
    decimal, thousands = signs
    whole, cents = divmod(minor, 100)
    text = f"{whole:,}".replace(",", thousands if grouped else "")
    assert amount_of(f"{text}{decimal}{cents:02}", "EUR", column="c", decimal=decimal)[0] == minor


@given(st.text(max_size=40))
def test_any_text_is_a_value_or_a_refusal(text):
    for read in (count_of, lambda text, *, column: amount_of(text, "EUR", column=column)[0]):
        with suppress(Refused):
            value = read(text, column="c")
            assert value is None or value >= 0


@pytest.mark.parametrize(
    ("text", "gtin"),
    [
        ("4006381333931", "04006381333931"),
        ("96385074", "00000096385074"),
        ("036000291452", "00036000291452"),
        ("4006381-333931", "04006381333931"),
        ("4006381333932", None),
        ("123", None),
        ("test-barcode-1", None),
        ("", None),
    ],
)
def test_gtins_are_checked_and_padded(text, gtin):
    found, why_not = gtin_of(text)
    assert found == gtin
    assert bool(why_not) == (gtin is None and text != "")


@given(st.integers(0, 10**13 - 1))
def test_one_check_digit_of_ten_is_right(body):
    right = [digit for digit in range(10) if gtin_of(f"{body:013}{digit}")[0]]
    assert len(right) == 1
