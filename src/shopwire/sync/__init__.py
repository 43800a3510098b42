"""Keeps screens in step with the log: protocol, hub, sessions, transports, a Python client."""
