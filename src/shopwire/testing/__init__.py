"""Fakes, builders and conformance suites for those who extend Shopwire."""
