"""Who is looked after when: nobody before there is something to see, and nobody too late."""

import math

import pytest
from tests.sync.desk import SHOPPER, Desk
from tests.sync.simulated import SimWire

from shopwire.sync.codes import CloseCode
from shopwire.sync.limits import EXPIRING_MS, LATE_MS_MIN, Limits


@pytest.fixture
def desk():
    return Desk()


def looks(desk, wire, moved=()):
    """The moments at which the wire is asked, each second for a while."""
    asked, taken, now = [], set(moved), 0

    def progressed():
        asked.append(now)
        fresh = {at for at in taken if at <= now}
        taken.difference_update(fresh)
        return bool(fresh)

    wire.progressed = progressed
    for second in range(1, 61):
        now = second
        desk.clock.ms += 1_000
        desk.fanout.sweep()
        if wire.closed is not None:
            break
    return asked, now


def test_a_client_that_was_heard_is_left_alone_until_it_would_be_pinged(desk):
    limits = Limits()
    asked, ended = looks(desk, desk.wire)
    assert asked[0] == limits.ping_after_ms // 1_000
    assert desk.wire.closed is CloseCode.SILENT
    assert ended == limits.silence_ms_max // 1_000


def test_what_was_taken_before_anybody_looked_is_no_sign_of_life(desk):
    _, ended = looks(desk, desk.wire, moved=[3])
    assert ended == Limits().silence_ms_max // 1_000


def test_a_sign_of_life_while_it_is_looked_at_counts_from_then(desk):
    _, ended = looks(desk, desk.wire, moved=[3, 25])
    assert ended == 25 + Limits().silence_ms_max // 1_000


def test_nor_what_was_taken_while_it_was_left_alone_again(desk):
    _, ended = looks(desk, desk.wire, moved=[25, 28])
    assert ended == 25 + Limits().silence_ms_max // 1_000


def test_nobody_looks_in_between(desk, monkeypatch):
    looked = []
    monkeypatch.setattr("shopwire.sync.session.look", lambda *_: looked.append(1))
    desk.session.due_ms, desk.session.token_ms = desk.clock.ms + 1, math.inf
    desk.fanout.sweep()
    assert not looked
    desk.clock.ms += 1
    desk.fanout.sweep()
    assert looked


def test_who_does_not_say_hello_is_closed_in_time():
    limits = Limits(hello_ms_max=3_000)
    desk, wire = Desk(), SimWire()
    desk.fanout.limits = limits
    desk.fanout.open(wire)
    for closed in (None, None, CloseCode.HELLO_TIMEOUT):
        desk.clock.ms += 1_000
        desk.fanout.sweep()
        assert wire.closed is closed


def test_before_its_hello_nobody_is_told_of_a_token():
    desk, wire = Desk(), SimWire()
    session = desk.fanout.open(wire, SHOPPER)
    desk.clock.now_ms = lambda: SHOPPER.expires_at_ms
    desk.fanout.sweep()
    assert session.caller == SHOPPER
    assert not wire.frames


def test_a_round_that_was_missed_cuts_nobody_at_the_first_look(desk):
    desk.wire.progressed = lambda: False
    desk.clock.ms += 10 * Limits().silence_ms_max
    desk.fanout.sweep()
    assert desk.wire.closed is None
    desk.fanout.sweep()
    assert desk.wire.closed is CloseCode.SILENT


@pytest.mark.parametrize(("late_ms", "excused"), [(LATE_MS_MIN, True), (LATE_MS_MIN - 1, False)])
def test_only_what_came_noticeably_late_excuses_silence(desk, late_ms, excused):
    before = desk.session.heard_ms
    desk.fanout.sweep(late_ms)
    assert (desk.session.heard_ms > before) is excused


def test_the_end_of_a_token_is_seen_by_the_clock_of_the_machine_whenever_it_is_set(desk):
    desk = Desk(token="me")
    desk.fanout.sweep()
    desk.take()
    due = desk.session.due_ms
    desk.clock.now_ms = lambda: SHOPPER.expires_at_ms - EXPIRING_MS
    assert desk.clock.monotonic_ms() < due
    desk.fanout.sweep()
    assert [message["t"] for message in desk.take()] == ["expiring"]


def test_another_token_is_looked_at_by_its_own_end():
    desk = Desk(token="me")
    desk.fanout.sweep()
    assert desk.session.token_ms == SHOPPER.expires_at_ms - EXPIRING_MS
    desk.say(t="auth", id=2, token="anna")
    assert desk.session.token_ms <= desk.clock.now_ms()


def test_a_connection_that_is_closed_is_not_looked_at(desk):
    asked = []
    desk.wire.progressed = lambda: asked.append(1)
    desk.session.on_closed()
    desk.clock.ms += Limits().silence_ms_max
    desk.fanout.sweep(some=[desk.session])
    assert not asked
