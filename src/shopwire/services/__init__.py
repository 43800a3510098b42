"""Composition roots: which modules run, over which adapters."""
