"""The messages of sync protocol 1: what a client may say, and the frames of the server."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import MalformedRequest, ShopwireError
from shopwire.kernel.identity import Caller, Role

PROTOCOL: Final = 1
"""The version of the protocol spoken here."""


class Hello(msgspec.Struct, tag_field="t", tag="hello", frozen=True):
    """First message of a client."""

    proto: int
    epoch: int | None = None
    token: str | None = None
    """Who the client is; without it, what the connection was opened with counts."""
    short: bool = False
    """Whether it reads ticks: see `short_frame`."""


class Sub(msgspec.Struct, tag_field="t", tag="sub", frozen=True):
    """Subscribes to topics, or starts them again."""

    id: int
    topics: list[str]
    have: dict[str, int] = {}
    epoch: int | None = None
    """Epoch that `have` belongs to; the hello's where it is missing."""


class Unsub(msgspec.Struct, tag_field="t", tag="unsub", frozen=True):
    """Ends subscriptions."""

    id: int
    topics: list[str]


class Auth(msgspec.Struct, tag_field="t", tag="auth", frozen=True):
    """Shows a fresh token, for the rest of the connection."""

    id: int
    token: str


class Digest(msgspec.Struct, tag_field="t", tag="digest", frozen=True):
    """Says what the client holds, in short: the server tells whether that is what it has."""

    id: int
    topics: dict[str, int]
    """Version by topic."""
    hash: str
    """Over the documents, see `shopwire.sync.digests`."""


class Ping(msgspec.Struct, tag_field="t", tag="ping", frozen=True):
    """Asks for a sign of life."""

    id: int


class Cmd(msgspec.Struct, tag_field="t", tag="cmd", frozen=True):
    """Asks for a change."""

    id: int
    op: str
    body: msgspec.Raw
    """The command's fields, as HTTP takes them."""
    key: str | None = None
    """Idempotency key; without one the command is refused."""


ClientMessage = Hello | Sub | Unsub | Auth | Digest | Ping | Cmd

_decoder: Final = msgspec.json.Decoder(ClientMessage)
_encode: Final = msgspec.json.Encoder().encode


class _Named(msgspec.Struct):
    id: int | None = None


def decode_client(data: bytes) -> ClientMessage:
    """Reads a client's message; raises MalformedRequest, which says where it is wrong."""
    try:
        message: ClientMessage = _decoder.decode(data)
        return message
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        reason = str(problem)
        field = reason.rpartition("`$.")[2].rstrip("`") if "`$." in reason else ""
        raise MalformedRequest(field=field, reason=reason) from None


def id_of(data: bytes) -> int | None:
    """The id of a message that could not be read, where it has one all the same."""
    try:
        return msgspec.json.decode(data, type=_Named).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def snap_item(topic: str, version: int, document: bytes, at_ms: int) -> bytes:
    """A whole document; `document` is JSON already and goes in as it is."""
    return b'{"t":"snap","topic":%b,"v":%d,"doc":%b,"at":%d}' % (
        _encode(topic),
        version,
        document,
        at_ms,
    )


def patch_item(
    topic: str, base: int, version: int, *, changed: bytes, gone: Sequence[str], at_ms: int
) -> bytes:
    """The change between two versions; `changed` is a JSON object already."""
    removed = b',"del":%b' % _encode(gone) if gone else b""
    return b'{"t":"patch","topic":%b,"from":%d,"v":%d,"set":%b%b,"at":%d}' % (
        _encode(topic),
        base,
        version,
        changed,
        removed,
        at_ms,
    )


class _Tick(msgspec.Struct, tag_field="t", tag="patch", frozen=True):
    topic: msgspec.Raw
    base: int = msgspec.field(name="from")
    v: int
    set: msgspec.Raw
    at: int
    gone: msgspec.Raw | msgspec.UnsetType = msgspec.field(name="del", default=msgspec.UNSET)


class _Batch(msgspec.Struct, tag_field="t", tag="batch", frozen=True):
    items: list[msgspec.Raw]


_tick: Final = msgspec.json.Decoder(_Tick)
_batch: Final = msgspec.json.Decoder(_Batch)


