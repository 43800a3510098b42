"""How the parties of a world of checkouts behave, and which rare things happened in it."""

from collections.abc import Mapping, Sequence

from shopwire.adapters.suppliers import Habits
from shopwire.kernel.rows import Row
from shopwire.modules.inventory.domain import StockHold
from shopwire.modules.orders.domain import Conflict, Order, hold_anew
from shopwire.modules.payments.domain import Movement
from shopwire.testing.simulation.world import World


def habits_of(world: World) -> Habits:
    """Suppliers of this world: they ship everything, or nothing at all."""
    rng, faults = world.rng, world.faults
    # A simulated supplier that accepts in part cannot be asked for an order that it never got.
    steady = not faults.kill and not faults.crash and not faults.crash_at_commit
    # Nobody can help one that looks at no id and gets an order after it said that it has none.
    delayed = 0.0 if steady else rng.choice([0.0, 0.2])
    return Habits(
        answers=rng.choice(["now", "later"]),
        refuses=rng.choice([0.0, 0.2]),
        partial=rng.choice([0.0, 0.3]) if steady else 0.0,
        request_lost=0.0 if steady else rng.choice([0.0, 0.2]),
        answer_lost=rng.choice([0.0, 0.2]),
        delayed=delayed,
        away=rng.choice([0.0, 0.3]),
        silent=rng.choice([0.0, 0.2]),
        twice=rng.choice([0.0, 0.3]),
        splits=rng.choice([0.0, 0.3]),
        shuffles=rng.choice([0.0, 0.3]),
        keeps=rng.choice([0.0, 1.0]),
        forgets=not delayed and rng.choice([False, True]),
    )


def note(world: World, rows: Mapping[type[Row], Sequence[Row]]) -> None:
    """Rare things that show in rows."""
    for hold in (row for row in rows.get(StockHold, ()) if isinstance(row, StockHold)):
        if hold.hold_id.endswith(hold_anew("")) and hold.state == "posted":
            world.sometimes("units were held a second time for an answer that came late")
    for order in (row for row in rows.get(Order, ()) if isinstance(row, Order)):
        if order.reason == "timed_out":
            world.sometimes("a checkout timed out")
    for conflict in (row for row in rows.get(Conflict, ()) if isinstance(row, Conflict)):
        words = {"refused": "a supplier refused units", "overpromised": "promised units were short"}
        world.sometimes(words[conflict.reason])
        if conflict.choice == "replace":
            world.sometimes("units came from elsewhere")
    for movement in (row for row in rows.get(Movement, ()) if isinstance(row, Movement)):
        if movement.kind == "refund" and movement.state == "done":
            world.sometimes("money went back")
