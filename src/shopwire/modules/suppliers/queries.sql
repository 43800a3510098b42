-- load_supplier --
-- Suppliers by id.
SELECT s.tenant, s.id, s.name, s.status, s.version
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN supplier s USING (tenant, id)

-- save_supplier --
-- Inserts or replaces suppliers.
INSERT INTO supplier (tenant, id, name, status, version)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
ON CONFLICT (tenant, id) DO UPDATE SET
    name = excluded.name, status = excluded.status, version = excluded.version

-- load_offer --
-- All offers of the wanted SKUs.
SELECT
    o.tenant, o.sku, o.supplier, o.version, o.cost_minor, o.currency, o.lead_time_days,
    o.order_min, o.order_max, o.map_minor, o.msrp_minor, o.active, o.supplier_sku
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN offer o USING (tenant, sku)

-- save_offer --
-- Inserts or replaces offers.
INSERT INTO offer (
    tenant, sku, supplier, version, cost_minor, currency, lead_time_days, order_min, order_max,
    map_minor, msrp_minor, active, supplier_sku
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::boolean[], $13::text[]
)
ON CONFLICT (tenant, sku, supplier) DO UPDATE SET
    version = excluded.version, cost_minor = excluded.cost_minor, currency = excluded.currency,
    lead_time_days = excluded.lead_time_days, order_min = excluded.order_min,
    order_max = excluded.order_max, map_minor = excluded.map_minor,
    msrp_minor = excluded.msrp_minor, active = excluded.active,
    supplier_sku = excluded.supplier_sku

-- suppliers_with_offers --
-- Suppliers for the console, with what they offer.
SELECT s.id, s.name, s.status, s.version, count(o.sku) FILTER (WHERE o.active) AS offers
FROM supplier s LEFT JOIN offer o ON o.tenant = s.tenant AND o.supplier = s.id
WHERE s.tenant = $1
GROUP BY s.tenant, s.id
ORDER BY s.name, s.id
LIMIT $2

-- offers_of_sku --
-- Who offers a SKU, cheapest first.
SELECT
    supplier, cost_minor, currency, lead_time_days, order_min, order_max, map_minor, msrp_minor,
    active, version, supplier_sku
FROM offer WHERE tenant = $1 AND sku = $2
ORDER BY active DESC, cost_minor, lead_time_days NULLS LAST, supplier

-- audit_offer_documents --
-- Offers whose document is not what their row gives. One that is older than suppliers' own SKUs
-- says nothing of them.
SELECT o.tenant || '/' || o.sku || '/' || o.supplier AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', o.version, o.document) AS expected
FROM (
    SELECT tenant, sku, supplier, version, to_jsonb(offer) - 'tenant' - 'version' AS document
    FROM offer
) o
LEFT JOIN documents d
    ON d.tenant = o.tenant AND d.topic = 'offer:' || o.sku || '/' || o.supplier
WHERE d.version IS DISTINCT FROM o.version
    OR '{"supplier_sku": null}'::jsonb || d.body::jsonb IS DISTINCT FROM o.document
LIMIT $1

-- audit_supplier_documents --
-- Suppliers whose document is not what their row gives.
SELECT s.tenant || '/' || s.id AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', s.version, s.document) AS expected
FROM (
    SELECT tenant, id, version, to_jsonb(supplier) - 'tenant' - 'version' AS document FROM supplier
) s
LEFT JOIN documents d ON d.tenant = s.tenant AND d.topic = 'supplier:' || s.id
WHERE d.version IS DISTINCT FROM s.version OR d.body::jsonb IS DISTINCT FROM s.document
LIMIT $1
