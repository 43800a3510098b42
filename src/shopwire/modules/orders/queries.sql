-- load_customer_order --
-- Orders by id.
-- Rows are looked up one by one in this file, whatever the planner believes of a table: it may
-- have known it as empty, and a join that walks over all of it would stay as it grows.
SELECT o.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, cart_id, version, number, status, shopper, provider, has_cart,
        currency, lines, awaited, lots, skus, total_minor, refunded_minor, payment, shipments,
        receipts, conflicts, cuts, started_at_ms, expires_at_ms, ask_at_ms, asks, placed_at_ms,
        reason, answer_status, answer_body, origin
    FROM customer_order WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) o

-- save_customer_order --
-- Inserts or replaces orders; the table's constraints have the last word.
INSERT INTO customer_order (
    tenant, order_id, cart_id, version, number, status, shopper, provider, has_cart, currency,
    lines, awaited, lots, skus, total_minor, refunded_minor, payment, shipments, receipts,
    conflicts, cuts, started_at_ms, expires_at_ms, ask_at_ms, asks, placed_at_ms, reason,
    answer_status, answer_body, origin
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::boolean[], $10::text[], $11::jsonb[], $12::jsonb[], $13::jsonb[],
    $14::jsonb[], $15::bigint[], $16::bigint[], $17::text[], $18::jsonb[], $19::jsonb[],
    $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[], $25::bigint[],
    $26::bigint[], $27::text[], $28::bigint[], $29::text[], $30::text[]
)
ON CONFLICT (tenant, order_id) DO UPDATE SET
    cart_id = excluded.cart_id, version = excluded.version, number = excluded.number,
    status = excluded.status, shopper = excluded.shopper, provider = excluded.provider,
    has_cart = excluded.has_cart, currency = excluded.currency, lines = excluded.lines,
    awaited = excluded.awaited, lots = excluded.lots, skus = excluded.skus,
    total_minor = excluded.total_minor, refunded_minor = excluded.refunded_minor,
    payment = excluded.payment, shipments = excluded.shipments, receipts = excluded.receipts,
    conflicts = excluded.conflicts, cuts = excluded.cuts, started_at_ms = excluded.started_at_ms,
    expires_at_ms = excluded.expires_at_ms, ask_at_ms = excluded.ask_at_ms, asks = excluded.asks,
    placed_at_ms = excluded.placed_at_ms, reason = excluded.reason,
    answer_status = excluded.answer_status, answer_body = excluded.answer_body,
    origin = excluded.origin

-- load_order_contact --
-- Never loaded for a decision; this is for the conformance of the adapter.
SELECT c.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, email, address, method
    FROM order_contact WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) c

-- save_order_contact --
-- Written once.
INSERT INTO order_contact (tenant, order_id, email, address, method)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::text[])

-- load_order_conflict --
-- All conflicts of the wanted orders.
SELECT c.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, conflict_id, version, plan, line, sku, supplier, reference, quantity,
        reason, status, choice, "by", opened_at_ms, settled_at_ms, decided_at_ms,
        decided_sequence, again_at_ms
    FROM order_conflict WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) c

-- save_order_conflict --
-- Inserts or replaces conflicts.
INSERT INTO order_conflict (
    tenant, order_id, conflict_id, version, plan, line, sku, supplier, reference, quantity,
    reason, status, choice, "by", opened_at_ms, settled_at_ms, decided_at_ms, decided_sequence,
    again_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[],
    $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[]
)
ON CONFLICT (tenant, order_id, conflict_id) DO UPDATE SET
    version = excluded.version, plan = excluded.plan, line = excluded.line, sku = excluded.sku,
    supplier = excluded.supplier, reference = excluded.reference, quantity = excluded.quantity,
    reason = excluded.reason, status = excluded.status, choice = excluded.choice,
    "by" = excluded."by", opened_at_ms = excluded.opened_at_ms,
    settled_at_ms = excluded.settled_at_ms, decided_at_ms = excluded.decided_at_ms,
    decided_sequence = excluded.decided_sequence, again_at_ms = excluded.again_at_ms

-- checkout_of --
-- What the completion has to know of an order; none of it but the state ever changes.
SELECT o.status, o.skus::text AS skus, o.shopper, o.provider, c.method, o.total_minor, o.currency,
    o.started_at_ms, o.expires_at_ms, o.answer_status, o.answer_body, d.body::text AS route
