"""How purchase orders reach each supplier, and what comes back by the same way."""
