"""The doctor's words about what should be going on: sources, channels, the bus."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from shopwire.adapters.bus.look import look_at_bus
from shopwire.adapters.postgres.inspect import OVERDUE_MS, DatabaseFacts
from shopwire.services.channel_work import EXCHANGE
from shopwire.services.exchange_pruning import FILES_KEPT_MS, PRUNE_EVERY_MS
from shopwire.services.findings import Finding
from shopwire.services.settings import without_password

NAMES_MAX: Final = 5
"""Names that one line tells; the rest is counted."""
EXCHANGE_FILES_MAX: Final = 100_000
"""Files of the folders shared with suppliers that are looked at; further ones are not counted."""


def work_findings(facts: DatabaseFacts) -> list[Finding]:
    """What waits for somebody; nothing of a shop whose schema is not up to date."""
    return [_sources(facts), _runs(facts), _channels(facts)] if facts.is_current else []


def _sources(facts: DatabaseFacts) -> Finding:
    """The worst of what is wrong with them."""
    minutes = OVERDUE_MS // 60_000
    if facts.left_alone:
        seen = f"a run of {_names(facts.left_alone)} was left alone over {minutes} minutes ago"
    elif facts.overdue:
        seen = f"{_names(facts.overdue)} should have been fetched over {minutes} minutes ago"
    elif facts.stopped:
        seen = f"data of {_names(facts.stopped)} is stale, or is not fetched for a while"
        remedy = "`shopwire source list` says why; `shopwire source run SUPPLIER NAME` tries now."
        return Finding("sources", "warn", seen, remedy)
    else:
        return Finding("sources", "ok", "none is overdue")
    remedy = "A running `shopwire up` takes over by itself: start one; its log says what fails."
    return Finding("sources", "warn", seen, remedy)


def _runs(facts: DatabaseFacts) -> Finding:
    if facts.held:
        seen = f"{_names(facts.held)} would do too much at once and waits for a person"
        remedy = "Look with `shopwire feed show RUN`, or at Imports in the console; then decide."
        return Finding("held runs", "warn", seen, remedy)
    return Finding("held runs", "ok", "none")


def _channels(facts: DatabaseFacts) -> Finding:
    if facts.waiting:
        seen = f"{_names(facts.waiting)} should have left over {OVERDUE_MS // 60_000} minutes ago"
        remedy = "Start `shopwire up`, if none runs; else `shopwire channel log` says what fails."
        return Finding("channels", "warn", seen, remedy)
    return Finding("channels", "ok", "nothing that should have left is here")


def exchange_finding(data: Path, now_ms: int) -> Finding:
    """Files with shoppers' addresses that lie in the folders shared with suppliers for too long."""
    before_s = (now_ms - FILES_KEPT_MS - PRUNE_EVERY_MS) / 1_000
    old = 0
    for path in islice((data / EXCHANGE).glob("*/*/*"), EXCHANGE_FILES_MAX):
        try:
            old += path.is_file() and path.stat().st_mtime < before_s
        except OSError:
            continue  # it went in between
    days = FILES_KEPT_MS // 86_400_000
    if not old:
        return Finding("exchange", "ok", f"no file is older than {days} days")
    seen = f"{old} files are older than {days} days; such files may hold addresses of shoppers"
    remedy = "A running `shopwire up` erases its own whose orders are over; see the others in "
    return Finding("exchange", "warn", seen, f"{remedy}{data / EXCHANGE}.")


async def bus_finding(servers: Sequence[str], hubs: int) -> Finding:
    """Whether the brokers that are named answer, and keep what they are given."""
    if not servers:
        told = "`--hubs` starts a broker of ours" if hubs else "one process needs none"
        return Finding("bus", "ok", f"no broker is named: {told}")
    names = ", ".join(without_password(server) for server in servers)
    facts = await look_at_bus(servers)
    if facts.problem:
        remedy = "Check the address, and that it runs; hubs follow the database meanwhile."
        return Finding("bus", "warn", f"{names} cannot be used: {facts.problem}", remedy)
    if not facts.keeps:
        remedy = "Start nats-server with JetStream (`-js`): without it nothing is kept for hubs."
        return Finding("bus", "warn", f"{names} answers and keeps nothing", remedy)
    return Finding("bus", "ok", f"{names} answers, NATS {facts.version} with JetStream")


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_MAX])
    return f"{shown} and more" if len(names) > NAMES_MAX else shown
