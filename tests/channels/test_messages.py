"""Texts that could not be read go when their time is over, and not before."""

import pytest
from msgspec.structs import replace

from shopwire.kernel.commands import Context
from shopwire.kernel.errors import RuleBroken
from shopwire.modules.channels.api import EraseMessage, KeepMessage, MendMessage
from shopwire.modules.channels.desk_commands import (
    do_erase_message,
    do_keep_message,
    do_mend_message,
)
from shopwire.modules.channels.domain import MESSAGES_KEPT_MS, MESSAGES_OPEN_MS, Message

ERASE = EraseMessage(supplier="acme", id="m1")
KEPT = Message(
    tenant="main", id="acme/m1", supplier="acme", own_id="m1", name="a.edi", version=1,
    reason="no X12", text="Dear Ada", received_at_ms=1_000,
)  # fmt: skip


class Kept:
    """The one row that a decision sees."""

    def __init__(self, row: Message) -> None:
        self.row = row

    def one(self, *_: object) -> Message:
        return self.row


def context(now_ms: int) -> Context:
    return Context(tenant="main", principal="system", now_ms=now_ms, command_id="c-1")


@pytest.mark.parametrize(
    ("state", "kept_ms"),
    [
        ("open", MESSAGES_OPEN_MS),
        ("applied", MESSAGES_KEPT_MS),
        ("dismissed", MESSAGES_KEPT_MS),
    ],
)
def test_a_text_goes_after_its_time_and_not_a_moment_before(state, kept_ms):
    view = Kept(replace(KEPT, state=state))
    with pytest.raises(RuleBroken):
        do_erase_message(ERASE, view, context(1_000 + kept_ms - 1))
    decision = do_erase_message(ERASE, view, context(1_000 + kept_ms))
    (row,) = decision.put
    assert (row.text, row.state, row.reason, row.version) == ("", "erased", "no X12", 2)
    again = do_erase_message(ERASE, Kept(row), context(1_000 + kept_ms))
    assert (list(again.put), again.result["applied"]) == ([], False)


def test_what_is_erased_is_not_mended_and_what_comes_again_is_kept_again():
    gone = replace(KEPT, state="erased", text="")
    mended = do_mend_message(MendMessage(supplier="acme", id="m1"), Kept(gone), context(2_000))
    assert mended.result == {"applied": False, "state": "erased"}
    keep = KeepMessage(supplier="acme", id="m1", name="a.edi", text="Dear Ada", reason="no X12")
    (row,) = do_keep_message(keep, Kept(gone), context(9_000)).put
    assert (row.state, row.text, row.version, row.received_at_ms) == ("open", "Dear Ada", 2, 9_000)
