-- What the lists of other modules may join: the prices that are shown, cheapest first.

CREATE INDEX price_by_amount ON price (tenant, amount_minor, sku) WHERE amount_minor IS NOT NULL;

CREATE VIEW listed_price AS
    SELECT tenant, sku, amount_minor FROM price WHERE amount_minor IS NOT NULL;
COMMENT ON VIEW listed_price IS 'Prices that are shown; pricing keeps this for others to read.';
