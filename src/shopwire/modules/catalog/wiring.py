"""What the catalogue tells the composition root."""

from typing import Final

from shopwire.kernel.module import Module
from shopwire.modules.catalog.commands import HANDLERS
from shopwire.modules.catalog.events import CategoryChanged, ProductEdited, ProductPut
from shopwire.modules.catalog.restoring import RESTORING_HANDLERS
from shopwire.modules.catalog.store import CHECKS, TABLES

MODULE: Final = Module(
    name="catalog",
    handlers=(*HANDLERS, *RESTORING_HANDLERS),
    tables=TABLES,
    events=(ProductPut, ProductEdited, CategoryChanged),
    checks=CHECKS,
)
