"""Seeded worlds: the real write path and modules, on a fake machine that fails at will.

`python -m shopwire.testing.simulation --seed 17` runs one again, step by step as before.

| part | what it is |
| --- | --- |
| `loop` | an event loop whose order is drawn from the seed, and whose time is a number |
| `database` | the memory twin behind a port that refuses, delays, kills, loses answers |
| `cluster` | server processes that die and come back, clients that ask again, a bad network |
| `world` | one seed: runs a workload in trouble, then in calm, then compares everything |
| `stock` | a workload: shoppers and suppliers on a few SKUs, each held against one register |
| `checkout` | a workload: whole checkouts with carts, money, purchase orders and their trouble |
| `outside` | provider and suppliers as they are: elsewhere, and not killed with a server |
| `books` | what must be true of orders and money, and what the books outside say of it |
| `ledgers` | what must hold of stock's rows: the schema's constraints and audits, as functions |
| `reads`, `trade_reads` | twins of the queries that find work, and the office of their runner |
| `sometimes` | what a proof over many seeds must have seen |
"""
