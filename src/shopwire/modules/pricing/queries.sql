-- load_price_input --
-- All costs of the wanted SKUs. Looked up one by one, whatever the planner believes of the table:
-- it may have known it as empty, and a join that walks over all of it would stay as it grows.
SELECT c.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, sku, supplier, cost_minor, currency, lead_time_days, map_minor, msrp_minor,
        active
    FROM price_input WHERE tenant = wanted.tenant AND sku = wanted.key OFFSET 0
) c

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
-- Prices by SKU. Looked up one by one, as costs are.
SELECT p.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, sku, version, amount_minor, currency, compare_at_minor, supplier, reason,
        promotion, regular_minor, sale_ends_at_ms, quota_left
    FROM price WHERE tenant = wanted.tenant AND sku = wanted.key OFFSET 0
) p

-- save_price --
-- Inserts or replaces prices.
INSERT INTO price (
    tenant, sku, version, amount_minor, currency, compare_at_minor, supplier, reason, promotion,
    regular_minor, sale_ends_at_ms, quota_left
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::text[],
    $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[]
)
ON CONFLICT (tenant, sku) DO UPDATE SET
    version = excluded.version, amount_minor = excluded.amount_minor,
    currency = excluded.currency, compare_at_minor = excluded.compare_at_minor,
    supplier = excluded.supplier, reason = excluded.reason, promotion = excluded.promotion,
    regular_minor = excluded.regular_minor, sale_ends_at_ms = excluded.sale_ends_at_ms,
    quota_left = excluded.quota_left

-- load_price_traits --
-- What rules ask of the wanted SKUs. Looked up one by one, as costs are.
SELECT t.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, sku, product, categories, brand
    FROM price_traits WHERE tenant = wanted.tenant AND sku = wanted.key OFFSET 0
) t

-- save_price_traits --
-- Inserts or replaces traits.
INSERT INTO price_traits (tenant, sku, product, categories, brand)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::text[])
ON CONFLICT (tenant, sku) DO UPDATE SET
    product = excluded.product, categories = excluded.categories, brand = excluded.brand

-- load_price_sale --
-- The promotions of the wanted SKUs. Looked up one by one, as costs are.
SELECT s.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, sku, promotion, terms_version, kind, value, currency, starts_at_ms, ends_at_ms,
        quota, taken, state, bucket
    FROM price_sale WHERE tenant = wanted.tenant AND sku = wanted.key OFFSET 0
) s

-- save_price_sale --
-- Inserts or replaces promotions at SKUs.
INSERT INTO price_sale (
    tenant, sku, promotion, terms_version, kind, value, currency, starts_at_ms, ends_at_ms, quota,
    taken, state, bucket
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::bigint[]
)
ON CONFLICT (tenant, sku, promotion) DO UPDATE SET
    terms_version = excluded.terms_version, kind = excluded.kind, value = excluded.value,
    currency = excluded.currency, starts_at_ms = excluded.starts_at_ms,
    ends_at_ms = excluded.ends_at_ms, quota = excluded.quota, taken = excluded.taken,
    state = excluded.state, bucket = excluded.bucket

-- load_price_sale_units --
-- What the wanted orders took out of quotas. Looked up one by one, as costs are.
SELECT u.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, sku, promotion, units
    FROM price_sale_units WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) u

-- save_price_sale_units --
-- Inserts or replaces what orders took.
INSERT INTO price_sale_units (tenant, order_id, sku, promotion, units)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
ON CONFLICT (tenant, order_id, sku) DO UPDATE SET units = excluded.units

-- load_price_rules --
-- The rules of the wanted shops.
SELECT r.tenant, r.id, r.version, r.rules, r.undo_to
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN price_rules r USING (tenant, id)

-- save_price_rules --
-- Inserts or replaces rules.
INSERT INTO price_rules (tenant, id, version, rules, undo_to)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::bigint[])
ON CONFLICT (tenant, id) DO UPDATE SET
    version = excluded.version, rules = excluded.rules, undo_to = excluded.undo_to