FROM customer_order o
JOIN order_contact c USING (tenant, order_id)
LEFT JOIN documents d ON d.tenant = o.tenant AND d.topic = 'route:' || o.order_id
WHERE o.tenant = $1 AND o.order_id = $2

-- unfinished_checkouts --
-- Checkouts that wait for their provider, those to be asked first at the front.
SELECT order_id AS id, tenant, ask_at_ms AS due_ms,
    jsonb_build_object('asks', asks, 'expires_at_ms', expires_at_ms) AS payload
FROM customer_order
WHERE status = 'checking_out'
ORDER BY ask_at_ms
LIMIT $1

-- waiting_conflicts --
-- Refused units that shoppers wait for, those to be ordered again first at the front.
SELECT conflict_id AS id, tenant, again_at_ms AS due_ms, '{}'::jsonb AS payload
FROM order_conflict
WHERE again_at_ms IS NOT NULL
ORDER BY again_at_ms
LIMIT $1

-- contact_of --
-- Whom an order goes to.
SELECT email, address::text AS address FROM order_contact WHERE tenant = $1 AND order_id = $2

-- addresses_of --
-- Where orders go.
SELECT order_id, address::text AS address
FROM order_contact WHERE tenant = $1 AND order_id = ANY($2::text[])

-- orders_by_age --
-- One page, newest first, before a (moment, id).
SELECT o.order_id AS id, o.started_at_ms, d.topic, d.version, d.body::text AS body, d.changed_at_ms
FROM customer_order o
JOIN documents d ON d.tenant = o.tenant AND d.topic = 'order:' || o.order_id
WHERE o.tenant = $1 AND ($2 = '' OR o.status = $2)
    AND ($3::bigint IS NULL OR (o.started_at_ms, o.order_id) < ($3::bigint, $4::text))
ORDER BY o.started_at_ms DESC, o.order_id DESC
LIMIT $5

-- conflicts_by_age --
-- One page, newest first, before a (moment, id); with who else offers the SKU, and what there is.
-- An offer's topic is `offer:SKU/SUPPLIER`, and the byte after `/` is `0`.
SELECT c.conflict_id AS id, c.opened_at_ms, d.topic, d.version, d.body::text AS body,
    d.changed_at_ms, s.body::text AS stock, (
        SELECT coalesce(json_agg(f.body ORDER BY f.topic), '[]') FROM (
            SELECT offer.topic, offer.body FROM documents offer
            WHERE offer.tenant = c.tenant AND offer.topic >= 'offer:' || c.sku || '/'
                AND offer.topic < 'offer:' || c.sku || '0'
            ORDER BY offer.topic LIMIT $7
        ) f
        WHERE f.body ->> 'supplier' <> c.supplier AND (f.body ->> 'active')::boolean
    )::text AS offers
FROM order_conflict c
JOIN documents d ON d.tenant = c.tenant AND d.topic = 'conflict:' || c.conflict_id
LEFT JOIN documents s ON s.tenant = c.tenant AND s.topic = 'stock:' || c.sku
WHERE c.tenant = $1 AND ($2 = '' OR c.status = $2) AND ($3 = '' OR c.order_id = $3)
    AND ($4::bigint IS NULL OR (c.opened_at_ms, c.conflict_id) < ($4::bigint, $5::text))
ORDER BY c.opened_at_ms DESC, c.conflict_id DESC
LIMIT $6

-- placed_since --
-- When orders were placed since a moment, the earliest first.
SELECT placed_at_ms FROM customer_order
WHERE tenant = $1 AND started_at_ms >= $2::bigint - 1800000
    AND placed_at_ms >= $2::bigint
ORDER BY placed_at_ms
LIMIT $3

-- open_conflicts --
-- How many wait for a choice.
SELECT count(*) AS open FROM order_conflict WHERE tenant = $1 AND status = 'open'

-- order_document --
-- An order's document, as bytes for the answer.
SELECT topic, version, body::text AS body, changed_at_ms
FROM documents WHERE tenant = $1 AND topic = 'order:' || $2

