"""Single values of a feed: amounts, counts, article numbers. Each is read, or refused."""

import re
from typing import Final, Literal, NoReturn

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.limits import QUANTITY_MAX
from shopwire.kernel.money import parse_money
from shopwire.kernel.validation import check_name
from shopwire.modules.catalog.api import Status
from shopwire.modules.feeds.sensing import proof_of

Decimal = Literal[".", ",", ""]
"""The sign of the decimals; blank: not known, so that `1,234` is refused rather than guessed."""

_MONEY_WORD: Final = re.compile(r"^([A-Z]{3})\s*(?=[-+.,\d])|\s*([A-Z]{3})$|[$€£¥]\s*|\s*[$€£¥]")
_THOUSANDS: Final = {
    ".": re.compile(r"^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$"),
    ",": re.compile(r"^[+-]?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]*)?$"),
}
_GROUPS: Final = re.compile(r"(?<=[0-9])['\u2019 \u00a0\u202f](?=[0-9]{3}(?:[^0-9]|$))")
"""An apostrophe or a blank between thousands: it can be nothing else."""
_PLAIN: Final = re.compile(r"^(?=.*[0-9])[0-9]*\.?[0-9]*$")
_SIMPLE: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
"""An amount that needs no looking at where the decimals have a point."""
_WHOLE: Final = re.compile(r"^[+-]?[0-9]+$")
_GTIN_LENGTHS: Final = (8, 12, 13, 14)
_SHORTENED: Final = (7, 10, 11)
"""Lengths of GTINs whose zeros a spreadsheet dropped."""
_WEIGHT: Final = re.compile(r"^([0-9.,]+)\s*([a-zA-Z]*)$")
_GRAMS: Final = {"g": 1, "kg": 1_000, "lb": 453.59237, "lbs": 453.59237, "oz": 28.349523125}
_MILLIMETRES: Final = {"mm": 1, "cm": 10, "m": 1_000, "in": 25.4, "inch": 25.4, "ft": 304.8}
_DRAFT: Final = ("draft", "proposed", "unlisted", "false", "rejected", "inactive")
_SOLD: Final = ("", "active", "published", "true")
_STATUSES: Final[dict[str, Status]] = {
    **dict.fromkeys(_SOLD, "active"),
    **dict.fromkeys(_DRAFT, "draft"),
}
_ARCHIVED: Final = ("archived", "discontinued")
MEASURE_MAX: Final = 1_000_000_000
"""Largest weight in grams or length in millimetres; more is refused."""


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
        refuse(column, "not_allowed", problem.detail.rstrip("."), "Shorten or correct it.")


def status_of(text: str, column: str) -> Status:
    """A product's state from the words of several shops; raises Refused for one of none."""
    text = text.casefold()
    if text in _ARCHIVED:
        return "archived"
    if text not in _STATUSES:
        refuse(
            column,
            "not_allowed",
            f"there is no status {text!r}",
            "Use active, draft or archived.",
        )
    return _STATUSES[text]


def amount_of(
    text: str, currency: str, *, column: str, decimal: Decimal = "."
) -> tuple[int | None, str]:
    """An amount in minor units, and the currency that stood with it.

    Blank is none. A sign for the thousands is dropped where it can be nothing else. Where the sign
    of the decimals is not known, only an amount that proves it by itself is read.
    """
    if not text:
        return None, ""
    if decimal == "." and _SIMPLE.fullmatch(text):
        return _minor(text, currency, column), ""
    found = "".join(part for match in _MONEY_WORD.finditer(text) for part in match.groups(""))
    plain = _MONEY_WORD.sub("", text).strip()
    plain = _GROUPS.sub("", plain)
    if not decimal:
        decimal = proof_of(plain)
        if not decimal and ("." in plain or "," in plain):
            refuse(
                column,
                "ambiguous_number",
                f"{column} is {text[:60]!r}: it can be read in two ways",
                "Say the sign of the decimals in the mapping: decimal = '.' or ','.",
            )
        decimal = decimal or "."
    if _THOUSANDS[decimal].match(plain):
        plain = plain.replace("," if decimal == "." else ".", "")
    elif decimal == "," and "." in plain:
        refuse(column, "not_a_number", f"{column} is {text[:60]!r}", "Write it like 12,50.")
    plain = plain.replace(decimal, ".")
    if plain.startswith("-"):
        refuse(column, "negative", f"{column} is {text[:60]}", "Give an amount above zero.")
    if not _PLAIN.match(plain.removeprefix("+")):
        refuse(column, "not_a_number", f"{column} is {text[:60]!r}", "Write it like 12.50.")
    return _minor(plain, found or currency, column), found


