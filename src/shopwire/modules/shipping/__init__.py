"""Shipping: purchase orders to suppliers, shipments with tracking, returns."""