-- orders_after --
-- The next orders with their documents, for the audit.
SELECT o.*, d.version AS document_version, d.body::text AS document
FROM (
    SELECT * FROM customer_order
    WHERE (tenant, order_id) > ($1, $2) ORDER BY tenant, order_id LIMIT $3
) o
LEFT JOIN documents d ON d.tenant = o.tenant AND d.topic = 'order:' || o.order_id
ORDER BY o.tenant, o.order_id

-- audit_order_units --
-- Units of a line that are neither awaited nor in a lot, or in more than one.
SELECT tenant || '/' || order_id || ' ' || line || '/' || sku AS subject,
    coalesce(sum(units) FILTER (WHERE side = 'has'), 0)::text AS found,
    coalesce(sum(units) FILTER (WHERE side = 'wants'), 0)::text AS expected
FROM (
    SELECT o.tenant, o.order_id, l ->> 'sku' AS line, p.sku, 'wants' AS side,
        (l ->> 'quantity')::bigint * p.each AS units
    FROM customer_order o
    CROSS JOIN LATERAL jsonb_array_elements(o.lines) l
    CROSS JOIN LATERAL (
        SELECT part ->> 'sku' AS sku, (part ->> 'quantity')::bigint AS each
        FROM jsonb_array_elements(l -> 'parts') part
        UNION ALL
        SELECT l ->> 'sku', 1 WHERE l -> 'parts' = '[]'
    ) p
    UNION ALL
    SELECT o.tenant, o.order_id, a ->> 'line', a ->> 'sku', 'has',
        (a ->> 'quantity')::bigint - coalesce((a ->> 'spare')::bigint, 0)
    FROM customer_order o CROSS JOIN LATERAL jsonb_array_elements(o.awaited) a
    UNION ALL
    SELECT o.tenant, o.order_id, t ->> 'line', t ->> 'sku', 'has',
        (t ->> 'quantity')::bigint - coalesce((t ->> 'moved')::bigint, 0)
            - coalesce((t ->> 'swapped')::bigint, 0) - coalesce((t ->> 'replaced')::bigint, 0)
            - coalesce((t ->> 'surplus')::bigint, 0)
    FROM customer_order o CROSS JOIN LATERAL jsonb_array_elements(o.lots) t
) side
GROUP BY tenant, order_id, line, sku
HAVING coalesce(sum(units) FILTER (WHERE side = 'has'), 0)
    <> coalesce(sum(units) FILTER (WHERE side = 'wants'), 0)
LIMIT $1

-- audit_order_deadlines --
-- Checkouts that go on for longer than 30 s after their time.
SELECT tenant || '/' || order_id AS subject, 'checking_out, ' || expires_at_ms AS found,
    'placed or failed' AS expected
FROM customer_order
WHERE status = 'checking_out'
    AND expires_at_ms < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 30000
LIMIT $1

-- audit_order_carts --
-- Orders whose cart says something else, and carts whose order does.
SELECT o.tenant || '/' || o.order_id AS subject,
    coalesce(c.body ->> 'status', 'no cart') || ' ' || coalesce(c.body ->> 'order_id', '') AS found,
    CASE
        WHEN o.placed_at_ms IS NOT NULL THEN 'ordered ' || o.order_id
        WHEN o.status = 'checking_out' THEN 'checking_out ' || o.order_id
        ELSE 'another attempt'
    END AS expected
FROM customer_order o
LEFT JOIN documents c ON c.tenant = o.tenant AND c.topic = 'cart:' || o.cart_id
WHERE o.has_cart AND CASE
    WHEN o.placed_at_ms IS NOT NULL THEN
        (c.body ->> 'status', c.body ->> 'order_id') IS DISTINCT FROM ('ordered', o.order_id)
    WHEN o.status = 'checking_out' THEN
        (c.body ->> 'status', c.body ->> 'order_id') IS DISTINCT FROM ('checking_out', o.order_id)
    ELSE c.body ->> 'order_id' IS NOT DISTINCT FROM o.order_id
END
UNION ALL
SELECT c.tenant || '/' || c.topic, 'no such order', c.body ->> 'order_id'
FROM documents c
LEFT JOIN customer_order o ON o.tenant = c.tenant AND o.order_id = c.body ->> 'order_id'
WHERE c.topic >= 'cart:' AND c.topic < 'cart;' AND c.body ->> 'order_id' IS NOT NULL
    AND o.order_id IS NULL
