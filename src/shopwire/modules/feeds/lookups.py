"""Files beside a feed in which a mapping looks things up."""

import csv
from collections.abc import Mapping
from pathlib import Path

from shopwire.kernel.errors import MappingInvalid
from shopwire.modules.feeds.limits import LOOKUP_ROWS_MAX
from shopwire.modules.feeds.profile import Lookup, Profile


def load_lookups(profile: Profile, folder: Path | None) -> dict[str, Mapping[str, str]]:
    """Every lookup of a profile; raises MappingInvalid where a file is missing or no such table.

    `folder` is where the feed lies; a feed that came over the network has none.
    """
    return {name: _load(name, lookup, folder) for name, lookup in profile.lookups.items()}


def _load(name: str, lookup: Lookup, folder: Path | None) -> dict[str, str]:
    field = f"lookups.{name}.file"
    if folder is None:
        reason = "a feed that was sent has no files beside it"
        raise MappingInvalid(
            f"{lookup.file} cannot be found: {reason}.", field=field, reason=reason
        )
    path = folder / lookup.file
    if path.parent.resolve() != folder.resolve():
        reason = "it is not in the feed's own folder"
        raise MappingInvalid(f"{lookup.file} cannot be used: {reason}.", field=field, reason=reason)
    found: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8", newline="") as source:
            for number, cells in enumerate(csv.reader(source, delimiter=lookup.delimiter)):
                if number >= LOOKUP_ROWS_MAX:
                    reason = f"it has more than {LOOKUP_ROWS_MAX} rows"
                    raise MappingInvalid(reason, field=field, reason=reason)
                key, value = cells[lookup.key].strip(), cells[lookup.value].strip()
                found[key] = str(int(found.get(key, "0")) + int(value)) if lookup.sum else value
    except (OSError, UnicodeDecodeError, csv.Error, IndexError, ValueError) as problem:
        raise MappingInvalid(
            f"{path} cannot be looked up in: {problem}", field=field, reason=str(problem)
        ) from problem
    return found
