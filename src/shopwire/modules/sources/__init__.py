"""Where suppliers' feeds come from, when, and what the shop sells while they stay away."""
