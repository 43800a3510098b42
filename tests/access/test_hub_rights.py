"""Rights on a connection: looked at when subscribing, and again when they change."""

import json

import pytest
from tests.sync.desk import ACME, ANNA, CART, DOC, ME, ORDER, OTHER, SHOPPER, Desk
from tests.sync.simulated import SimWire

from shopwire.kernel.identity import LOCAL, Caller
from shopwire.sync.limits import EXPIRING_MS
from shopwire.sync.reducer import Replica


def test_a_shopper_sees_what_is_public_and_what_is_the_shoppers_own():
    desk = Desk(token="me")
    desk.change(CART, 1, {"id": "mine"})
    theirs = f"cart:{OTHER}-1"
    desk.change(theirs, 1, {"id": "theirs"})
    desk.sub(CART, theirs, "stock:A", ORDER, f"order:{ME}-1.1", "payment:x", "cart:nobodys")
    refused = [m["data"]["topic"] for m in desk.take() if m["t"] == "error"]
    assert refused == [theirs, ORDER, "payment:x", "cart:nobodys"]
    assert desk.doc(CART) == {"id": "mine"}
    desk.change(theirs, 2, {"id": "still theirs"})
    assert "theirs" not in json.dumps(desk.seen)


@pytest.mark.parametrize("role", ["anonymous", "shopper", "supplier", "service", "operator"])
def test_the_welcome_says_who_one_is(role):
    desk = Desk(caller=Caller(role=role, subject="sh_x" if role == "shopper" else "x"))
    (welcome,) = desk.take()
    assert welcome["role"] == role


def test_a_token_that_is_no_good_leaves_the_connection_as_it_was():
    desk = Desk(token="forged")
    welcome, problem = desk.take()
    assert (welcome["t"], welcome["role"]) == ("welcome", "anonymous")
    assert (problem["code"], problem["id"]) == (1101, None)
    desk.sub("stock:A")
    assert desk.kinds()[-1] == "live"
    desk.say(t="auth", id=7, token="old")
    (problem,) = desk.take()
    assert (problem["code"], problem["id"]) == (1102, 7)
    desk.say(t="auth", id=8, token="me")
    (authed,) = desk.take()
    assert authed == {
        "t": "authed", "id": 8, "subject": ME, "role": "shopper", "expires_at": 2_000_000,
    }  # fmt: skip
    desk.change("stock:A", 1, {"n": 1})
    assert desk.doc("stock:A") == {"n": 1}


def test_a_token_that_ends_takes_what_it_gave_and_nothing_else():
    desk = Desk(token="me")
    desk.change(CART, 1, {"n": 1})
    desk.sub(CART, "stock:A")
    desk.take()
    desk.clock.ms = SHOPPER.expires_at_ms - EXPIRING_MS
    for _ in range(2):
        desk.fanout.sweep()
        desk.run()
    (warned,) = desk.take()
    assert warned == {"t": "expiring", "in_ms": EXPIRING_MS}
    desk.clock.ms = SHOPPER.expires_at_ms
    desk.fanout.sweep()
    desk.run()
    (revoked,) = desk.take()
    assert revoked == {"t": "revoke", "topic": CART, "reason": "expired"}
    assert desk.replica.docs.get(CART) is None
    desk.change(CART, 2, {"n": 2})
    desk.change("stock:A", 1, {"n": 1})
    assert [m["topic"] for m in desk.take()] == ["stock:A"]
    desk.sub(CART)
    assert desk.take()[0]["code"] == 1010


def test_an_expired_session_is_nobodys_even_where_everybody_is_an_operator():
    desk = Desk(token="me", otherwise=LOCAL)
    desk.clock.ms = SHOPPER.expires_at_ms
    desk.fanout.sweep()
    desk.sub("payment:x")
    assert desk.take()[-2]["code"] == 1010


def test_an_account_that_is_closed_loses_its_topics_at_once_and_keeps_its_connection():
    desk = Desk(token="anna")
    desk.change("payment:x", 1, {"n": 1})
    desk.sub("payment:x", "stock:A")
    desk.take()
    desk.book.void.add(ANNA.account)
    desk.fanout.rights_changed("operator:somebody")
    assert desk.kinds() == []
    desk.fanout.rights_changed(ANNA.account)
    desk.run()
    assert desk.take() == [{"t": "revoke", "topic": "payment:x", "reason": "withdrawn"}]
    desk.change("payment:x", 2, {"n": 2})
    desk.change("stock:A", 1, {"n": 1})
    assert [m["topic"] for m in desk.take()] == ["stock:A"]
    desk.say(t="auth", id=2, token="anna")
    assert desk.take()[0]["code"] == 1101


