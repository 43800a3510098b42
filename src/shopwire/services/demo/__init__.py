"""A shop to look at: a made-up catalogue, simulated suppliers and shoppers."""
