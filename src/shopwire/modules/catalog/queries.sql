-- load_product --
-- Products by id.
SELECT
    p.tenant, p.id, p.version, p.source, p.title, p.description, p.brand, p.status, p.categories,
    p.lineage, p.tags, p.options, p.variants, p.images, p.edited, p.filled, p.search_text,
    p.created_at_ms, p.updated_at_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN product p USING (tenant, id)

-- save_product --
-- Inserts or replaces products.
INSERT INTO product (
    tenant, id, version, source, title, description, brand, status, categories, lineage, tags,
    options, variants, images, edited, filled, search_text, created_at_ms, updated_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::jsonb[], $10::jsonb[], $11::jsonb[], $12::jsonb[], $13::jsonb[], $14::jsonb[],
    $15::jsonb[], $16::jsonb[], $17::text[], $18::bigint[], $19::bigint[]
)
ON CONFLICT (tenant, id) DO UPDATE SET
    version = excluded.version, source = excluded.source, title = excluded.title,
    description = excluded.description, brand = excluded.brand, status = excluded.status,
    categories = excluded.categories, lineage = excluded.lineage, tags = excluded.tags,
    options = excluded.options, variants = excluded.variants, images = excluded.images,
    edited = excluded.edited, filled = excluded.filled, search_text = excluded.search_text,
    created_at_ms = excluded.created_at_ms, updated_at_ms = excluded.updated_at_ms

-- load_sku_owner --
-- Owners of the wanted SKUs.
SELECT o.tenant, o.sku, o.product_id, o.gtin, o.mpn
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN sku_owner o USING (tenant, sku)

-- save_sku_owner --
-- Inserts or replaces owners.
INSERT INTO sku_owner (tenant, sku, product_id, gtin, mpn)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
ON CONFLICT (tenant, sku) DO UPDATE SET
    product_id = excluded.product_id, gtin = excluded.gtin, mpn = excluded.mpn

-- load_category --
-- All categories of the wanted shops.
SELECT c.tenant, c.tree, c.slug, c.name, c.parent, c.version, c.products, c.revision
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, tree)
JOIN category c USING (tenant, tree)

-- save_category --
-- Inserts or replaces categories.
INSERT INTO category (tenant, tree, slug, name, parent, version, products, revision)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
    $8::bigint[]
)
ON CONFLICT (tenant, tree, slug) DO UPDATE SET
    name = excluded.name, parent = excluded.parent, version = excluded.version,
    products = excluded.products, revision = excluded.revision

-- count_search --
-- How many a search finds.
SELECT count(*) AS total
FROM product
WHERE tenant = $1 AND status = $3 AND ($4 = '' OR lineage @> to_jsonb($4::text))
    AND ($2 = '' OR search @@ to_tsquery('simple', $2))

-- products_by_title --
-- One page in the order of the alphabet, after a (title, id).
SELECT id, lower(title) AS place
FROM product
WHERE tenant = $1 AND status = $3 AND ($4 = '' OR lineage @> to_jsonb($4::text))
    AND ($2 = '' OR search @@ to_tsquery('simple', $2))
    AND ($5::text IS NULL OR (lower(title), id) > ($5, $6))
ORDER BY lower(title), id
LIMIT $7

-- products_by_age --
-- One page, newest first, after a (moment, id).
SELECT id, created_at_ms::text AS place
FROM product
WHERE tenant = $1 AND status = $3 AND ($4 = '' OR lineage @> to_jsonb($4::text))
    AND ($2 = '' OR search @@ to_tsquery('simple', $2))
    AND ($5::text IS NULL OR created_at_ms < $5::bigint OR (created_at_ms = $5::bigint AND id > $6))
ORDER BY created_at_ms DESC, id
LIMIT $7

-- products_by_rank --
-- One page of a search, best first, after a (rank, id).
SELECT id, rank::text AS place FROM (
    SELECT id, round(ts_rank(search, query.q)::numeric, 6) AS rank
    FROM product, to_tsquery('simple', $2) AS query (q)
    WHERE tenant = $1 AND status = $3 AND ($4 = '' OR lineage @> to_jsonb($4::text))
        AND search @@ query.q
) found
WHERE $5::text IS NULL OR rank < $5::numeric OR (rank = $5::numeric AND id > $6)
ORDER BY rank DESC, id
LIMIT $7

