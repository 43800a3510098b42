-- Each line of the ledger obeys the limit by itself. A batch writes a pool's last state only, so
-- without this a sale beyond the limit could hide behind a report of the same batch.

ALTER TABLE stock_ledger
    ADD CONSTRAINT stock_ledger_limit CHECK (reserved + sold <= reported + shortfall),
    ADD CONSTRAINT stock_ledger_shortfall_by_report
        CHECK (kind = 'report' OR (shortfall_delta <= 0 AND reported_delta = 0)),
    ADD CONSTRAINT stock_ledger_sale CHECK (kind <> 'sale' OR sold_delta > 0);

-- A shortfall larger than what is promised would be room for further sales.
ALTER TABLE stock_pool
    ADD CONSTRAINT stock_pool_shortfall_exact
        CHECK (shortfall <= greatest(0, reserved + sold - reported)),
    ADD CONSTRAINT stock_pool_shortfall_after_report CHECK (shortfall = 0 OR reports > 0),
    ADD CONSTRAINT stock_pool_bounds
        CHECK (reserved <= 1000000000 AND sold <= 1000000000 AND shortfall <= 1000000000);