-- load_price_rules_version --
-- Earlier rules, by the number of their version as a text.
SELECT
    v.tenant, v.place, v.version, v.rules, v.undo_to, v.returns_to, v.put_by, v.put_at_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, place)
JOIN price_rules_version v USING (tenant, place)

-- save_price_rules_version --
-- Keeps rules as they were put.
INSERT INTO price_rules_version (
    tenant, place, version, rules, undo_to, returns_to, put_by, put_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::bigint[], $6::bigint[], $7::text[],
    $8::bigint[]
)

-- load_price_rates --
-- The exchange rates of the wanted shops.
SELECT r.tenant, r.id, r.version, r.current, r.coming, r.next_due_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN price_rates r USING (tenant, id)

-- save_price_rates --
-- Inserts or replaces exchange rates.
INSERT INTO price_rates (tenant, id, version, current, coming, next_due_ms)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::jsonb[], $6::bigint[]
)
ON CONFLICT (tenant, id) DO UPDATE SET
    version = excluded.version, current = excluded.current, coming = excluded.coming,
    next_due_ms = excluded.next_due_ms

-- load_price_rate_told --
-- Never used: rates that were told are history.
SELECT t.tenant, t.pair, t.valid_from_ms, t.version, t.rate_pico, t.told_by, t.told_at_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, pair)
JOIN price_rate_told t USING (tenant, pair)

-- save_price_rate_told --
-- Keeps rates as they were told.
INSERT INTO price_rate_told (
    tenant, pair, valid_from_ms, version, rate_pico, told_by, told_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[]
)

-- load_price_promotion --
-- Promotions by id.
SELECT
    p.tenant, p.id, p.version, p.terms_version, p.name, p.skus, p.category, p.kind, p.value,
    p.currency, p.starts_at_ms, p.ends_at_ms, p.quota, p.ended, p.skus_count, p.put_by, p.put_at_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN price_promotion p USING (tenant, id)

-- save_price_promotion --
-- Inserts or replaces promotions.
INSERT INTO price_promotion (
    tenant, id, version, terms_version, name, skus, category, kind, value, currency, starts_at_ms,
    ends_at_ms, quota, ended, skus_count, put_by, put_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::jsonb[], $7::text[],
    $8::text[], $9::bigint[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::boolean[], $15::bigint[], $16::text[], $17::bigint[]
)
ON CONFLICT (tenant, id) DO UPDATE SET
    version = excluded.version, terms_version = excluded.terms_version, name = excluded.name,
    skus = excluded.skus, category = excluded.category, kind = excluded.kind,
    value = excluded.value, currency = excluded.currency, starts_at_ms = excluded.starts_at_ms,
    ends_at_ms = excluded.ends_at_ms, quota = excluded.quota, ended = excluded.ended,
    skus_count = excluded.skus_count, put_by = excluded.put_by, put_at_ms = excluded.put_at_ms

-- load_price_category_sales --
-- The promotions for categories of the wanted shops.
SELECT c.tenant, c.id, c.open
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN price_category_sales c USING (tenant, id)

-- save_price_category_sales --
-- Inserts or replaces the promotions for categories.
INSERT INTO price_category_sales (tenant, id, open)
SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[])
ON CONFLICT (tenant, id) DO UPDATE SET open = excluded.open

-- skus_after --
-- The next SKUs that have a cost, for a walk over all of them.
SELECT DISTINCT sku FROM price_input
WHERE tenant = $1 AND sku > $2
ORDER BY sku LIMIT $3

-- skus_in_currencies_after --
-- The next SKUs with a cost in one of these currencies.
SELECT DISTINCT sku FROM price_input
WHERE tenant = $1 AND sku > $2 AND currency = ANY ($4::text[])
ORDER BY sku LIMIT $3

-- skus_of_category_after --
-- The next SKUs of products in a category, or in one below it.
SELECT sku FROM price_traits
WHERE tenant = $1 AND sku > $2
    AND EXISTS (
        SELECT FROM jsonb_array_elements_text(categories) AS own (slug)
        WHERE own.slug = $4 OR starts_with(own.slug, $4 || '--')
    )
ORDER BY sku LIMIT $3

