"""An import whose process ended before it did: found out by its lease, and closed."""

from typing import TYPE_CHECKING, Any, Final

from shopwire.kernel.errors import KeyInFlight, RuleBroken
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.modules.feeds.api import Counts, FinishRun
from shopwire.modules.feeds.limits import RUNS_PAGE_MAX
from shopwire.modules.feeds.store import DUE_CUT_OFF, get_run, reading_of
from shopwire.services.import_approve import RUNNING
from shopwire.services.import_request import ImportRequest

if TYPE_CHECKING:
    from shopwire.services.importing import Importer

_CUT_OFF: Final = (
    "It was interrupted: its process ended. Send the same file again, or fetch it again:"
    " what the shop knows by now is not sent twice."
)


async def close_cut_off(importer: "Importer", run: str, tenant: str = DEFAULT_TENANT) -> None:
    """Ends a run that nobody is at any more, with all that it had put into effect written down.

    Does nothing where its process lives: that one renews its lease. Whoever closes it holds the
    lease meanwhile, so that a process that only stood still finds out that the run is over.
    """
    try:
        async with importer.alone(RUNNING, run, tenant):
            known = await get_run(importer.reads, tenant, run)
            if known["status"] == "running" and not known["kept"]:
                await _close(importer, known, tenant)
    except KeyInFlight:
        return


async def close_all_cut_off(importer: "Importer", now_ms: int) -> None:
    """Ends every run that nobody is at any more: for who looks at runs while no server is up."""
    for row in await importer.reads.fetch(DUE_CUT_OFF, RUNS_PAGE_MAX):
        if row["due_ms"] <= now_ms:
            await close_cut_off(importer, row["id"], row["tenant"])


async def _close(importer: "Importer", known: dict[str, Any], tenant: str) -> None:
    run = known["id"]
    found = await reading_of(importer.reads, tenant, run)
    request = ImportRequest(
        run=run,
        supplier=found.reading.name or found.supplier,
        source=known["source"],
        turn=f"{new_id()}/",
        tenant=tenant,
    )
    counts = Counts(**{name: known[name] for name in Counts.__struct_fields__})
    await importer.recover(request, run, counts)
    finish = FinishRun(run=run, counts=counts, error=_CUT_OFF, interrupted=True)
    try:
        await importer.record(request, "finish", finish)
    except RuleBroken:
        return  # a newer import of the supplier has closed it in between
