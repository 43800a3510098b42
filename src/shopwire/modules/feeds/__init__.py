"""Suppliers' feeds: parse, map, diff, quarantine."""