-- skus_of_promotion_after --
-- The next SKUs that a promotion has reached.
SELECT sku FROM price_sale
WHERE tenant = $1 AND sku > $2 AND promotion = $4
ORDER BY sku LIMIT $3

-- partitions --
-- Into how many partitions keys are spread.
SELECT partitions FROM log_meta

-- promotion --
-- One promotion's terms.
SELECT
    p.id, p.version, p.terms_version, p.name, p.skus, p.category, p.kind, p.value, p.currency,
    p.starts_at_ms, p.ends_at_ms, p.quota, p.ended, p.skus_count, p.put_by, p.put_at_ms
FROM price_promotion p WHERE p.tenant = $1 AND p.id = $2

-- promotions --
-- All promotions, the latest to end first, with what was sold at their prices and what is running.
SELECT
    p.id, p.version, p.name, p.category, p.kind, p.value, p.currency, p.starts_at_ms,
    p.ends_at_ms, p.quota, p.ended, p.skus_count, p.put_by, p.put_at_ms,
    jsonb_array_length(p.skus) AS skus_named, s.taken, s.running, s.sold_out
FROM price_promotion p
LEFT JOIN LATERAL (
    SELECT sum(taken)::bigint AS taken, count(*) FILTER (WHERE state = 'running') AS running,
        count(*) FILTER (WHERE taken >= quota) AS sold_out
    FROM price_sale WHERE tenant = p.tenant AND promotion = p.id
) s ON true
WHERE p.tenant = $1
ORDER BY p.ends_at_ms DESC, p.id LIMIT $2

-- sales_to_switch --
-- Promotions at SKUs that have to begin or end next, a part each; a part lives in one partition.
SELECT
    next.tenant, next.id || '/' || next.step || '/' || part.bucket AS id, next.due_ms,
    json_build_object('promotion', next.id, 'at_ms', next.due_ms, 'skus', part.skus) AS payload
FROM (
    SELECT DISTINCT s.tenant, s.promotion AS id, 'begin' AS step, s.starts_at_ms AS due_ms
    FROM price_sale s WHERE s.state = 'planned'
    UNION ALL
    SELECT DISTINCT s.tenant, s.promotion, 'end', s.ends_at_ms
    FROM price_sale s WHERE s.state = 'running'
    ORDER BY due_ms, id LIMIT 16
) next
CROSS JOIN LATERAL (
    SELECT s.bucket, json_agg(s.sku ORDER BY s.sku) AS skus
    FROM (
        SELECT bucket, sku FROM price_sale
        WHERE tenant = next.tenant AND promotion = next.id
            AND state = CASE next.step WHEN 'begin' THEN 'planned' ELSE 'running' END
        ORDER BY bucket LIMIT 4000
    ) s
    GROUP BY s.bucket
) part
ORDER BY next.due_ms, next.id, part.bucket LIMIT $1

-- rates_to_apply --
-- Rates that are to come, as one job a shop.
SELECT tenant, 'rates' AS id, next_due_ms AS due_ms,
    json_build_object('at_ms', next_due_ms) AS payload
FROM price_rates WHERE next_due_ms IS NOT NULL
ORDER BY next_due_ms LIMIT $1

-- rates --
-- The exchange rates of a shop.
SELECT version, current, coming FROM price_rates WHERE tenant = $1

-- unpriced_currencies --
-- Articles without a price, by the currencies of their offers.
SELECT i.currency, count(DISTINCT i.sku) AS skus
FROM price_input i LEFT JOIN price p USING (tenant, sku)
WHERE i.tenant = $1 AND i.active AND p.amount_minor IS NULL
GROUP BY i.currency ORDER BY skus DESC, i.currency

-- rates_told --
-- The last rates that were told.
SELECT pair, valid_from_ms, rate_pico, told_by, told_at_ms FROM price_rate_told
WHERE tenant = $1 ORDER BY told_at_ms DESC, pair, valid_from_ms DESC LIMIT $2

-- rules_versions --
-- The last versions of the rules, newest first.
SELECT version, undo_to, returns_to, put_by, put_at_ms, rules FROM price_rules_version
WHERE tenant = $1 ORDER BY version DESC LIMIT $2

