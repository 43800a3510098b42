"""Events: what happened, in the past tense, with the whole public state after it."""

from typing import Any, ClassVar, Literal

import msgspec

from shopwire.kernel.ids import topic_of

Audience = Literal["public", "operator"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one entity.

    `document` is the entity's full public state after the change, None where it is gone; a screen
    needs nothing else. `facts` say why and carry what is not public (a cost, a ledger movement):
    they stay on the server. `version` grows by exactly 1 with each event of an entity.
    """

    event_type: ClassVar[str]
    """`<module>.<past tense>`, for example `inventory.stock_reported`."""
    topic_kind: ClassVar[str]
    """Kind of the topic that the document belongs to, for example `stock`."""
    audience: ClassVar[Audience] = "public"
    """Who may see the document."""

    entity: str
    version: int
    document: Any
    facts: Any = None

    @property
    def topic(self) -> str:
        """The topic whose document this event replaces."""
        return topic_of(self.topic_kind, self.entity)

    @property
    def home(self) -> str:
        """The key whose partition holds the entity's events.

        Mostly the entity itself. One that lives with another, as a payment with its order, names
        that other's key, so that both change under one head.
        """
        return self.entity


class Position(msgspec.Struct, frozen=True, order=True):
    """A place in one partition of the log.

    An offset alone is not a place: after a restore the same offset may hold another event. So a
    cursor always carries the epoch, and one of another epoch means a new snapshot, never a guess.
    """

    epoch: int
    partition: int
    offset: int


class NewEvent(msgspec.Struct, frozen=True):
    """An event on its way into the log, encoded once."""

    tenant: str
    topic: str
    version: int
    event_type: str
    document: bytes
    """JSON; `null` where the entity is gone."""
    facts: bytes
    command_id: str


class Recorded(msgspec.Struct, frozen=True):
    """An event as the log has it."""

    position: Position
    tenant: str
    topic: str
    version: int
    event_type: str
    document: bytes
    facts: bytes
    command_id: str
    recorded_at_ms: int


_encode = msgspec.json.Encoder(order="deterministic").encode


def encode_event(
    event: Event, *, tenant: str, command_id: str, topic: str | None = None
) -> NewEvent:
    """The event as bytes, document and facts apart, so that readers need not decode facts.

    Args: `topic` is the event's own, where it was worked out before.
    """
    return NewEvent(
        tenant,
        topic or event.topic,
        event.version,
        event.event_type,
        _encode(event.document),
        _encode(event.facts),
        command_id,
    )
