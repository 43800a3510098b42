"""How simulated suppliers behave, by the dice of a seed."""

import random
from typing import Literal

import msgspec

from shopwire.kernel.purchasing import OrderedLine

Fate = Literal["taken", "request_lost", "answer_lost", "delayed"]
"""What becomes of the first call that hands an order over. `request_lost`: it never arrives;
`answer_lost`: it is taken and nobody hears of it; `delayed`: it is taken after the caller gave up.
"""


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of orders, from 0 to 1, with which something happens, and how long things take."""

    answers: Literal["now", "later"] = "later"
    """Whether the acknowledgement is in the call's answer or comes with a webhook."""
    refuses: float = 0.0
    partial: float = 0.0
    """Accepts fewer units than were asked for."""
    request_lost: float = 0.0
    answer_lost: float = 0.0
    delayed: float = 0.0
    away: float = 0.0
    """Questions and cancellations meet silence the first time."""
    silent: float = 0.0
    """Tells what it accepts only when it is asked, or by what it ships."""
    twice: float = 0.0
    """Tells everything twice."""
    splits: float = 0.0
    """Ships in two parcels."""
    shuffles: float = 0.0
    """The carrier tells things in another order, and some of them twice."""
    troubled: float = 0.0
    """The carrier has a problem on the way."""
    keeps: float = 0.0
    """Never ships."""
    forgets: bool = False
    """Does not look at an order's id: whatever arrives is another order. Real ones exist."""
    answer_ms: int = 0
    acknowledge_ms: int = 1_500
    ship_ms: int = 6_000
    track_ms: int = 4_000
    delayed_ms: int = 1_000
    carrier: str = "swiftpost"


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What happens with one order."""

    fate: Fate = "taken"
    refuses: bool = False
    accepted: dict[str, int] = {}
    away: int = 0
    silent: bool = False
    twice: bool = False
    parcels: int = 1
    shuffles: bool = False
    troubled: bool = False
    keeps: bool = False
    seed: str = ""


def script_of(order_id: str, lines: tuple[OrderedLine, ...], seed: int, habits: Habits) -> Script:
    """The same for the same seed and order, in whichever order the calls come."""
    dice = random.Random(f"{seed}/{order_id}")  # noqa: S311 - to be repeated, not to be secret
    fate: Fate = "taken"
    throw = dice.random()
    shares: list[tuple[Fate, float]] = [
        ("request_lost", habits.request_lost),
        ("answer_lost", habits.answer_lost),
        ("delayed", habits.delayed),
    ]
    for name, share in shares:
        if 0 <= throw < share:
            fate = name
        throw -= share
    refuses = dice.random() < habits.refuses
    partial = dice.random() < habits.partial
    accepted = {line.sku: 0 if refuses else line.quantity for line in lines}
    if partial and not refuses:
        chosen = dice.choice(lines)
        accepted[chosen.sku] = dice.randrange(chosen.quantity)
    return Script(
        fate=fate,
        refuses=not any(accepted.values()),
        accepted=accepted,
        away=int(dice.random() < habits.away),
        silent=dice.random() < habits.silent,
        twice=dice.random() < habits.twice,
        parcels=1 + (dice.random() < habits.splits),
        shuffles=dice.random() < habits.shuffles,
        troubled=dice.random() < habits.troubled,
        keeps=dice.random() < habits.keeps,
        seed=f"{seed}/{order_id}/parcels",
    )


def words_of(script: Script, parcel: int) -> list[tuple[str, int]]:
    """What the carrier tells of a parcel: statuses, and at which step each of them happened."""
    statuses = ["picked_up", "in_transit", "out_for_delivery", "delivered"]
    if script.troubled:
        statuses.insert(2, "exception")
    words = list(zip(statuses, range(len(statuses)), strict=True))
    if script.shuffles:
        dice = random.Random(f"{script.seed}/{parcel}")  # noqa: S311 - as above
        words += dice.sample(words, 2)
        dice.shuffle(words)
    return words
