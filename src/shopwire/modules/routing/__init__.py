"""Routing: which supplier sends what, why, and how well suppliers keep their word."""
