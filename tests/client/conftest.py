"""What all tests here share: their clients are patient."""

import pytest
from tests.sync.served import expect_no_beats


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    expect_no_beats(monkeypatch)
