"""A client under test: a process that is told what to do, and tells what it holds."""

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

WAIT_S: Final = 10.0
"""Longer than any client takes for one step; reached only by a defect."""
LOOK_MS: Final = 20
"""How often it is asked what it holds: it is a foreign process, there is no signal to wait on."""
LINE_BYTES_MAX: Final = 1_048_576
"""Length of one line that a driver writes."""
KILLED_S: Final = 3.0
"""How long a driver may take to end before it is killed."""

Doc = dict[str, Any]


class UnsupportedError(Exception):
    """The driver cannot do that: the rule is skipped."""


class DriverError(AssertionError):
    """The driver ended, was silent, or said that something failed."""


class Driver:
    """`async with Driver(command)`: one process, which has one client at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self.shown: list[tuple[str, int, int, Any]] = []
        """(topic, epoch, version, document), each time that what is held changed."""
        self.dropped: list[str] = []
        """Topics that were held and are no more."""
        self.facts: list[tuple[str, int]] = []
        """(topic, version), each transition that was told of topics that are followed as facts."""
        self._command = list(command)
        self._number = 0
        self._answers: dict[int, asyncio.Future[Doc]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            start_new_session=True,
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()  # its sign to end
        try:
            await asyncio.wait_for(process.wait(), KILLED_S)
        except TimeoutError:
            # What a wrapper began holds its pipes open: all of it ends, or nobody comes back.
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def forget(self) -> None:
        """What the client before has shown."""
        self.shown, self.dropped, self.facts = [], [], []

    async def ask(self, what: str, **fields: Any) -> Doc:
        """Tells it to do something; returns what it answers."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        self._number += 1
        answer: asyncio.Future[Doc] = asyncio.get_running_loop().create_future()
        self._answers[self._number] = answer
        line = json.dumps({"id": self._number, "do": what, **fields})
        process.stdin.write(line.encode() + b"\n")
        try:
            async with asyncio.timeout(WAIT_S):
                await process.stdin.drain()
                said = await answer
        except (TimeoutError, OSError):
            raise DriverError(f"the driver does not answer {what!r}") from None
        if said.get("error") == "unsupported":
            raise UnsupportedError(f"the driver cannot do {what!r}")
        if "error" in said:
            raise DriverError(f"the driver says of {what!r}: {said['error']}")
        return said

    async def until(self, docs: Mapping[str, tuple[int, Any] | None]) -> None:
        """Waits until it holds exactly these versions and documents; None for not at all."""
        held: Doc = {}
        try:
            async with asyncio.timeout(WAIT_S):
                while True:
                    held = (await self.ask("held", topics=list(docs)))["held"]
                    if all(_is(held.get(topic), docs[topic]) for topic in docs):
                        return
                    await asyncio.sleep(LOOK_MS / 1_000)
        except TimeoutError:
            wanted = {topic: docs[topic] for topic in docs}
            raise DriverError(f"it holds {held}, and should hold {wanted}") from None

    def versions(self, topic: str) -> list[int]:
        """What it has shown of a topic, in order."""
        return [version for name, _, version, _ in self.shown if name == topic]

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "shown" in said:
                it = said["shown"]
                self.shown.append((it["topic"], it["epoch"], it["v"], it["doc"]))
            elif "fact" in said:
                self.facts.append((said["fact"]["topic"], said["fact"]["v"]))
            elif "dropped" in said:
                self.dropped.append(said["dropped"])
            else:
                answer = self._answers.pop(said["id"], None)
                if answer is not None and not answer.done():
                    answer.set_result(said)
        for left in self._answers.values():
            if not left.done():
                left.set_exception(DriverError("the driver has ended"))


def _is(held: Any, wanted: tuple[int, Any] | None) -> bool:
    if held is None or wanted is None:
        return held is None and wanted is None
    return (held["v"], held["doc"]) == wanted
