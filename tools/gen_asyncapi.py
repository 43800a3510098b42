"""Writes docs/protocol/asyncapi.json: the messages of sync protocol 1, for tools that read them.

`python tools/gen_asyncapi.py` writes, `--check` fails where the file is not what it would write.
What a client may say comes from the structs that read it, the commands from the modules, and the
server's frames from what the functions that write them put out.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from shopwire.kernel.commands import Command, Outcome
from shopwire.kernel.errors import TooManyTopics
from shopwire.kernel.identity import LOCAL, Caller
from shopwire.services.parts import MODULES
from shopwire.sync import protocol
from shopwire.sync.protocol import PROTOCOL, ClientMessage, Cmd

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs/protocol/asyncapi.json"
SCHEMAS: Final = "#/components/schemas/"
JSON_TYPES: Final = {
    str: "string",
    bool: "boolean",
    int: "integer",
    dict: "object",
    list: "array",
    type(None): "null",
}


def frames() -> list[tuple[str, list[bytes]]]:
    """Each kind of frame as its function writes it, with what it may leave out and hold null."""
    error = TooManyTopics(topics_max=1)
    ends = Caller(role="shopper", subject="a", expires_at_ms=1)
    snaps = [protocol.snap_item("stock:A", 1, doc, 1) for doc in (b"{}", b"null")]
    patches = [
        protocol.patch_item("stock:A", 1, 2, changed=b"{}", gone=gone, at_ms=1)
        for gone in ((), ("status",))
    ]
    welcome = protocol.welcome_frame(
        epoch=1,
        head=[1],
        now_ms=1,
        lag_ms=0,
        beat_ms=1,
        session="s",
        role="anonymous",
        limits={},
    )
    refused = Outcome(status=error.status, body=msgspec.json.encode(error.body()))
    done = Outcome(status=200, body=b"{}")
    errors = [protocol.error_frame(error, answered) for answered in (1, None)]
    return [
        ("welcome", [welcome]),
        ("reset", [protocol.reset_frame(1, "epoch")]),
        ("authed", [protocol.authed_frame(1, caller) for caller in (LOCAL, ends)]),
        ("expiring", [protocol.expiring_frame(1)]),
        ("revoke", [protocol.revoke_frame("order:1", "withdrawn")]),
        ("narrow", [protocol.narrow_frame("order:1", "public")]),
        ("snap", snaps),
        ("patch", patches),
        ("batch", [protocol.batch_frame([*snaps, *patches])]),
        ("live", [protocol.live_frame(1, [1])]),
        ("beat", [protocol.beat_frame([1], 0, 1)]),
        ("same", [protocol.same_frame(1)]),
        ("differ", [protocol.differ_frame(1, {"stock:A": "x"})]),
        ("pong", [protocol.pong_frame(1, 1)]),
        ("done", [protocol.outcome_frame(1, done)]),
        ("error", [*errors, protocol.outcome_frame(1, refused)]),
    ]


def frame_schema(name: str, samples: Sequence[bytes]) -> dict[str, Any]:
    """Fields and their types; a field that is not in every sample may be missing."""
    read = [msgspec.json.decode(sample) for sample in samples]
    fields = list(dict.fromkeys(field for one in read for field in one))
    properties: dict[str, Any] = {}
    for field in fields:
        kinds = list(dict.fromkeys(JSON_TYPES[type(one[field])] for one in read if field in one))
        properties[field] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    properties["t"] = {"const": name}
    if name == "batch":
        items = [{"$ref": f"{SCHEMAS}{item}"} for item in ("snap", "patch")]
        properties["items"]["items"] = {"oneOf": items}
    required = [field for field in fields if all(field in one for one in read)]
    return {"type": "object", "properties": properties, "required": required}


def commands() -> list[type[Command]]:
    """What may be sent, by name."""
    found = {handler.command for module in MODULES for handler in module.handlers}
    return sorted((one for one in found if not one.internal), key=lambda one: one.operation)


def document() -> dict[str, Any]:
    """The whole description."""
    asked, sendable = get_args(ClientMessage), commands()
    written = frames()
    refs, schemas = msgspec.json.schema_components(
        [*asked, *sendable], ref_template=SCHEMAS + "{name}"
    )
    schemas |= {name: frame_schema(name, samples) for name, samples in written}
    messages: dict[str, Any] = {name: {"payload": {"$ref": SCHEMAS + name}} for name, _ in written}
    sent = []
    for kind, ref in zip((*asked, *sendable), refs, strict=True):
        if kind is Cmd:
            cmd = ref
        elif issubclass(kind, Command):
            says = {"op": {"const": kind.operation}, "body": ref}
            sent.append(f"cmd.{kind.operation}")
            messages[sent[-1]] = {"payload": {"allOf": [cmd, {"properties": says}]}}
        else:
            sent.append(kind.__struct_config__.tag)
            messages[sent[-1]] = {"payload": ref}
    channel = {
        "address": "/sync",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }

    def operation(action: str, names: list[str]) -> dict[str, Any]:
        return {
            "action": action,
            "channel": {"$ref": "#/channels/sync"},
            "messages": [{"$ref": f"#/channels/sync/messages/{name}"} for name in names],
        }

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Shopwire sync",
            "version": str(PROTOCOL),
            "description": "Generated by tools/gen_asyncapi.py. The meaning is in sync-v1.md.",
        },
        "defaultContentType": "application/json",
        "channels": {"sync": channel},
        "operations": {
            "ask": operation("receive", sent),
            "tell": operation("send", [name for name, _ in written]),
        },
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def main() -> int:
    """Writes or checks the file."""
    text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    if PAGE.exists() and PAGE.read_text() == text:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"{PAGE.relative_to(ROOT)} is out of date: run python tools/gen_asyncapi.py")
        return 1
    PAGE.write_text(text)
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
