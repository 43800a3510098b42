"""A reservation without the application's check: what is asked for is booked."""

from msgspec.structs import replace

from shopwire.kernel.errors import StockShort
from shopwire.modules.inventory.api import HoldStock
from shopwire.modules.inventory.domain import Pool, StockHold, StockItem
from shopwire.modules.inventory.holding import Portion, wanted_units
from shopwire.modules.inventory.holds import _held_before, held


def do_hold_stock_carelessly(command, view, context):
    """do_hold_stock without its check: the first pool gives whatever is wanted."""
    known = view.one(StockHold, command.hold_id)
    if known is not None:
        return _held_before(known, command)
    chosen = []
    for sku, wanted in wanted_units(command.lines).items():
        item, pools = view.one(StockItem, sku), view.all(Pool, sku)
        units = sum(one.quantity for one in wanted)
        if item is None or not pools:
            raise StockShort(sku=sku, requested=units, available=0)
        chosen.append((item, [Portion(pools[0], units, 0)]))
    return held(command, chosen, [], view, context)


def careless(handlers):
    """The handlers, with that one among them."""
    return tuple(
        replace(handler, decide=do_hold_stock_carelessly)
        if handler.command is HoldStock
        else handler
        for handler in handlers
    )
