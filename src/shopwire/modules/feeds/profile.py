"""Profiles: how the columns of a feed become products, offers and stock. Data, not code."""

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import regex

from shopwire.kernel.errors import MappingInvalid, ProfileUnknown

Change = Literal["trim", "lower", "upper", "slug", "text", "digits", "strip_currency"]
Brings = Literal["product", "offer", "stock"]

PRODUCT_FIELDS: Final = frozenset(
    {"id", "title", "description", "brand", "status", "category", "tags", "images", "image_alt"}
)
"""Fields that a product has once, whichever of its rows names them."""
ROW_FIELDS: Final = frozenset(
    {
        *("sku", "variant", "gtin", "supplier", "quantity", "cost", "price", "currency", "map"),
        *("msrp", "lead_time_days", "order_min", "order_max"),
        *("mpn", "weight", "length", "width", "height"),
    }
)
"""Fields that every row has for its own SKU."""


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a value comes from and what is done with it, in the order of these fields."""

    columns: tuple[str, ...] = ()
    """The first of these columns that is not blank; with `glue` all of them."""
    glue: str | None = None
    """What stands between the columns where all that are not blank become one text."""
    lookup: str = ""
    """The value is a key in this lookup file, and becomes what stands there."""
    match: str = ""
    """A pattern: its first group, or all that matches; blank where nothing does."""
    replace: dict[str, str] = {}
    """Patterns and what is put in their place, in this order."""
    split: str = ""
    """Takes the value apart at this text; the parts are joined again with `join`."""
    prefix: str = ""
    """Keeps only parts that begin so, without the beginning."""
    only: int | None = None
    """Keeps only the part with this number, from 0, or from the end: -1 is the last. A blank part
    has its number, too, unless there is a prefix."""
    join: str = ","
    change: tuple[Change, ...] = ()
    values: dict[str, str] = {}
    """Other words for some values, compared without regard to case."""
    blank: tuple[str, ...] = ()
    """Values that mean that there is none."""
    instead: "Field | None" = None
    """Where nothing is left, this is looked at, with values of its own."""
    default: str = ""
    """What holds where nothing is left."""
    required: bool = False

    def all_columns(self) -> tuple[str, ...]:
        """Every column that the value may come from."""
        return self.columns + (self.instead.all_columns() if self.instead is not None else ())


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that holds for a row or not; all that is said has to hold."""

    column: str
    one_of: tuple[str, ...] = ()
    """The cell is one of these, whatever its case."""
    blank: bool | None = None
    """The cell is blank, or is not."""
    match: str = ""
    """The pattern is found in the cell."""


