"""`shopwire feed matches` and what a person decides there; profiles under a name."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import msgspec
from cyclopts import Parameter
from rich.console import Console

from shopwire.cli.feed_runs import (
    BY,
    Data,
    Database,
    Json,
    _ask,
    _json,
    _more,
    _table,
    listed,
)
from shopwire.kernel.commands import Command
from shopwire.kernel.errors import ProfileUnknown, SetupProblem
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.kernel.names import slug_of
from shopwire.modules.feeds.profile import Profile, load_mapping, parse_profile
from shopwire.modules.feeds.saved import PutProfile, list_profiles
from shopwire.modules.matching.api import ForgetLink, IgnoreMatch, LinkMatch, MakeNew, PutPolicy
from shopwire.modules.matching.store import list_cases

_FOLDER: Final = Path(".shopwire/data")
_YES: Final = Parameter(negative="")


def matches(
    *, supplier: str | None = None, limit: int = 25, cursor: str | None = None,
    data: Data = _FOLDER, database: Database = None, json_: Json = False,
) -> int:  # fmt: skip
    """List rows of feeds that wait for a person, with the articles that they may be."""
    name = slug_of(supplier) if supplier else None
    query = f"?limit={limit}" + (f"&supplier={quote(name)}" if name else "")
    query += f"&cursor={quote(cursor, safe='')}" if cursor else ""
    found = _ask(
        data, database, "GET", f"/api/matches{query}",
        lambda one: list_cases(
            one.reads, DEFAULT_TENANT, supplier=name, cursor=cursor, limit=limit
        ),
    )  # fmt: skip
    if json_:
        return _json(found)
    rows = (
        [
            item["supplier"],
            item["supplier_sku"],
            item["title"],
            ", ".join(item["reasons"]),
            ", ".join(f"{one['sku']} ({'+'.join(one['because'])})" for one in item["candidates"]),
        ]
        for item in found["items"]
    )
    _table(("supplier", "its SKU", "title", "why it waits", "may be"), rows)
    return _more(found)


def match(  # noqa: D417 - the others are described where their types are
    supplier: str, supplier_sku: str, /, *, sku: str | None = None,
    new: Annotated[bool, _YES] = False, ignore: Annotated[bool, _YES] = False,
    forget: Annotated[bool, _YES] = False,
    data: Data = _FOLDER, database: Database = None, json_: Json = False,
) -> int:  # fmt: skip
    """Say what a supplier's SKU is; a row that waits for it takes effect at once.

    Args:
        supplier: The supplier.
        supplier_sku: Its SKU.
        sku: The article of the shop that it is.
        new: It is an article of its own, which is made.
        ignore: The shop does not sell it; feeds pass over it.
        forget: Take back what was said or found before; the supplier's offer ends.
    """
    name = slug_of(supplier)
    if sum((sku is not None, new, ignore, forget)) != 1:
        raise SetupProblem("Say one of --sku, --new, --ignore and --forget.", what="usage")
    command: Command
    if sku is not None:
        command = LinkMatch(supplier=name, supplier_sku=supplier_sku, sku=sku)
    elif ignore:
        command = IgnoreMatch(supplier=name, supplier_sku=supplier_sku)
    elif forget:
        command = ForgetLink(supplier=name, supplier_sku=supplier_sku)
    else:
        command = _made(_waiting(data, database, name, supplier_sku), name, supplier_sku)
    return _sent(data, database, command, as_json=json_)


def _waiting(data: Path, database: str | None, supplier: str, supplier_sku: str) -> Any:
    """The row that waits; raises SetupProblem where none does."""
    found = _ask(
        data, database, "GET", f"/api/matches?supplier={quote(supplier)}&sku={quote(supplier_sku)}",
        lambda one: list_cases(
            one.reads, DEFAULT_TENANT, supplier=supplier, supplier_sku=supplier_sku
        ),
    )["items"]  # fmt: skip
    if not found:
        raise SetupProblem(
            f"No row of {supplier} waits for {supplier_sku}.",
            what="match",
            reason="`shopwire feed matches` lists those that do",
        )
    return found[0]


def _made(waiting: Any, supplier: str, supplier_sku: str) -> MakeNew:
    return MakeNew(
        supplier=supplier,
        supplier_sku=supplier_sku,
        sku=waiting["new_sku"],
        product=waiting["new_product"],
    )


def matching(  # noqa: D417 - the others are described where their types are
    supplier: str, mode: Literal["own_skus", "match"], /, *,
    unknown: Literal["make", "review"] = "make", titles: bool = True,
    data: Data = _FOLDER, database: Database = None, json_: Json = False,
) -> int:  # fmt: skip
    """Say whether a supplier's SKUs are the shop's own, or are looked up first.

    Args:
        supplier: The supplier.
        mode: `own_skus`, as it is unless you say so here, or `match`.
        unknown: What nothing in the shop is like becomes an article, or waits for a person.
        titles: Whether an article with nearly the same name makes a person look.
    """
    put = PutPolicy(supplier=slug_of(supplier), mode=mode, unknown=unknown, titles=titles)
    return _sent(data, database, put, as_json=json_)


def profiles(*, data: Data = _FOLDER, database: Database = None, json_: Json = False) -> int:
    """List the profiles that feeds are read by: your own first, then those that are shipped."""
    found = _ask(
        data, database, "GET", "/api/feeds/profiles",
        lambda one: listed(list_profiles(one.reads, DEFAULT_TENANT)),
    )["items"]  # fmt: skip
    if json_:
        return _json(found)
    _table(
        ("name", "what", "whose"),
        ([one["name"], one["title"], "shipped" if one["shipped"] else "yours"] for one in found),
    )
    return 0


def save(
    name: str, mapping: Path, /, *, data: Data = _FOLDER, database: Database = None,
    json_: Json = False,
) -> int:  # fmt: skip
    """Give a mapping file a name: `--profile NAME` and sources read by it from now on."""
    load_mapping(mapping)
    put = PutProfile(name=name, mapping=mapping.read_text(encoding="utf-8"))
    return _sent(data, database, put, as_json=json_)


def saved_profile(name: str, data: Path, database: str | None) -> Profile:
    """A mapping that was given a name; raises ProfileUnknown."""
    found = _ask(
        data, database, "GET", "/api/feeds/profiles",
        lambda one: listed(list_profiles(one.reads, DEFAULT_TENANT)),
    )["items"]  # fmt: skip
    for one in found:
        if one["name"] == name and not one["shipped"]:
            return parse_profile(one["mapping"], name=name)
    known = [one["name"] for one in found]
    raise ProfileUnknown(f"There is no profile {name!r}.", profile=name, known=known)


def _sent(data: Path, database: str | None, command: Command, *, as_json: bool) -> int:
    async def local(one: Any) -> Any:
        return msgspec.json.decode((await one.decide(command, BY)).body)

    found = _ask(
        data, database, "POST", f"/api/commands/{command.operation}", local, command, key=new_id()
    )
    if as_json:
        return _json(found)
    result = found["result"]
    done = "done" if result.get("applied") else "it was so already"
    Console().print(f"{done} {result.get('sku', '')}".strip(), markup=False, highlight=False)
    return 0
