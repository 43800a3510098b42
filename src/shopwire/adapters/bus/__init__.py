"""Buses: the memory twin, and NATS with JetStream."""
