"""Mappings that a merchant gave a name: every door reads feeds by them as by the shipped ones."""

from typing import Any, Final

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.errors import AlreadyExists, InvalidField, NotFound, ProfileUnknown
from shopwire.kernel.events import Event
from shopwire.kernel.names import slug_of
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Need, Row, Table, View
from shopwire.kernel.validation import check_name, check_text
from shopwire.modules.feeds.domain import FEEDS
from shopwire.modules.feeds.profile import Profile, built_in_profiles, parse_profile

MAPPING_CHARS_MAX: Final = 20_000
"""Length of a mapping's TOML; a longer one is refused."""
PROFILES_LISTED_MAX: Final = 500
"""Saved mappings that one list shows."""

_SQL: Final = load_queries("shopwire.modules.feeds", "saved.sql")


class PutProfile(Command, frozen=True, kw_only=True):
    """Gives a mapping a name, under which feeds are read from now on."""

    operation = "feeds.put_profile"

    name: str
    """In lower case with hyphens; not that of a shipped profile."""
    mapping: str
    """In TOML, as docs/how-to/write-a-mapping.md says."""


class RemoveProfile(Command, frozen=True, kw_only=True):
    """Takes a saved mapping away; what was read by it stays."""

    operation = "feeds.remove_profile"

    name: str


class ProfileDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A saved mapping as operators see it."""

    name: str
    mapping: str
    removed: bool


class ProfileSaved(Event, frozen=True, kw_only=True):
    """A mapping has a name, is another one, or was taken away."""

    event_type = "feeds.profile_saved"
    topic_kind = "feed_profile"
    audience = "operator"

    document: ProfileDocument

    @property
    @override
    def home(self) -> str:
        return FEEDS


class SavedProfile(Row, frozen=True, kw_only=True):
    """A mapping under a name."""

    table = "feed_profile"
    group_field = "name"
    key_fields = ("name",)

    name: str
    version: int = 0
    mapping: str
    removed: bool = False
    by: str
    at_ms: int

    def document(self) -> ProfileDocument:
        """The mapping as operators see it."""
        return ProfileDocument(name=self.name, mapping=self.mapping, removed=self.removed)


def do_put_profile(command: PutProfile, view: View, context: Context) -> Decision:
    """Takes a mapping over; raises MappingInvalid for one that says something wrong."""
    name = check_name(command.name, "name")
    if name != slug_of(name):
        reason = f"write it like {slug_of(name)}"
        raise InvalidField(f"name cannot be used: {reason}.", field="name", reason=reason)
    if name in built_in_profiles():
        raise AlreadyExists(
            f"{name} is a shipped profile; take another name.", what="profile", id=name
        )
    check_text(command.mapping, "mapping", chars_max=MAPPING_CHARS_MAX)
    parse_profile(command.mapping, name=name)
    known = view.one(SavedProfile, name)
    if known is not None and not known.removed and known.mapping == command.mapping:
        return Decision(result={"applied": False, "reason": "unchanged"})
    row = SavedProfile(
        tenant=context.tenant,
        name=name,
        version=known.version if known else 0,
        mapping=command.mapping,
        by=context.principal,
        at_ms=context.now_ms,
    )
    return _saved(row)


def do_remove_profile(command: RemoveProfile, view: View, context: Context) -> Decision:
    """Takes it away; raises NotFound where there never was one."""
    known = view.one(SavedProfile, check_name(command.name, "name"))
    if known is None:
        raise NotFound(what="profile", id=command.name)
    if known.removed:
        return Decision(result={"applied": False, "reason": "unchanged"})
    return _saved(replace(known, removed=True, by=context.principal, at_ms=context.now_ms))


def _saved(row: SavedProfile) -> Decision:
    row = replace(row, version=row.version + 1)
    event = ProfileSaved(entity=row.name, version=row.version, document=row.document())
    return Decision(put=[row], events=[event], result={"applied": True})


SAVED_HANDLERS: Final = (
    Handler(
        command=PutProfile,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(SavedProfile, command.name),),
        decide=do_put_profile,
    ),
    Handler(
        command=RemoveProfile,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(SavedProfile, command.name),),
        decide=do_remove_profile,
    ),
)
SAVED_TABLE: Final = Table(SavedProfile, _SQL["load_feed_profile"], _SQL["save_feed_profile"])
SAVED_CHECK: Final = SqlCheck("feeds.profiles", _SQL["audit_profiles"])


async def profile_by_name(reads: Reads, tenant: str, name: str) -> Profile:
    """A shipped or a saved profile; raises ProfileUnknown with all names that there are."""
    shipped = built_in_profiles()
    if name in shipped:
        return shipped[name]
    rows = await reads.fetch(_SQL["profile"], tenant, name) if name.isprintable() else []
    if rows:
        return parse_profile(rows[0]["mapping"], name=name)
    saved = [row["name"] for row in await reads.fetch(_SQL["profiles"], tenant, 100)]
    raise ProfileUnknown(
        f"There is no profile {name!r}.", profile=name, known=[*sorted(shipped), *saved]
    )


async def list_profiles(reads: Reads, tenant: str) -> list[dict[str, Any]]:
    """Saved and shipped profiles, by name; only saved ones have `mapping`, `by`, `at_ms`."""
    shipped = [
        {"name": name, "title": profile.title, "shipped": True}
        for name, profile in sorted(built_in_profiles().items())
    ]
    rows = await reads.fetch(_SQL["profiles"], tenant, PROFILES_LISTED_MAX)
    saved = [
        {"title": parse_profile(row["mapping"]).title, "shipped": False, **row} for row in rows
    ]
    return [*saved, *shipped]
