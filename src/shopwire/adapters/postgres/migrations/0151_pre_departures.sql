-- When a supplier's purchase orders leave; null: at once.

ALTER TABLE supplier_rules ADD COLUMN departures jsonb NOT NULL DEFAULT 'null';
COMMENT ON COLUMN supplier_rules.departures IS 'Cut-offs or a pace; null where orders leave at once.';
CREATE INDEX purchase_order_departure ON purchase_order (tenant, supplier, send_at_ms);
