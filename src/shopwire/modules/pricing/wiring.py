"""What pricing tells the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.pricing.activities import ACTIVITIES
from shopwire.modules.pricing.commands import HANDLERS
from shopwire.modules.pricing.consumers import CONSUMERS
from shopwire.modules.pricing.events import (
    PriceChanged,
    PriceWithdrawn,
    PromotionEnded,
    PromotionPut,
    PromotionReady,
    RatesChanged,
    RulesPut,
    RulesUndone,
    SaleSoldOut,
)
from shopwire.modules.pricing.store import CHECKS, TABLES

MODULE: Final = Module(
    name="pricing",
    handlers=HANDLERS,
    tables=TABLES,
    events=(
        PriceChanged, PriceWithdrawn, SaleSoldOut, RulesPut, RulesUndone, RatesChanged,
        PromotionPut, PromotionEnded, PromotionReady,
    ),
    consumers=CONSUMERS,
    checks=CHECKS,
    activities=ACTIVITIES,
)  # fmt: skip
