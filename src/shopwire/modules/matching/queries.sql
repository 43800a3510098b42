-- load_match_policy --
-- Policies by supplier.
SELECT p.tenant, p.supplier, p.version, p.mode, p.unknown, p.titles
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, supplier)
JOIN match_policy p USING (tenant, supplier)

-- save_match_policy --
-- Inserts or replaces policies.
INSERT INTO match_policy (tenant, supplier, version, mode, unknown, titles)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::boolean[]
)
ON CONFLICT (tenant, supplier) DO UPDATE SET
    version = excluded.version, mode = excluded.mode, unknown = excluded.unknown,
    titles = excluded.titles

-- load_match_link --
-- Links by the supplier's SKU, of all suppliers.
SELECT l.tenant, l.supplier_sku, l.supplier, l.version, l.state, l.sku, l.how, l.by, l.at_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, supplier_sku)
JOIN match_link l USING (tenant, supplier_sku)

-- save_match_link --
-- Inserts or replaces links.
INSERT INTO match_link (tenant, supplier_sku, supplier, version, state, sku, how, by, at_ms)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::bigint[]
)
ON CONFLICT (tenant, supplier_sku, supplier) DO UPDATE SET
    version = excluded.version, state = excluded.state, sku = excluded.sku, how = excluded.how,
    by = excluded.by, at_ms = excluded.at_ms

-- load_match_hold --
-- Which suppliers' SKUs articles are.
SELECT h.tenant, h.sku, h.supplier, h.supplier_sku
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN match_hold h USING (tenant, sku)

-- save_match_hold --
-- Inserts or replaces them.
INSERT INTO match_hold (tenant, sku, supplier, supplier_sku)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (tenant, sku, supplier) DO UPDATE SET supplier_sku = excluded.supplier_sku

-- load_match_case --
-- Rows that wait or waited, by the supplier's SKU, of all suppliers.
SELECT
    c.tenant, c.supplier_sku, c.supplier, c.version, c.status, c.run, c.line, c.reasons,
    c.candidates, c.product, c.offers, c.quantity, c.as_of_ms, c.new_sku, c.new_product, c.digest,
    c.sku, c.decided_by, c.waits_since_ms, c.changed_at_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, supplier_sku)
JOIN match_case c USING (tenant, supplier_sku)

-- save_match_case --
-- Inserts or replaces them.
INSERT INTO match_case (
    tenant, supplier_sku, supplier, version, status, run, line, reasons, candidates, product,
    offers, quantity, as_of_ms, new_sku, new_product, digest, sku, decided_by, waits_since_ms,
    changed_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[],
    $8::jsonb[], $9::jsonb[], $10::jsonb[], $11::jsonb[], $12::bigint[], $13::bigint[],
    $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::bigint[], $20::bigint[]
)
ON CONFLICT (tenant, supplier_sku, supplier) DO UPDATE SET
    version = excluded.version, status = excluded.status, run = excluded.run,
    line = excluded.line, reasons = excluded.reasons, candidates = excluded.candidates,
    product = excluded.product, offers = excluded.offers, quantity = excluded.quantity,
    as_of_ms = excluded.as_of_ms, new_sku = excluded.new_sku, new_product = excluded.new_product,
    digest = excluded.digest, sku = excluded.sku, decided_by = excluded.decided_by,
    waits_since_ms = excluded.waits_since_ms, changed_at_ms = excluded.changed_at_ms

-- load_match_queue --
-- The numbers of those that wait.
SELECT q.tenant, q.id, q.version, q.waiting
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN match_queue q USING (tenant, id)

-- save_match_queue --
-- Inserts or replaces them.
INSERT INTO match_queue (tenant, id, version, waiting)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[])
ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, waiting = excluded.waiting

-- policy_of --
-- One supplier's policy.
SELECT mode, unknown, titles FROM match_policy WHERE tenant = $1 AND supplier = $2

