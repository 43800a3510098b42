"""picows and the ASGI fallback pass the same suite, and so does a hub on a log that is shared."""

import pytest
from tests.sync.served import serving

from shopwire.services.shared_log import SharedLog
from shopwire.testing.conformance.sync import SyncConformance

pytestmark = pytest.mark.anyio


class TestPicows(SyncConformance):
    @pytest.fixture
    async def target(self):
        async with serving() as shop:
            yield shop


class TestAsgi(SyncConformance):
    @pytest.fixture
    async def target(self):
        async with serving(picows=False) as shop:
            yield shop


class TestShared(SyncConformance):
    @pytest.fixture
    async def target(self):
        logs = []

        def share(log):
            logs.append(SharedLog(log))
            return logs[0]

        async with serving(share=share) as shop:
            yield shop
        await logs[0].close()
