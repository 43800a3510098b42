"""Accounts that are closed, tokens that end, views that change: no leak, no skipped fact."""

import os

import pytest
from tests.simulation.search import first

from shopwire.testing.simulation.stories import StoryWorld
from shopwire.testing.simulation.verdict import judge

SEEDS = int(os.environ.get("SHOPWIRE_SEEDS", "600")) // 3
"""Histories; more of them by SHOPWIRE_SEEDS=30000."""
STEPS = 400
FOUND = (118, 137, 286, 576)
"""Where a sub was called live without a document that was being fetched in another view, and where
somebody held what he might not see, or not so, when he came back as somebody else."""


def test_every_history_with_rights_ends_at_what_may_be_seen():
    verdict = judge(range(SEEDS), STEPS, StoryWorld)
    assert verdict.violations == ()
    assert verdict.seen.keys() >= {"revoke", "narrow", "authed", "reset", "same", "error"}


@pytest.mark.parametrize("seed", FOUND)
def test_a_history_that_once_ended_elsewhere(seed):
    assert judge([seed], STEPS, StoryWorld).violations == ()


def test_a_leak_would_be_seen(monkeypatch):
    monkeypatch.setattr("shopwire.sync.session.Session.recheck", lambda self, reason: None)
    leak = "sent to somebody who may not see it"

    def leaks(seed):
        return any(leak in line for line in judge([seed], STEPS, StoryWorld).violations)

    assert first(leak, leaks)
