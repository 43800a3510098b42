"""From rows as they came to products, offers and counts, or to reasons why not."""

import hashlib
import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn, cast

import msgspec

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.limits import NAME_CHARS_MAX, QUANTITY_MAX, TEXT_CHARS_MAX
from shopwire.kernel.money import parse_money
from shopwire.kernel.names import slug_of
from shopwire.kernel.validation import check_name
from shopwire.modules.catalog.api import Image, Option, ProductContent, Status, Variant
from shopwire.modules.feeds.api import BadRow, Digest
from shopwire.modules.feeds.limits import GROUP_ROWS_MAX
from shopwire.modules.feeds.profile import (
    PRODUCT_FIELDS,
    Change,
    Field,
    OptionColumns,
    Profile,
)
from shopwire.modules.feeds.reading import RawRow
from shopwire.modules.inventory.api import Count
from shopwire.modules.suppliers.api import Terms

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_TAGS: Final = re.compile(r"<[^>]*>")
_MONEY_WORD: Final = re.compile(r"^([A-Z]{3})\s+|\s*([A-Z]{3})$|[$€£¥]\s*|\s*[$€£¥]")
_THOUSANDS: Final = {
    ".": re.compile(r"^\d{1,3}(,\d{3})+(\.\d*)?$"),
    ",": re.compile(r"^\d{1,3}(\.\d{3})+(,\d*)?$"),
}
_WHOLE: Final = re.compile(r"^[+-]?\d+$")
_DRAFT: Final = ("draft", "proposed", "unlisted", "false", "rejected", "inactive")
_STATUSES: Final = dict.fromkeys(("", "active", "published", "true"), "active") | dict.fromkeys(
    _DRAFT, "draft"
)
_ARCHIVED: Final = ("archived", "discontinued")
_GTIN_LENGTHS: Final = (8, 12, 13, 14)


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """Terms and the supplier that they are of."""

    supplier: str
    terms: Terms


class Group(msgspec.Struct, kw_only=True):
    """All rows of one product, as what they become."""

    key: str
    rows: int = 0
    lines: dict[str, RawRow] = {}
    """The row of each SKU, for a quarantine that is found out later."""
    product: ProductContent | None = None
    offers: list[Offered] = []
    counts: list[Count] = []
    count_supplier: str = ""
    bad: list[BadRow] = []

    def digest(self) -> Digest:
        """What it says, in short."""
        return Digest(
            key=self.key,
            product=_digest(self.product),
            offers=_digest(self.offers),
            stock=_digest([self.count_supplier, self.counts]) if self.counts else "",
        )


def _digest(value: Any) -> str:
    return hashlib.blake2b(_encode(value), digest_size=12).hexdigest() if value else ""