def _minor(plain: str, currency: str, column: str) -> int:
    """Digits with a point in minor units."""
    try:
        amount = parse_money(plain, currency, field=column).amount_minor
    except InvalidField as problem:
        refuse(column, "out_of_range", problem.detail, "Give a smaller amount.")
    if amount == 0:
        refuse(
            column,
            "zero_price",
            f"{column} is zero",
            "Give the price, or leave the cell blank where there is none.",
        )
    return amount


def count_of(text: str, *, column: str, decimal: Decimal = ".") -> int | None:
    """A whole number of 0 or more; blank is none, `5.0` is 5."""
    if not text:
        return None
    if len(text) <= 6 and text.isascii() and text.isdigit():
        return int(text)
    shown = text[:60]
    if not decimal:
        decimal = "," if "," in text and "." not in text else "."
        if len(text.partition(decimal)[2]) == 3:
            refuse(
                column,
                "ambiguous_number",
                f"{column} is {shown!r}: it can be read in two ways",
                "Write the count without signs.",
            )
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
    if text.isascii() and text.isdigit() and len(text) in _SHORTENED:
        return None, f"a GTIN with {len(text)} digits was left out: zeros before it may be lost"
    if not text.isascii() or not text.isdigit() or len(text) not in _GTIN_LENGTHS:
        return None, "a barcode that is no GTIN was left out"
    digits = [int(digit) for digit in text.zfill(14)]
    total = sum(digit * (3 if at % 2 == 0 else 1) for at, digit in enumerate(digits))
    if total % 10:
        return None, "a GTIN with a wrong check digit was left out"
    return text.zfill(14), ""


def measure_of(
    text: str, unit: str, *, column: str, what: Literal["weight", "length"], decimal: Decimal = "."
) -> int | None:
    """A weight in grams or a length in millimetres; a unit in the cell goes before `unit`.

    Blank is none. Without any unit it is refused: 2 may be grams or pounds.
    """
    if not text:
        return None
    units = _GRAMS if what == "weight" else _MILLIMETRES
    match = _WEIGHT.match(text)
    if match is None:
        refuse(column, "not_a_number", f"{column} is {text[:60]!r}", "Write it like 1.5 kg.")
    unit = (match.group(2) or unit).lower()
    if unit not in units:
        reason = f"the unit of {column} {text[:60]!r} is not known"
        refuse(column, "no_unit", reason, f"Use one of {', '.join(units)}, or name it once.")
    plain, sign = match.group(1), decimal or proof_of(match.group(1))
    if not sign and ("." in plain or "," in plain):
        reason = f"{column} is {text[:60]!r}: it can be read in two ways"
        refuse(column, "ambiguous_number", reason, "Say the sign of the decimals in the mapping.")
    if sign and _THOUSANDS[sign].match(plain):
        plain = plain.replace("," if sign == "." else ".", "")
    try:
        value = float(plain.replace(sign or ".", ".")) * units[unit]
    except ValueError:
        refuse(column, "not_a_number", f"{column} is {text[:60]!r}", "Write it like 1.5 kg.")
    if value > MEASURE_MAX:
        refuse(column, "out_of_range", f"{column} is {text[:60]!r}", "Give a smaller value.")
    return round(value)
