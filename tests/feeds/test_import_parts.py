"""A process that takes one feed in loads a few modules, and they have all that it sends."""

import pytest

from shopwire.kernel.commands import Command
from shopwire.services import (
    import_approve,
    import_cut,
    import_gone,
    import_held,
    import_job,
    import_lanes,
    import_news,
    import_send,
    import_texts,
    importing,
)
from shopwire.services.import_parts import IMPORTING

ROOMS = (
    *(import_approve, import_cut, import_gone, import_held, import_job, import_lanes),
    *(import_news, import_send, import_texts, importing),
)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__.rpartition(".")[2])
def test_whatever_an_import_sends_is_of_these_modules(room):
    handled = {handler.command for module in IMPORTING for handler in module.handlers}
    sent = {
        one for one in vars(room).values() if isinstance(one, type) and issubclass(one, Command)
    } - {Command}
    assert sent <= handled
