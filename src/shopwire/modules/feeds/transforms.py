"""What a mapping does with cells: one value made of columns, and conditions on a row."""

import html
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, Final

import regex

from shopwire.kernel.limits import NAME_CHARS_MAX
from shopwire.kernel.names import slug_of
from shopwire.modules.feeds.limits import MATCH_MS_MAX
from shopwire.modules.feeds.profile import Change, Condition, Field, OptionColumns
from shopwire.modules.feeds.values import refuse

_TAGS: Final = re.compile(r"<[^>]*>")
_CURRENCY: Final = re.compile(r"(?:\b[A-Z]{1,2})?[$€£¥]|(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")


def value_of(
    field: Field, cells: Mapping[str, str], lookups: Mapping[str, Mapping[str, str]]
) -> str:
    """What a field comes to for a row; blank where there is none. Raises Refused."""
    text = _cell_of(field, cells)
    if text and field.lookup:
        text = lookups[field.lookup].get(text, "")
    if text and (field.match or field.replace):
        text = _matched(field, text)
    if text and field.split:
        text = _parted(field, text)
    for change in field.change if text else ():
        text = _CHANGES[change](text)
    if field.values:
        text = field.values.get(text.casefold(), text)
    if not text and field.instead is not None:
        return value_of(field.instead, cells, lookups)
    return text or field.default


def _cell_of(field: Field, cells: Mapping[str, str]) -> str:
    """The first cell that is not blank, or all of them in one text."""
    if field.glue is not None:
        found = (cells.get(column, "") for column in field.columns)
        return field.glue.join(text for text in found if text and text not in field.blank)
    for column in field.columns:
        text = cells.get(column, "")
        if text and text not in field.blank:
            return text
    return ""


def _parted(field: Field, text: str) -> str:
    parts = [part.strip() for part in text.split(field.split)]
    if field.prefix:
        found = (part.removeprefix(field.prefix) for part in parts if part.startswith(field.prefix))
        parts = [part for part in found if part]
    if field.only is None:
        return field.join.join(part for part in parts if part)
    # A blank part has its place: in "Mug||red" red is the third.
    return parts[field.only] if -len(parts) <= field.only < len(parts) else ""


Source = tuple[str, Field, str | None]
"""A field's name, what it is made of, and the column whose cell it is, where it is that alone."""


def sources(
    fields: Mapping[str, Field],
    columns: AbstractSet[str],
    lookups: Mapping[str, Mapping[str, str]],
) -> list[Source]:
    """Where fields come from in rows that have just these columns.

    Fields that none of them can fill are left out, unless rows are refused for it.
    """
    found: list[Source] = []
    for name, field in fields.items():
        there = [column for column in field.columns if column in columns]
        several = field == Field(columns=field.columns, required=field.required)
        if several and len(there) == 1:
            found.append((name, field, there[0]))
        elif (
            field.required
            or not columns.isdisjoint(field.all_columns())
            or value_of(field, {}, lookups)
        ):
            found.append((name, field, plain_column(field)))
    return found


def plain_column(field: Field) -> str | None:
    """The column whose cell is the field's value as it stands; None where more is to be done."""
    plain = len(field.columns) == 1 and field == Field(
        columns=field.columns, required=field.required
    )
    return field.columns[0] if plain else None


def holds(condition: Condition, cells: Mapping[str, str]) -> bool:
    """Whether a row is as a condition says. Raises Refused where its pattern takes too long."""
    text = cells.get(condition.column, "")
    if condition.blank is not None and condition.blank != (not text):
        return False
    if condition.one_of and text.casefold() not in {one.casefold() for one in condition.one_of}:
        return False
    return not condition.match or _timed(condition.column, text, condition.match) is not None


def _matched(field: Field, text: str) -> str:
    column = field.columns[0] if field.columns else ""
    if field.match:
        found = _timed(column, text, field.match)
        if found is None:
            return ""
        text = (found.group(1) if found.re.groups else found.group()) or ""
    for pattern, put in field.replace.items():
        try:
            text = compiled(pattern).sub(put, text, timeout=MATCH_MS_MAX / 1_000)
        except TimeoutError:
            _too_slow(column, pattern)
    return text.strip()


def _timed(column: str, text: str, pattern: str) -> Any:
    try:
        return compiled(pattern).search(text, timeout=MATCH_MS_MAX / 1_000)
    except TimeoutError:
        _too_slow(column, pattern)


def _too_slow(column: str, pattern: str) -> None:
    reason = f"the pattern {pattern[:60]!r} took longer than {MATCH_MS_MAX} ms on this value"
    refuse(column, "pattern_too_slow", reason, "Write a simpler pattern in the mapping.")


@cache
def compiled(pattern: str) -> Any:
    """A pattern, ready; raises `regex.error`."""
    return regex.compile(pattern)


def listed(text: str) -> tuple[str, ...]:
    """Comma-separated words, each once."""
    words = (word.strip()[:NAME_CHARS_MAX].strip() for word in text.split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def paths(text: str) -> tuple[tuple[str, ...], ...]:
    """`A > B, C`: two categories, the first with one above it."""
    found = []
    for path in text.split("|"):
        names = tuple(name.strip()[:NAME_CHARS_MAX].strip() for name in path.split(">"))
        names = tuple(name for name in names if name)
        if names:
            found.append(names)
    return tuple(dict.fromkeys(found))


def parts_of(text: str, option: OptionColumns) -> list[str]:
    """The names or values that a cell of an option holds."""
    return [part.strip() for part in text.split(option.split)] if option.split else [text]


def _plain_text(text: str) -> str:
    return " ".join(html.unescape(_TAGS.sub(" ", text)).split())


_CHANGES: Final[dict[Change, Callable[[str], str]]] = {
    "trim": lambda text: " ".join(text.split()),
    "lower": str.lower,
    "upper": str.upper,
    "slug": slug_of,
    "text": _plain_text,
    "digits": lambda text: re.sub(r"\D", "", text),
    "strip_currency": lambda text: _CURRENCY.sub("", text).strip(),
}
