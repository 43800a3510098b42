-- Units of a pool that are not offered while its supplier's word is too old.

ALTER TABLE stock_pool
    ADD COLUMN kept_back bigint NOT NULL DEFAULT 0
        CHECK (kept_back BETWEEN 0 AND 2000000000);
COMMENT ON COLUMN stock_pool.kept_back IS 'Not offered besides the buffer, while the count is old.';
CREATE INDEX IF NOT EXISTS stock_pool_of_supplier ON stock_pool (tenant, supplier, sku);
