"""Purchase orders as X12 files in a folder that their supplier looks at."""

from collections.abc import Callable
from typing import Any, Final

from typing_extensions import override

from shopwire.adapters.suppliers.depots import Depot, DepotAway
from shopwire.adapters.x12.trading import interchange_of
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.posting import Bundle, Medium, NotLeft
from shopwire.kernel.trade_errors import ProviderUnavailable

STAGING: Final = "staging"
"""Where files lie that have not left, below the place."""
RETRY_MS: Final = 5_000
"""When a folder is looked at again of which nobody knows whether a file left."""

DepotOf = Callable[[Any], Depot]
"""The folder of a way; raises ShopwireError where its secret is missing."""


class X12Files(Medium):
    """See Medium. A file leaves by being moved out of `staging`: it is there, or it has left."""

    def __init__(self, depot_of: DepotOf) -> None:
        self._depot_of = depot_of

    @override
    async def stage(self, bundle: Bundle) -> None:
        try:
            depot = self._depot_of(bundle.way)
            await depot.put(f"{STAGING}/{file_name(bundle)}", interchange_of(bundle))
        except DepotAway as problem:
            raise NotLeft(str(problem)) from problem
        except ShopwireError as problem:
            raise NotLeft(problem.detail) from problem

    @override
    async def release(self, bundle: Bundle) -> None:
        name = file_name(bundle)
        try:
            await self._depot_of(bundle.way).move(
                f"{STAGING}/{name}", f"{bundle.way.outbox}/{name}"
            )
        except DepotAway as problem:
            raise ProviderUnavailable(provider=bundle.supplier, retry_ms=RETRY_MS) from problem

    @override
    async def released(self, bundle: Bundle) -> bool | None:
        """Takes the file away where it has not left: another process may be about to let it."""
        name = file_name(bundle)
        try:
            depot = self._depot_of(bundle.way)
            if not await depot.has(f"{STAGING}/{name}"):
                return True
            await depot.move(f"{STAGING}/{name}", f"{STAGING}/void-{name}")
        except DepotAway as problem:
            raise ProviderUnavailable(
                str(problem), provider=bundle.supplier, retry_ms=RETRY_MS
            ) from problem
        return False


def file_name(bundle: Bundle) -> str:
    """The same for the same bundle, so that it can be there only once."""
    return f"850-{bundle.control:09}.x12"