class _Refused(Exception):
    """A value that cannot be used."""

    def __init__(self, field: str, code: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.field, self.code, self.reason, self.remedy = field, code, reason, remedy


def _refuse(field: str, code: str, reason: str, remedy: str) -> NoReturn:
    raise _Refused(field, code, reason, remedy)


class Mapper:
    """Applies a profile. It remembers the SKUs of this feed, to find those that come twice."""

    def __init__(
        self,
        profile: Profile,
        *,
        supplier: str,
        currency: str,
        lookups: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._profile = profile
        self._supplier = supplier
        self._currency = currency
        self._lookups = lookups or {}
        self._seen: set[int] = set()
        self.notes: dict[str, int] = {}
        """What was read leniently, and how often."""

    def groups(self, rows: Iterable[RawRow]) -> Iterator[Group]:
        """Rows that follow each other and are of one product, together."""
        held: list[tuple[RawRow, dict[str, str]]] = []
        held_id = ""
        for row in rows:
            if row.problem is not None:
                yield Group(key="", rows=1, bad=[row.problem])
                continue
            try:
                values = self._values(row)
            except _Refused as problem:
                yield Group(key="", rows=1, bad=[self._bad(row, problem)])
                continue
            by = self._profile.group_by
            continues = bool(held) and by != "" and not row.cells.get(by)
            own_id = values.get("id") or (held_id if continues else values.get("sku", ""))
            if held and (own_id != held_id or len(held) >= GROUP_ROWS_MAX):
                yield self._group(held_id, held)
                held = []
            held_id = own_id
            held.append((row, values))
        if held:
            yield self._group(held_id, held)

    def _values(self, row: RawRow) -> dict[str, str]:
        """The profile's fields of one row as text; a field without a value is not there."""
        values: dict[str, str] = {}
        for name, field in self._profile.fields.items():
            text = self._value(field, row.cells)
            if text:
                values[name] = text
            elif field.required:
                column = field.columns[0] if field.columns else name
                _refuse(column, "missing", f"{column} is blank", f"Fill in {column}.")
        return values

    def _value(self, field: Field, cells: Mapping[str, str]) -> str:
        text = ""
        for column in field.columns:
            text = cells.get(column, "")
            if text and text not in field.blank:
                break
            text = ""
        if text and field.lookup:
            text = self._lookups[field.lookup].get(text, "")
        if text and field.split:
            parts = [part.strip() for part in text.split(field.split)]
            parts = [part for part in parts if part.startswith(field.prefix)]
            parts = [part.removeprefix(field.prefix) for part in parts if part]
            if field.only is not None:
                parts = parts[field.only : field.only + 1]
            text = field.join.join(parts)
        for change in field.change if text else ():
            text = _CHANGES[change](text)
        if field.values:
            text = field.values.get(text.casefold(), text)
        return text or field.default

    def _group(self, group_id: str, held: list[tuple[RawRow, dict[str, str]]]) -> Group:
        group = Group(key=group_id, rows=len(held))
        variants: list[Variant] = []
        names = self._option_names(held[0][0])
        supplier = slug_of(self._supplier)
        group.count_supplier = supplier
        for row, values in held:
            try:
                self._take(group, variants, names, row, values)
            except _Refused as problem:
                group.bad.append(self._bad(row, problem))
            except InvalidField as problem:
                refused = _Refused(
                    problem.data["field"], "not_allowed", problem.detail, "Correct the value."
                )
                group.bad.append(self._bad(row, refused))
        if variants and "product" in self._profile.brings:
            try:
                group.product = self._product(group_id, held, variants, names)
            except _Refused as problem:
                refused_rows = {bad.line for bad in group.bad}
                group.bad += [
                    self._bad(row, problem) for row, _ in held if row.line not in refused_rows
                ]
                group.offers, group.counts = [], []
        return group

    def _take(
        self,
        group: Group,
        variants: list[Variant],
        names: list[str],
        row: RawRow,
        values: dict[str, str],
    ) -> None:
        """One row's SKU: its variant, its terms, its count."""
        if "sku" not in values:
            if variants and values.get("images") and not values.get("title"):
                return  # a row that only brings one more picture of the product above
            _refuse(self._column("sku"), "missing", "the SKU is blank", "Give the row a SKU.")
        sku = values["sku"]
        _check(sku, self._column("sku"))
        offered = self._offer(sku, values) if "offer" in self._profile.brings else None
        count = self._count(sku, values) if "stock" in self._profile.brings else None
        seen = hash((sku, offered.supplier if offered else ""))
        if seen in self._seen:
            _refuse(
                self._column("sku"),
                "duplicate_sku",
                f"the SKU {sku} was in this feed before",
                "Keep one of the rows; the first was taken.",
            )
        options = {
            name: value
            for name, value in zip(names, self._option_values(row), strict=False)
            if name and value and value.casefold() != "default title"
        }
        self._seen.add(seen)
        variants.append(
            Variant(
                sku=sku,
                title=values.get("variant", "") or " / ".join(options.values()),
                options=options,
                gtin=self._gtin(values),
            )
        )
        group.lines[sku] = row
        if offered:
            group.offers.append(offered)
        if count:
            group.counts.append(count)

    def _offer(self, sku: str, values: dict[str, str]) -> Offered | None:
        amounts: dict[str, int | None] = {}
        currency = values.get("currency", self._currency).upper()
        for field in ("cost", "price", "msrp", "map"):
            amounts[field], own = self._money(values.get(field, ""), currency, field)
            currency = own or currency
        cost = amounts["cost"]
        if cost is None:
            if amounts["price"] is None:
                return None
            cost = amounts["price"]
            self._note("a price without a cost was taken as the cost")
        elif amounts["msrp"] is None:
            amounts["msrp"] = amounts["price"]
        least = self._whole(values.get("order_min", ""), "order_min") or 1
        most = self._whole(values.get("order_max", ""), "order_max") or None
        if most is not None and most < least:
            _refuse(
                self._column("order_max"),
                "out_of_range",
                f"at most {most} can be ordered, but at least {least} have to be",
                "Correct the order limits.",
            )
        supplier = values.get("supplier", self._supplier)
        _check(supplier, self._column("supplier"))
        terms = Terms(
            sku=sku,
            cost_minor=cost,
            currency=currency,
            lead_time_days=self._whole(values.get("lead_time_days", ""), "lead_time_days"),
            order_min=least,
            order_max=most,
            map_minor=amounts["map"],
            msrp_minor=amounts["msrp"],
        )
        return Offered(supplier=supplier, terms=terms)

    def _count(self, sku: str, values: dict[str, str]) -> Count | None:
        quantity = self._whole(values.get("quantity", ""), "quantity")
        return None if quantity is None else Count(sku=sku, quantity=quantity)

    def _money(self, text: str, currency: str, field: str) -> tuple[int | None, str]:
        """An amount in minor units, and the currency that stood with it."""
        if not text:
            return None, ""
        column = self._column(field)
        found = "".join(part for match in _MONEY_WORD.finditer(text) for part in match.groups(""))
        plain = _MONEY_WORD.sub("", text).strip()
        if _THOUSANDS[self._profile.decimal].match(plain):
            plain = plain.replace("," if self._profile.decimal == "." else ".", "")
        if self._profile.decimal == ",":
            plain = plain.replace(",", ".")
        if plain.startswith("-"):
            _refuse(column, "negative", f"{column} is {text}", "Give an amount above zero.")
        try:
            amount = parse_money(plain, found or currency, field=column).amount_minor
        except InvalidField as problem:
            _refuse(column, "not_a_number", problem.detail, "Write it like 12.50.")
        if amount == 0:
            _refuse(
                column,
                "zero_price",
                f"{column} is zero",
                "Give the price, or leave the cell blank where there is none.",
            )
        return amount, found

    def _whole(self, text: str, field: str) -> int | None:
        """A whole number of 0 or more."""
        if not text:
            return None
        column = self._column(field)
        whole, point, rest = text.partition(self._profile.decimal)
        if point and not rest.strip("0"):
            text = whole
        if point and rest.strip("0").isdigit() and _WHOLE.match(whole or "0"):
            _refuse(column, "fractional", f"{column} is {text}", "Give a whole number of units.")
        if not _WHOLE.match(text):
            _refuse(column, "not_a_number", f"{column} is {text[:60]!r}", "Give a whole number.")
        if text.startswith("-") and text.strip("-0"):
            _refuse(column, "negative", f"{column} is {text}", "Give 0 or more.")
        if len(text) > 12 or int(text) > QUANTITY_MAX:
            _refuse(
                column, "out_of_range", f"{column} is over {QUANTITY_MAX}", "Give a smaller number."
            )
        return int(text)

    def _gtin(self, values: dict[str, str]) -> str | None:
        """The article number padded to 14 digits, so that all lengths compare."""
        text = values.get("gtin", "").replace("-", "").replace(" ", "")
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or len(text) not in _GTIN_LENGTHS:
            self._note("a barcode that is no GTIN was left out")
            return None
        digits = [int(digit) for digit in text.zfill(14)]
        total = sum(digit * (3 if at % 2 == 0 else 1) for at, digit in enumerate(digits))
        if total % 10:
            self._note("a GTIN with a wrong check digit was left out")
            return None
        return text.zfill(14)

    def _product(
        self,
        group_id: str,
        held: list[tuple[RawRow, dict[str, str]]],
        variants: list[Variant],
        names: list[str],
    ) -> ProductContent:
        first: dict[str, str] = {}
        for _, values in reversed(held):
            first |= {name: text for name, text in values.items() if name in PRODUCT_FIELDS}
        handle = slug_of(first.get("id") or group_id)[:NAME_CHARS_MAX]
        title = first.get("title", "")
        column = self._column("title")
        if not title:
            _refuse(column, "missing", "the product has no title", f"Fill in {column}.")
        _check(title, column)
        if len(first.get("description", "")) > TEXT_CHARS_MAX:
            _refuse(
                self._column("description"),
                "cell_too_long",
                f"the description has more than {TEXT_CHARS_MAX} letters",
                "Shorten it.",
            )
        status = first.get("status", "").casefold()
        if status not in _STATUSES and status not in _ARCHIVED:
            _refuse(
                self._column("status"),
                "not_allowed",
                f"there is no status {status!r}",
                "Use active, draft or archived.",
            )
        return ProductContent(
            id=handle,
            title=title,
            description=first.get("description", ""),
            brand=first.get("brand", "")[:NAME_CHARS_MAX].strip(),
            status=cast("Status", _STATUSES.get(status, "archived")),
            categories=_paths(first.get("category", "")),
            tags=_listed(first.get("tags", "")),
            options=_options(names, variants),
            variants=tuple(variants),
            images=self._images(held, title),
        )

    def _images(self, held: list[tuple[RawRow, dict[str, str]]], title: str) -> tuple[Image, ...]:
        found: dict[str, Image] = {}
        for _, values in held:
            for url in _listed(values.get("images", "")):
                found.setdefault(url, Image(url=url, alt=values.get("image_alt", "") or title))
        return tuple(found.values())

    def _option_names(self, first: RawRow) -> list[str]:
        names: list[str] = []
        for option in self._profile.options:
            text = option.name or first.cells.get(option.name_column, "")
            names += _parts(text, option)
        return names

    def _option_values(self, row: RawRow) -> list[str]:
        values: list[str] = []
        for option in self._profile.options:
            values += _parts(row.cells.get(option.value_column, ""), option)
        return values

    def _column(self, field: str) -> str:
        """The column a field is usually taken from, for messages."""
        spec = self._profile.fields.get(field)
        return spec.columns[0] if spec and spec.columns else field

    def _bad(self, row: RawRow, problem: _Refused) -> BadRow:
        return BadRow(
            line=row.line,
            column=problem.field,
            code=problem.code,
            reason=problem.reason,
            remedy=problem.remedy,
            raw=row.raw,
        )

    def _note(self, text: str) -> None:
        self.notes[text] = self.notes.get(text, 0) + 1


def _check(text: str, column: str) -> None:
    try:
        check_name(text, column)
    except InvalidField as problem:
        _refuse(column, "not_allowed", problem.detail, "Shorten or correct it.")


def _parts(text: str, option: OptionColumns) -> list[str]:
    return [part.strip() for part in text.split(option.split)] if option.split else [text]


def _options(names: list[str], variants: Iterable[Variant]) -> tuple[Option, ...]:
    values: dict[str, dict[str, None]] = {}
    for variant in variants:
        for name in names:
            if name in variant.options:
                values.setdefault(name, {})[variant.options[name]] = None
    return tuple(Option(name=name, values=tuple(found)) for name, found in values.items())


def _listed(text: str) -> tuple[str, ...]:
    """Comma-separated words, each once."""
    words = (word.strip()[:NAME_CHARS_MAX].strip() for word in text.split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def _paths(text: str) -> tuple[tuple[str, ...], ...]:
    """`A > B, C`: two categories, the first with one above it."""
    paths = []
    for path in text.split("|"):
        names = tuple(name.strip()[:NAME_CHARS_MAX].strip() for name in path.split(">"))
        names = tuple(name for name in names if name)
        if names:
            paths.append(names)
    return tuple(dict.fromkeys(paths))


def _plain_text(text: str) -> str:
    return " ".join(html.unescape(_TAGS.sub(" ", text)).split())


_CHANGES: Final[dict[Change, Callable[[str], str]]] = {
    "lower": str.lower,
    "upper": str.upper,
    "slug": slug_of,
    "text": _plain_text,
    "digits": lambda text: re.sub(r"\D", "", text),
}
