"""Drives `shopwire.sync.client`: `python -m shopwire.testing.conformance.clients.python_driver`."""

import asyncio
import json
import sys
from typing import Any

from shopwire.sync.client import SyncClient
from shopwire.sync.client_digest import IDLE_MS
from shopwire.sync.client_facts import Fact
from shopwire.sync.reducer import Change

BACKOFF_MS = 20.0
"""First wait before a reconnect: the kit does not test how long that is."""


class _Driven:
    """One client, and the answers to what the kit asks."""

    def __init__(self) -> None:
        self._client: SyncClient | None = None

    async def do(self, what: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Answers one line; raises KeyError for what is not known."""
        if what == "start" and asked.get("door", "websocket") != "websocket":
            return {"error": "unsupported"}
        if what == "start":
            self._client = SyncClient(
                asked["url"],
                on_change=self._changed,
                backoff_ms_min=BACKOFF_MS,
                idle_ms=asked.get("idle_ms", IDLE_MS),
                token=asked.get("token"),
            )
            await self._client.start()
            return {"ok": True}
        client = self._client
        assert client is not None
        if what == "subscribe":
            client.subscribe(asked["topics"])
        elif what == "follow":
            for topic in asked["topics"]:
                client.on_fact(topic, self._happened)
        elif what == "unsubscribe":
            client.unsubscribe(asked["topics"])
        elif what == "held":
            found = {topic: client.held(topic) for topic in asked["topics"]}
            held = {
                topic: {"v": one.version, "doc": one.document}
                for topic, one in found.items()
                if one is not None
            }
            return {"held": held, "epoch": client.replica.epoch, "status": client.status}
        elif what == "stop":
            await client.stop()
        else:
            return {"error": "unsupported"}
        return {"ok": True}

    def _happened(self, fact: Fact) -> None:
        say({"fact": {"topic": fact.topic, "v": fact.version}})

    def _changed(self, change: Change) -> None:
        client = self._client
        assert client is not None
        for topic in sorted(change.topics):
            held = client.held(topic)
            if held is None:
                say({"dropped": topic})
            else:
                told = {"topic": topic, "epoch": client.replica.epoch}
                say({"shown": told | {"v": held.version, "doc": held.document}})


def say(message: dict[str, Any]) -> None:
    """One line."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Until the kit closes its end."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    driven = _Driven()
    while line := await reader.readline():
        asked = json.loads(line)
        try:
            answer = await driven.do(asked["do"], asked)
        except (OSError, KeyError, ValueError, AssertionError) as problem:
            answer = {"error": repr(problem)}
        say({"id": asked["id"], **answer})


if __name__ == "__main__":
    asyncio.run(main())