-- products_by_price --
-- One page of not so many, cheapest variant first, after a (price, id); no price comes last.
SELECT id, price::text AS place FROM (
    SELECT p.id, coalesce((
        SELECT min(l.amount_minor) FROM listed_price l
        WHERE l.tenant = p.tenant AND l.sku = ANY (ARRAY(
            SELECT jsonb_path_query(p.variants, '$[*].variant.sku') #>> '{}'
        ))
    ), 9223372036854775807) AS price
    FROM product p
    WHERE p.tenant = $1 AND p.status = $3 AND ($4 = '' OR p.lineage @> to_jsonb($4::text))
        AND ($2 = '' OR p.search @@ to_tsquery('simple', $2))
) found
WHERE $5::text IS NULL OR price > $5::bigint OR (price = $5::bigint AND id > $6)
ORDER BY price, id
LIMIT $7

-- priced_products --
-- The same page of very many, without those that have no price: along the prices, not the products.
SELECT p.id, l.amount_minor::text AS place
FROM listed_price l
JOIN sku_owner o USING (tenant, sku)
JOIN product p ON p.tenant = o.tenant AND p.id = o.product_id
WHERE l.tenant = $1 AND p.status = $3 AND ($4 = '' OR p.lineage @> to_jsonb($4::text))
    AND ($2 = '' OR p.search @@ to_tsquery('simple', $2))
    AND ($5::text IS NULL OR l.amount_minor >= $5::bigint)
    AND ($5::text IS NULL OR l.amount_minor > $5::bigint OR p.id > $6)
    AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(p.variants) AS owned
        JOIN listed_price other
            ON other.tenant = p.tenant AND other.sku = owned -> 'variant' ->> 'sku'
        WHERE (other.amount_minor, other.sku) < (l.amount_minor, l.sku)
    )
ORDER BY l.amount_minor, p.id
LIMIT $7

-- documents_of --
-- Latest documents of topics, as bytes for the answer.
SELECT topic, version, body::text AS body, changed_at_ms
FROM documents WHERE tenant = $1 AND topic = ANY ($2::text[])

-- titles_of_skus --
-- What SKUs are called: the product's title, and the variant's where it has one of its own. Their
-- number is hidden: else the planner makes a plan for just that many each time.
SELECT o.sku, p.title, coalesce((
    SELECT v #>> '{variant,title}' FROM jsonb_array_elements(p.variants) v
    WHERE v #>> '{variant,sku}' = o.sku
), '') AS variant
FROM unnest((SELECT $2::text[])) AS w (sku)
CROSS JOIN LATERAL (
    SELECT sku, product_id FROM sku_owner WHERE tenant = $1 AND sku = w.sku OFFSET 0
) o
CROSS JOIN LATERAL (
    SELECT title, variants FROM product WHERE tenant = $1 AND id = o.product_id OFFSET 0
) p

-- kin_of_sku --
-- SKUs to offer instead: other variants of the product first, then articles of its categories,
-- which are looked at up to a number and only as far as they can be sold.
WITH own AS (
    SELECT p.id, p.variants, p.categories
    FROM sku_owner o
    JOIN product p ON p.tenant = o.tenant AND p.id = o.product_id
    WHERE o.tenant = $1 AND o.sku = $2
), near AS (
    SELECT n.id, n.title, n.variants, n.created_at_ms
    FROM own
    CROSS JOIN LATERAL jsonb_array_elements_text(own.categories) c (slug)
    CROSS JOIN LATERAL (
        SELECT p.id, p.title, p.variants, p.created_at_ms
        FROM product p
        WHERE p.tenant = $1 AND p.status = 'active' AND p.lineage @> to_jsonb(c.slug)
            AND p.id <> own.id
        LIMIT $4
    ) n
), kin AS (
    SELECT v #>> '{variant,sku}' AS sku, own.id AS product_id, 0 AS distance
    FROM own CROSS JOIN LATERAL jsonb_array_elements(own.variants) v
    UNION ALL
    SELECT v #>> '{variant,sku}', near.id, 1
    FROM near CROSS JOIN LATERAL jsonb_array_elements(near.variants) v
)
SELECT kin.sku, min(kin.product_id) AS product_id, min(kin.distance) AS distance,
    d.topic, d.version, d.body::text AS body, d.changed_at_ms
