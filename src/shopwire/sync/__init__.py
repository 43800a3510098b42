"""The sync protocol, the hub and its transports."""
