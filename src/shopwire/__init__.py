"""Shopwire keeps every open shop window in step with the truth."""

__version__ = "0.1.0"