-- policies --
-- All policies.
SELECT supplier, mode, unknown, titles FROM match_policy WHERE tenant = $1
ORDER BY supplier LIMIT $2

-- links_of --
-- What is remembered of some of a supplier's SKUs.
SELECT supplier_sku, state, sku FROM match_link
WHERE tenant = $1 AND supplier = $2 AND supplier_sku = ANY ($3::text[])

-- holders_of --
-- Which of a supplier's SKUs some articles are.
SELECT sku, supplier_sku FROM match_hold
WHERE tenant = $1 AND supplier = $2 AND sku = ANY ($3::text[]) AND supplier_sku <> ''

-- waiting_digests --
-- What some of a supplier's rows that wait said, in short.
SELECT supplier_sku, digest FROM match_case
WHERE tenant = $1 AND supplier = $2 AND supplier_sku = ANY ($3::text[]) AND status = 'waiting'

-- handles --
-- Products by id, with the first of their SKUs.
SELECT id, source, variants #>> '{0,variant,sku}' AS sku FROM product
WHERE tenant = $1 AND id = ANY ($2::text[])

-- articles --
-- Articles by SKU, by GTIN, by the maker's number.
WITH found AS (
    SELECT sku, product_id, gtin, mpn FROM sku_owner
    WHERE tenant = $1 AND sku = ANY ($2::text[])
    UNION
    SELECT sku, product_id, gtin, mpn FROM sku_owner
    WHERE tenant = $1 AND gtin = ANY ($3::text[]) AND gtin <> ''
    UNION
    SELECT sku, product_id, gtin, mpn FROM sku_owner
    WHERE tenant = $1 AND mpn = ANY ($4::text[]) AND mpn <> ''
)
SELECT f.sku, f.product_id, f.gtin, f.mpn, p.brand, p.title, coalesce((
    SELECT v #>> '{variant,title}' FROM jsonb_array_elements(p.variants) v
    WHERE v #>> '{variant,sku}' = f.sku
), '') AS variant
FROM found f
JOIN product p ON p.tenant = $1 AND p.id = f.product_id