class Heads(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows that describe a product and are nothing to be bought themselves."""

    when: Condition
    also: str = ""
    """A column by which rows below name this row, too."""
    prefix: str = ""
    """What they put before it."""


class OptionColumns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a way in which variants differ is found."""

    name: str = ""
    """A fixed name; else the name stands in `name_column` of a product's first row."""
    name_column: str = ""
    value_column: str
    split: str = ""
    """Both cells hold several, taken apart at this text."""


class Lookup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file beside the feed in which keys become values."""

    file: str
    delimiter: str = "\t"
    key: int
    value: int
    sum: bool = False
    """A key stands in several rows whose whole numbers are added."""


class Detect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file has that this profile fits."""

    columns: tuple[str, ...] = ()


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping with a name."""

    name: str
    title: str = ""
    format: Literal["delimited", "xml", "saleor", "json", "ndjson", "xlsx", "x12"] = "delimited"
    """A `delimited` profile reads rows of named cells wherever they come from: tables, workbooks
    and JSON, as the file's first bytes tell."""
    encoding: str = ""
    """For files that do not say it by a mark; blank: found out and shown."""
    delimiter: str = ""
    """Blank: found out from the first line and shown."""
    columns: tuple[str, ...] = ()
    """Names of the columns of a file without a header."""
    item: str = "item"
    """The XML element that is a row."""
    rows_in: str = ""
    """Where the array of rows lies in a JSON document, such as `data.items`; blank: the first."""
    loose_quotes: bool = False
    """Cells may have something behind their closing quote, such as padding."""
    decimal: Literal[".", ",", ""] = ""
    """Blank: found out from the amounts and shown; one that can be read in two ways is refused."""
    gtin: Literal["strict", "lenient"] = "strict"
    """Whether a bad GTIN makes its row a bad one, or is left out with a note."""
    currency: str = ""
    """Of all amounts that do not say theirs; goes before the one given with the import."""
    weight_unit: str = ""
    length_unit: str = ""
    partial: bool = True
    """Whether what is not in the feed stays as it was, or is no longer offered."""
    only_when: tuple[Condition, ...] = ()
    """Rows for which one of these does not hold are passed over."""
    skip_when: tuple[Condition, ...] = ()
    """Rows for which one of these holds are passed over."""
    refuse_when: tuple[Condition, ...] = ()
    """Rows for which one of these holds are quarantined."""
    heads: Heads | None = None
    strict: bool = False
    """Whether columns that the profile does not know make the whole file unusable."""
    known_columns: tuple[str, ...] = ()
    """Columns that may be there without being used; `*` stands for anything."""
    group_by: str = ""
    """A column whose blank means that the row belongs to the product above."""
    brings: tuple[Brings, ...] = ("product", "offer", "stock")
    detect: Detect = Detect()
    fields: dict[str, Field] = {}
    options: tuple[OptionColumns, ...] = ()
    lookups: dict[str, Lookup] = {}
    notes: tuple[str, ...] = ()
    """What a person should know about how this format is read; shown in each summary."""

    def used_columns(self) -> set[str]:
        """Every column that some field is taken from."""
        used = {column for field in self.fields.values() for column in field.all_columns()}
        for option in self.options:
            used |= {option.name_column, option.value_column}
        used |= {one.column for one in self.conditions()}
        if self.heads is not None:
            used |= {self.heads.also}
        return (used | {self.group_by}) - {""}

    def conditions(self) -> tuple[Condition, ...]:
        """Every condition on a row."""
        heads = (self.heads.when,) if self.heads is not None else ()
        return (*self.only_when, *self.skip_when, *self.refuse_when, *heads)


def parse_profile(text: str, *, name: str = "mapping") -> Profile:
    """Reads a mapping in TOML; raises MappingInvalid with the field that is wrong."""
    try:
        raw: dict[str, Any] = tomllib.loads(text)
        profile = msgspec.convert({"name": name} | raw, Profile)
    except tomllib.TOMLDecodeError as problem:
        raise MappingInvalid(f"No TOML: {problem}", field="file", reason=str(problem)) from problem
    except msgspec.ValidationError as problem:
        reason, _, field = str(problem).partition(" - at `$")
        raise MappingInvalid(
            f"{field.strip('`.') or 'mapping'}: {reason}",
            field=field.strip("`."),
            reason=reason,
        ) from problem
    unknown = sorted(set(profile.fields) - PRODUCT_FIELDS - ROW_FIELDS)
    if unknown:
        known = ", ".join(sorted(PRODUCT_FIELDS | ROW_FIELDS))
        raise MappingInvalid(
            f"There is no field {unknown[0]!r}; there are {known}.",
            field=f"fields.{unknown[0]}",
            reason="unknown",
        )
    if "sku" not in profile.fields:
        raise MappingInvalid("A mapping needs the field sku.", field="fields.sku", reason="missing")
    _check_patterns(profile)
    _check_form(profile)
    for target, spec in profile.fields.items():
        _check_glue(target, spec)
        if spec.lookup and spec.lookup not in profile.lookups:
            raise MappingInvalid(
                f"There is no lookup {spec.lookup!r}.",
                field=f"fields.{target}.lookup",
                reason="unknown",
            )
    return profile


_ONLY_FOR: Final[dict[str, frozenset[str]]] = {
    "encoding": frozenset({"delimited"}),
    "delimiter": frozenset({"delimited"}),
    "columns": frozenset({"delimited"}),
    "loose_quotes": frozenset({"delimited"}),
    "rows_in": frozenset({"delimited", "json"}),
    "item": frozenset({"xml"}),
}
"""Formats in which an option says something."""


def _check_form(profile: Profile) -> None:
    """Raises MappingInvalid for an option that a feed of this format would ignore."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(Profile)}
    for name, formats in _ONLY_FOR.items():
        if getattr(profile, name) != defaults[name] and profile.format not in formats:
            reason = f"a feed in {profile.format} has no use for it"
            raise MappingInvalid(f"{name} cannot be used: {reason}.", field=name, reason=reason)


def _check_glue(target: str, spec: Field) -> None:
    """Raises MappingInvalid for columns that are to be joined and are not several."""
    field: Field | None = spec
    while field is not None:
        if field.glue is not None and len(field.columns) < 2:
            raise MappingInvalid(
                f"fields.{target}: glue joins two columns or more, but there are not so many.",
                field=f"fields.{target}.glue",
                reason="fewer than two columns",
            )
        field = field.instead


def _check_patterns(profile: Profile) -> None:
    """Raises MappingInvalid for a pattern that is none."""
    found = [("conditions", one.match) for one in profile.conditions()]
    for target, spec in profile.fields.items():
        field: Field | None = spec
        while field is not None:
            found += [(f"fields.{target}", one) for one in (field.match, *field.replace)]
            field = field.instead
    for where, pattern in found:
        try:
            regex.compile(pattern)
        except regex.error as problem:
            raise MappingInvalid(
                f"{where}: {pattern!r} is no pattern: {problem}", field=where, reason=str(problem)
            ) from problem


def said_of(mapping: msgspec.Struct) -> dict[str, Any]:
    """What a profile, or a part of one, says beyond the defaults: as its TOML would say it."""
    said: dict[str, Any] = {}
    for field in msgspec.structs.fields(mapping):
        value = getattr(mapping, field.name)
        made = field.default_factory
        default = field.default if made is msgspec.NODEFAULT else made()
        if value != default:
            said[field.name] = _plain(value)
    return said


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return said_of(value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def load_mapping(path: Path) -> Profile:
    """A mapping file of the merchant's own; raises MappingInvalid."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise MappingInvalid(
            f"{path} cannot be read: {problem}", field="file", reason=str(problem)
        ) from problem
    return parse_profile(text, name=path.stem)


@cache
def built_in_profiles() -> dict[str, Profile]:
    """The profiles that Shopwire ships, by name, those with the most telling header first."""
    folder = resources.files("shopwire.modules.feeds").joinpath("profiles")
    found = [
        parse_profile(file.read_text(encoding="utf-8"), name=file.name.removesuffix(".toml"))
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    ]
    found.sort(key=lambda profile: (-len(profile.detect.columns), profile.name))
    return {profile.name: profile for profile in found}


def profile_named(name: str) -> Profile:
    """A shipped profile; raises ProfileUnknown."""
    profiles = built_in_profiles()
    if name not in profiles:
        raise ProfileUnknown(f"There is no profile {name!r}.", profile=name, known=sorted(profiles))
    return profiles[name]


def detect_profile(columns: Iterable[str]) -> Profile:
    """The shipped profile whose telling columns are all there; raises ProfileUnknown."""
    present = {column.casefold() for column in columns}
    for profile in built_in_profiles().values():
        telling = profile.detect.columns
        if telling and present.issuperset(column.casefold() for column in telling):
            return profile
    raise ProfileUnknown(
        "No profile fits the columns of this feed.",
        profile=None,
        known=sorted(built_in_profiles()),
    )
