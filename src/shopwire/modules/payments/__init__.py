"""Payments: authorise, capture, void, refund, and the double-entry ledger of money."""
