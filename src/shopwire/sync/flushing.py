"""What one client lacks, as frames."""

from typing import TYPE_CHECKING

from shopwire.sync.bundles import Frames, framed
from shopwire.sync.documents import NOTHING, TopicState
from shopwire.sync.limits import SNAPSHOT_FRAME_BYTES

if TYPE_CHECKING:
    from shopwire.sync.fanout import Fanout
    from shopwire.sync.session import Session


def flush_items(session: "Session", fanout: "Fanout", frames: Frames) -> int:
    """Changes stay together in the first frame; first snapshots go behind them.

    Frames are of bounded size, and snapshots that the socket does not take wait.
    """
    items: list[bytes] = []
    firsts: list[TopicState] = []
    session.behind = False
    for state, base in tuple(session.pending.items()):
        if not state.loaded or base > state.version:
            continue  # it is being read, and flushed when that is done
        if base == NOTHING:
            firsts.append(state)
            continue
        if base < state.version:
            steps = state.steps(base)
            if steps is None:
                fanout.want_facts(state, base)
                session.behind = True
                continue
            items += steps
            fanout.told.count(state, base, 1)
        del session.pending[state]
    count = size = 0
    for state in firsts:
        if not session.writable:
            return count
        del session.pending[state]
        item = state.item(NOTHING)
        items.append(item)
        size += len(item)
        if size >= SNAPSHOT_FRAME_BYTES:
            session.send(framed(items, frames))
            count, size, items = count + 1, 0, []
    if items:
        session.send(framed(items, frames))
        count += 1
    return count