-- why --
-- All that one SKU's price follows from.
SELECT c.tenant, c.sku, c.supplier, c.cost_minor, c.currency, c.lead_time_days, c.map_minor,
    c.msrp_minor, c.active
FROM price_input c WHERE c.tenant = $1 AND c.sku = $2 ORDER BY c.supplier

-- why_traits --
-- What rules ask of one SKU.
SELECT tenant, sku, product, categories, brand FROM price_traits WHERE tenant = $1 AND sku = $2

-- why_sales --
-- The promotions of one SKU.
SELECT
    tenant, sku, promotion, terms_version, kind, value, currency, starts_at_ms, ends_at_ms, quota,
    taken, state, bucket
FROM price_sale WHERE tenant = $1 AND sku = $2 ORDER BY promotion

-- inputs_after --
-- The next SKUs with their costs, traits, promotions and published price, for the audit.
WITH chunk AS MATERIALIZED (
    SELECT DISTINCT tenant, sku FROM price_input
    WHERE (tenant, sku) > ($1, $2) ORDER BY tenant, sku LIMIT $3
)
SELECT chunk.tenant, chunk.sku, p.amount_minor, p.compare_at_minor, p.version,
    d.version AS document_version, d.body ->> 'amount_minor' AS shown,
    t.product, t.categories, t.brand, c.costs, s.sales
FROM chunk
JOIN (
    SELECT tenant, sku, json_agg(json_build_array(
        supplier, cost_minor, currency, lead_time_days, map_minor, msrp_minor, active
    ) ORDER BY supplier) AS costs
    FROM chunk JOIN price_input USING (tenant, sku) GROUP BY tenant, sku
) c USING (tenant, sku)
LEFT JOIN (
    SELECT tenant, sku, json_agg(json_build_array(
        promotion, terms_version, kind, value, currency, starts_at_ms, ends_at_ms, quota, taken,
        state, bucket
    ) ORDER BY promotion) AS sales
    FROM chunk JOIN price_sale USING (tenant, sku) GROUP BY tenant, sku
) s USING (tenant, sku)
LEFT JOIN price p USING (tenant, sku)
LEFT JOIN price_traits t USING (tenant, sku)
LEFT JOIN documents d ON d.tenant = chunk.tenant AND d.topic = 'price:' || chunk.sku
ORDER BY chunk.tenant, chunk.sku

-- preview_costs --
-- The active offers of a shop after a SKU, a row each, for the preview; -1 is what is not known.
SELECT c.sku, c.supplier, c.cost_minor, c.currency,
    coalesce(c.lead_time_days, -1) AS lead_time_days, coalesce(c.map_minor, -1) AS map_minor,
    coalesce(c.msrp_minor, -1) AS msrp_minor,
    coalesce(t.categories::text, '[]') AS categories, coalesce(t.brand, '') AS brand
FROM price_input c
LEFT JOIN price_traits t USING (tenant, sku)
WHERE c.tenant = $1 AND c.active AND c.sku > $2
ORDER BY c.sku LIMIT $3

-- preview_sales --
-- The promotions that run in a shop.
SELECT sku, promotion, terms_version, kind, value, currency, starts_at_ms, ends_at_ms, quota, taken,
    state, bucket
FROM price_sale WHERE tenant = $1 AND state = 'running'

-- all_rules --
-- The rules of every shop.
SELECT tenant, version, rules, undo_to FROM price_rules

-- all_rates --
-- The exchange rates of every shop.
SELECT tenant, version, current, coming FROM price_rates

-- audit_quotas --
-- What was taken from a sale's quota is what its orders took, and never more than the quota.
SELECT s.tenant || '/' || s.sku || '/' || s.promotion AS subject,
    coalesce(sum(u.units), 0)::text AS expected, s.taken::text AS found
FROM price_sale s
LEFT JOIN price_sale_units u
    ON u.tenant = s.tenant AND u.sku = s.sku AND u.promotion = s.promotion
GROUP BY s.tenant, s.sku, s.promotion, s.taken
HAVING coalesce(sum(u.units), 0) <> s.taken
LIMIT $1
