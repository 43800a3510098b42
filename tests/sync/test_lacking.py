"""Who is told what of several topics at once: by places, as if each client were looked at."""

from array import array

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire.sync.broadcast import Broadcast
from shopwire.sync.bundles import Lacking
from shopwire.sync.readers import Audience, Readers
from shopwire.sync.waiting import NO_PLACE


class Screen:
    """As much of a session as is asked for here."""

    def __init__(self, place=NO_PLACE, *, short=False) -> None:
        self.place, self.short = place, short
        self.push = None
        self.watched = {}


def item(topic):
    return b'{"t":"patch","topic":"stock:%d","from":1,"v":2,"set":{"n":1},"at":5}' % topic


def topics_of(frame):
    told = msgspec.json.decode(frame)
    return [one["topic"] for one in told.get("items", [told])]


def wanted_of(wishes):
    wanted = {}
    for topic, watching in enumerate(wishes):
        for one in watching:
            wanted.setdefault(one, []).append(f"stock:{topic}")
    return wanted


WISHES = st.lists(st.sets(st.integers(0, 9)), max_size=8)


@settings(max_examples=40, deadline=None)
@given(WISHES, st.booleans())
def test_everybody_gets_one_frame_with_exactly_what_it_lacks(wishes, placed):
    lacking, screens = Lacking(short=False), [Screen() for _ in range(10)]
    for topic, watching in enumerate(wishes):
        if placed:
            lacking.add(array("I", sorted(watching)), (), [item(topic)])
        else:
            lacking.add(array("I"), [screens[one] for one in watching], [item(topic)])
    told = {}
    for some, frame in lacking.by_places() if placed else lacking.by_sessions():
        for one in some:
            number = one if placed else screens.index(one)
            assert number not in told
            told[number] = sorted(topics_of(frame))
    assert told == wanted_of(wishes)


def test_transitions_of_one_topic_stay_in_their_order():
    lacking = Lacking(short=False)
    lacking.add(array("I", [1]), (), [item(3), item(1), item(2)])
    ((_, frame),) = lacking.by_places()
    assert topics_of(frame) == ["stock:3", "stock:1", "stock:2"]


def test_what_changed_first_comes_first():
    lacking = Lacking(short=False)
    lacking.add(array("I", [1, 2]), (), [item(0)])
    lacking.add(array("I", [1]), (), [item(1)])
    frames = {place: frame for some, frame in lacking.by_places() for place in some}
    assert topics_of(frames[1]) == ["stock:0", "stock:1"]


def test_clients_that_read_ticks_get_ticks():
    lacking = Lacking(short=True)
    for topic in range(2):
        lacking.add(array("I", [1]), (), [item(topic)])
    ((_, frame),) = lacking.by_places()
    assert b'"patch"' not in frame


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["join", "leave", "ask"]), st.integers(0, 5))))
def test_the_places_of_an_audience_are_those_of_who_is_in_it(steps):
    audience = Audience()
    screens = [Screen(number or NO_PLACE) for number in range(6)]
    for what, number in steps:
        if what == "join":
            audience.join(screens[number])
        elif what == "leave":
            if audience.pop(screens[number], audience) is not audience:
                audience.changed()
        else:
            late = frozenset(screen for screen in audience if screen is screens[number])
            rest = [screen for screen in audience if screen not in late]
            placed = [screen.place for screen in rest if screen.place != NO_PLACE]
            assert list(audience.places(late)) == placed
            assert [s.place for s in audience.unplaced(late)] == [NO_PLACE] * (
                len(rest) - len(placed)
            )


class Together:
    """Places without sockets."""

    bytes_max, usable = 1_000, True

    def join(self, file):
        return file

    def leave(self, place):
        """Free again."""


class State:
    """A topic with its readers."""

    def __init__(self) -> None:
        self.sessions = Readers()


@pytest.mark.parametrize("short", [False, True])
def test_a_place_that_changes_hands_is_no_longer_its_readers(short):
    """Else what it watched would be told to whoever has the place then."""
    broadcast, screen, state = Broadcast(Together()), Screen(short=short), State()
    screen.watched["stock:A"] = state
    state.sessions.add(screen)
    audience = state.sessions.ticks if short else state.sessions.plain
    assert list(audience.places(frozenset())) == []
    assert broadcast.join(screen, 7)
    assert list(audience.places(frozenset())) == [7]
    assert not audience.unplaced(frozenset())
    broadcast.leave(screen)
    assert list(audience.places(frozenset())) == []
    assert list(audience.unplaced(frozenset())) == [screen]
