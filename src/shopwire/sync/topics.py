"""Which kinds of topics there are, and who may see them."""

from collections.abc import Mapping
from typing import Final

import msgspec

from shopwire.kernel.errors import TopicRefused
from shopwire.kernel.events import Audience
from shopwire.sync.limits import TOPIC_CHARS_MAX


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of topic."""

    audience: Audience = "public"
    ephemeral: bool = False
    """Made by this process and not in the log: nothing is read for it."""


KINDS: Final[Mapping[str, Kind]] = {
    "product": Kind(),
    "category": Kind(),
    "stock": Kind(),
    "price": Kind(),
    "supplier": Kind(audience="operator"),
    "offer": Kind(audience="operator"),
    "rules": Kind(audience="operator"),
    "import": Kind(audience="operator"),
    "imports": Kind(audience="operator"),
    "cart": Kind(),
    "order": Kind(),
    "shipment": Kind(),
    "return": Kind(),
    "payment": Kind(audience="operator"),
    "purchase_order": Kind(audience="operator"),
    "conflict": Kind(audience="operator"),
    "notice": Kind(audience="operator"),
    "ops": Kind(audience="operator", ephemeral=True),
}


def kind_of(topic: str) -> Kind | None:
    """The kind of a topic's name, None for a kind that does not exist."""
    return KINDS.get(topic.partition(":")[0])


class Gate:
    """Decides which topics a caller may subscribe to.

    `operator_open` lets everybody see operator topics: only for a server that listens on loopback.
    """

    def __init__(self, *, operator_open: bool = False) -> None:
        self._operator_open = operator_open

    def check(self, topic: str) -> Kind:
        """The kind of an allowed topic; raises TopicRefused."""
        kind_name, colon, entity = topic.partition(":")
        if not colon or not entity or len(topic) > TOPIC_CHARS_MAX or not _printable(topic):
            raise TopicRefused(topic=topic[:TOPIC_CHARS_MAX], reason="malformed")
        kind = KINDS.get(kind_name)
        if kind is None:
            raise TopicRefused(topic=topic, reason="unknown_kind")
        if kind.audience != "public" and not self._operator_open:
            raise TopicRefused(topic=topic, reason="not_allowed")
        return kind


def _printable(text: str) -> bool:
    """No control characters and no lone surrogates, which could not be sent back."""
    return not any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in text)
