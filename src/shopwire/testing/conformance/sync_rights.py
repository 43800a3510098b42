"""What every server does about callers and rights; docs/protocol/sync-v1.md section 13.

Subclass `RightsConformance` and provide the fixture `target`, as for `SyncConformance`; it also
gives out tokens and takes rights back.
"""

import json
from typing import Any, Final, Protocol

import pytest

from shopwire.sync.reducer import Held
from shopwire.testing.conformance.sync import Peer, Target, connected, items_of
from shopwire.testing.conformance.sync_events import streaming

ME: Final = "sh_conforming"
THEM: Final = "sh_somebody"
SUPPLIER: Final = "acme"
OTHER_SUPPLIER: Final = "zenith"
HIDDEN: Final = "nobody-else-may-read-this"
SHORT_MS: Final = 1_500
"""Life of a token that ends while a test looks on."""


class AccessTarget(Target, Protocol):
    """The server under test, and who decides about accounts there."""

    async def token(self, role: str, subject: str, lasts_ms: int) -> str:
        """A token; a supplier's subject is the supplier that it speaks for."""
        ...

    async def withdraw(self, role: str, subject: str) -> None:
        """Ends the sessions of an account; returns when the server knows."""
        ...


async def enter(target: AccessTarget, peer: Peer, role: str, subject: str) -> dict[str, Any]:
    """Says hello with a token of an hour, and returns the welcome."""
    token = await target.token(role, subject, 3_600_000)
    peer.say({"t": "hello", "proto": 1, "epoch": None, "token": token})
    return (await peer.until("welcome"))[-1]


async def refused(peer: Peer, topic: str, sub: int = 1) -> dict[str, Any]:
    """Subscribes to one topic and returns the refusal."""
    peer.say({"t": "sub", "id": sub, "topics": [topic]})
    heard = await peer.until("live")
    (error,) = (message for message in heard if message["t"] == "error")
    assert (error["code"], error["id"], error["data"]["topic"]) == (1010, sub, topic)
    assert topic not in peer.replica.docs
    return error


