"""What holds for every client, whatever the network and the hubs do. Each rule is one scenario."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from shopwire.sync.digests import digest_of_documents
from shopwire.testing.conformance.clients.driver import Driver, UnsupportedError
from shopwire.testing.conformance.clients.stage import Docs, Line, Stage, patch, snap

A: Final = "stock:A"
B: Final = "stock:B"
OWN: Final = "purchase_order:1/acme"
"""Of a kind that not everybody sees alike."""
IDLE_MS: Final = 200
"""Quiet time after which a client is asked to prove what it holds."""
DIGEST_S_MAX: Final = 5.0
"""A client that sent no digest by then sends none."""

ClientRule = Callable[[Stage, Driver], Awaitable[None]]


def document(n: int, **more: Any) -> dict[str, Any]:
    """A document that tells its version."""
    return {"n": n, "text": "a letter: \u00e9", **more}


def start_docs() -> dict[str, tuple[int, Any]]:
    """Two topics at their first version."""
    return {A: (1, document(1)), B: (1, document(1))}


async def opened(stage: Stage, driver: Driver, docs: Docs, **options: Any) -> Line:
    """A client that is connected in epoch 1 and holds these documents."""
    await driver.ask("start", url=stage.url, **options)
    await driver.ask("subscribe", topics=list(docs))
    line = await stage.line()
    await line.greet(1)
    await line.answer(docs)
    await driver.until(docs)
    return line


async def snapshot_then_changes(stage: Stage, driver: Driver) -> None:
    """A snapshot, then patches: fields come, change and go; a deleted document is held as null."""
    line = await opened(stage, driver, start_docs())
    going = patch(A, 2, {"n": 2, "deep": {"a": [1]}}) | {"del": ["text"]}
    await line.send(going)
    await driver.until({A: (2, {"n": 2, "deep": {"a": [1]}}), B: (1, document(1))})
    await line.send(snap(A, 3, None))
    await driver.until({A: (3, None)})
    assert driver.versions(A) == [1, 2, 3], driver.shown


async def changed_together_is_applied_together(stage: Stage, driver: Driver) -> None:
    """A batch is one change: both topics move."""
    line = await opened(stage, driver, start_docs())
    await line.send({"t": "batch", "items": [patch(A, 2, {"n": 2}), patch(B, 2, {"n": 2})]})
    await driver.until({A: (2, document(2)), B: (2, document(2))})
    assert (driver.versions(A), driver.versions(B)) == ([1, 2], [1, 2])


async def cut(stage: Stage, driver: Driver) -> None:
    """The connection breaks: the client comes back, says truly what it has, and goes on from there.

    What is held stays meanwhile.
    """
    line = await opened(stage, driver, start_docs())
    await line.send(patch(A, 2, {"n": 2}))
    await driver.until({A: (2, document(2))})
    line.cut()
    again = await stage.line()
    hello = await again.greet(1)
    assert hello.get("epoch") in (None, 1), hello
    await driver.until({A: (2, document(2)), B: (1, document(1))})
    sub = await again.answer({A: (2, document(2)), B: (1, document(1))})
    assert (sub.get("have") or {}).get(A) in (None, 2), sub
    await again.send(patch(A, 3, {"n": 3}))
    await driver.until({A: (3, document(3)), B: (1, document(1))})
    assert driver.versions(A) == [1, 2, 3], driver.shown


async def duplicate(stage: Stage, driver: Driver) -> None:
    """What comes twice, or is older than what is held, changes nothing and is not shown again."""
    line = await opened(stage, driver, start_docs())
    await line.send(patch(A, 2, {"n": 2}), patch(A, 2, {"n": 2}), snap(A, 1, document(1)))
    await line.send(snap(A, 2, document(2)), {"t": "batch", "items": [patch(A, 2, {"n": 9})]})
    await line.send(patch(A, 3, {"n": 3}))
    await driver.until({A: (3, document(3))})
    assert driver.versions(A) == [1, 2, 3], driver.shown


async def reorder(stage: Stage, driver: Driver) -> None:
    """A patch that does not follow is not applied: the topic is asked for again."""
    line = await opened(stage, driver, start_docs())
    await line.send(patch(A, 3, {"n": 3}))
    sub = await line.next("sub")
    assert A in sub["topics"], sub
    assert (sub.get("have") or {}).get(A) in (None, 1), sub
    await line.send(snap(A, 3, document(3)), {"t": "live", "id": sub["id"], "head": [0]})
    await line.send(patch(A, 2, {"n": 2}))
    await line.send(patch(A, 4, {"n": 4}))
    await driver.until({A: (4, document(4)), B: (1, document(1))})
    for topic, _, version, doc in driver.shown:
        assert doc == document(version), (topic, version, doc)
    assert driver.versions(A) == [1, 3, 4], driver.shown


async def epoch(stage: Stage, driver: Driver) -> None:
    """The log gets another epoch while the client is there: lower versions are taken from then on.

    Nothing is claimed of the epoch that is gone.
    """
    line = await opened(stage, driver, {A: (7, document(7)), B: (9, document(9))})
    await line.reset(2)
    anew = {A: (1, document(1, epoch=2)), B: (2, document(2, epoch=2))}
    await line.answer(anew)
    await driver.until(anew)
    await line.send(patch(A, 2, {"n": 2}))
    await driver.until({A: (2, document(2, epoch=2))})
    assert driver.shown[-1][1] == 2, driver.shown


async def epoch_while_away(stage: Stage, driver: Driver) -> None:
    """The epoch changes while the connection is broken."""
    line = await opened(stage, driver, {A: (7, document(7)), B: (9, document(9))})
    line.cut()
    again = await stage.line()
    await again.greet(3)
    anew = {A: (1, document(1, epoch=3)), B: (1, document(1, epoch=3))}
    await again.answer(anew)
    await driver.until(anew)


async def revoke(stage: Stage, driver: Driver) -> None:
    """A right is withdrawn: the document is dropped; the connection and the other topics stay."""
    line = await opened(stage, driver, start_docs())
    await line.send({"t": "revoke", "topic": A, "reason": "not_allowed"})
    await line.send(patch(B, 2, {"n": 2}))
    await driver.until({A: None, B: (2, document(2))})
    await line.send(patch(A, 2, {"n": 2}))  # nothing of it is to come back by itself
    await line.send(patch(B, 3, {"n": 3}))
    await driver.until({A: None, B: (3, document(3))})
    assert line.is_open
    assert driver.versions(A) == [1], driver.shown


@asynccontextmanager
async def serving(line: Line, docs: Docs) -> AsyncIterator[None]:
    """Answers whatever the client asks for meanwhile."""
    task = asyncio.create_task(line.serve(docs))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def revoke_while_away(stage: Stage, driver: Driver) -> None:
    """A right is withdrawn while the connection is broken: the document is dropped all the same."""
    line = await opened(stage, driver, start_docs())
    line.cut()
    again = await stage.line()
    await again.greet(1)
    async with serving(again, {B: (1, document(1))}):
        await driver.until({A: None, B: (1, document(1))})
    assert driver.versions(B) == [1], driver.shown


async def narrow_while_away(stage: Stage, driver: Driver) -> None:
    """The client comes back as somebody who sees less of a document at the version that it holds.

    What everybody sees stays, and is not shown again.
    """
    before = {OWN: (4, document(4, hidden="x")), B: (1, document(1))}
    line = await opened(stage, driver, before)
    line.cut()
    again = await stage.line()
    await again.greet(1, role="supplier")
    seen = {OWN: (4, document(4)), B: (1, document(1))}
    async with serving(again, seen):
        await driver.until(seen)
    assert driver.versions(B) == [1], driver.shown


async def narrow(stage: Stage, driver: Driver) -> None:
    """A view with fewer fields comes with the version that is held; the other is gone."""
    line = await opened(stage, driver, {A: (4, document(4, hidden="x")), B: (1, document(1))})
    await line.send({"t": "narrow", "topic": A, "view": "own"}, snap(A, 4, document(4)))
    await driver.until({A: (4, document(4))})
    await line.send(patch(A, 5, {"n": 5}))
    await driver.until({A: (5, document(5)), B: (1, document(1))})
    assert line.is_open


async def digest(stage: Stage, driver: Driver) -> None:
    """When nothing moves, the client proves what it holds, and mends the one topic that differs."""
    docs = start_docs()
    line = await opened(stage, driver, docs, idle_ms=IDLE_MS)
    try:
        asked = await line.next("digest", wait_s=DIGEST_S_MAX)
    except AssertionError:
        raise UnsupportedError("the client sends no digest within idle_ms") from None
    assert asked["topics"] == {topic: version for topic, (version, _) in docs.items()}, asked
    assert asked["hash"] == digest_of_documents(docs), asked
    await line.send({"t": "same", "id": asked["id"]})
    docs[A] = (1, document(1, right=True))
    await line.send(patch(B, 2, {"n": 2}))
    docs[B] = (2, document(2))
    asked = await line.next("digest")
    while asked["topics"].get(B) != 2:
        await line.send({"t": "same", "id": asked["id"]})
        asked = await line.next("digest")
    hashes = {topic: digest_of_documents({topic: docs[topic]}) for topic in docs}
    told = {"t": "differ", "id": asked["id"], "topics": sorted(docs), "hashes": hashes}
    await line.send(told)
    sub = await line.next("sub")
    assert sub["topics"] == [A], sub
    await line.send(snap(A, *docs[A]), {"t": "live", "id": sub["id"], "head": [0]})
    await driver.until(docs)


async def what_is_not_known_is_passed_over(stage: Stage, driver: Driver) -> None:
    """A later server may say more: kinds and fields that a client does not know change nothing."""
    line = await opened(stage, driver, start_docs())
    await line.send({"t": "of_tomorrow", "topic": A, "v": 9}, patch(A, 2, {"n": 2}) | {"new": [1]})
    await driver.until({A: (2, document(2)), B: (1, document(1))})
    assert line.is_open


RULES: Final[dict[str, ClientRule]] = {
    rule.__name__: rule
    for rule in (
        snapshot_then_changes, changed_together_is_applied_together, cut, duplicate, reorder,
        epoch, epoch_while_away, revoke, revoke_while_away, narrow, narrow_while_away, digest,
        what_is_not_known_is_passed_over,
    )
}  # fmt: skip
"""All of them, by name."""
