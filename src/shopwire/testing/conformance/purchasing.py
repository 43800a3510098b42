"""What every channel to suppliers holds; see `shopwire.kernel.purchasing.SupplierChannel`.

Subclass `SupplierChannelConformance` and provide the fixture `outside`: a channel and a look into
the books of the supplier behind it.
"""

import asyncio
from typing import Protocol

import pytest

from shopwire.kernel.purchasing import (
    LineAnswer,
    OrderedLine,
    ShipTo,
    SupplierChannel,
    SupplierOrder,
)
from shopwire.kernel.trade_errors import ProviderUnavailable

SUPPLIER = "acme"


class OutsideSupplier(Protocol):
    """A supplier behind a channel, as tests see it."""

    @property
    def channel(self) -> SupplierChannel:
        """The channel under test."""
        ...

    async def taken(self, order_id: str) -> int:
        """How often the supplier took it as an order."""
        ...

    async def address(self, order_id: str) -> bool:
        """Whether the supplier knows where the goods go."""
        ...

    async def lose(self, order_id: str, what: str) -> None:
        """The next sending of it ends without an answer: its `request` or its `answer` is lost."""
        ...

    async def ship(self, order_id: str) -> None:
        """The supplier hands everything that is left of it to a carrier."""
        ...


def order_of(order_id: str = "cart-0000-abc.1/acme", **lines: int) -> SupplierOrder:
    """An order of one supplier."""
    return SupplierOrder(
        id=order_id,
        supplier=SUPPLIER,
        lines=tuple(
            OrderedLine(sku=sku, quantity=units, cost_minor=250, currency="EUR")
            for sku, units in (lines or {"A": 3, "B": 1}).items()
        ),
        ship_to=ShipTo(
            name="Ada", lines=("Lane 1",), postal_code="1000", city="Ghent", country="BE"
        ),
    )


def units(**of: int) -> tuple[LineAnswer, ...]:
    """Units by SKU."""
    return tuple(LineAnswer(sku=sku, quantity=quantity) for sku, quantity in of.items())


class SupplierChannelConformance:
    """The laws of the port. The supplier has everything and acknowledges when it is asked."""

    async def test_an_order_is_taken_with_its_address(self, outside: OutsideSupplier) -> None:
        """The supplier knows where to send it."""
        order = order_of()
        answer = await outside.channel.send(order)
        assert answer.state in ("received", "acknowledged")
        assert await outside.taken(order.id) == 1
        assert await outside.address(order.id)

    async def test_an_order_again_or_in_parallel_takes_effect_once(
        self, outside: OutsideSupplier
    ) -> None:
        """By its id alone, whoever sends it."""
        order = order_of()
        answers = await asyncio.gather(*(outside.channel.send(order) for _ in range(5)))
        answers.append(await outside.channel.send(order))
        assert await outside.taken(order.id) == 1
        assert len({answer.supplier_reference for answer in answers}) == 1

    @pytest.mark.parametrize(("what", "had"), [("request", 0), ("answer", 1)])
    async def test_a_lost_call_is_told_as_such_and_asking_says_what_came_of_it(
        self, outside: OutsideSupplier, what: str, had: int
    ) -> None:
        """Nobody guesses."""
        order = order_of()
        await outside.lose(order.id, what)
        with pytest.raises(ProviderUnavailable):
            await outside.channel.send(order)
        assert await outside.taken(order.id) == had
        found = await outside.channel.fetch(SUPPLIER, order.id)
        assert (found is not None) == bool(had)
        await outside.channel.send(order)
        assert await outside.taken(order.id) == 1

    async def test_what_never_arrived_is_unknown(self, outside: OutsideSupplier) -> None:
        """Not refused, and not empty."""
        assert await outside.channel.fetch(SUPPLIER, order_of().id) is None

    async def test_two_orders_have_two_numbers(self, outside: OutsideSupplier) -> None:
        """Also two of one order of the shop's."""
        one, other = order_of("cart-0000-abc.1/acme"), order_of("cart-0000-abc.1/acme/2")
        await outside.channel.send(one)
        await outside.channel.send(other)
        numbers = {
            answer.supplier_reference
            for order in (one, other)
            if (answer := await outside.channel.fetch(SUPPLIER, order.id)) is not None
        }
        assert len(numbers) == 2

    async def test_units_are_given_back_once_in_total(self, outside: OutsideSupplier) -> None:
        """A question that is repeated takes nothing more."""
        order = order_of()
        await outside.channel.send(order)
        for _ in range(2):
            answer = await outside.channel.cancel(SUPPLIER, order.id, units(A=2))
            assert set(answer.lines) == set(units(A=2))
            assert not answer.never_received
        more = await outside.channel.cancel(SUPPLIER, order.id, units(A=9))
        assert set(more.lines) == set(units(A=3))

    async def test_an_acknowledgement_counts_units_that_were_given_back_since(
        self, outside: OutsideSupplier
    ) -> None:
        """So that it says the same, however late it is."""
        order = order_of()
        await outside.channel.send(order)
        await outside.channel.cancel(SUPPLIER, order.id, units(A=2))
        answer = await outside.channel.fetch(SUPPLIER, order.id)
        assert answer is not None
        assert answer.state == "acknowledged"
        assert set(answer.lines) == set(units(A=3, B=1))

    async def test_what_was_given_back_is_not_shipped_and_what_was_shipped_not_given_back(
        self, outside: OutsideSupplier
    ) -> None:
        """The supplier decides who was first."""
        order = order_of()
        await outside.channel.send(order)
        await outside.channel.cancel(SUPPLIER, order.id, units(A=2))
        await outside.ship(order.id)
        late = await outside.channel.cancel(SUPPLIER, order.id, units(A=3, B=1))
        assert {line.sku: line.quantity for line in late.lines if line.quantity} == {"A": 2}
        answer = await outside.channel.fetch(SUPPLIER, order.id)
        assert answer is not None
        shipped: dict[str, int] = {}
        for parcel in answer.shipments:
            assert parcel.carrier
            assert parcel.tracking
            for line in parcel.lines:
                shipped[line.sku] = shipped.get(line.sku, 0) + line.quantity
        assert shipped == {"A": 1, "B": 1}

    async def test_a_cancellation_that_comes_first_shuts_the_door(
        self, outside: OutsideSupplier
    ) -> None:
        """An order that is still under way is refused when it arrives."""
        order = order_of()
        answer = await outside.channel.cancel(SUPPLIER, order.id, units(A=3, B=1))
        assert answer.never_received
        assert (await outside.channel.send(order)).state == "refused"
        await outside.ship(order.id)
        found = await outside.channel.fetch(SUPPLIER, order.id)
        assert found is None or not found.shipments
