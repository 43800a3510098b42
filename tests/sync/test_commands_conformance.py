"""Commands over picows and over the ASGI fallback pass the same suite."""

import pytest
from tests.sync.commanding import commanding

from shopwire.testing.conformance.sync_commands import CommandsConformance

pytestmark = pytest.mark.anyio


class TestPicows(CommandsConformance):
    @pytest.fixture
    async def target(self, tmp_path):
        async with commanding(tmp_path) as shop:
            yield shop


class TestAsgi(CommandsConformance):
    @pytest.fixture
    async def target(self, tmp_path):
        async with commanding(tmp_path, picows=False) as shop:
            yield shop
