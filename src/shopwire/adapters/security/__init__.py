"""Tokens and passwords: who somebody says to be, proven."""
