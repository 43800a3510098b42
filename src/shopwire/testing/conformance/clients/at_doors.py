"""What holds for a client at each door of a real server: the same documents, whatever the way.

The other rules play the server, message by message; here the server is somebody's own, with a back
door, and the client is watched from outside.
"""

import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from shopwire.testing.conformance.clients.driver import Driver
from shopwire.testing.conformance.sync_doors import REVOKED_MS_MAX, DoorsTarget

DOORS: Final = ("websocket", "events", "poll", "graphql")
CHANGES: Final = 12
"""Made while a client subscribes."""
TOKEN_MS: Final = 3_600_000

DoorRule = Callable[[DoorsTarget, Driver, str], Awaitable[None]]


def document(n: int) -> dict[str, Any]:
    """A document that tells its version."""
    return {"n": n, "text": "the same in every version, so that a change is smaller " * 3}


def named(*names: str) -> list[str]:
    """Topics that nobody else touches, this rule's next run included."""
    mark = os.urandom(4).hex()
    return [f"{name}-{mark}" for name in names]


async def enter(
    target: DoorsTarget, driver: Driver, door: str, topics: list[str], *, token: str = ""
) -> None:
    """A client goes through a door and subscribes."""
    places = (target.url, target.events_url, target.poll_url, target.graphql_url)
    url = dict(zip(DOORS, places, strict=True))[door]
    shown = {"token": token} if token else {}
    await driver.ask("start", url=url, door=door, **shown)
    await driver.ask("subscribe", topics=topics)


def check_shown(driver: Driver, *topics: str) -> None:
    """Nothing was shown that never was, twice, or a step back."""
    for topic, _, version, doc in driver.shown:
        assert doc == (document(version) if version else None), (topic, version)
    for topic in topics:
        versions = driver.versions(topic)
        assert versions == sorted(set(versions)), (topic, versions)


async def changes_while_it_subscribes(target: DoorsTarget, driver: Driver, door: str) -> None:
    """Writes race with the subscription: what is held in the end is the newest, of both topics."""
    one, other = named("stock:one", "price:one")
    await target.change([(one, document(1)), (other, document(1))])
    await enter(target, driver, door, [one, other])
    for n in range(2, CHANGES + 1):
        await target.change([(one, document(n)), (other, document(n))])
    last = (CHANGES, document(CHANGES))
    await driver.until({one: last, other: last})
    check_shown(driver, one, other)


async def facts_one_by_one(target: DoorsTarget, driver: Driver, door: str) -> None:
    """Each version of an order is told, in order, once."""
    token = await target.token("operator", "kit", TOKEN_MS)
    (order,) = named("order:sh_kit-1")
    await target.change([(order, document(1))])
    await enter(target, driver, door, [order], token=token)
    await driver.ask("follow", topics=[order])
    await driver.until({order: (1, document(1))})
    for n in range(2, CHANGES + 1):
        await target.change([(order, document(n))])
    await driver.until({order: (CHANGES, document(CHANGES))})
    assert driver.facts == [(order, n) for n in range(1, CHANGES + 1)], driver.facts


async def another_epoch(target: DoorsTarget, driver: Driver, door: str) -> None:
    """The log gets another epoch while the client is there: it starts anew by itself."""
    (topic,) = named("stock:epoch")
    await target.change([(topic, document(1))])
    await enter(target, driver, door, [topic])
    await driver.until({topic: (1, document(1))})
    before = driver.shown[-1][1]
    await target.new_epoch()
    await target.change([(topic, document(2))])
    version, doc = await target.newest(topic)
    await driver.until({topic: (version, doc)})
    assert driver.shown[-1][1] != before, driver.shown[-1]


async def left_and_taken_up_again(target: DoorsTarget, driver: Driver, door: str) -> None:
    """More topics, and fewer, on a client that is there: each goes on where it was."""
    one, other = named("stock:one", "stock:other")
    await target.change([(one, document(1)), (other, document(1))])
    await enter(target, driver, door, [one])
    await driver.until({one: (1, document(1))})
    await driver.ask("subscribe", topics=[other])
    await driver.until({one: (1, document(1)), other: (1, document(1))})
    await driver.ask("unsubscribe", topics=[one])
    await target.change([(one, document(2)), (other, document(2))])
    await driver.until({other: (2, document(2))})
    await driver.ask("subscribe", topics=[one])
    await target.change([(one, document(3))])
    await driver.until({one: (3, document(3)), other: (2, document(2))})
    check_shown(driver, other)


async def withdrawn_soon(target: DoorsTarget, driver: Driver, door: str) -> None:
    """A right is withdrawn: what it gave is gone soon; what everybody sees goes on."""
    (who,) = named("kit")
    token = await target.token("operator", who, TOKEN_MS)
    payment, stock = named("payment:kit", "stock:kit")
    await target.change([(payment, document(1))])
    await target.change([(stock, document(1))])
    await enter(target, driver, door, [payment, stock], token=token)
    await driver.until({payment: (1, document(1)), stock: (1, document(1))})
    await target.withdraw("operator", who)
    began = time.monotonic()
    await driver.until({payment: None})
    took_ms = (time.monotonic() - began) * 1_000
    assert took_ms <= REVOKED_MS_MAX, f"{took_ms:.0f} ms"
    await target.change([(payment, document(2))])
    await target.change([(stock, document(2))])
    await driver.until({payment: None, stock: (2, document(2))})


RULES_AT_DOORS: Final[dict[str, DoorRule]] = {
    rule.__name__: rule
    for rule in (
        changes_while_it_subscribes, facts_one_by_one, another_epoch, left_and_taken_up_again,
        withdrawn_soon,
    )
}  # fmt: skip
"""All of them, by name."""
