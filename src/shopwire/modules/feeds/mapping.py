"""From rows as they came to products, offers and counts, or to reasons why not."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

import msgspec

from shopwire.kernel.errors import FeedUnreadable, InvalidField
from shopwire.kernel.limits import NAME_CHARS_MAX, TEXT_CHARS_MAX
from shopwire.kernel.names import slug_of
from shopwire.modules.catalog.api import Image, Option, ProductContent, Variant
from shopwire.modules.feeds.api import BadRow
from shopwire.modules.feeds.groups import Group, Offered
from shopwire.modules.feeds.profile import (
    PRODUCT_FIELDS,
    Profile,
)
from shopwire.modules.feeds.reading import RawRow
from shopwire.modules.feeds.telling import Held, named
from shopwire.modules.feeds.transforms import (
    Source,
    holds,
    listed,
    parts_of,
    paths,
    plain_column,
    sources,
    value_of,
)
from shopwire.modules.feeds.values import (
    Decimal,
    Refused,
    amount_of,
    count_of,
    gtin_of,
    measure_of,
    name_of,
    refuse,
    status_of,
)
from shopwire.modules.inventory.api import Count
from shopwire.modules.suppliers.api import Terms

_HEAD: Final = " head"
"""Marks a row that describes a product and is nothing to be bought."""
_MEASURES: Final = ("weight", "length", "width", "height")


class Mapper:
    """Applies a profile. It remembers the SKUs of this feed, to find those that come twice."""

    def __init__(
        self,
        profile: Profile,
        *,
        supplier: str,
        currency: str,
        lookups: Mapping[str, Mapping[str, str]] | None = None,
        decimal: Decimal | None = None,
    ) -> None:
        self.profile = profile
        self._supplier = supplier
        self._currency = profile.currency or currency
        self._decimal: Decimal = profile.decimal if decimal is None else decimal
        fields = profile.fields.items()
        self._fields: list[Source] = [(name, one, plain_column(one)) for name, one in fields]
        self._columns = {name: one.columns[0] for name, one in fields if one.columns}
        self.supplier = slug_of(supplier)
        """Whose counts it maps, as an id."""
        self._heads: dict[str, str] = {}
        """Other names of the latest product that has a row of its own."""
        self.lookups = lookups or {}
        # Hashes instead of texts: a million rows fit into a few dozen megabytes.
        self.seen: set[int] = set()
        """SKUs with their suppliers that this feed has named, see `named`."""
        self.begun: set[int] = set()
        """Hashes of the ids of products of which rows came."""
        self._parts: dict[int, int] = {}
        self.notes: dict[str, int] = {}
        """What was read leniently, and how often."""

    def expect(self, columns: Iterable[str]) -> None:
        """Says of which columns each row has a cell, and no other: other fields are not asked."""
        self._fields = sources(self.profile.fields, frozenset(columns), self.lookups)

    def groups(self, rows: Iterable[RawRow]) -> Iterator[Group]:
        """Rows that follow each other and are of one product, together.

        A feed that breaks off gives what it had before FeedUnreadable goes on.
        """
        held = Held()
        broken: FeedUnreadable | None = None
        try:
            for row in rows:
                taken = self.sorted_row(row, held)
                if not isinstance(taken, tuple):
                    yield from self.passed_over(taken)
                    continue
                group_id, values = taken
                if held.rows and (group_id != held.id or held.full):
                    yield self.group_of(held)
                    held.rows, held.chars = [], 0
                held.id = group_id
                held.rows.append((row, values))
                held.chars += row.chars
        except FeedUnreadable as problem:
            broken = problem
        if held.rows:
            yield self.group_of(held)
        if broken is not None:
            raise broken

    def passed_over(self, taken: BadRow | None) -> Iterator[Group]:
        """What becomes of a row that belongs to no product."""
        if taken is None:
            self.note("rows that a condition passes over")
        else:
            yield Group(key="", rows=1, bad=[taken])

    def sorted_row(self, row: RawRow, held: Held) -> tuple[str, dict[str, str]] | BadRow | None:
        """The product that a row belongs to and its values, or why it cannot be used.

        None for a row that the profile passes over.
        """
        by = self.profile.group_by
        begins = bool(by) and bool(row.cells.get(by))
        if row.problem is not None:
            held.orphans = True  # a product may have begun with it
            return row.problem
        try:
            if not self._wanted(row):
                return None
            values = self._values(row)
        except Refused as problem:
            held.orphans = held.orphans or begins
            return self._bad(row, problem)
        if begins:
            held.orphans = False
        if values.get("id") or not by or begins:
            return values.get("id") or values.get("sku", ""), values
        if held.orphans or not held.id:
            return self._bad(
                row,
                Refused(
                    by,
                    "orphan",
                    "the row goes on with a product whose first row could not be used",
                    "Mend the first row of the product; then send both.",
                ),
            )
        return held.id, values

    def _wanted(self, row: RawRow) -> bool:
        """Whether the profile's conditions let a row in; raises Refused for one it refuses."""
        profile = self.profile
        if any(holds(one, row.cells) for one in profile.skip_when):
            return False
        if not all(holds(one, row.cells) for one in profile.only_when):
            return False
        for one in profile.refuse_when:
            if holds(one, row.cells):
                shown = row.cells.get(one.column, "")[:60]
                refuse(
                    one.column,
                    "refused_by_profile",
                    f"the profile takes no rows whose {one.column} is {shown!r}",
                    "Send this row in another way, or change the profile's conditions.",
                )
        return True

    def _values(self, row: RawRow) -> dict[str, str]:
        """The profile's fields of one row as text; a field without a value is not there."""
        values: dict[str, str] = {}
        cells = row.cells
        for name, field, column in self._fields:
            text = value_of(field, cells, self.lookups) if column is None else cells.get(column)
            if text:
                values[name] = text
            elif field.required:
                blank = self._column(name)
                refuse(blank, "missing", f"{blank} is blank", f"Fill in {blank}.")
        heads = self.profile.heads
        if heads is not None and "id" in values:
            if holds(heads.when, row.cells):
                values[_HEAD] = "1"
                if also := row.cells.get(heads.also, ""):
                    self._heads = {slug_of(heads.prefix + also): values["id"]}
            values["id"] = self._heads.get(values["id"], values["id"])
        return values

    def group_of(self, whole: Held) -> Group:
        """What the held rows become."""
        group_id, held = whole.id, whole.rows
        group = Group(key=self.part(group_id), rows=len(held), chars=whole.chars)
        variants: list[Variant] = []
        names = self._option_names(held[0][0])
        group.count_supplier = self.supplier
        for row, values in held:
            try:
                self._take(group, variants, names, row, values)
            except Refused as problem:
                group.bad.append(self._bad(row, problem))
            except InvalidField as problem:
                field, reason = problem.data["field"], problem.detail.rstrip(".")
                refused = Refused(field, "not_allowed", reason, "Correct the value.")
                group.bad.append(self._bad(row, refused))
        if variants and "product" in self.profile.brings:
            try:
                group.product = self._product(group_id, held, variants, names)
            except Refused as problem:
                refused_rows = {bad.line for bad in group.bad}
                group.bad += [
                    self._bad(row, problem) for row, _ in held if row.line not in refused_rows
                ]
                group.offers, group.counts, group.lines = [], [], {}
        return group

    def fresh(self) -> "Mapper":
        """One that has seen nothing yet."""
        mapper = Mapper(
            self.profile,
            supplier=self._supplier,
            currency=self._currency,
            lookups=self.lookups,
            decimal=self._decimal,
        )
        mapper._fields = self._fields
        return mapper

    def next_part(self, group_id: str) -> int:
        """Which part of a product its next rows are, from 1."""
        mark = hash(group_id)
        return self._parts.get(mark, 1) + 1 if mark in self.begun else 1

    def part(self, group_id: str) -> str:
        """The key of a product's rows: where they stand apart, each part has one of its own."""
        mark = hash(group_id)
        if mark not in self.begun:
            self.begun.add(mark)
            return group_id
        self._parts[mark] = self._parts.get(mark, 1) + 1
        return f"{group_id}#{self._parts[mark]}"

    def _take(
        self,
        group: Group,
        variants: list[Variant],
        names: list[str],
        row: RawRow,
        values: dict[str, str],
    ) -> None:
        """One row's SKU: its variant, its terms, its count."""
        if _HEAD in values:
            return
        if "sku" not in values:
            if variants and values.get("images") and not values.get("title"):
                return  # one more picture of the product above
            refuse(self._column("sku"), "missing", "the SKU is blank", "Give the row a SKU.")
        sku = values["sku"]
        name_of(sku, self._column("sku"))
        offered = self._offer(sku, values) if "offer" in self.profile.brings else None
        count = self._count(sku, values) if "stock" in self.profile.brings else None
        gtin, more = self._gtin(values), self._more(values)
        seen = named(sku, values.get("supplier", ""))
        if seen in self.seen:
            refuse(
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
        self.seen.add(seen)
        variants.append(
            Variant(
                sku=sku,
                title=values.get("variant", "") or " / ".join(options.values()),
                options=options,
                gtin=gtin,
                mpn=more.get("mpn") or msgspec.UNSET,  # type: ignore[arg-type]
            )
        )
        group.lines[sku] = row
        if more:
            group.more[sku] = more
        if offered:
            group.offers.append(offered)
        if count:
            group.counts.append(count)

    def _offer(self, sku: str, values: dict[str, str]) -> Offered | None:
        amounts: dict[str, int | None] = dict.fromkeys(("cost", "price", "msrp", "map"))
        currency = values.get("currency", self._currency).upper()
        said: set[str] = set()
        for field in amounts:
            if (text := values.get(field)) is None:
                continue
            column = self._column(field)
            amounts[field], own = amount_of(text, currency, column=column, decimal=self._decimal)
            if own:
                said.add(own)
            if len(said) > 1:
                shown = " and ".join(sorted(said))
                refuse(column, "two_currencies", f"the row has {shown}", "Use one currency a row.")
        currency = said.pop() if said else currency
        cost = amounts["cost"]
        if cost is None:
            if amounts["price"] is None:
                return None
            cost = amounts["price"]
            self.note("a price without a cost was taken as the cost")
        elif amounts["msrp"] is None:
            amounts["msrp"] = amounts["price"]
        least = self._whole(values, "order_min") or 1
        if (most := self._whole(values, "order_max") or None) is not None and most < least:
            reason = f"at most {most} can be ordered, but at least {least} have to be"
            column = self._column("order_max")
            refuse(column, "out_of_range", reason, "Correct the order limits.")
        supplier = values.get("supplier", self._supplier)
        name_of(supplier, self._column("supplier"))
        terms = Terms(
            sku=sku,
            cost_minor=cost,
            currency=currency,
            lead_time_days=self._whole(values, "lead_time_days"),
            order_min=least,
            order_max=most,
            map_minor=amounts["map"],
            msrp_minor=amounts["msrp"],
        )
        return Offered(supplier=supplier, terms=terms)

    def _count(self, sku: str, values: dict[str, str]) -> Count | None:
        quantity = self._whole(values, "quantity")
        return None if quantity is None else Count(sku=sku, quantity=quantity)

    def _whole(self, values: dict[str, str], field: str) -> int | None:
        text, column = values.get(field, ""), self._column(field)
        return count_of(text, column=column, decimal=self._decimal) if text else None

    def _gtin(self, values: dict[str, str]) -> str | None:
        gtin, why_not = gtin_of(values.get("gtin", ""))
        if why_not and self.profile.gtin == "strict":
            column = self._column("gtin")
            reason = f"{column} is {values['gtin'][:60]!r}: {why_not.replace(' was left out', '')}"
            refuse(column, "bad_gtin", reason, "Correct the number, or leave the cell blank.")
        if why_not:
            self.note(why_not)
        return gtin

    def _more(self, values: dict[str, str]) -> dict[str, str | int]:
        """What helps to tell articles apart, and their measures in grams and millimetres."""
        more: dict[str, str | int] = {}
        if "mpn" in values:
            more["mpn"] = values["mpn"][:NAME_CHARS_MAX]
        for field in filter(values.__contains__, _MEASURES):
            what: Literal["weight", "length"] = "weight" if field == "weight" else "length"
            unit = self.profile.weight_unit if what == "weight" else self.profile.length_unit
            text, column = values.get(field, ""), self._column(field)
            if found := measure_of(text, unit, column=column, what=what, decimal=self._decimal):
                more[f"{field}_{'g' if what == 'weight' else 'mm'}"] = found
        return more

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
            refuse(column, "missing", "the product has no title", f"Fill in {column}.")
        name_of(title, column)
        if len(first.get("description", "")) > TEXT_CHARS_MAX:
            reason = f"the description has more than {TEXT_CHARS_MAX} letters"
            refuse(self._column("description"), "cell_too_long", reason, "Shorten it.")
        return ProductContent(
            id=handle,
            title=title,
            description=first.get("description", ""),
            brand=first.get("brand", "")[:NAME_CHARS_MAX].strip(),
            status=status_of(first.get("status", ""), self._column("status")),
            categories=paths(first.get("category", "")),
            tags=listed(first.get("tags", "")),
            options=_options(names, variants),
            variants=tuple(variants),
            images=self._images(held, title),
        )

    def _images(self, held: list[tuple[RawRow, dict[str, str]]], title: str) -> tuple[Image, ...]:
        found: dict[str, Image] = {}
        for _, values in held:
            for url in listed(values.get("images", "")):
                found.setdefault(url, Image(url=url, alt=values.get("image_alt", "") or title))
        return tuple(found.values())

    def _option_names(self, first: RawRow) -> list[str]:
        names: list[str] = []
        for option in self.profile.options:
            text = option.name or first.cells.get(option.name_column, "")
            names += parts_of(text, option)
        return names

    def _option_values(self, row: RawRow) -> list[str]:
        values: list[str] = []
        for option in self.profile.options:
            values += parts_of(row.cells.get(option.value_column, ""), option)
        return values

    def _column(self, field: str) -> str:
        """The column a field is usually taken from, for messages."""
        return self._columns.get(field, field)

    def _bad(self, row: RawRow, problem: Refused) -> BadRow:
        return BadRow(
            line=row.line,
            column=problem.column,
            code=problem.code,
            reason=problem.reason,
            remedy=problem.remedy,
            raw=row.raw,
            cells=row.cells,
        )

    def note(self, text: str, times: int = 1) -> None:
        """Counts something that was read leniently."""
        self.notes[text] = self.notes.get(text, 0) + times


def _options(names: list[str], variants: Iterable[Variant]) -> tuple[Option, ...]:
    values: dict[str, dict[str, None]] = {}
    for variant in variants:
        for name in names:
            if name in variant.options:
                values.setdefault(name, {})[variant.options[name]] = None
    return tuple(Option(name=name, values=tuple(found)) for name, found in values.items())