def test_nothing_of_a_withdrawn_topic_follows_though_the_client_was_slow():
    desk = Desk(token="anna")
    desk.change("payment:x", 1, {"n": 1})
    desk.sub("payment:x", "stock:A")
    desk.take()
    desk.session.on_pause()
    desk.change("payment:x", 2, {"n": 2})
    desk.change("stock:A", 1, {"n": 1})
    desk.book.void.add(ANNA.account)
    desk.fanout.rights_changed(ANNA.account)
    desk.change("payment:x", 3, {"n": 3})
    desk.session.on_resume()
    desk.run()
    assert desk.kinds() == ["revoke", "snap"]
    assert desk.replica.docs.get("payment:x") is None
    assert desk.doc("stock:A") == {"n": 1}


def test_a_topic_withdrawn_while_it_is_read_never_comes():
    desk = Desk(token="anna")
    desk.docs["payment:x"] = (1, b'{"n":1}')
    message = {"t": "sub", "id": 1, "topics": ["payment:x"]}
    desk.session.on_message(json.dumps(message).encode())
    desk.book.void.add(ANNA.account)
    desk.fanout.rights_changed(ANNA.account)
    desk.run()
    assert desk.kinds() == ["welcome", "revoke", "live"]


def test_a_supplier_sees_its_purchase_orders_without_whose_order_it_is():
    desk = Desk(token="acme")
    desk.change(ORDER, 1, DOC)
    other = f"purchase_order:{ME}-1.1/zenith"
    desk.sub(ORDER, other, "supplier:acme", "supplier:zenith", "offer:A/acme", CART)
    refused = [m["data"]["topic"] for m in desk.take() if m["t"] == "error"]
    assert refused == [other, "supplier:zenith", "offer:A/acme", CART]
    assert desk.doc(ORDER) == {"id": "x", "status": "sent"}
    desk.change(ORDER, 2, DOC | {"status": "late"})
    desk.change(ORDER, 3, DOC | {"status": "late", "order_id": "another secret"})
    assert desk.doc(ORDER) == {"id": "x", "status": "late"}
    assert desk.replica.docs.get(ORDER).version == 3
    assert "secret" not in json.dumps(desk.seen)


def test_another_view_replaces_the_document_at_the_same_version():
    desk = Desk(token="anna")
    desk.change(ORDER, 4, DOC)
    desk.sub(ORDER, "stock:A")
    assert desk.doc(ORDER) == DOC
    desk.say(t="auth", id=2, token="acme")
    assert desk.kinds() == ["authed", "narrow", "snap"]
    assert desk.doc(ORDER) == {"id": "x", "status": "sent"}
    desk.change(ORDER, 5, DOC | {"status": "late"})
    assert desk.doc(ORDER) == {"id": "x", "status": "late"}
    desk.say(t="auth", id=3, token="anna")
    assert desk.doc(ORDER) == DOC | {"status": "late"}
    assert desk.fanout.narrowed == {}


def test_who_sees_a_part_of_a_topic_does_not_keep_the_whole_of_it(monkeypatch):
    """Nobody watches the whole any more: it goes when others are newer, whoever sees a part."""
    monkeypatch.setattr("shopwire.sync.fanout.TOPICS_IDLE_MAX", 1)
    desk = Desk(token="anna")
    desk.change(ORDER, 1, DOC)
    desk.sub(ORDER)
    desk.say(t="auth", id=2, token="acme")
    assert desk.doc(ORDER) == {"id": "x", "status": "sent"}
    for topic in ("stock:A", "stock:B"):
        desk.say(t="sub", id=3, topics=[topic])
        desk.run()
        desk.say(t="unsub", id=4, topics=[topic])
    desk.run()
    assert ORDER not in desk.fanout.topics
    desk.change(ORDER, 2, DOC | {"status": "late"})
    assert desk.doc(ORDER) == {"id": "x", "status": "late"}


def test_both_views_of_a_topic_are_kept_in_step_side_by_side():
    desk = Desk(token="anna")
    desk.change(ORDER, 1, DOC)
    desk.sub(ORDER)
    wire = SimWire()
    supplier = desk.fanout.open(wire, ACME)
    for message in ({"t": "hello", "proto": 1}, {"t": "sub", "id": 1, "topics": [ORDER]}):
        supplier.on_message(json.dumps(message).encode())
    desk.run()
    desk.change(ORDER, 2, DOC | {"status": "late"})
    assert desk.doc(ORDER) == DOC | {"status": "late"}
    other = Replica()
    for frame in wire.frames:
        other.apply(json.loads(frame))
    assert other.docs[ORDER].document == {"id": "x", "status": "late"}
    supplier.on_closed()
    assert desk.fanout.narrowed == {}


def test_what_was_granted_to_a_program_can_be_withdrawn():
    program = Caller(role="service", subject="stats")
    desk = Desk(caller=program)
    desk.sub("payment:x")
    assert desk.take()[-2]["code"] == 1010
    desk.book.grants.add((program.account, "payment"))
    desk.change("payment:x", 1, {"n": 1})
    desk.sub("payment:x")
    assert desk.doc("payment:x") == {"n": 1}
    desk.book.grants.clear()
    desk.fanout.rights_changed(program.account)
    desk.run()
    assert desk.doc("payment:x") is None
