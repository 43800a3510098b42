"""Single values of a feed: amounts, counts, article numbers. Each is read, or refused."""

import re
from typing import Final, Literal, NoReturn

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.limits import QUANTITY_MAX
from shopwire.kernel.money import parse_money
from shopwire.kernel.validation import check_name

Decimal = Literal[".", ","]

_MONEY_WORD: Final = re.compile(r"^([A-Z]{3})\s*(?=[-+.,\d])|\s*([A-Z]{3})$|[$€£¥]\s*|\s*[$€£¥]")
_THOUSANDS: Final = {
    ".": re.compile(r"^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$"),
    ",": re.compile(r"^[+-]?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]*)?$"),
}
_PLAIN: Final = re.compile(r"^(?=.*[0-9])[0-9]*\.?[0-9]*$")
_WHOLE: Final = re.compile(r"^[+-]?[0-9]+$")
_GTIN_LENGTHS: Final = (8, 12, 13, 14)


class Refused(Exception):
    """A value that cannot be used: where, why, and what mends it."""

    def __init__(self, column: str, code: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.column, self.code, self.reason, self.remedy = column, code, reason, remedy


def refuse(column: str, code: str, reason: str, remedy: str) -> NoReturn:
    """Raises Refused."""
    raise Refused(column, code, reason, remedy)


def name_of(text: str, column: str) -> str:
    """A SKU, a title: raises Refused where it is too long or cannot be printed."""
    try:
        return check_name(text, column)
    except InvalidField as problem:
        refuse(column, "not_allowed", problem.detail, "Shorten or correct it.")


def amount_of(
    text: str, currency: str, *, column: str, decimal: Decimal = "."
) -> tuple[int | None, str]:
    """An amount in minor units, and the currency that stood with it.

    Blank is none. A sign for the thousands is dropped where it can be nothing else.
    """
    if not text:
        return None, ""
    found = "".join(part for match in _MONEY_WORD.finditer(text) for part in match.groups(""))
    plain = _MONEY_WORD.sub("", text).strip()
    if _THOUSANDS[decimal].match(plain):
        plain = plain.replace("," if decimal == "." else ".", "")
    elif decimal == "," and "." in plain:
        refuse(column, "not_a_number", f"{column} is {text[:60]!r}", "Write it like 12,50.")
    plain = plain.replace(decimal, ".")
    if plain.startswith("-"):
        refuse(column, "negative", f"{column} is {text[:60]}", "Give an amount above zero.")
    if not _PLAIN.match(plain.removeprefix("+")):
        refuse(column, "not_a_number", f"{column} is {text[:60]!r}", "Write it like 12.50.")
    try:
        amount = parse_money(plain, found or currency, field=column).amount_minor
    except InvalidField as problem:
        refuse(column, "out_of_range", problem.detail, "Give a smaller amount.")
    if amount == 0:
        refuse(
            column,
            "zero_price",
            f"{column} is zero",
            "Give the price, or leave the cell blank where there is none.",
        )
    return amount, found


def count_of(text: str, *, column: str, decimal: Decimal = ".") -> int | None:
    """A whole number of 0 or more; blank is none, `5.0` is 5."""
    if not text:
        return None
    shown = text[:60]
    whole, point, rest = text.partition(decimal)
    if point and _WHOLE.match(whole or "0") and not rest.strip("0123456789"):
        if rest.strip("0"):
            refuse(column, "fractional", f"{column} is {shown}", "Give a whole number of units.")
        text = whole
    if not _WHOLE.match(text):
        refuse(column, "not_a_number", f"{column} is {shown!r}", "Give a whole number.")
    if text.startswith("-") and text.strip("-0"):
        refuse(column, "negative", f"{column} is {shown}", "Give 0 or more.")
    digits = text.lstrip("+-").lstrip("0") or "0"
    if len(digits) > 12 or int(digits) > QUANTITY_MAX:
        refuse(column, "out_of_range", f"{column} is over {QUANTITY_MAX}", "Give a smaller number.")
    return int(digits)


def gtin_of(text: str) -> tuple[str | None, str]:
    """An article number padded to 14 digits, so that all lengths compare; or why there is none.

    A wrong one costs the product only its number, since the row can be sold without.
    """
    text = text.replace("-", "").replace(" ", "")
    if not text:
        return None, ""
    if not text.isascii() or not text.isdigit() or len(text) not in _GTIN_LENGTHS:
        return None, "a barcode that is no GTIN was left out"
    digits = [int(digit) for digit in text.zfill(14)]
    total = sum(digit * (3 if at % 2 == 0 else 1) for at, digit in enumerate(digits))
    if total % 10:
        return None, "a GTIN with a wrong check digit was left out"
    return text.zfill(14), ""