-- articles_like --
-- Articles whose words hold all of a search, a few of each search; `number` tells which one.
SELECT w.number, o.sku, o.product_id, o.gtin, o.mpn, p.brand, p.title,
    coalesce(v #>> '{variant,title}', '') AS variant
FROM unnest($2::text[]) WITH ORDINALITY AS w (query, number)
CROSS JOIN LATERAL (
    SELECT id, title, brand, variants FROM product
    WHERE tenant = $1 AND search @@ to_tsquery('simple', w.query)
    LIMIT $3
) p
CROSS JOIN LATERAL jsonb_array_elements(p.variants) v
JOIN sku_owner o ON o.tenant = $1 AND o.sku = v #>> '{variant,sku}'

-- cases --
-- A page of rows that wait or waited, by supplier and its SKU.
SELECT d.body::text AS body, c.supplier, c.supplier_sku
FROM match_case c
JOIN documents d ON d.tenant = c.tenant
    AND d.topic = 'match:' || c.supplier || '/' || c.supplier_sku
WHERE c.tenant = $1 AND c.status = $2 AND ($3::text IS NULL OR c.supplier = $3)
    AND ($4::text IS NULL OR (c.supplier, c.supplier_sku) > ($4, $5))
    AND ($7::text IS NULL OR c.supplier_sku = $7)
ORDER BY c.supplier, c.supplier_sku
LIMIT $6

-- candidate_cards --
-- What a person looks at of candidates: the article, its price, its stock, who else offers it.
SELECT o.sku, o.product_id AS product, p.title, p.brand, v.variant ->> 'title' AS variant,
    v.variant ->> 'gtin' AS gtin, coalesce(v.variant ->> 'mpn', '') AS mpn,
    coalesce(p.images #>> '{0,url}', '') AS image,
    (price.body ->> 'amount_minor')::bigint AS price_minor,
    coalesce(price.body ->> 'currency', '') AS currency,
    (stock.body ->> 'available')::bigint AS available,
    ARRAY(
        SELECT f.supplier FROM offer f
        WHERE f.tenant = o.tenant AND f.sku = o.sku AND f.active ORDER BY f.supplier
    ) AS suppliers
FROM sku_owner o
JOIN product p ON p.tenant = o.tenant AND p.id = o.product_id
CROSS JOIN LATERAL (
    SELECT e -> 'variant' AS variant FROM jsonb_array_elements(p.variants) e
    WHERE e #>> '{variant,sku}' = o.sku LIMIT 1
) v
LEFT JOIN documents price ON price.tenant = o.tenant AND price.topic = 'price:' || o.sku
LEFT JOIN documents stock ON stock.tenant = o.tenant AND stock.topic = 'stock:' || o.sku
WHERE o.tenant = $1 AND o.sku = ANY ($2::text[])

-- links --
-- A page of a supplier's links, by its SKU.
SELECT l.supplier_sku, l.state, l.sku, l.how, l.by, l.at_ms, coalesce(p.title, '') AS title
FROM match_link l
LEFT JOIN sku_owner o ON o.tenant = l.tenant AND o.sku = l.sku
LEFT JOIN product p ON p.tenant = o.tenant AND p.id = o.product_id
WHERE l.tenant = $1 AND l.supplier = $2 AND l.state <> 'forgotten'
    AND ($3::text IS NULL OR l.supplier_sku > $3)
ORDER BY l.supplier_sku
LIMIT $4

-- audit_match_queue --
-- Suppliers of which another number waits than the queue tells.
SELECT coalesce(q.tenant, c.tenant) || '/' || coalesce(q.supplier, c.supplier) AS subject,
    coalesce(q.waiting, 0)::text AS found, coalesce(c.waiting, 0)::text AS expected
FROM (
    SELECT m.tenant, w.key AS supplier, w.value::bigint AS waiting
    FROM match_queue m, jsonb_each_text(m.waiting) w
) q
FULL JOIN (
    SELECT tenant, supplier, count(*) AS waiting FROM match_case
    WHERE status = 'waiting' GROUP BY tenant, supplier
) c USING (tenant, supplier)
WHERE coalesce(q.waiting, 0) <> coalesce(c.waiting, 0)
LIMIT $1

-- audit_match_cases --
-- Rows that wait or waited whose document is not what their row gives.
SELECT c.tenant || '/' || c.supplier || '/' || c.supplier_sku AS subject,
    concat_ws(' ', d.version, d.body ->> 'status', d.body ->> 'sku') AS found,
    concat_ws(' ', c.version, c.status, c.sku) AS expected
FROM match_case c
LEFT JOIN documents d ON d.tenant = c.tenant
    AND d.topic = 'match:' || c.supplier || '/' || c.supplier_sku
WHERE d.version IS DISTINCT FROM c.version OR d.body ->> 'status' IS DISTINCT FROM c.status
    OR d.body ->> 'sku' IS DISTINCT FROM c.sku
    OR (d.body -> 'candidates')::jsonb IS DISTINCT FROM c.candidates
LIMIT $1

-- audit_match_links --
-- Links whose article is held by another of the supplier's SKUs, or by none, and holds of no link.
SELECT coalesce(l.tenant, h.tenant) || '/' || coalesce(l.supplier, h.supplier) || '/'
    || coalesce(l.sku, h.sku) AS subject,
    coalesce(h.supplier_sku, '') AS found, coalesce(l.supplier_sku, '') AS expected
FROM (SELECT * FROM match_link WHERE state = 'linked') l
FULL JOIN (SELECT * FROM match_hold WHERE supplier_sku <> '') h USING (tenant, supplier, sku)
WHERE l.supplier_sku IS DISTINCT FROM h.supplier_sku
LIMIT $1
