"""Which SKU of the shop a supplier's SKU is, and what a person has to look at first."""
