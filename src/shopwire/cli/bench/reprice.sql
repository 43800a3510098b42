-- fill_costs --
-- Offers of a shop: each fifth article has two.
INSERT INTO price_input (
    tenant, sku, supplier, cost_minor, currency, lead_time_days, map_minor, msrp_minor, active
)
SELECT 'main', 'SKU-' || lpad(n::text, 7, '0'), 'supplier-' || s,
    199 + (n * 104729::bigint + s * 977) % 20000, 'EUR', n % 9,
    CASE WHEN n % 10 = 0 THEN 500 END, NULL, true
FROM generate_series(0, $1::int - 1) n
CROSS JOIN LATERAL generate_series(0, CASE WHEN n % 5 = 0 THEN 1 ELSE 0 END) s

-- fill_traits --
-- Products of four articles each, in 8 rooms of 5 shelves, of 97 brands.
INSERT INTO price_traits (tenant, sku, product, categories, brand)
SELECT 'main', 'SKU-' || lpad(n::text, 7, '0'), 'article-' || n / 4,
    to_jsonb(ARRAY['room-' || n / 4 % 8 || '--shelf-' || n / 4 % 40]), 'Brand ' || n / 4 % 97
FROM generate_series(0, $1::int - 1) n

-- analyze --
-- What the planner should know before anybody asks.
ANALYZE

-- priced --
-- How many prices there are, and how many of them are of a version.
SELECT count(*) AS prices, count(*) FILTER (WHERE version >= $1) AS done FROM price

-- recorded --
-- When each of these prices was committed in a version.
SELECT topic, recorded_at_ms FROM events
WHERE topic = ANY ($1::text[]) AND version = $2

-- create_plain --
-- The same rows in one table, and nothing else.
CREATE TABLE plain_price AS
SELECT sku, min(cost_minor) AS cost_minor, 0::bigint AS amount_minor FROM price_input GROUP BY sku

-- key_plain --
-- As any shop would have it.
ALTER TABLE plain_price ADD PRIMARY KEY (sku)

-- update_plain --
-- The same computation by one statement, without rules, floors of suppliers, events or screens.
UPDATE plain_price SET amount_minor = greatest(
    ceil(cost_minor * 1.8 / 100) * 100 - 5, ceil(cost_minor / 0.85)
)
