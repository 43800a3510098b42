"""List prices from costs, by rules."""
