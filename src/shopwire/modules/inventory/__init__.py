"""Stock pools a SKU and supplier, kept as a ledger."""
