"""Takes in a feed whose file is kept: held and approved by a person, or cut off on its way."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.errors import KeyInFlight, ShopwireError
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.modules.feeds.api import ApproveRun, Counts, FinishRun, ResumeRun
from shopwire.modules.feeds.limits import SPOOLED_BYTES_MAX
from shopwire.modules.feeds.profile import Profile
from shopwire.modules.feeds.store import Readable, get_run, quarantined_lines, reading_of
from shopwire.services.import_held import open_kept
from shopwire.services.import_request import ImportRequest, Progress, Summary

if TYPE_CHECKING:
    from shopwire.services.importing import Importer

APPROVING: Final = "feeds.approve"
"""What is done by one process at a time, for each run."""
RUNNING: Final = "feeds.run"
"""What an import's process holds a lease for as long as it is at it, under the run's id."""
WAIT_MS_MAX: Final = 2_000
"""Longest time between two looks whether somebody else has come to the end of a run."""
GOES_ON: Final = "import"
"""Who goes on with a run; who approved it is written down."""


async def approve_run(
    importer: "Importer",
    run: str,
    principal: str,
    tenant: str = DEFAULT_TENANT,
    progress: Progress | None = None,
) -> Summary:
    """Takes a feed in from its kept bytes, compared with the shop as it is now.

    It was held and is approved, or it was sent, and its process ended before it did.

    They are kept until it has taken effect: where the process dies, whoever comes next goes on;
    where it fails, the run says why and can be approved again. Raises NotFound, KeyInFlight where
    it goes on elsewhere, RuleBroken where it is not held or too large to be kept.
    """
    async with importer.alone(APPROVING, run, tenant), importer.alone(RUNNING, run, tenant):
        known = await get_run(importer.reads, tenant, run)
        found = await reading_of(importer.reads, tenant, run)
        request = _request(run, known, found, principal, tenant)
        command: Command = ApproveRun(run=run, by=principal)
        if known["status"] == "running" and found.held_parts:
            await importer.recover(request, run, _counts(known))
            known = await get_run(importer.reads, tenant, run)
            if known["hold"] is None:  # nobody approved it: it was sent, and cut off
                command = ResumeRun(run=run)
        await importer.decide(command, principal, tenant)
        try:
            return await _taken(importer, request, known, found, progress)
        except Exception as problem:
            if not isinstance(problem, ShopwireError) or not problem.temporary:
                reason = problem.detail if isinstance(problem, ShopwireError) else _DEFECT
                counts = _counts(await get_run(importer.reads, tenant, run))
                failed = FinishRun(run=run, counts=counts, error=reason, keep=True)
                await importer.record(request, "finish", failed)
            raise


def _counts(known: dict[str, Any]) -> Counts:
    return Counts(**{name: known[name] for name in Counts.__struct_fields__})


_WENT_ON: Final = "it was cut off, and went on: {changed} products had been changed before"
_WENT_ON_SENT: Final = (
    "the shop stopped in the middle of it, and it went on by itself from the file as it was sent:"
    " {changed} products had been changed before"
)
_DEFECT: Final = "A defect of this shop stopped it; the file is kept."


async def go_on(importer: "Importer", run: str, tenant: str = DEFAULT_TENANT) -> None:
    """Brings a run that was approved to its end, or waits for who is at it.

    Raises what may pass by itself; what does not is written down with the run.
    """
    while await _goes_on(importer, run, tenant):
        try:
            await importer.approve(run, principal=GOES_ON, tenant=tenant)
            return
        except KeyInFlight as busy:
            await importer.pause(min(WAIT_MS_MAX, busy.data["retry_ms"]) / 1_000)
        except ShopwireError as problem:
            if problem.temporary or await _goes_on(importer, run, tenant):
                raise
            return  # it has ended, or was closed; where it failed, the run says why


async def _goes_on(importer: "Importer", run: str, tenant: str) -> bool:
    found = await reading_of(importer.reads, tenant, run)
    return found.status == "running" and found.held_parts > 0


async def _taken(
    importer: "Importer",
    request: ImportRequest,
    known: dict[str, Any],
    found: Readable,
    progress: Progress | None,
) -> Summary:
    reads, tenant, run = importer.reads, request.tenant, request.run
    kept = await open_kept(reads, tenant, run, found.held_parts, SPOOLED_BYTES_MAX)
    with kept as stream:
        job = await importer.opened(request, stream)  # type: ignore[arg-type]
        if known["status"] != "held":
            text = _WENT_ON if known["hold"] is not None else _WENT_ON_SENT
            before = text.format(changed=known["altered"])
            job.goes_on(await quarantined_lines(reads, tenant, run), before=before)
        return await job.run(stream, progress, again=True)  # type: ignore[arg-type]


def _request(
    run: str, known: dict[str, Any], found: Readable, principal: str, tenant: str
) -> ImportRequest:
    reading = found.reading
    return ImportRequest(
        run=run,
        supplier=reading.name or found.supplier,
        source=known["source"],
        profile=msgspec.convert(reading.profile, Profile),
        kind=known["kind"],
        encoding=reading.encoding,
        currency=reading.currency,
        as_of_ms=reading.as_of_ms,
        folder=Path(reading.folder) if reading.folder else None,
        afresh=reading.afresh,
        # A feed that was cut off before anybody looked at it is looked at as it would have been.
        force=known["hold"] is not None or reading.force,
        turn=f"{new_id()}/",
        principal=principal,
        tenant=tenant,
    )
