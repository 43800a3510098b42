"""Server-sent events, beside picows and alone: the suite, and what only the inside can see."""

import pytest
from tests.sync.served import eventually, serving

from shopwire.testing.conformance.sync_events import EventsConformance, streaming

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["uvicorn with picows", "plain"])
async def target(request):
    async with serving(picows=request.param != "plain") as shop:
        yield shop


class TestEvents(EventsConformance):
    pass


async def test_a_server_that_stops_says_so(target):
    async with streaming(target, [("topic", "stock:A")]) as stream:
        await stream.until("live")
        target.hub.close_sessions()
        name = "message"
        data = {}
        while name != "close":
            name, data = await stream.event()
        assert data["code"] == 4000


async def test_a_stream_that_is_left_is_forgotten(target):
    async with streaming(target, [("topic", "stock:A")]) as stream:
        await stream.until("live")
        assert target.hub.stats().screens == 1
    await eventually(lambda: not target.hub.stats().connections)


async def test_operator_topics_are_refused(target):
    async with streaming(target, [("topic", "offer:A/x")]) as stream:
        assert stream.status == 404
        assert (await stream.body())["data"]["reason"] == "not_allowed"