class RightsConformance:
    """The rules of callers and rights, one by one."""

    @pytest.mark.parametrize("role", ["shopper", "operator", "supplier"])
    async def test_the_welcome_says_whom_a_token_stands_for(
        self, target: AccessTarget, role: str
    ) -> None:
        """By the token of hello."""
        async with connected(target) as peer:
            assert (await enter(target, peer, role, f"{ME}-{role}"))["role"] == role

    async def test_a_token_that_is_no_good_closes_nothing(self, target: AccessTarget) -> None:
        """In hello: an error behind the welcome, and the connection goes on without it."""
        async with connected(target) as peer:
            peer.say({"t": "hello", "proto": 1, "epoch": None, "token": "no.good.token"})
            before = (await peer.until("welcome"))[-1]["role"]
            (error,) = await peer.until("error")
            assert (error["code"], error["id"], error["status"]) == (1101, None, 401)
            assert before != "supplier"
            assert await peer.sub(["stock:rights-open"])

    async def test_a_fresh_token_changes_who_a_connection_speaks_for(
        self, target: AccessTarget
    ) -> None:
        """What was refused before is allowed behind `authed`."""
        topic = f"cart:{ME}-fresh"
        await target.change([(topic, {"n": 1})])
        async with connected(target) as peer:
            await enter(target, peer, "shopper", THEM)
            await refused(peer, topic)
            token = await target.token("shopper", ME, 3_600_000)
            peer.say({"t": "auth", "id": 5, "token": token})
            (authed,) = await peer.until("authed")
            assert (authed["id"], authed["subject"], authed["role"]) == (5, ME, "shopper")
            assert authed["expires_at"] > 0
            await peer.sub([topic], 6)
            assert peer.replica.docs[topic].document == {"n": 1}

    async def test_a_refresh_that_fails_leaves_the_connection_as_it_was(
        self, target: AccessTarget
    ) -> None:
        """Class 13 of the known bugs: the socket dies, or promises never settle."""
        topic = f"cart:{ME}-refresh"
        async with connected(target) as peer:
            await enter(target, peer, "shopper", ME)
            await peer.sub([topic])
            peer.say({"t": "auth", "id": 5, "token": "no.good.token"})
            (error,) = await peer.until("error")
            assert (error["code"], error["id"]) == (1101, 5)
            await target.change([(topic, {"n": 1})])
            await peer.until_held(topic, 1)

    async def test_a_shopper_sees_what_is_the_shoppers_own(self, target: AccessTarget) -> None:
        """By its name alone, so before it exists, too."""
        mine, theirs = f"order:{ME}-own.1", f"order:{THEM}-own.1"
        await target.change([(theirs, {"secret": HIDDEN})])
        async with connected(target) as peer:
            await enter(target, peer, "shopper", ME)
            assert await peer.sub([mine])
            assert peer.replica.docs[mine] == Held(0, None)
            assert (await refused(peer, theirs, 2))["data"]["reason"] == "not_allowed"
            await target.change([(mine, {"n": 1}), (theirs, {"secret": HIDDEN, "n": 2})])
            await peer.until_held(mine, 1)
            assert peer.replica.versions == {mine: 1}

    @pytest.mark.parametrize(
        "topic", ["payment:x", "offer:A/acme", "access:operator:x", "ops:pulse", f"cart:{THEM}-1"]
    )
    async def test_a_refusal_says_nothing_of_what_is_refused(
        self, target: AccessTarget, topic: str
    ) -> None:
        """Whether it exists, least of all."""
        async with connected(target) as peer:
            await enter(target, peer, "shopper", ME)
            before = await refused(peer, topic)
            if not topic.startswith("ops:"):
                await target.change([(topic, {"secret": HIDDEN})])
            after = await refused(peer, topic)
            assert after == before
            assert HIDDEN not in json.dumps(after)

    async def test_a_supplier_does_not_see_whose_order_it_is(self, target: AccessTarget) -> None:
        """Neither in snapshots nor in changes, and nothing of other suppliers."""
        mine = f"purchase_order:{THEM}-po.1/{SUPPLIER}"
        await target.change([(mine, {"id": "x", "order_id": HIDDEN, "status": "sent"})])
        heard: list[dict[str, Any]] = []
        async with connected(target) as peer:
            await enter(target, peer, "supplier", SUPPLIER)
            heard += await peer.sub([mine])
            await refused(peer, f"purchase_order:{THEM}-po.1/{OTHER_SUPPLIER}", 2)
            for status in ("late", "done"):
                document = {"id": "x", "order_id": f"{HIDDEN}-{status}", "status": status}
                await target.change([(mine, document)])
            while peer.replica.docs[mine].version < 3:
                message = await peer.hear()
                assert isinstance(message, dict)
                heard += items_of([message])
            assert peer.replica.docs[mine].document == {"id": "x", "status": "done"}
            assert [item["v"] for item in heard if item["t"] in {"snap", "patch"}] == [1, 2, 3]
            assert HIDDEN not in json.dumps(heard)

    async def test_another_view_comes_behind_narrow(self, target: AccessTarget) -> None:
        """At the same version, and nothing of the wider one after it."""
        topic = f"purchase_order:{THEM}-narrow.1/{SUPPLIER}"
        await target.change([(topic, {"id": "x", "order_id": HIDDEN})])
        async with connected(target) as peer:
            await enter(target, peer, "operator", "conforming")
            await peer.sub([topic])
            assert peer.replica.docs[topic].document["order_id"] == HIDDEN
            token = await target.token("supplier", SUPPLIER, 3_600_000)
            peer.say({"t": "auth", "id": 5, "token": token})
            (narrow,) = (await peer.until("narrow"))[1:]
            assert (narrow["topic"], narrow["view"]) == (topic, "supplier")
            assert topic not in peer.replica.docs
            await peer.until_held(topic, 1)
            assert peer.replica.docs[topic] == Held(1, {"id": "x"})

    async def test_what_is_withdrawn_is_taken_back_and_stays_away(
        self, target: AccessTarget
    ) -> None:
        """Class 14 of the known bugs; what is public goes on, on the same connection."""
        topic = "payment:withdrawn"
        await target.change([(topic, {"n": 1}), ("stock:withdrawn", {"n": 1})])
        async with connected(target) as peer:
            await enter(target, peer, "operator", "leaving")
            await peer.sub([topic, "stock:withdrawn"])
            await target.withdraw("operator", "leaving")
            (revoke,) = await peer.until("revoke")
            assert (revoke["topic"], revoke["reason"]) == (topic, "withdrawn")
            assert topic not in peer.replica.docs
            await target.change([(topic, {"n": 2}), ("stock:withdrawn", {"n": 2})])
            message = await peer.hear()
            assert isinstance(message, dict)
            assert [item["topic"] for item in items_of([message])] == ["stock:withdrawn"]
            await refused(peer, topic, 2)

    async def test_a_token_that_ends_takes_what_it_gave_and_closes_nothing(
        self, target: AccessTarget
    ) -> None:
        """Told before; public topics go on; a fresh token brings the rest back."""
        topic = f"cart:{ME}-ending"
        await target.change([(topic, {"n": 1}), ("stock:ending", {"n": 1})])
        async with connected(target) as peer:
            token = await target.token("shopper", ME, SHORT_MS)
            peer.say({"t": "hello", "proto": 1, "epoch": None, "token": token})
            peer.say({"t": "sub", "id": 1, "topics": [topic, "stock:ending"]})
            kinds = {message["t"]: message for message in await peer.until("revoke")}
            assert 0 < kinds["expiring"]["in_ms"] <= 60_000
            assert (kinds["revoke"]["topic"], kinds["revoke"]["reason"]) == (topic, "expired")
            await target.change([(topic, {"n": 2}), ("stock:ending", {"n": 2})])
            await peer.until_held("stock:ending", 2)
            assert topic not in peer.replica.docs
            fresh = await target.token("shopper", ME, 3_600_000)
            peer.say({"t": "auth", "id": 5, "token": fresh})
            await peer.until("authed")
            await peer.sub([topic], 6)
            assert peer.replica.docs[topic] == Held(2, {"n": 2})

    async def test_a_digest_tells_nothing_of_what_may_not_be_seen(
        self, target: AccessTarget
    ) -> None:
        """Not even whether a guess is right."""
        await target.change([("payment:digest", {"n": 1})])
        async with connected(target) as peer:
            await enter(target, peer, "shopper", ME)
            for version in (0, 1):
                topics = {"payment:digest": version}
                peer.say({"t": "digest", "id": 2, "topics": topics, "hash": "00000000"})
                (differ,) = await peer.until("differ")
                assert differ["hashes"] == {"payment:digest": ""}

    async def test_a_stream_takes_a_token_and_refuses_what_it_does_not_allow(
        self, target: AccessTarget
    ) -> None:
        """Server-sent events, by the header that programs send."""
        mine, theirs = f"cart:{ME}-stream", f"cart:{THEM}-stream"
        token = await target.token("shopper", ME, 3_600_000)
        header = f"Authorization: Bearer {token}"
        async with streaming(target, [("topic", mine)], header) as stream:
            assert (await stream.until("live"))[0]["role"] == "shopper"
            await target.change([(mine, {"n": 1})])
            while stream.replica.docs[mine].version < 1:
                await stream.event()
        async with streaming(target, [("topic", theirs)], header) as stream:
            assert stream.status == 404
            assert (await stream.body())["code"] == 1010
        async with streaming(target, [("topic", mine)], "Authorization: Bearer no.good") as stream:
            assert stream.status == 401

    async def test_a_stream_is_told_of_a_withdrawal_and_cannot_go_on_with_it(
        self, target: AccessTarget
    ) -> None:
        """The cursor says that the topic is gone."""
        topic = "payment:stream"
        await target.change([(topic, {"n": 1})])
        token = await target.token("operator", "streaming", 3_600_000)
        header = f"Authorization: Bearer {token}"
        query = [("topic", topic), ("topic", "stock:stream")]
        async with streaming(target, query, header) as stream:
            await stream.until("live")
            assert stream.last_id.endswith(":1.0")
            await target.withdraw("operator", "streaming")
            await stream.until("revoke")
            assert topic not in stream.replica.docs
            await target.change([("stock:stream", {"n": 1})])
            while stream.replica.docs["stock:stream"].version < 1:
                await stream.event()
            assert stream.last_id.endswith(":-.1")
