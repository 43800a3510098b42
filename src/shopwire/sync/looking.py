"""Looking after one connection: no hello, no sign of life, a token that ends."""

import math
from typing import TYPE_CHECKING

from shopwire.kernel.identity import ANONYMOUS
from shopwire.sync.codes import CloseCode
from shopwire.sync.limits import EXPIRING_MS, Limits
from shopwire.sync.protocol import expiring_frame
from shopwire.sync.waiting import State

if TYPE_CHECKING:
    from shopwire.sync.session import Session


def look(session: "Session", limits: Limits, now_ms: float, wall_ms: int) -> None:
    """Asks, warns or closes. Notes when there is more to look at, so that nobody looks before.

    `now_ms` is of the monotonic clock, `wall_ms` of the machine's, in which tokens end.
    """
    opening = session.state is State.OPENING
    if opening and now_ms - session.opened_ms >= limits.hello_ms_max:
        session.close(CloseCode.HELLO_TIMEOUT)
    if session.state is State.CLOSING:
        return
    session.token_ms = _token(session, wall_ms)
    # What the other side took since nobody knows when is no sign that it lives now.
    if session.looking and session.wire.progressed():
        session.heard_ms = now_ms
    silent_ms = now_ms - session.heard_ms
    session.due_ms = session.heard_ms + limits.ping_after_ms
    if opening:
        session.due_ms = min(session.due_ms, session.opened_ms + limits.hello_ms_max)
    if silent_ms < limits.ping_after_ms:
        session.looking = False
    elif not session.looking:
        session.looking = True
        session.wire.progressed()
    elif silent_ms >= limits.silence_ms_max:
        session.close(CloseCode.SILENT)
        return
    if session.looking and now_ms - session.pinged_ms >= limits.ping_after_ms:
        session.pinged_ms = now_ms
        session.wire.ping()


def _token(session: "Session", wall_ms: int) -> float:
    """Warns before a token ends; when it has ended, the connection goes on as nobody's.

    Returns when there is more to say about it.
    """
    ends_ms = session.caller.expires_at_ms
    if ends_ms is None:
        return math.inf
    if session.state is not State.OPEN:
        return wall_ms
    left_ms = ends_ms - wall_ms
    if left_ms <= 0:
        session.become(ANONYMOUS)
        session.recheck("expired")
        return math.inf
    if left_ms > EXPIRING_MS:
        return ends_ms - EXPIRING_MS
    if not session.expiring:
        session.expiring = True
        session.answer(expiring_frame(left_ms))
    return ends_ms
