"""What a client holds: the rules of docs/protocol/sync-v1.md section 5, and nothing else."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from shopwire.kernel.errors import TopicRefused
from shopwire.sync.topics import kind_of

Message = Mapping[str, Any]


class Held(NamedTuple):
    """A document at a version."""

    version: int
    document: Any


class Change(NamedTuple):
    """What one message did, told once however many items it had."""

    topics: frozenset[str]
    """Topics that hold something else now."""
    dropped: bool
    """Whether everything was void before that: subscribe anew to all, without versions."""
    missed: frozenset[str]
    """Topics with a gap that was not there before, or that were dropped since the caller is another
    one: subscribe anew to these, without versions."""
    steps: tuple[tuple[str, Held], ...] = ()
    """Every version that was taken, in order: what facts are told from."""


class ProtocolBroken(ValueError):
    """A message that no server of this protocol sends: close, and connect again with backoff."""


class Replica:
    """A client's copy. Never steps back, whatever is repeated, reordered or late."""

    def __init__(self, epoch: int | None = None, docs: Mapping[str, Held] | None = None) -> None:
        self.epoch = epoch
        self.docs: dict[str, Held] = dict(docs or {})
        self.missed: dict[str, int] = {}
        """Topics with a gap: the newest version known to exist and not held."""
        self.suspect: set[str] = set()
        """Topics of which a digest differed: a snapshot of the version that is held is taken."""
        self.role: str | None = None
        """Whose all is that is held and that not everybody sees; None before the server said."""

    @property
    def versions(self) -> dict[str, int]:
        """What a `sub` says in `have`."""
        return {topic: held.version for topic, held in self.docs.items()}

    def apply(self, message: Message) -> Change:
        """Takes one message of the server; raises ProtocolBroken and then has done nothing."""
        kind = message.get("t")
        try:
            if kind == "batch":
                return self._items([_checked(item) for item in message["items"]])
            if kind in {"snap", "patch"}:
                return self._items([_checked(message)])
            if kind in {"revoke", "narrow"}:
                return self._purge(message["topic"])
            if kind == "error" and message["code"] == TopicRefused.code:
                return self._purge(str((message.get("data") or {}).get("topic")))
            if kind == "reset":
                return self._drop(int(message["epoch"]))
            if kind in {"welcome", "authed"}:
                return self._greeted(message)
        except (KeyError, TypeError, AttributeError) as problem:
            raise ProtocolBroken(f"{kind}: {problem!r}") from problem
        return Change(frozenset(), dropped=False, missed=frozenset())

    def _drop(self, epoch: int) -> Change:
        topics = frozenset(self.docs)
        self.epoch = epoch
        self.docs.clear()
        self.missed.clear()
        self.suspect.clear()
        return Change(topics, dropped=True, missed=frozenset())

    def _greeted(self, message: Message) -> Change:
        """Somebody else may see less of what is held, at the same version: it is fetched anew."""
        before, self.role = self.role, message.get("role", self.role)
        if message["t"] == "welcome" and message["epoch"] != self.epoch:
            return self._drop(int(message["epoch"]))
        if before in {None, self.role}:
            return Change(frozenset(), dropped=False, missed=frozenset())
        gone = frozenset(topic for topic in self.docs if not _for_everybody(topic))
        for topic in gone:
            version = self.docs[topic].version
            known = max(version, self.missed.get(topic, version))
            self._purge(topic)
            self.missed[topic] = known
        return Change(gone, dropped=False, missed=gone)

    def _purge(self, topic: str) -> Change:
        if not isinstance(topic, str):
            raise ProtocolBroken("a topic is a text")
        held = self.docs.pop(topic, None)
        self.missed.pop(topic, None)
        self.suspect.discard(topic)
        gone = frozenset() if held is None else frozenset({topic})
        return Change(gone, dropped=False, missed=frozenset())

    def _items(self, items: list[Message]) -> Change:
        before = frozenset(self.missed)
        steps = [(item["topic"], self.docs[item["topic"]]) for item in items if self._item(item)]
        return Change(
            frozenset(topic for topic, _ in steps),
            dropped=False,
            missed=frozenset(self.missed) - before,
            steps=tuple(steps),
        )

    def _item(self, item: Message) -> bool:
        kind, topic = item["t"], item.get("topic", "")
        held = self.docs.get(topic)
        version = item.get("v", 0)
        if kind == "snap":
            heals = topic in self.suspect and held is not None and version == held.version
            if held is not None and version <= held.version and not heals:
                return False
            self.suspect.discard(topic)
            self.docs[topic] = Held(version, item["doc"])
        elif kind == "patch":
            if held is not None and version <= held.version:
                return False
            fits = held is not None and item["from"] == held.version
            if held is None or not fits or not isinstance(held.document, dict):
                self.missed[topic] = max(version, self.missed.get(topic, 0))
                return False
            gone = set(item.get("del", ()))
            kept = {name: value for name, value in held.document.items() if name not in gone}
            self.docs[topic] = Held(version, {**kept, **item.get("set", {})})
        else:
            return False
        if self.missed.get(topic, version + 1) <= version:
            del self.missed[topic]
        return True


def _for_everybody(topic: str) -> bool:
    kind = kind_of(topic)
    return kind is not None and kind.audience == "public"


def _checked(item: Message) -> Message:
    """An item that may be applied, checked before anything is: a batch is applied whole."""
    if item["t"] in {"snap", "patch"}:
        if not isinstance(item["topic"], str) or type(item["v"]) is not int:
            raise ProtocolBroken(f"{item['t']} without topic and version")
        if item["t"] == "snap" and not isinstance(item["doc"], dict | None):
            raise ProtocolBroken("a document is an object or null")
        if item["t"] == "patch":
            if type(item["from"]) is not int or not isinstance(item.get("set", {}), dict):
                raise ProtocolBroken("a patch needs from and set")
            if not isinstance(item.get("del", []), list):
                raise ProtocolBroken("del is a list")
    return item


def decode_server(data: bytes | str) -> Message:
    """Reads a server's message, ticks as the patches that they stand for; raises ProtocolBroken."""
    try:
        message = _unfolded(msgspec.json.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ProtocolBroken(str(problem)) from problem
    if isinstance(message, dict) and isinstance(message.get("items"), list):
        message["items"] = [_unfolded(item) for item in message["items"]]
    if not isinstance(message, dict) or not isinstance(message.get("t"), str):
        raise ProtocolBroken("a message is an object with t")
    return message


def _unfolded(item: Any) -> Any:
    """A tick as a patch; anything else as it is."""
    if not isinstance(item, list):
        return item
    if len(item) != 4 or type(item[1]) is not int:
        raise ProtocolBroken("a tick is topic, version, set and moment")
    topic, version, fields, at_ms = item
    change = {"from": version - 1, "v": version, "set": fields, "at": at_ms}
    return {"t": "patch", "topic": topic, **change}
