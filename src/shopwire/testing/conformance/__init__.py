"""Suites that every adapter of a port passes.

An adapter's test module subclasses a suite and provides the fixture `harness`; the tests are
coroutines, so the module marks itself with `pytest.mark.anyio`.
"""

from shopwire.testing.conformance.harness import Harness, Opened
from shopwire.testing.conformance.log import LogConformance
from shopwire.testing.conformance.storage import StorageConformance

__all__ = ["Harness", "LogConformance", "Opened", "StorageConformance"]
