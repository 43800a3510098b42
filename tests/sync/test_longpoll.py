"""Long-poll: the messages of the protocol, one answer at a time."""

import asyncio

import httpx2
import pytest
from tests.sync.served import Shop, eventually, serving

from shopwire.sync.reducer import Replica

pytestmark = pytest.mark.anyio


class Poller:
    """A client that polls, by the rules of the protocol."""

    def __init__(self, web, url) -> None:
        self.web, self.url = web, url
        self.replica = Replica()

    async def ask(self, *names: str, wait_ms=5_000, **more: object):
        body = {
            "topics": names, "have": self.replica.versions, "epoch": self.replica.epoch,
            "wait_ms": wait_ms,
        }  # fmt: skip
        answer = await self.web.post(self.url, json=body | more)
        self.status = answer.status_code
        if self.status != 200:
            return answer.json()
        self.closed = answer.json().get("close")
        for message in answer.json()["messages"]:
            self.replica.apply(message)
        return [message["t"] for message in answer.json()["messages"]]

    def doc(self, topic):
        held = self.replica.docs.get(topic)
        return None if held is None else held.document


@pytest.fixture
async def polled():
    async with serving() as shop, httpx2.AsyncClient() as web:
        shop.poller = Poller(web, shop.url.replace("ws", "http", 1) + "/poll")
        yield shop


async def test_the_first_answer_has_everything_and_comes_at_once(polled):
    await polled.change([("stock:A", {"n": 1})])
    assert await polled.poller.ask("stock:A") == ["welcome", "snap", "live", "beat"]
    assert polled.poller.doc("stock:A") == {"n": 1}


async def test_an_answer_waits_for_news_and_says_only_these(polled):
    poller = polled.poller
    await polled.change([("stock:A", {"n": 1})])
    await poller.ask("stock:A", "stock:B")
    asked = asyncio.create_task(poller.ask("stock:A", "stock:B"))
    await eventually(lambda: polled.hub.stats().connections == 1)
    await polled.change([("stock:B", {"n": 7})])
    assert {kind for kind in await asked if kind != "beat"} == {"welcome", "live", "snap"}
    assert poller.doc("stock:B") == {"n": 7}


async def test_without_news_the_answer_is_a_beat(polled):
    await polled.change([("stock:A", {"n": 1})])
    await polled.poller.ask("stock:A")
    assert await polled.poller.ask("stock:A", wait_ms=0) in (
        ["welcome", "beat"],
        ["welcome", "live", "beat"],
    )
    assert polled.hub.stats().connections == 0


async def test_what_changed_between_two_requests_is_in_the_next(polled):
    poller = polled.poller
    for n in range(1, 4):
        await polled.change([("stock:A", {"n": n})])
        await poller.ask("stock:A")
        assert poller.doc("stock:A") == {"n": n}
    assert poller.replica.docs["stock:A"].version == 3


async def test_another_epoch_starts_everything_anew(polled):
    poller = polled.poller
    await polled.change([("stock:A", {"n": 1})])
    await poller.ask("stock:A")
    poller.replica.epoch += 5
    assert await poller.ask("stock:A") == ["welcome", "reset", "snap", "live", "beat"]
    assert poller.doc("stock:A") == {"n": 1}


async def test_a_version_that_nobody_knows_starts_everything_anew_at_once(polled):
    poller = polled.poller
    await polled.change([("stock:A", {"n": 1})])
    await poller.ask("stock:A")
    said = await poller.ask("stock:A", wait_ms=20_000, have={"stock:A": 99})
    assert [kind for kind in said if kind != "beat"] == ["welcome", "reset", "snap", "live"]
    assert poller.doc("stock:A") == {"n": 1}


async def test_a_topic_that_may_not_be_seen_is_refused_and_the_others_come(polled):
    await polled.change([("stock:A", {"n": 1})])
    assert "error" in await polled.poller.ask("stock:A", "payment:x")
    assert polled.poller.doc("stock:A") == {"n": 1}


async def test_a_server_that_stops_answers_those_who_wait(polled):
    poller = polled.poller
    await poller.ask("stock:A")
    asked = asyncio.create_task(poller.ask("stock:A"))
    await eventually(lambda: polled.hub.stats().connections == 1)
    polled.hub.close_sessions()
    await asked
    assert poller.closed["code"] == 4000


async def test_who_leaves_is_forgotten(polled):
    asked = asyncio.create_task(polled.poller.ask("stock:A"))
    await asked
    asked = asyncio.create_task(polled.poller.ask("stock:A", wait_ms=20_000))
    await eventually(lambda: polled.hub.stats().connections == 1)
    asked.cancel()
    await eventually(lambda: polled.hub.stats().connections == 0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"topics": []}, 1000), ({"topics": "stock:A"}, 1000), ({"extra": 1}, 1000),
        ({"wait_ms": -1}, 1001), ({"wait_ms": 10**9}, 1001), ({"have": {"stock:A": "x"}}, 1000),
        ({"topics": [f"stock:{n}" for n in range(2_000)]}, 1011),
        ({"topics": ["stock:" + "x" * 200_000]}, 1008),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused(polled, body, code):
    said = await polled.poller.ask(**{"topics": ["stock:A"], **body})
    assert said["code"] == code


async def test_a_burst_is_one_document():
    async with serving(Shop()) as shop, httpx2.AsyncClient() as web:
        poller = Poller(web, shop.url.replace("ws", "http", 1) + "/poll")
        await asyncio.gather(*(shop.change([(f"stock:{n}", {"n": n})]) for n in range(50)))
        await poller.ask(*(f"stock:{n}" for n in range(50)))
        assert [poller.doc(f"stock:{n}") for n in range(50)] == [{"n": n} for n in range(50)]
