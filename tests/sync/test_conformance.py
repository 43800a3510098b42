"""picows and the ASGI fallback pass the same suite, and so does a hub on a log that is shared."""

import pytest
from tests.sync.accounts import guarded
from tests.sync.served import serving

from shopwire.kernel.identity import LOCAL
from shopwire.services.shared_log import SharedLog
from shopwire.sync.rights import Rights
from shopwire.testing.conformance.sync import SyncConformance
from shopwire.testing.conformance.sync_proofs import ProofsConformance
from shopwire.testing.conformance.sync_rights import RightsConformance

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


class TestProofs(ProofsConformance):
    @pytest.fixture
    async def target(self):
        async with serving(picows=False, rights=Rights(otherwise=LOCAL)) as shop:
            yield shop


class TestRights(RightsConformance):
    @pytest.fixture
    async def target(self):
        async with guarded() as shop:
            yield shop
