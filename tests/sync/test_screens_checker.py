"""The judge of screens: it accuses no right history, and finds every planted lie."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire.testing.checkers import Committed, Felt, Shown, check_screens

TOPICS = ("stock:A", "price:A", "order:x")
SCREENS = ("tab", "phone")


def is_fact(topic):
    return topic.startswith("order:")


class History:
    """A right one: commits, and screens that follow with a delay and are honest about it."""

    def __init__(self, seed) -> None:
        self.chance = random.Random(seed)
        self.commits, self.shown, self.felt = [], [], []
        versions = dict.fromkeys(TOPICS, 0)
        for number in range(40):
            topic = self.chance.choice(TOPICS)
            versions[topic] += 1
            digest = f"{topic}-{versions[topic]}"
            self.commits.append(
                Committed(topic=topic, version=versions[topic], at_ms=number * 400.0, digest=digest)
            )
        for screen in SCREENS:
            self.follow(screen)

    def follow(self, screen):
        """Away for a while in the middle, and told of the newest state and every fact then."""
        away = self.chance.uniform(3_000, 6_000)
        back = away + self.chance.uniform(2_000, 8_000)
        missed = {topic: [] for topic in TOPICS}
        for commit in self.commits:
            at_ms = commit.at_ms + self.chance.uniform(0, 90)
            if away <= at_ms <= back:
                missed[commit.topic].append(commit)
            else:
                self.show(screen, commit, at_ms)
        for commits in missed.values():
            for commit in commits if commits and is_fact(commits[0].topic) else commits[-1:]:
                self.show(screen, commit, back + commit.version / 1_000)
        self.shown.sort(key=lambda step: step.at_ms)
        for number in range(90):
            at_ms = number * 200.0
            status = "offline" if away <= at_ms <= back + 100 else "live"
            self.felt.append(Felt(screen=screen, at_ms=at_ms, status=status))

    def show(self, screen, commit, at_ms):
        self.shown.append(
            Shown(
                screen=screen,
                at_ms=at_ms,
                topic=commit.topic,
                epoch=1,
                version=commit.version,
                digest=commit.digest,
            )
        )

    def judged(self):
        return check_screens(self.shown, self.felt, self.commits, is_fact=is_fact)

    def story(self, screen="tab", topic="stock:A"):
        return [
            (number, step)
            for number, step in enumerate(self.shown)
            if (step.screen, step.topic) == (screen, topic)
        ]


@given(st.integers(0, 10**6))
@settings(max_examples=200, deadline=None)
def test_a_right_history_is_not_accused(seed):
    assert History(seed).judged() == []


def double(history):
    number, step = history.story()[-1]
    history.shown.insert(number + 1, step)
    return "was shown twice"


def step_back(history):
    (first, a), (second, b) = history.story()[-2:]
    history.shown[first], history.shown[second] = b, a
    return "came after v"


def lost_fact(history):
    number, _ = history.story(topic="order:x")[-2]
    del history.shown[number]
    return "a fact is missing"


def other_document(history):
    number, step = history.story()[-1]
    history.shown[number] = msgspec.structs.replace(step, digest="another")
    return "is another, the log has"


def never_was(history):
    _, step = history.story()[-1]
    history.shown.append(msgspec.structs.replace(step, version=step.version + 1))
    return "was never committed"


def stays_behind(history):
    number, _ = history.story()[-1]
    del history.shown[number]
    return "the log at v"


def says_live_while_late(history):
    history.shown = [
        msgspec.structs.replace(step, at_ms=step.at_ms + 4_500) if step.screen == "tab" else step
        for step in history.shown
    ]
    return "was missing while the screen said live"


PLANTED = [
    double,
    step_back,
    lost_fact,
    other_document,
    never_was,
    stays_behind,
    says_live_while_late,
]


@pytest.mark.parametrize("plant", PLANTED)
def test_every_planted_lie_is_found(plant):
    for seed in range(60):
        history = History(seed)
        reason = plant(history)
        findings = history.judged()
        assert any(reason in finding.reason for finding in findings), (seed, findings)
        assert all(finding.where.startswith("tab ") for finding in findings), findings


def test_a_screen_that_showed_nothing_is_found():
    history = History(1)
    history.shown = [step for step in history.shown if step.screen != "phone"]
    assert {finding.where.split()[0] for finding in history.judged()} == {"phone"}


def test_another_epoch_begins_anew():
    history = History(1)
    shown = [
        msgspec.structs.replace(step, epoch=2, at_ms=step.at_ms + 60_000) for step in history.shown
    ]
    assert check_screens([*history.shown, *shown], history.felt, history.commits) == []
