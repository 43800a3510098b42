"""How the simulated provider behaves, by the token of the shopper's card."""

import random
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

Telling = Literal["after", "before", "twice", "reversed", "late", "never"]
"""When webhooks are sent, beside the call's answer. `reversed`: the news of the promise only after
that of the capture."""


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What one card does. The default is a card with which everything goes well."""

    decline: str = ""
    """Code word of the decline; empty approves."""
    pending: bool = False
    """The shopper's bank has to be asked: the call tells nothing, a webhook does."""
    capture_fails: str = ""
    """Code word with which captures are refused for good; `expired` ends the promise, too."""
    refund_fails: str = ""
    """Code word with which refunds are refused for good."""
    refund_returns: bool = False
    """Refunds are done and then come back: the account they went to is closed."""
    charged_back: bool = False
    """The shopper's bank takes the money back as soon as it was captured."""
    slow_ms: int = 0
    """How long each answer takes; beyond the provider's limit the caller gives up."""
    away: int = 0
    """How often each call fails before anything of it was done."""
    lost: int = 0
    """How often each call's answer is lost after all of it was done."""
    telling: Telling = "after"


SCRIPTS: Final[dict[str, Script]] = {
    "card": Script(),
    "card_declined": Script(decline="insufficient_funds"),
    "card_expired": Script(decline="expired_card"),
    "card_stolen": Script(decline="stolen_card"),
    "card_slow": Script(slow_ms=800),
    "card_too_slow": Script(slow_ms=60_000),
    "card_away": Script(away=2),
    "card_lost": Script(lost=1),
    "card_pending": Script(pending=True),
    "card_pending_declined": Script(pending=True, decline="authentication_failed"),
    "card_pending_silent": Script(pending=True, telling="never"),
    "card_told_first": Script(telling="before"),
    "card_told_twice": Script(telling="twice"),
    "card_told_reversed": Script(telling="reversed"),
    "card_told_late": Script(telling="late"),
    "card_never_told": Script(telling="never"),
    "card_lost_and_never_told": Script(lost=1, telling="never"),
    "card_capture_fails": Script(capture_fails="processing_error"),
    "card_promise_expires": Script(capture_fails="expired"),
    "card_refund_fails": Script(refund_fails="closed_account"),
    "card_refund_returns": Script(refund_returns=True),
    "card_charged_back": Script(charged_back=True),
}
"""The cards there are. Any other token is declined as `unknown_card`."""

UNKNOWN: Final = Script(decline="unknown_card")


class Chaos(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of charges, from 0 to 1, that go wrong although their card is a good one."""

    declined: float = 0.0
    away: float = 0.0
    lost: float = 0.0
    pending: float = 0.0
    misled: float = 0.0
    """Webhooks first, twice, reversed, late or never."""
    slow: float = 0.0
    slow_ms: int = 200


def script_of(method: str, charge_id: str, seed: int, chaos: Chaos | None) -> Script:
    """What happens with a charge: the same for the same seed, in whichever order they come."""
    script = SCRIPTS.get(method, UNKNOWN)
    if chaos is None or script != SCRIPTS["card"]:
        return script
    dice = random.Random(f"{seed}/{charge_id}")  # noqa: S311 - to be repeated, not to be secret
    if dice.random() < chaos.declined:
        script = replace(script, decline="insufficient_funds")
    if dice.random() < chaos.away:
        script = replace(script, away=dice.randint(1, 3))
    if dice.random() < chaos.lost:
        script = replace(script, lost=dice.randint(1, 3))
    if dice.random() < chaos.pending:
        script = replace(script, pending=True)
    if dice.random() < chaos.misled:
        telling: list[Telling] = ["before", "twice", "reversed", "late", "never"]
        script = replace(script, telling=dice.choice(telling))
    if dice.random() < chaos.slow:
        script = replace(script, slow_ms=dice.randint(1, chaos.slow_ms))
    return script