LIMIT $1

-- audit_order_sales --
-- Placed orders whose held units were not sold exactly once, as the log tells it.
SELECT o.tenant || '/' || o.order_id AS subject,
    coalesce(p.holds, 0) || ' holds, ' || coalesce(p.units, 0) || ' units' AS found,
    CASE WHEN o.placed_at_ms IS NULL THEN '0 holds, 0 units'
        ELSE '1 holds, ' || w.units || ' units' END AS expected
FROM customer_order o
CROSS JOIN LATERAL (
    SELECT sum((l ->> 'quantity')::bigint * coalesce((
        SELECT sum((part ->> 'quantity')::bigint) FROM jsonb_array_elements(l -> 'parts') part
    ), 1)) AS units
    FROM jsonb_array_elements(o.lines) l
) w
LEFT JOIN (
    SELECT e.tenant, split_part(e.facts ->> 'hold', '~', 1) AS order_id,
        count(DISTINCT e.facts ->> 'hold') AS holds,
        sum((share ->> 'quantity')::bigint) AS units
    FROM events e CROSS JOIN LATERAL json_array_elements(e.facts -> 'shares') share
    WHERE e.event_type = 'inventory.hold_posted' AND e.facts ->> 'hold' NOT LIKE '%/%'
    GROUP BY 1, 2
) p USING (tenant, order_id)
WHERE (coalesce(p.holds, 0), coalesce(p.units, 0))
    IS DISTINCT FROM CASE WHEN o.placed_at_ms IS NULL THEN (0::bigint, 0::numeric)
        ELSE (1::bigint, w.units::numeric) END
LIMIT $1

-- audit_order_refunds --
-- Units that were given up and whose money nobody asked the payment to give back.
SELECT e.tenant || '/' || (e.facts ->> 'refund_id') AS subject, d.body ->> 'state' AS found,
    'a refund of ' || (e.facts ->> 'refund_minor') AS expected
FROM events e
JOIN consumer_position p ON p.consumer = 'orders.follow' AND p.partition = e.partition
LEFT JOIN documents d
    ON d.tenant = e.tenant AND d.topic = 'payment:' || substr(e.topic, length('order:') + 1)
WHERE e.event_type IN ('orders.order_changed', 'orders.order_cancelled', 'orders.order_allocated')
    AND e."offset" < p.next AND (e.facts ->> 'refund_minor')::bigint > 0
    AND d.body ->> 'state' IS DISTINCT FROM 'voided'
    AND NOT coalesce((d.body ->> 'voiding')::boolean, false)
    AND NOT EXISTS (
        SELECT FROM json_array_elements(d.body -> 'movements') AS movement
        WHERE movement ->> 'id' = e.facts ->> 'refund_id'
    )
LIMIT $1

-- audit_conflict_documents --
-- Conflicts whose document is not what their row gives, and units in question without one.
SELECT c.tenant || '/' || c.conflict_id AS subject,
    concat_ws(' ', d.version, d.body ->> 'status', d.body ->> 'quantity', d.body ->> 'choice')
        AS found,
    concat_ws(' ', c.version, c.status, c.quantity, c.choice) AS expected
FROM order_conflict c
LEFT JOIN documents d ON d.tenant = c.tenant AND d.topic = 'conflict:' || c.conflict_id
WHERE (d.version, d.body ->> 'status', d.body ->> 'quantity', d.body ->> 'choice')
    IS DISTINCT FROM (c.version, c.status, c.quantity::text, c.choice)
UNION ALL
SELECT o.tenant || '/' || o.order_id,
    'conflict ' || t.conflict || ' ' || coalesce(c.status, 'none'), 'an open conflict'
FROM customer_order o
CROSS JOIN LATERAL (
    SELECT lot ->> name AS conflict FROM jsonb_array_elements(o.lots) lot,
        unnest(ARRAY['short', 'refusal']) name
    WHERE lot ->> name <> ''
) t
LEFT JOIN order_conflict c
    ON c.tenant = o.tenant AND c.order_id = o.order_id AND c.conflict_id = t.conflict
WHERE c.status IS DISTINCT FROM 'open'
LIMIT $1
