"""Checks clients of the protocol, in whatever language: docs/protocol/conformance.md tells how.

A client is driven by a program of a few lines that reads and writes JSON; the server of each rule
is played by `stage`, message by message, so that it can do what networks and hubs do.
"""
