"""The laws of the port over media that tell nothing back, as far as such a medium can hold them.

What it cannot: say the supplier's own number, accept, ship, or give back a part of what left. That
is the supplier's word, which comes by a door of its own; the tests in its place hold that nothing
is promised meanwhile.
"""

import pytest
from tests.channels.partner import WAY, Partner
from tests.channels.world import road

from shopwire.adapters.suppliers.depots import FolderDepot
from shopwire.adapters.suppliers.files import X12Files
from shopwire.kernel.purchasing import SupplierChannel, SupplierOrder
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.modules.channels.api import PutChannel
from shopwire.testing.conformance.purchasing import (
    SUPPLIER,
    SupplierChannelConformance,
    order_of,
    units,
)

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


class Lossy(SupplierChannel):
    """The database is away, before or after it wrote down that an order was handed over."""

    def __init__(self, inner: SupplierChannel) -> None:
        self.inner, self.loses = inner, ""

    async def send(self, order: SupplierOrder):
        loses, self.loses = self.loses, ""
        answer = None if loses == "request" else await self.inner.send(order)
        if loses or answer is None:
            raise ProviderUnavailable(provider=order.supplier, retry_ms=1)
        return answer

    async def fetch(self, supplier, order_id):
        return await self.inner.fetch(supplier, order_id)

    async def cancel(self, supplier, order_id, lines):
        return await self.inner.cancel(supplier, order_id, lines)


class Outside:
    """A partner's folder behind the channel; what the shop knows it took counts until it left."""

    def __init__(self, it, partner: Partner) -> None:
        self.it, self.partner = it, partner
        self.channel = Lossy(it.ways)
        self._gathers = 0

    async def leaves(self) -> list[str]:
        """Lets everything that waits leave; the numbers of what the partner has then."""
        self._gathers += 1
        rows = await self.it.shop.reads.fetch(
            "SELECT count(*) AS n FROM channel_letter WHERE state = 'queued'"
        )
        if rows[0]["n"]:
            number = len(self.partner.got()) + 1
            # Another number each time, so that it is a change, and room for all that wait.
            most = 100 + self._gathers
            put = PutChannel(supplier=SUPPLIER, way=WAY, gather_ms=0, orders_max=most)
            await self.it.shop.do(put)
            await self.it.bundle_is(f"{SUPPLIER}/{number}", "left")
            await self.it.shop.do(PutChannel(supplier=SUPPLIER, way=WAY, gather_ms=60_000))
        return [one.number for one in self.partner.orders()]

    async def taken(self, order_id):
        if await self.it.ledger.state(order_id) is None:
            return 0
        return len(await self.leaves())

    async def address(self, order_id):
        assert await self.it.ledger.state(order_id) == "left"
        return bool(self.partner.orders()[-1].parties)

    async def lose(self, _order_id, what):
        self.channel.loses = what

    async def ship(self, _order_id):
        await self.leaves()


class TestX12(SupplierChannelConformance):
    @pytest.fixture
    async def outside(self, database_url, tmp_path):
        partner = Partner(tmp_path / "acme")
        media = {"x12": X12Files(lambda _: FolderDepot(partner.root))}
        async with road(database_url, media, way=WAY, gather_ms=60_000) as it:
            yield Outside(it, partner)

    async def test_two_orders_have_two_numbers(self, outside):
        """The shop's own: the supplier's comes with its acknowledgement."""
        for own_id in ("cart-0000-abc.1/acme", "cart-0000-abc.1/acme/2"):
            await outside.channel.send(order_of(own_id))
        assert sorted(await outside.leaves()) == ["P000001", "P000002"]

    async def test_units_are_given_back_once_in_total(self, outside):
        """All of them, as long as nothing left."""
        order = order_of()
        await outside.channel.send(order)
        for _ in range(2):
            answer = await outside.channel.cancel(SUPPLIER, order.id, units(A=3, B=1))
            assert set(answer.lines) == set(units(A=3, B=1))
        assert await outside.leaves() == []

    async def test_an_acknowledgement_counts_units_that_were_given_back_since(self, outside):
        """There is none before the supplier's own word."""
        order = order_of()
        await outside.channel.send(order)
        await outside.leaves()
        answer = await outside.channel.fetch(SUPPLIER, order.id)
        assert answer is not None
        assert (answer.state, answer.lines) == ("received", ())

    async def test_what_was_given_back_is_not_shipped_and_what_was_shipped_not_given_back(
        self, outside
    ):
        """Of what left nothing is given back by guess."""
        order = order_of()
        await outside.channel.send(order)
        await outside.leaves()
        with pytest.raises(ProviderUnavailable):
            await outside.channel.cancel(SUPPLIER, order.id, units(A=3, B=1))
