"""What happened to matches. For operators only."""

from typing import Final, Literal

import msgspec
from typing_extensions import override

from shopwire.kernel.events import Event
from shopwire.modules.matching.api import Candidate, Mode, Unknown

MATCHING: Final = "matching"
"""The key whose partition all of it lives in, so that the queue's length is exact."""

Status = Literal["waiting", "linked", "made", "ignored", "settled"]
"""`settled`: a later feed told enough, so that nobody had to decide."""


class MatchEvent(Event, frozen=True, kw_only=True):
    """Something about one supplier's SKU or all of them: it lives with all matches."""

    audience = "operator"

    @property
    @override
    def home(self) -> str:
        return MATCHING


class MatchDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A doubtful row as the console shows it; `{supplier}/{supplier_sku}` is its id."""

    supplier: str
    supplier_sku: str
    status: Status
    run: str
    line: int
    reasons: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    title: str
    variant: str
    brand: str
    gtin: str | None
    mpn: str
    image: str
    cost_minor: int | None
    currency: str
    quantity: int | None
    new_sku: str
    new_product: str
    sku: str
    """What it was found to be; blank while it waits."""
    decided_by: str
    waits_since_ms: int


class MatchDoubted(MatchEvent, frozen=True, kw_only=True):
    """A row of a feed waits for a person, or says something else than it said before."""

    event_type = "matching.match_doubted"
    topic_kind = "match"

    document: MatchDocument


class MatchDecided(MatchEvent, frozen=True, kw_only=True):
    """A row that waited does so no longer."""

    event_type = "matching.match_decided"
    topic_kind = "match"

    document: MatchDocument


class LinkDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a supplier's SKU."""

    supplier: str
    supplier_sku: str
    state: Literal["linked", "ignored", "forgotten"]
    sku: str
    how: str
    by: str


class LinkRemembered(MatchEvent, frozen=True, kw_only=True):
    """A person linked a supplier's SKU, or had it ignored."""

    event_type = "matching.link_remembered"
    topic_kind = "match_link"

    document: LinkDocument


class LinkForgotten(MatchEvent, frozen=True, kw_only=True):
    """A link was taken back; `document.sku` is what it had been."""

    event_type = "matching.link_forgotten"
    topic_kind = "match_link"

    document: LinkDocument


class QueueDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows wait, by supplier."""

    waiting: dict[str, int]


class QueueChanged(MatchEvent, frozen=True, kw_only=True):
    """More or fewer rows wait."""

    event_type = "matching.queue_changed"
    topic_kind = "matches"

    document: QueueDocument


class PolicyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How a supplier's SKUs become the shop's."""

    supplier: str
    mode: Mode
    unknown: Unknown
    titles: bool


class PolicyPut(MatchEvent, frozen=True, kw_only=True):
    """A supplier's SKUs become the shop's in another way."""

    event_type = "matching.policy_put"
    topic_kind = "match_policy"

    document: PolicyDocument
