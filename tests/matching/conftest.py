"""The shop that feeds are imported into."""

from tests.feeds.conftest import shop

__all__ = ["shop"]
