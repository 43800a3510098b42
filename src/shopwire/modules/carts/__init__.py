"""Carts: what a shopper means to buy, with the prices that were shown."""
