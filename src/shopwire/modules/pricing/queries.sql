-- load_price_input --
-- All costs of the wanted SKUs.
SELECT
    c.tenant, c.sku, c.supplier, c.cost_minor, c.currency, c.lead_time_days, c.map_minor,
    c.msrp_minor, c.active
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN price_input c USING (tenant, sku)

-- save_price_input --
-- Inserts or replaces costs.
INSERT INTO price_input (
    tenant, sku, supplier, cost_minor, currency, lead_time_days, map_minor, msrp_minor, active
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::boolean[]
)
ON CONFLICT (tenant, sku, supplier) DO UPDATE SET
    cost_minor = excluded.cost_minor, currency = excluded.currency,
    lead_time_days = excluded.lead_time_days, map_minor = excluded.map_minor,
    msrp_minor = excluded.msrp_minor, active = excluded.active

-- load_price --
-- Prices by SKU.
SELECT
    p.tenant, p.sku, p.version, p.amount_minor, p.currency, p.compare_at_minor, p.supplier, p.reason
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN price p USING (tenant, sku)

-- save_price --
-- Inserts or replaces prices.
INSERT INTO price (
    tenant, sku, version, amount_minor, currency, compare_at_minor, supplier, reason
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::text[],
    $8::text[]
)
ON CONFLICT (tenant, sku) DO UPDATE SET
    version = excluded.version, amount_minor = excluded.amount_minor,
    currency = excluded.currency, compare_at_minor = excluded.compare_at_minor,
    supplier = excluded.supplier, reason = excluded.reason

-- load_price_rules --
-- The rules of the wanted shops.
SELECT r.tenant, r.id, r.version, r.rules
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN price_rules r USING (tenant, id)

-- save_price_rules --
-- Inserts or replaces rules.
INSERT INTO price_rules (tenant, id, version, rules)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[])
ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, rules = excluded.rules

-- skus_after --
-- The next SKUs that have a cost, for a walk over all of them.
SELECT DISTINCT sku FROM price_input
WHERE tenant = $1 AND sku > $2
ORDER BY sku LIMIT $3

-- inputs_after --
-- The next SKUs with their costs and their published price, for the audit.
SELECT c.tenant, c.sku, c.supplier, c.cost_minor, c.currency, c.lead_time_days, c.map_minor,
    c.msrp_minor, c.active, p.amount_minor, p.compare_at_minor, d.version AS document_version,
    d.body ->> 'amount_minor' AS shown, p.version
FROM (
    SELECT DISTINCT tenant, sku FROM price_input
    WHERE (tenant, sku) > ($1, $2) ORDER BY tenant, sku LIMIT $3
) chunk
JOIN price_input c USING (tenant, sku)
LEFT JOIN price p USING (tenant, sku)
LEFT JOIN documents d ON d.tenant = c.tenant AND d.topic = 'price:' || c.sku
ORDER BY c.tenant, c.sku

-- all_rules --
-- The rules of every shop.
SELECT tenant, version, rules FROM price_rules
