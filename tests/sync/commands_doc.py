"""Renders docs/protocol/commands.md from the modules: `python -m tests.sync.commands_doc`."""

import importlib
import pkgutil
import types
import typing
from pathlib import Path

import msgspec

import shopwire.modules
from shopwire.kernel.commands import Command

PAGE = Path(__file__).parents[2] / "docs" / "protocol" / "commands.md"
HEAD = """# Commands

Generated from the modules by `python -m tests.sync.commands_doc`; a test holds the two together.

A command is sent as `POST /api/commands/{operation}` with an `Idempotency-Key` header and a JSON
object of the fields below. A repeat with the same key and body gets the first answer again, byte
for byte, marked `Idempotency-Replayed: true`; over WebSocket commands go on the connection of
[sync-v1.md](sync-v1.md), section 12. The answer is `{"versions": {topic: version},
"result": ...}`: a screen holds the command's effect as soon as its store has these versions.
Refusals are the numbered errors of [codes.md](codes.md). Fields that a command does not know are
refused.
"""


def handlers():
    for module in sorted(m.name for m in pkgutil.iter_modules(shopwire.modules.__path__)):
        wiring = importlib.import_module(f"shopwire.modules.{module}.wiring")
        yield from wiring.MODULE.handlers


def render():
    sendable = {handler.command for handler in handlers() if not handler.command.internal}
    commands = sorted(sendable, key=lambda c: c.operation)
    parts = [HEAD]
    for command in commands:
        parts += [f"## {command.operation}\n", f"{_prose(command)}\n", _table(command)]
    structs = _structs(commands)
    if structs:
        parts.append("## Parts\n")
        for struct in structs:
            parts += [f"### {struct.__name__}\n", f"{_prose(struct)}\n", _table(struct)]
    return "\n".join(parts).rstrip() + "\n"


def _prose(struct):
    text = struct.__doc__ or ""
    return "" if text.startswith(f"{struct.__name__}(") else " ".join(text.split())


def _table(struct):
    fields = msgspec.structs.fields(struct)
    if not fields:
        return "No fields.\n"
    rows = ["| field | type | without it |", "| --- | --- | --- |"]
    for field in fields:
        default = "required"
        if field.default is msgspec.UNSET:
            default = "left out"
        elif field.default is not msgspec.NODEFAULT:
            default = f"`{msgspec.json.encode(field.default).decode()}`"
        elif field.default_factory is not msgspec.NODEFAULT:
            default = f"`{msgspec.json.encode(field.default_factory()).decode()}`"
        rows.append(f"| `{field.encode_name}` | {_type(field.type)} | {default} |")
    return "\n".join(rows) + "\n"


def _type(annotation):
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        limits = ", ".join(
            f"{name} {value}"
            for name in ("gt", "ge", "lt", "le", "min_length", "max_length", "pattern")
            if (value := getattr(args[1], name, None)) is not None
        ).replace("|", "\\|")
        return _type(args[0]) + (f" ({limits})" if limits else "")
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(part) for part in args if part is not msgspec.UnsetType)
    if origin is typing.Literal:
        return " or ".join(f"`{msgspec.json.encode(value).decode()}`" for value in args)
    if origin is dict:
        return f"object of {_type(args[1])}"
    if origin in (list, tuple, set, frozenset) or str(origin).endswith("abc.Sequence'>"):
        return f"list of {_type(args[0])}"
    names = {str: "text", int: "whole number", bool: "truth", type(None): "null", float: "number"}
    return names.get(annotation, getattr(annotation, "__name__", "any JSON"))


def _structs(commands):
    """Structs that fields refer to, in the order of their names."""
    found, pending = {}, list(commands)
    while pending:
        for field in msgspec.structs.fields(pending.pop()):
            for part in _parts(field.type):
                if part.__name__ not in found and not issubclass(part, Command):
                    found[part.__name__] = part
                    pending.append(part)
    return [found[name] for name in sorted(found)]


def _parts(annotation):
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _parts(part)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
