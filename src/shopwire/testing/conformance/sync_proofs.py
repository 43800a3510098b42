"""What every server does about digests and facts; docs/protocol/sync-v1.md sections 4 and 14.

Subclass `ProofsConformance` and provide the fixture `target`, as for `SyncConformance`; its caller
without a token may see orders.
"""

from typing import Any, Final

from shopwire.sync.digests import digest_of_documents
from shopwire.sync.reducer import Held
from shopwire.testing.conformance.sync import Peer, Target, connected, items_of

PADDING: Final = "the same in every version, so that a change is smaller " * 3
STORY: Final = 12
"""Versions of a story: more than anybody would keep by chance."""


def digest(peer: Peer, *topics: str) -> dict[str, Any]:
    """What a client says about what it holds."""
    held = {topic: tuple(peer.replica.docs[topic]) for topic in topics}
    versions = {topic: version for topic, (version, _) in held.items()}
    return {"t": "digest", "id": 9, "topics": versions, "hash": digest_of_documents(held)}


async def told(peer: Peer, topic: str, last: int) -> list[int]:
    """Versions of a topic in the order in which they come, up to one."""
    versions: list[int] = []
    while not versions or versions[-1] < last:
        message = await peer.hear()
        assert isinstance(message, dict)
        versions += [item["v"] for item in items_of([message]) if item.get("topic") == topic]
    return versions


class ProofsConformance:
    """Whether what is held is proven, and what happened is told."""

    async def test_who_holds_the_same_is_told_so(self, target: Target) -> None:
        """Whatever a document may contain, and whether it is gone or never was."""
        odd = {"ü": '\u2028\u0000"\\/', "": [1, {"b": None, "a": True}], "n": -7, "a": {}}
        await target.change([("stock:odd", odd), ("product:odd", {"n": 1})])
        await target.change([("product:odd", None)])
        topics = ["stock:odd", "product:odd", "price:odd"]
        async with connected(target) as peer:
            await peer.hello()
            await peer.sub(topics)
            peer.say(digest(peer, *topics))
            assert (await peer.hear()) == {"t": "same", "id": 9}
            peer.say({"t": "digest", "id": 10, "topics": {}, "hash": "00000000"})
            assert (await peer.hear()) == {"t": "same", "id": 10}

    async def test_who_holds_something_else_finds_it_and_heals(self, target: Target) -> None:
        """A planted divergence at the same version: nothing else would ever show it."""
        topics = ["stock:planted", "stock:sound"]
        await target.change([(topic, {"n": 1}) for topic in topics])
        async with connected(target) as peer:
            await peer.hello()
            await peer.sub(topics)
            replica = peer.replica
            replica.docs["stock:planted"] = Held(1, {"n": 666})
            peer.say(digest(peer, *topics))
            (differ,) = await peer.until("differ")
            assert sorted(differ["topics"]) == topics
            wrong = [
                topic
                for topic in topics
                if digest_of_documents({topic: tuple(replica.docs[topic])})
                != differ["hashes"][topic]
            ]
            assert wrong == ["stock:planted"]
            replica.suspect.update(wrong)
            await peer.sub(wrong, 2)
            assert replica.docs["stock:planted"] == Held(1, {"n": 1})
            peer.say(digest(peer, *topics))
            assert (await peer.hear()) == {"t": "same", "id": 9}

    async def test_what_the_server_cannot_compare_differs(self, target: Target) -> None:
        """A topic that is not subscribed to, a version that never was."""
        await target.change([("stock:apart", {"n": 1})])
        async with connected(target) as peer:
            await peer.hello()
            await peer.sub(["stock:apart"])
            for topics in ({"stock:stranger": 0}, {"stock:apart": 7}):
                peer.say({"t": "digest", "id": 3, "topics": topics, "hash": "00000000"})
                (differ,) = await peer.until("differ")
                assert differ["hashes"] == dict.fromkeys(topics, "")

    async def test_each_transition_of_a_fact_is_told(self, target: Target) -> None:
        """However fast they follow each other; state may be conflated beside it."""
        order = "order:sh_story-1.1"
        async with connected(target) as peer:
            await peer.hello()
            await peer.sub([order, "stock:story"])
            for n in range(1, STORY + 1):
                document = {"n": n, "text": PADDING}
                await target.change([(order, document), ("stock:story", document)])
            assert await told(peer, order, STORY) == list(range(1, STORY + 1))
            await peer.until_held("stock:story", STORY)
            assert peer.replica.docs[order].document == {"n": STORY, "text": PADDING}
            assert peer.replica.missed == {}

    async def test_what_happened_meanwhile_is_told_in_front_of_live(self, target: Target) -> None:
        """Who comes back gets each transition that was missed, then the next ones."""
        order = "order:sh_away-1.1"
        await target.change([(order, {"n": 1, "text": PADDING})])
        async with connected(target) as peer:
            epoch = (await peer.hello())["epoch"]
            await peer.sub([order])
            replica = peer.replica
        for n in range(2, STORY + 1):
            await target.change([(order, {"n": n, "text": PADDING})])
        async with connected(target) as peer:
            peer.replica = replica
            await peer.hello(epoch)
            items = await peer.sub([order], have={order: 1})
            assert [item["v"] for item in items] == list(range(2, STORY + 1))
            await target.change([(order, {"n": STORY + 1, "text": PADDING})])
            assert await told(peer, order, STORY + 1) == [STORY + 1]
            assert replica.docs[order].document["n"] == STORY + 1
            assert replica.missed == {}

    async def test_who_held_nothing_begins_with_the_newest(self, target: Target) -> None:
        """The first snapshot of a fact is where the telling begins."""
        order = "order:sh_late-1.1"
        for n in range(1, 5):
            await target.change([(order, {"n": n})])
        async with connected(target) as peer:
            await peer.hello()
            (item,) = await peer.sub([order])
            assert (item["t"], item["v"]) == ("snap", 4)
