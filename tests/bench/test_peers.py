"""The peers' bench measures what it says, without any peer being there."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from shopwire.cli.bench import peers
from shopwire.cli.bench.fanout_clients import Arrivals
from shopwire.cli.bench.peers_clients import (
    NUMBER,
    CentrifugoViewer,
    NchanViewer,
    ShopwireViewer,
    SocketIoViewer,
    Viewer,
    WsViewer,
)
from shopwire.cli.bench.peers_engines import family
from shopwire.cli.bench.peers_writer import Change, Writer

pytestmark = pytest.mark.anyio
TOPICS = ["stock:1", "stock:2"]


def viewer_of(kind: type[Viewer]) -> Viewer:
    viewer = kind(Arrivals(NUMBER), TOPICS)
    viewer.keeps = True
    return viewer


ROW = {"topic": "stock:1", "n": 7, "available": 4, "price": 1999}
ROW_TEXT = json.dumps(ROW, separators=(",", ":"))
FRAMES = {
    ShopwireViewer: ['["stock:1",3,{"available":4,"n":7},1795000003000]'],
    WsViewer: [ROW_TEXT],
    SocketIoViewer: ['42["row",' + ROW_TEXT + "]"],
    NchanViewer: ["id: 1795000003:0,1[0]\ncontent-type: x\n\n" + ROW_TEXT],
    CentrifugoViewer: [
        '{"id":2,"subscribe":{"recoverable":true,"epoch":"e","offset":2}}',
        '{"push":{"channel":"stock:1","pub":{"data":' + ROW_TEXT + ',"offset":3}}}',
    ],
}


@pytest.mark.parametrize("kind", FRAMES, ids=lambda kind: kind.__name__)
async def test_every_dialect_finds_the_change_and_where_it_belongs(kind: type[Viewer]):
    viewer = viewer_of(kind)
    for frame in FRAMES[kind]:
        viewer.heard(frame.encode())
    assert viewer.held == {"stock:1": 7}
    assert [numbers for _, numbers in viewer.log] == [[7]]
    assert viewer.seen == {7}


async def test_who_comes_back_says_what_it_had():
    nchan = viewer_of(NchanViewer)
    nchan.heard(FRAMES[NchanViewer][0].encode())
    assert b"last_event_id=1795000003%3A0%2C1%5B0%5D " in nchan.handshake()

    ours = viewer_of(ShopwireViewer)
    ours.heard(FRAMES[ShopwireViewer][0].encode())
    said: list[dict[str, object]] = []
    ours.say = said.append  # type: ignore[method-assign]
    ours.hello()
    assert said[1]["have"] == {"stock:1": 3}


async def test_centrifugos_place_follows_what_it_recovered():
    """Its answer names the offset that was asked from; asking from there again would double."""
    viewer = viewer_of(CentrifugoViewer)
    missed = '{"data":' + ROW_TEXT + ',"offset":5}'
    answer = '{"id":2,"subscribe":{"epoch":"e","offset":3,"publications":[' + missed + "]}}"
    viewer.heard(answer.encode())
    sent: list[bytes] = []
    viewer.send = sent.append  # type: ignore[method-assign]
    viewer.hello()
    wish = json.loads(sent[0].split(b"\n")[1])["subscribe"]
    assert wish == {"channel": "stock:1", "recover": True, "offset": 5, "epoch": "e"}


async def test_an_older_value_over_a_newer_one_is_a_step_back():
    viewer = viewer_of(WsViewer)
    for number in (7, 9, 8):
        viewer.heard(json.dumps(ROW | {"n": number}).encode())
    assert viewer.stepped_back == 1


async def test_a_newer_change_of_the_same_topic_stands_for_what_was_left_out():
    viewer = viewer_of(WsViewer)
    changes = [
        Change(1, "stock:1", 10.0, 10.1),
        Change(2, "stock:2", 10.0, 10.1),
        Change(3, "stock:1", 11.0, 11.1),
        Change(4, "stock:2", 12.0, 12.1),
    ]
    viewer.log = [(11.5, [3]), (11.6, [2])]
    late, after, deliveries, lost = peers._late([viewer], changes)
    assert late == pytest.approx([1.5, 0.5, 1.6])
    assert after == pytest.approx([1.4, 0.4, 1.5])
    assert (deliveries, lost) == (2, 1)


async def test_a_topics_changes_are_committed_in_order_whatever_each_takes():
    done: list[int] = []
    waits = iter(range(1_000))

    async def commit(lane: int, topic: str, n: int) -> None:
        del lane, topic
        for _ in range(next(waits) % 3):
            await asyncio.sleep(0)
        done.append(n)

    writer = Writer(commit)
    writer.start(10)
    await writer.run(topics=20, hot=2_000, rate=2_000, seconds=0.02)
    assert sorted(done) == list(range(11, 91))
    for lane in range(4):
        mine = [change.n for change in writer.made if int(change.topic[6:]) % 4 == lane]
        assert mine == sorted(mine)


async def test_an_engine_that_fails_is_left_out_with_its_reason():
    async def fails() -> dict[str, float]:
        raise ConnectionError("it ended with 1")

    skipped: dict[str, str] = {}
    assert await peers._tried("page, nchan", fails(), skipped) is None
    assert "it ended with 1" in skipped["page, nchan"]
    with pytest.raises(ExceptionGroup):
        await peers._tried("page, shopwire", fails(), skipped)


def test_every_peer_is_had_or_says_how():
    """Only what is there already: nothing is fetched by a test."""
    assert set(peers.ENGINES) >= {"shopwire", "ws", "socketio", "nchan", "centrifugo", "zero"}
    assert peers.ENGINES["shopwire"].fetch() is None


def test_a_family_has_the_children():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in family([os.getpid()])
        child.communicate(b"\n")
