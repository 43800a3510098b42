"""Time for clients that are processes of their own: a busy machine must decide nothing."""

import pytest

KIT = "shopwire.testing.conformance.clients"
BOUNDS = ("driver.WAIT_S", "stage.WAIT_S", "rules.DIGEST_S_MAX", "__main__.RULE_S_MAX")
DOORS = ("sync_doors.REVOKED_MS_MAX", "sync_doors.BEAT_MS_MAX", "clients.at_doors.REVOKED_MS_MAX")
WAIT_S = 240
"""Less than pytest waits for a test, so that a rule says which step it is that never came."""


def wait_for_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kit's bounds are those of somebody who develops a client and wants to know soon."""
    for name in BOUNDS:
        monkeypatch.setattr(f"{KIT}.{name}", WAIT_S)


def wait_for_doors(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a server that is asked from elsewhere, which is to be quick."""
    for name in DOORS:
        monkeypatch.setattr(f"shopwire.testing.conformance.{name}", WAIT_S * 1_000)