FROM kin
JOIN documents d ON d.tenant = $1 AND d.topic = 'stock:' || kin.sku
WHERE kin.sku <> $2 AND (d.body ->> 'available')::bigint >= $3
GROUP BY kin.sku, d.topic, d.version, d.body::text, d.changed_at_ms, (d.body ->> 'available')
ORDER BY min(kin.distance), (d.body ->> 'available')::bigint DESC, kin.sku
LIMIT $5

-- all_categories --
-- The tree, for menus.
SELECT slug, name, parent, products, revision
FROM category WHERE tenant = $1 ORDER BY slug LIMIT $2

-- audit_categories --
-- Categories whose count is not the number of active products in them and below.
SELECT c.tenant || '/' || c.slug AS subject, c.products::text AS found, n.products::text AS expected
FROM category c
JOIN (
    SELECT k.tenant, k.slug, count(p.slug) AS products
    FROM category k
    LEFT JOIN (
        SELECT tenant, jsonb_array_elements_text(lineage - 'all') AS slug FROM product
        WHERE status = 'active'
        UNION ALL
        SELECT tenant, 'all' FROM product WHERE status = 'active'
    ) p USING (tenant, slug)
    GROUP BY k.tenant, k.slug
) n USING (tenant, slug)
WHERE c.products <> n.products
LIMIT $1

-- audit_category_documents --
-- Categories whose document is not what their row gives.
SELECT c.tenant || '/' || c.slug AS subject, concat_ws(' ', d.version, d.body) AS found,
    concat_ws(' ', c.version, c.slug, c.products, c.revision) AS expected
FROM category c
LEFT JOIN documents d ON d.tenant = c.tenant AND d.topic = 'category:' || c.slug
WHERE d.version IS DISTINCT FROM c.version
    OR d.body::jsonb IS DISTINCT FROM jsonb_build_object(
        'slug', c.slug, 'name', c.name, 'parent', c.parent, 'products', c.products,
        'revision', c.revision
    )
LIMIT $1

-- audit_products --
-- Products whose document is not what their row gives.
SELECT p.tenant || '/' || p.id AS subject,
    concat_ws(' ', d.version, d.body ->> 'title', md5(d.body::jsonb::text)) AS found,
    concat_ws(' ', p.version, p.title, md5(p.document::text)) AS expected
FROM (
    SELECT tenant, id, version, title, jsonb_build_object(
        'id', id, 'title', title, 'description', description, 'brand', brand, 'status', status,
        'categories', categories, 'tags', tags, 'options', options, 'images', images,
        'variants', jsonb_path_query_array(variants, '$[*].variant')
    ) AS document
    FROM product
) p
LEFT JOIN documents d ON d.tenant = p.tenant AND d.topic = 'product:' || p.id
WHERE d.version IS DISTINCT FROM p.version OR d.body::jsonb IS DISTINCT FROM p.document
LIMIT $1

-- audit_sku_owners --
-- SKUs that a product has and does not own, or owns and does not have.
SELECT tenant || '/' || sku AS subject, coalesce(o.product_id, 'nobody') AS found,
    coalesce(v.product_id, 'nobody') AS expected
FROM (SELECT tenant, sku, product_id FROM sku_owner WHERE product_id <> '') o
FULL JOIN (
    SELECT tenant, jsonb_array_elements(variants) -> 'variant' ->> 'sku' AS sku, id AS product_id
    FROM product
) v USING (tenant, sku)
WHERE o.product_id IS DISTINCT FROM v.product_id
LIMIT $1

-- audit_sku_gtins --
-- SKUs that are found by another GTIN than their variant has.
SELECT o.tenant || '/' || o.sku AS subject, o.gtin AS found,
    coalesce(v.variant ->> 'gtin', '') AS expected
FROM sku_owner o
JOIN (
    SELECT tenant, jsonb_array_elements(variants) -> 'variant' AS variant FROM product
) v ON v.tenant = o.tenant AND v.variant ->> 'sku' = o.sku
WHERE o.gtin <> coalesce(v.variant ->> 'gtin', '')
LIMIT $1
