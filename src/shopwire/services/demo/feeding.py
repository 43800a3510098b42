"""Hands the simulated suppliers' files to the import that everybody uses."""

import io
from collections.abc import Awaitable, Callable
from functools import cache
from importlib import resources
from typing import Final

from shopwire.kernel.commands import Envelope, Outcome
from shopwire.kernel.errors import InternalError
from shopwire.kernel.fetching import Place
from shopwire.kernel.ids import new_id
from shopwire.modules.feeds.profile import Profile, parse_profile
from shopwire.modules.sources.api import PutRule, PutSource
from shopwire.services.demo.demo import FeedResult
from shopwire.services.demo.suppliers import Feed
from shopwire.services.importing import Importer, ImportRequest
from shopwire.services.sourcing import Sourcing

Submit = Callable[[Envelope], Awaitable[Outcome]]


@cache
def demo_profile() -> Profile:
    """The mapping of the demo suppliers' files."""
    text = resources.files("shopwire.services.demo").joinpath("feed.toml").read_text("utf-8")
    return parse_profile(text, name="demo")


SOURCE: Final = "pushed"
"""Name of each demo supplier's source."""


class Feeding:
    """Sends files through an importer, each as a run of its supplier's source."""

    def __init__(self, importer: Importer, sourcing: Sourcing, submit: Submit) -> None:
        self._importer, self._sourcing, self._submit = importer, sourcing, submit
        self._told: set[str] = set()

    async def send(self, feed: Feed) -> FeedResult:
        """Takes one file in; a file of ours that cannot be read is a defect."""
        supplier = feed.supplier.id
        if supplier not in self._told:
            await self._tell(supplier)
            self._told.add(supplier)
        request = ImportRequest(
            run=feed.run,
            supplier=feed.supplier.name,
            source=f"{feed.supplier.id}.csv",
            profile=demo_profile(),
            as_of_ms=feed.as_of_ms,
            principal="demo-supplier",
        )
        summary = await self._sourcing.carry(
            supplier,
            SOURCE,
            len(feed.content),
            lambda: self._importer.run(request, io.BytesIO(feed.content)),
        )
        if summary.error is not None:
            raise InternalError(summary.error)
        return FeedResult(
            rows=summary.rows, changed=summary.changed, quarantined=summary.quarantined
        )

    async def _tell(self, supplier: str) -> None:
        """Where the supplier's feed comes from, and a rule for when it stays away."""
        push = Place(kind="push")
        for command in (
            PutSource(supplier=supplier, name=SOURCE, place=push, as_of="modified"),
            PutRule(
                supplier=supplier,
                when_stale="growing_buffer",
                units_per_hour=1,
                units_max=5,
                late_after_minutes=10,
                stale_after_minutes=60,
            ),
        ):
            await self._submit(Envelope(command=command, key=new_id(), principal="demo"))
