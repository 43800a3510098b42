"""Doors that are open: whoever comes without credentials runs the shop."""

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.identity import LOCAL
from shopwire.services.callers import Callers
from shopwire.sync.rights import Rights


def open_callers(rights=None):
    return Callers(rights or Rights(otherwise=LOCAL), SystemClock())
