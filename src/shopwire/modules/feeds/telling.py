"""What is told of a row before it is mapped: its product, its SKU, and the cells it is known by."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import msgspec

from shopwire import __version__
from shopwire.kernel.limits import NAME_CHARS_MAX
from shopwire.kernel.names import slug_of
from shopwire.modules.feeds.limits import CELL_CHARS_MAX, CHUNK_CHARS_MAX, GROUP_ROWS_MAX
from shopwire.modules.feeds.profile import Field, Profile
from shopwire.modules.feeds.reading import Bare, Item, RawRow
from shopwire.modules.feeds.transforms import value_of
from shopwire.modules.feeds.values import Refused

MAPPING_VERSION: Final = 2
"""Counted up with each change after which some row maps to something else: old marks end."""
_LONE: Final = re.compile("[\ud800-\udfff]")
_SLUG: Final = re.compile("[a-z0-9]+(?:-[a-z0-9]+)*")
"""Names that are ids already, as far as can be told at once."""
_SLUGS: Final = re.compile("[a-z0-9]+(?:[-\n][a-z0-9]+)*")
"""Several of them, a line each."""
_NONE: Final = Field()
_json: Final = msgspec.json.Encoder(order="deterministic").encode

Lookups = Mapping[str, Mapping[str, str]]
Told = tuple[str | None, str, str, Any, bool]
"""Of a row: its product (None: the one above), SKU, supplier, the cells that are used, and whether
it begins a product."""
Tell = Callable[[Item], Told | None]
"""None for a row that only the long way can tell anything of."""
_Cells = Mapping[str, str]


class Together(msgspec.Struct):
    """Rows that follow each other and seem to be of one product."""

    id: str
    items: list[Item] = []
    cells: list[Any] = []
    """The cells that are used, row by row."""
    skus: list[str] = []
    named: list[int] = []
    """SKUs with their suppliers, as the mapper remembers them."""
    plain: bool = True
    """Whether its rows name no suppliers."""
    sure: bool = True
    """Whether all of its rows can be told by their cells."""
    begins: bool = False
    goes_on: bool = False
    """Whether some rows belong to it only since they stand below."""
    at: int = -1
    """Where its text begins and ends in the feed."""
    end: int = -1
    mark: int = 0
    """Its mark as the first part of its product, once that was made."""

    def add(self, item: Item, told: Told) -> None:
        """Takes a row in."""
        group_id, sku, supplier, cells, begins = told
        if group_id is None:
            self.goes_on = True
        elif begins:
            self.begins = True
        self.items.append(item)
        self.end = item.end
        self.cells.append(cells)
        if sku:
            self.skus.append(sku)
            self.named.append(named(sku, supplier))
            if supplier:
                self.plain = False


class Held(msgspec.Struct):
    """The rows of the product that is being read."""

    id: str = ""
    rows: list[tuple[RawRow, dict[str, str]]] = []
    chars: int = 0
    orphans: bool = False
    """Whether rows that only go on with a product have none to go on with."""

    @property
    def full(self) -> bool:
        """Whether further rows of the product are a part of their own."""
        return len(self.rows) >= GROUP_ROWS_MAX or self.chars >= CHUNK_CHARS_MAX


def named(sku: str, supplier: str) -> int:
    """What is remembered of a row's SKU and the supplier that it names, if it does."""
    return hash((sku, supplier)) if supplier else hash(sku)


def key_of(
    profile: Profile,
    columns: Sequence[str],
    *,
    supplier: str,
    currency: str,
    decimal: str,
    lookups: Lookups,
) -> bytes:
    """All that rows are read by beside their cells, in 32 bytes: under it marks are made."""
    read_by = (
        MAPPING_VERSION,
        __version__,
        profile,
        used_of(profile, columns),
        supplier,
        currency,
        decimal,
        lookups,
    )
    return hashlib.blake2b(_json(read_by), digest_size=32).digest()


def used_of(profile: Profile, columns: Sequence[str]) -> list[str]:
    """The columns of a table that a profile uses, in the order of the table."""
    used = profile.used_columns()
    return [column for column in columns if column in used]


def count_place(profile: Profile, columns: Sequence[str]) -> int:
    """Which of the cells that `tell_bare` tells is a row's count, and nothing else; -1 if none."""
    field = profile.fields.get("quantity")
    if field is None or "stock" not in profile.brings:
        return -1
    there = [column for column in field.columns if column in columns]
    others = {name: one for name, one in profile.fields.items() if name != "quantity"}
    other = msgspec.structs.replace(profile, fields=others).used_columns()
    plain = field == Field(columns=field.columns, required=field.required)
    used = used_of(profile, columns)
    if not plain or len(there) != 1 or there[0] in other or len(used) < 2:
        return -1  # of a single column the cell itself is told
    return used.index(there[0])


