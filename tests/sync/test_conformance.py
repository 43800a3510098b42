"""picows and the ASGI fallback pass the same suite."""

import pytest
from tests.sync.served import serving

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
