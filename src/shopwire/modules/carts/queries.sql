-- load_cart --
-- Carts by id.
-- Rows are looked up one by one in this file, whatever the planner believes of a table: it may
-- have known it as empty, and a join that walks over all of it would stay as it grows.
SELECT c.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, cart_id, version, shopper, status, order_id, attempt
    FROM cart WHERE tenant = wanted.tenant AND cart_id = wanted.key OFFSET 0
) c

-- save_cart --
-- Inserts or replaces carts.
INSERT INTO cart (tenant, cart_id, version, shopper, status, order_id, attempt)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[]
)
ON CONFLICT (tenant, cart_id) DO UPDATE SET
    version = excluded.version, shopper = excluded.shopper, status = excluded.status,
    order_id = excluded.order_id, attempt = excluded.attempt

-- load_cart_line --
-- All lines of the wanted carts.
SELECT l.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, cart_id, sku, place, quantity, accepted_minor, currency, parts, trail
    FROM cart_line WHERE tenant = wanted.tenant AND cart_id = wanted.key OFFSET 0
) l

-- save_cart_line --
-- Inserts or replaces lines.
INSERT INTO cart_line (
    tenant, cart_id, sku, place, quantity, accepted_minor, currency, parts, trail
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
    $8::jsonb[], $9::jsonb[]
)
ON CONFLICT (tenant, cart_id, sku) DO UPDATE SET
    place = excluded.place, quantity = excluded.quantity,
    accepted_minor = excluded.accepted_minor, currency = excluded.currency,
    parts = excluded.parts, trail = excluded.trail

-- cart_to_buy --
-- A cart with what it holds, for its checkout.
SELECT
    c.version, c.shopper, c.status, c.order_id, c.attempt,
    l.sku, l.quantity, l.accepted_minor, l.currency, l.parts::text AS parts
FROM cart c
LEFT JOIN cart_line l ON l.tenant = c.tenant AND l.cart_id = c.cart_id AND l.quantity > 0
WHERE c.tenant = $1 AND c.cart_id = $2
ORDER BY l.place

-- documents_of --
-- Latest documents of topics, as bytes for the answer.
SELECT topic, version, body::text AS body, changed_at_ms
FROM documents WHERE tenant = $1 AND topic = ANY ($2::text[])

-- audit_cart_documents --
-- Carts whose document is not what their rows give.
SELECT c.tenant || '/' || c.cart_id AS subject,
    concat_ws(' ', d.version, d.body) AS found,
    concat_ws(' ', c.version, c.document) AS expected
FROM (
    SELECT k.tenant, k.cart_id, k.version, jsonb_build_object(
        'id', k.cart_id, 'status', k.status, 'order_id', k.order_id, 'attempt', k.attempt,
        'lines', coalesce((
            SELECT jsonb_agg(jsonb_build_object(
                'sku', l.sku, 'quantity', l.quantity, 'accepted_minor', l.accepted_minor,
                'currency', l.currency
            ) ORDER BY l.place)
            FROM cart_line l
            WHERE l.tenant = k.tenant AND l.cart_id = k.cart_id AND l.quantity > 0
        ), '[]'::jsonb)
    ) AS document
    FROM cart k
) c
LEFT JOIN documents d ON d.tenant = c.tenant AND d.topic = 'cart:' || c.cart_id
WHERE d.version IS DISTINCT FROM c.version OR d.body::jsonb IS DISTINCT FROM c.document
LIMIT $1

-- audit_cart_lines --
-- Lines of carts that do not exist.
SELECT l.tenant || '/' || l.cart_id || '/' || l.sku AS subject, 'no cart' AS found,
    'a cart' AS expected
FROM cart_line l
LEFT JOIN cart c USING (tenant, cart_id)
WHERE c.cart_id IS NULL
LIMIT $1