def is_count(cell: str) -> bool:
    """Whether a cell is a count as any profile reads it, whatever signs its numbers have."""
    return len(cell) <= 6 and cell.isascii() and cell.isdigit()


def tell_bare(profile: Profile, columns: Sequence[str], lookups: Lookups) -> Tell:
    """How rows of a table are told apart."""
    places = {column: place for place, column in enumerate(columns)}
    used = [places[column] for column in used_of(profile, columns)]
    cells_of: Callable[[list[str]], Any] = itemgetter(*used) if used else tuple
    group_id, sku, supplier = (
        _of_cells(profile.fields.get(name, _NONE), places, lookups)
        for name in ("id", "sku", "supplier")
    )
    named = "supplier" in profile.fields
    by = places.get(profile.group_by, -1)
    goes_on = bool(profile.group_by)
    wanted = len(columns)

    def tell(item: Item) -> Told | None:
        if not isinstance(item, Bare):
            return None
        cells = item.cells
        if len(cells) != wanted:
            return None
        whole = "".join(cells)
        if len(whole) > CELL_CHARS_MAX or not (whole.isascii() or _LONE.search(whole) is None):
            return None
        begins = by >= 0 and bool(cells[by].strip())
        try:
            own = sku(cells)
            found: str | None = group_id(cells)
            if not found and goes_on and not begins:
                found = None
            elif not (found := found or own):
                return None
            return found, own, supplier(cells) if named else "", cells_of(cells), begins
        except Refused:
            return None

    return tell


def tell_named(profile: Profile, lookups: Lookups) -> Tell:
    """How rows of named cells are told apart."""
    used = sorted(profile.used_columns())
    group_id, sku, supplier = (
        profile.fields.get(name, _NONE) for name in ("id", "sku", "supplier")
    )
    by = profile.group_by

    def tell(item: Item) -> Told | None:
        if isinstance(item, Bare) or item.problem is not None:
            return None
        cells = item.cells
        if _LONE.search("".join(cells.values())) is not None:
            return None
        begins = bool(by) and bool(cells.get(by))
        try:
            own = value_of(sku, cells, lookups)
            found: str | None = value_of(group_id, cells, lookups)
            if not found and by and not begins:
                found = None
            elif not (found := found or own):
                return None
            kept = [cells.get(column) for column in used]
            return found, own, value_of(supplier, cells, lookups), kept, begins
        except Refused:
            return None

    return tell


def _of_cells(
    field: Field, places: Mapping[str, int], lookups: Lookups
) -> Callable[[list[str]], str]:
    """How a field is read from the cells of a table; the last value is remembered."""
    columns = [column for column in dict.fromkeys(field.all_columns()) if column in places]
    if not columns:
        nothing = value_of(field, {}, lookups)
        return lambda _: nothing
    plain = field == Field(columns=field.columns, default=field.default, required=field.required)
    if plain and len(columns) == 1:
        place, default = places[columns[0]], field.default
        return lambda cells: cells[place].strip() or default
    if len(columns) == 1:
        return _of_cell(field, columns[0], places[columns[0]], lookups)
    where = [places[column] for column in columns]
    last: tuple[list[str], str] = ([], "")

    def read(cells: list[str]) -> str:
        nonlocal last
        raw = [cells[place] for place in where]
        if raw != last[0]:
            named = {column: cell.strip() for column, cell in zip(columns, raw, strict=True)}
            last = raw, value_of(field, named, lookups)
        return last[1]

    return read


def _of_cell(field: Field, column: str, place: int, lookups: Lookups) -> Callable[[list[str]], str]:
    raw, last = "", value_of(field, {column: ""}, lookups)

    def read(cells: list[str]) -> str:
        nonlocal raw, last
        if (cell := cells[place]) != raw:
            last = value_of(field, {column: cell.strip()}, lookups)
            raw = cell
        return last

    return read


def product_id(group_id: str) -> str:
    """The id of the product that a group's rows are of."""
    if _SLUG.fullmatch(group_id) is not None and len(group_id) <= NAME_CHARS_MAX:
        return group_id
    return slug_of(group_id)[:NAME_CHARS_MAX]


def product_ids(ids: list[str]) -> list[str]:
    """The ids of several."""
    if _SLUGS.fullmatch("\n".join(ids)) is not None and max(map(len, ids)) <= NAME_CHARS_MAX:
        return ids
    return [product_id(one) for one in ids]
