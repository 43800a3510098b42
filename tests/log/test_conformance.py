"""The memory twin and PostgreSQL pass the same suites."""

import pytest

from shopwire.testing.conformance import LogConformance, StorageConformance

pytestmark = pytest.mark.anyio


class TestLog(LogConformance):
    pass


class TestStorage(StorageConformance):
    pass
