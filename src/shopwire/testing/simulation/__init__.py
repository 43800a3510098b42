"""Seeded worlds: the real write path and modules, on a fake machine that fails at will.

`python -m shopwire.testing.simulation --seed 17` runs one again, step by step as before.

| part | what it is |
| --- | --- |
| `loop` | an event loop whose order is drawn from the seed, and whose time is a number |
| `database` | the memory twin behind a port that refuses, delays, kills, loses answers |
| `cluster` | server processes that die and come back, clients that ask again, a bad network |
| `world` | one seed: runs a workload in trouble, then in calm, then compares everything |
| `stock` | a workload: shoppers and suppliers on a few SKUs, each held against one register |
| `ledgers` | what must hold of stock's rows: the schema's constraints and audits, as functions |
| `reads` | twins of the queries that find work, and the office of their runner |
| `sometimes` | what a proof over many seeds must have seen |
"""
