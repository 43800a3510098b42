"""Hands the simulated suppliers' files to the import that everybody uses."""

import io
from functools import cache
from importlib import resources

from shopwire.kernel.errors import InternalError
from shopwire.modules.feeds.profile import Profile, parse_profile
from shopwire.services.demo.demo import FeedResult
from shopwire.services.demo.suppliers import Feed
from shopwire.services.importing import Importer, ImportRequest


@cache
def demo_profile() -> Profile:
    """The mapping of the demo suppliers' files."""
    text = resources.files("shopwire.services.demo").joinpath("feed.toml").read_text("utf-8")
    return parse_profile(text, name="demo")


class Feeding:
    """Sends files through an importer."""

    def __init__(self, importer: Importer) -> None:
        self._importer = importer

    async def send(self, feed: Feed) -> FeedResult:
        """Takes one file in; a file of ours that cannot be read is a defect."""
        request = ImportRequest(
            run=feed.run,
            supplier=feed.supplier.name,
            source=f"{feed.supplier.id}.csv",
            profile=demo_profile(),
            as_of_ms=feed.as_of_ms,
            principal="demo-supplier",
        )
        summary = await self._importer.run(request, io.BytesIO(feed.content))
        if summary.error is not None:
            raise InternalError(summary.error)
        return FeedResult(
            rows=summary.rows, changed=summary.changed, quarantined=summary.quarantined
        )
