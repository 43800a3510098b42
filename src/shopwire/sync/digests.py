"""A short word for what is held, the same in every language: sync-v1.md section 14."""

import json
import zlib
from collections.abc import Iterable
from typing import Any


def canonical(document: bytes) -> str:
    """JSON with one spelling: fields in the order of their code points, no spaces."""
    return json.dumps(
        json.loads(document), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )


def line_of(topic: str, version: int, document: bytes) -> bytes:
    """What one topic adds to a digest."""
    return f"{topic}@{version} {canonical(document)}\n".encode()


def digest_of(lines: Iterable[bytes]) -> str:
    """CRC-32 over the lines of topics, in the order of their names; 8 hexadecimal digits."""
    crc = 0
    for line in lines:
        crc = zlib.crc32(line, crc)
    return f"{crc:08x}"


def digest_of_documents(held: dict[str, tuple[int, Any]]) -> str:
    """The same, of documents that are no bytes: version and document by topic."""
    return digest_of(
        line_of(topic, version, json.dumps(document).encode())
        for topic, (version, document) in sorted(held.items())
    )
