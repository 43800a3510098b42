"""What pricing does when a time has come: promotions begin and end, rates begin to hold."""

from collections.abc import Sequence
from typing import Final

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.commands import Command
from shopwire.modules.pricing.api import ApplyRates, SwitchSales
from shopwire.modules.pricing.events import PromotionReady, RatesChanged
from shopwire.modules.pricing.store import COMMAND_SKUS_MAX, SQL


async def switch_sales(job: Job) -> Sequence[Command]:
    """A promotion begins or ends at a part of its SKUs."""
    payload, skus = job.payload, tuple(job.payload["skus"])
    return [
        SwitchSales(
            promotion=payload["promotion"],
            skus=skus[at : at + COMMAND_SKUS_MAX],
            at_ms=payload["at_ms"],
        )
        for at in range(0, len(skus), COMMAND_SKUS_MAX)
    ]


async def apply_rates(job: Job) -> Sequence[Command]:
    """Rates that were told before begin to hold."""
    return [ApplyRates(at_ms=job.payload["at_ms"])]


ACTIVITIES: Final = (
    Activity(
        name="pricing.switch_sales",
        wakes_on=frozenset({PromotionReady.event_type}),
        due=SQL["sales_to_switch"],
        perform=switch_sales,
    ),
    Activity(
        name="pricing.apply_rates",
        wakes_on=frozenset({RatesChanged.event_type}),
        due=SQL["rates_to_apply"],
        perform=apply_rates,
        concurrency_max=1,
    ),
)
