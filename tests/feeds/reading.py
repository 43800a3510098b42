"""Short ways to read a feed in a test."""

import io
from typing import Any

from shopwire.modules.feeds.api import BadRow
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.opening import OpenFeed, open_feed
from shopwire.modules.feeds.profile import Profile, parse_profile

PLAIN = parse_profile(
    """
    title = "a test's mapping"
    [fields]
    id = { columns = ["id"], change = ["slug"] }
    title = { columns = ["title"] }
    sku = { columns = ["sku"], required = true }
    gtin = { columns = ["gtin"] }
    quantity = { columns = ["stock"] }
    cost = { columns = ["cost"] }
    price = { columns = ["price"] }
    """
)


def opened(
    content: str | bytes, profile: Profile | str | None = PLAIN, *, currency="EUR", encoding=None
) -> OpenFeed:
    data = content.encode() if isinstance(content, str) else content
    return open_feed(
        io.BytesIO(data), supplier="ACME", currency=currency, profile=profile, encoding=encoding
    )


def groups_of(
    content: str | bytes, profile: Profile | str | None = PLAIN, **more: Any
) -> list[Group]:
    return list(opened(content, profile, **more).groups)


def bad_rows(
    content: str | bytes, profile: Profile | str | None = PLAIN, **more: Any
) -> list[BadRow]:
    return [bad for group in groups_of(content, profile, **more) for bad in group.bad]


def used_skus(groups: list[Group]) -> list[str]:
    return [sku for group in groups for sku in group.lines]