def short_frame(frame: bytes) -> bytes:
    """The same for a client that reads ticks, by themselves or in a batch.

    A tick is `[topic, version, set, at]`: a patch to the next version that removes no field.
    """
    if frame.startswith(b'{"t":"patch"'):
        return _short(frame)
    if frame.startswith(b'{"t":"batch"') and b'{"t":"patch"' in frame:
        return batch_frame(_short(bytes(item)) for item in _batch.decode(frame).items)
    return frame


def _short(item: bytes) -> bytes:
    if not item.startswith(b'{"t":"patch"'):
        return item
    tick = _tick.decode(item)
    if tick.base != tick.v - 1 or tick.gone is not msgspec.UNSET:
        return item
    return b"[%b,%d,%b,%d]" % (tick.topic, tick.v, tick.set, tick.at)


def batch_frame(items: Iterable[bytes]) -> bytes:
    """Items to be applied in one step."""
    return b'{"t":"batch","items":[%b]}' % b",".join(items)


def welcome_frame(
    *,
    epoch: int,
    head: Sequence[int],
    now_ms: int,
    lag_ms: int,
    beat_ms: int,
    session: str,
    role: Role,
    limits: dict[str, int],
) -> bytes:
    """The answer to hello."""
    return _encode(
        {
            "t": "welcome",
            "proto": PROTOCOL,
            "epoch": epoch,
            "head": head,
            "now": now_ms,
            "lag_ms": lag_ms,
            "beat_ms": beat_ms,
            "session": session,
            "role": role,
            "limits": limits,
        }
    )


def reset_frame(epoch: int, reason: str) -> bytes:
    """Everything the client holds is void."""
    return _encode({"t": "reset", "epoch": epoch, "reason": reason})


def authed_frame(answered: int, caller: Caller) -> bytes:
    """The token was good: this is who the connection speaks for now."""
    return _encode(
        {
            "t": "authed",
            "id": answered,
            "subject": caller.subject,
            "role": caller.role,
            "expires_at": caller.expires_at_ms,
        }
    )


def expiring_frame(in_ms: int) -> bytes:
    """The token ends soon."""
    return _encode({"t": "expiring", "in_ms": in_ms})


def revoke_frame(topic: str, reason: str) -> bytes:
    """The client may no longer see a topic: its document is to be dropped."""
    return _encode({"t": "revoke", "topic": topic, "reason": reason})


def narrow_frame(topic: str, view: str) -> bytes:
    """The client sees a topic in another view: the document held is to be dropped."""
    return _encode({"t": "narrow", "topic": topic, "view": view})


def live_frame(sub: int, head: Sequence[int]) -> bytes:
    """The topics of a sub are complete up to `head`."""
    return _encode({"t": "live", "id": sub, "head": head})


def beat_frame(head: Sequence[int], lag_ms: int, now_ms: int) -> bytes:
    """The server lives, and how old its proof is."""
    return _encode({"t": "beat", "head": head, "lag_ms": lag_ms, "now": now_ms})


def same_frame(answered: int) -> bytes:
    """What the client holds is what the server has."""
    return _encode({"t": "same", "id": answered})


def differ_frame(answered: int, hashes: Mapping[str, str]) -> bytes:
    """It is not, or not all of it; `hashes` say what the server has of each topic."""
    return _encode({"t": "differ", "id": answered, "topics": list(hashes), "hashes": hashes})


def pong_frame(ping: int, now_ms: int) -> bytes:
    """The answer to ping."""
    return _encode({"t": "pong", "id": ping, "now": now_ms})


def error_frame(error: ShopwireError, answered: int | None) -> bytes:
    """An error of the numbered table; `answered` is the id of the message it speaks of."""
    body: dict[str, Any] = msgspec.to_builtins(error.body())
    return _encode({"t": "error", "id": answered, "status": error.status, **body})


def outcome_frame(cmd: int, outcome: Outcome) -> bytes:
    """The answer to a command: its body as it was stored, so that a replay repeats its bytes."""
    replayed = b"true" if outcome.replayed else b"false"
    if outcome.ok:
        return b'{"t":"done","id":%d,"status":%d,"replayed":%b,"body":%b}' % (
            cmd,
            outcome.status,
            replayed,
            outcome.body,
        )
    return b'{"t":"error","id":%d,"status":%d,"replayed":%b,%b' % (
        cmd,
        outcome.status,
        replayed,
        outcome.body[1:],
    )
