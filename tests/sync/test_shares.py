"""How often a change could be told as a change."""

import json

from tests.sync.desk import Desk
from tests.sync.test_facts import ORDER, Story

from shopwire.kernel.identity import LOCAL
from shopwire.sync.limits import HISTORY_VERSIONS_MAX
from shopwire.sync.stats import stats_of

PADDING = "the same in every version " * 9


def told(desk):
    stats = stats_of(desk.fanout)
    return stats.changes, stats.changes_whole


def change(desk, version, topic="stock:A"):
    desk.change(topic, version, {"n": version, "padding": PADDING})


def test_first_snapshots_are_no_changes():
    desk = Desk()
    change(desk, 1)
    desk.sub("stock:A", "stock:B")
    assert told(desk) == (0, 0)
    assert stats_of(desk.fanout).delta_share == 1


def test_what_follows_is_told_as_a_change():
    desk = Desk()
    desk.sub("stock:A", "stock:B")
    change(desk, 1)
    change(desk, 2)
    assert told(desk) == (2, 0)


def test_a_burst_that_a_slow_client_missed_is_one_change_while_its_base_is_kept():
    desk = Desk()
    desk.sub("stock:A")
    change(desk, 1)
    desk.session.on_pause()
    for version in range(2, 2 + HISTORY_VERSIONS_MAX):
        change(desk, version)
    desk.session.on_resume()
    desk.run()
    assert desk.kinds()[-1] == "patch"
    assert told(desk) == (2, 0)


def test_who_missed_more_than_is_kept_is_counted():
    desk = Desk()
    desk.sub("stock:A")
    change(desk, 1)
    desk.session.on_pause()
    for version in range(2, 3 + HISTORY_VERSIONS_MAX):
        change(desk, version)
    desk.session.on_resume()
    desk.run()
    assert desk.kinds()[-1] == "snap"
    assert told(desk) == (2, 1)
    assert stats_of(desk.fanout).delta_share == 0.5


def test_facts_that_the_log_has_no_more_are_counted():
    story = Story(caller=LOCAL)
    for version in range(1, 10):
        change(story, version, ORDER)
    story.log_from = 5
    message = {"t": "sub", "id": 1, "topics": [ORDER], "have": {ORDER: 7}, "epoch": 1}
    story.session.on_message(json.dumps(message).encode())
    story.run()
    assert told(story) == (1, 0)
    story.say(**(message | {"have": {ORDER: 2}}))
    assert told(story) == (2, 1)
