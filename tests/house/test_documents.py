"""What clients say of documents has the fields of the server's structs."""

import re
from pathlib import Path

from msgspec import inspect

from shopwire.services.parts import MODULES

CORE = Path(__file__).parents[2] / "packages/client/src/core"
NOT_IN_CLIENTS = {
    "access",
    "notice",
    "promotion",
    "rates",
    "rules",
}
"""Kinds that clients have no type for yet."""
NOT_IN_THE_LOG = {"ops"}
"""Kinds that no event carries."""


def _server() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for event in (event for module in MODULES for event in module.events):
        info = inspect.type_info(event)
        assert isinstance(info, inspect.StructType)
        document = next(one.type for one in info.fields if one.encode_name == "document")
        for kind in getattr(document, "types", [document]):
            if isinstance(kind, inspect.StructType):
                found[event.topic_kind] = {one.encode_name for one in kind.fields}
    return found


def _client() -> dict[str, set[str]]:
    text = "".join(path.read_text() for path in sorted(CORE.glob("*.ts")))
    bodies = dict(re.findall(r"export interface (\w+) \{\n(.*?)\n\}", text, re.DOTALL))
    kinds = re.findall(r"^  (\w+): (\w+Document);", bodies["Documents"], re.MULTILINE)
    return {
        kind: set(re.findall(r"^  (\w+)\??:", bodies[name], re.MULTILINE)) for kind, name in kinds
    }


def test_that_clients_know_each_field_of_each_document() -> None:
    server, client = _server(), _client()
    assert server.keys() - client.keys() == NOT_IN_CLIENTS
    assert client.keys() - server.keys() == NOT_IN_THE_LOG
    assert {k: v for k, v in client.items() if k in server} == {
        k: v for k, v in server.items() if k in client
    }
