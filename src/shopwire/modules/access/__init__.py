"""Accounts: who may log in, what programs were granted, which sessions are over."""
