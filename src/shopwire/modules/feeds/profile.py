"""Profiles: how the columns of a feed become products, offers and stock. Data, not code."""

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from shopwire.kernel.errors import MappingInvalid, ProfileUnknown

Change = Literal["lower", "upper", "slug", "text", "digits"]
Brings = Literal["product", "offer", "stock"]

PRODUCT_FIELDS: Final = frozenset(
    {"id", "title", "description", "brand", "status", "category", "tags", "images", "image_alt"}
)
"""Fields that a product has once, whichever of its rows names them."""
ROW_FIELDS: Final = frozenset(
    {
        *("sku", "variant", "gtin", "supplier", "quantity", "cost", "price", "currency", "map"),
        *("msrp", "lead_time_days", "order_min", "order_max"),
    }
)
"""Fields that every row has for its own SKU."""


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a value comes from and what is done with it, in the order of these fields."""

    columns: tuple[str, ...] = ()
    """The first of these columns that is not blank."""
    lookup: str = ""
    """The value is a key in this lookup file, and becomes what stands there."""
    split: str = ""
    """Takes the value apart at this text; the parts are joined again with `join`."""
    prefix: str = ""
    """Keeps only parts that begin so, without the beginning."""
    only: int | None = None
    """Keeps only the part with this number, from 0."""
    join: str = ","
    change: tuple[Change, ...] = ()
    values: dict[str, str] = {}
    """Other words for some values, compared without regard to case."""
    blank: tuple[str, ...] = ()
    """Values that mean that there is none."""
    default: str = ""
    """What holds where nothing is left."""
    required: bool = False


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
    format: Literal["delimited", "xml", "saleor"] = "delimited"
    encoding: str = "utf-8"
    """For files that do not say it by their first bytes."""
    delimiter: str = ""
    """Blank: found out from the first line and shown."""
    columns: tuple[str, ...] = ()
    """Names of the columns of a file without a header."""
    item: str = "item"
    """The XML element that is a row."""
    loose_quotes: bool = False
    """Cells may have something behind their closing quote, such as padding."""
    decimal: Literal[".", ","] = "."
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
        used = {column for field in self.fields.values() for column in field.columns}
        for option in self.options:
            used |= {option.name_column, option.value_column}
        return (used | {self.group_by}) - {""}


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
    for target, spec in profile.fields.items():
        if spec.lookup and spec.lookup not in profile.lookups:
            raise MappingInvalid(
                f"There is no lookup {spec.lookup!r}.",
                field=f"fields.{target}.lookup",
                reason="unknown",
            )
    return profile


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
