-- load_channel --
-- Rows of the wanted groups.
SELECT
    r.tenant, r.supplier, r.version, r.way, r.gather_ms, r.orders_max, r.letters, r.bundles,
    r.inbox_trouble
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, supplier)
JOIN channel r USING (tenant, supplier)

-- save_channel --
-- Inserts or replaces rows.
INSERT INTO channel (
    tenant, supplier, version, way, gather_ms, orders_max, letters, bundles, inbox_trouble
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::text[]
)
ON CONFLICT (tenant, supplier) DO UPDATE SET
    version = excluded.version, way = excluded.way, gather_ms = excluded.gather_ms,
    orders_max = excluded.orders_max, letters = excluded.letters, bundles = excluded.bundles,
    inbox_trouble = excluded.inbox_trouble

-- load_channel_letter --
-- Rows of the wanted groups.
SELECT
    r.tenant, r.purchase_order, r.supplier, r.number, r.state, r.bundle, r.lines,
    r.posted_at_ms, r.left_at_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, purchase_order)
JOIN channel_letter r USING (tenant, purchase_order)

-- save_channel_letter --
-- Inserts or replaces rows.
INSERT INTO channel_letter (
    tenant, purchase_order, supplier, number, state, bundle, lines, posted_at_ms, left_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[],
    $8::bigint[], $9::bigint[]
)
ON CONFLICT (tenant, purchase_order) DO UPDATE SET
    supplier = excluded.supplier, number = excluded.number, state = excluded.state,
    bundle = excluded.bundle, lines = excluded.lines, posted_at_ms = excluded.posted_at_ms,
    left_at_ms = excluded.left_at_ms

-- load_channel_bundle --
-- Rows of the wanted groups.
SELECT
    r.tenant, r.id, r.supplier, r.control, r.version, r.kind, r.way, r.state, r.letters, r.trouble,
    r.tries, r.begun_at_ms, r.due_at_ms, r.left_at_ms, r.receipt
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN channel_bundle r USING (tenant, id)

-- save_channel_bundle --
-- Inserts or replaces rows.
INSERT INTO channel_bundle (
    tenant, id, supplier, control, version, kind, way, state, letters, trouble, tries,
    begun_at_ms, due_at_ms, left_at_ms, receipt
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::jsonb[],
    $8::text[], $9::jsonb[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::text[]
)
ON CONFLICT (tenant, id) DO UPDATE SET
    supplier = excluded.supplier, control = excluded.control, version = excluded.version,
    kind = excluded.kind, way = excluded.way, state = excluded.state, letters = excluded.letters,
    trouble = excluded.trouble, tries = excluded.tries, begun_at_ms = excluded.begun_at_ms,
    due_at_ms = excluded.due_at_ms, left_at_ms = excluded.left_at_ms, receipt = excluded.receipt

-- load_supplier_invoice --
-- Rows of the wanted groups.
SELECT
    r.tenant, r.id, r.supplier, r.number, r.purchase_order, r.version, r.state, r.currency,
    r.lines, r.charges_minor, r.tax_minor, r.total_minor, r.expected_minor, r.differences,
    r.note, r.received_at_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, purchase_order)
JOIN supplier_invoice r USING (tenant, purchase_order)

-- save_supplier_invoice --
-- Inserts or replaces rows.
INSERT INTO supplier_invoice (
    tenant, id, supplier, number, purchase_order, version, state, currency, lines,
    charges_minor, tax_minor, total_minor, expected_minor, differences, note, received_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[],
    $8::text[], $9::jsonb[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::jsonb[], $15::text[], $16::bigint[]
)
ON CONFLICT (tenant, purchase_order, id) DO UPDATE SET
    supplier = excluded.supplier, number = excluded.number, version = excluded.version,
    state = excluded.state, currency = excluded.currency, lines = excluded.lines,
    charges_minor = excluded.charges_minor, tax_minor = excluded.tax_minor,
    total_minor = excluded.total_minor, expected_minor = excluded.expected_minor,
    differences = excluded.differences, note = excluded.note,
    received_at_ms = excluded.received_at_ms

-- load_channel_message --
-- Rows of the wanted groups.
SELECT
    r.tenant, r.id, r.supplier, r.own_id, r.name, r.version, r.state, r.reason, r.text,
    r.received_at_ms, r.tries
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN channel_message r USING (tenant, id)

-- save_channel_message --
-- Inserts or replaces rows.
INSERT INTO channel_message (
    tenant, id, supplier, own_id, name, version, state, reason, text, received_at_ms, tries
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[],
    $8::text[], $9::text[], $10::bigint[], $11::bigint[]
)
ON CONFLICT (tenant, id) DO UPDATE SET
    supplier = excluded.supplier, own_id = excluded.own_id, name = excluded.name,
    version = excluded.version, state = excluded.state, reason = excluded.reason,
    text = excluded.text, received_at_ms = excluded.received_at_ms, tries = excluded.tries

-- due_begin --
-- Suppliers with orders that wait, the earliest first: they leave when the first has waited long
-- enough, or when there are as many as may leave together.
SELECT w.supplier || '#' || w.first AS id, w.tenant,
    CASE WHEN w.waiting >= c.orders_max THEN 0 ELSE w.since_ms + c.gather_ms END AS due_ms,
    jsonb_build_object('supplier', w.supplier, 'letters', w.letters) AS payload
FROM (
    SELECT tenant, supplier, count(*) AS waiting, min(posted_at_ms) AS since_ms,
        min(purchase_order) AS first,
        (jsonb_agg(purchase_order ORDER BY posted_at_ms, purchase_order)) AS letters
    FROM (
        SELECT q.*, row_number() OVER (
            PARTITION BY q.tenant, q.supplier ORDER BY q.posted_at_ms, q.purchase_order
        ) AS place
        FROM channel_letter q WHERE q.state = 'queued'
    ) q
    WHERE place <= 500
    GROUP BY tenant, supplier
) w
JOIN channel c USING (tenant, supplier)
ORDER BY due_ms, w.tenant, w.supplier
LIMIT $1

-- due_stage --
-- Bundles of which surely nothing left, with their orders.
SELECT b.id || '#' || b.tries AS id, b.tenant, b.due_at_ms AS due_ms,
    jsonb_build_object(
        'supplier', b.supplier, 'bundle', b.id, 'control', b.control, 'tries', b.tries,
        'begun_at_ms', b.begun_at_ms, 'letters', b.letters, 'way', b.way, 'orders', o.orders
    ) AS payload
FROM channel_bundle b
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'number', l.number, 'purchase_order', l.purchase_order, 'lines', l.lines
    ) ORDER BY l.number) AS orders
    FROM jsonb_array_elements_text(b.letters) AS named (purchase_order)
    JOIN channel_letter l ON l.tenant = b.tenant AND l.purchase_order = named.purchase_order
) o
WHERE b.state = 'staging'
ORDER BY b.due_at_ms, b.tenant, b.id
LIMIT $1

-- due_release --
-- Bundles that may have left, with their orders.
SELECT b.id || '#' || b.tries AS id, b.tenant, b.due_at_ms AS due_ms,
    jsonb_build_object(
        'supplier', b.supplier, 'bundle', b.id, 'control', b.control, 'tries', b.tries,
        'begun_at_ms', b.begun_at_ms, 'letters', b.letters, 'way', b.way, 'orders', o.orders
    ) AS payload
FROM channel_bundle b
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'number', l.number, 'purchase_order', l.purchase_order, 'lines', l.lines
    ) ORDER BY l.number) AS orders
    FROM jsonb_array_elements_text(b.letters) AS named (purchase_order)
    JOIN channel_letter l ON l.tenant = b.tenant AND l.purchase_order = named.purchase_order
) o
WHERE b.state = 'releasing'
ORDER BY b.due_at_ms, b.tenant, b.id
LIMIT $1

-- due_mend --
-- Texts that are to be read again.
SELECT m.id || '#' || m.tries AS id, m.tenant, m.received_at_ms AS due_ms,
    jsonb_build_object(
        'supplier', m.supplier, 'id', m.own_id, 'text', m.text, 'way', c.way
    ) AS payload
FROM channel_message m
JOIN channel c USING (tenant, supplier)
WHERE m.state = 'reading'
ORDER BY m.received_at_ms, m.tenant, m.id
LIMIT $1

-- due_erase --
-- Kept texts, each due when it goes: MESSAGES_KEPT_MS after it came where it is settled, else
-- MESSAGES_OPEN_MS.
SELECT m.id, m.tenant,
    m.received_at_ms + CASE WHEN m.state IN ('applied', 'dismissed') THEN 2592000000
        ELSE 7776000000 END AS due_ms,
    jsonb_build_object('supplier', m.supplier, 'id', m.own_id) AS payload
FROM channel_message m
WHERE m.state NOT IN ('erased', 'reading')
ORDER BY due_ms, m.tenant, m.id
LIMIT $1

-- channel_of --
-- How a supplier is reached.
SELECT version, way, gather_ms, orders_max FROM channel WHERE tenant = $1 AND supplier = $2

-- channels_of --
-- How suppliers are reached.
SELECT supplier, way FROM channel WHERE tenant = $1 AND supplier = ANY($2::text[])

-- channels --
-- All ways, with what waits on them, what is in trouble, and when something left last.
SELECT c.supplier, c.version, c.way, c.gather_ms, c.orders_max, c.inbox_trouble,
    (SELECT count(*) FROM channel_letter l
        WHERE l.tenant = c.tenant AND l.supplier = c.supplier AND l.state = 'queued') AS waiting,
    (SELECT count(*) FROM channel_bundle b
        WHERE b.tenant = c.tenant AND b.supplier = c.supplier
            AND (b.state = 'doubtful' OR b.trouble <> '' OR b.receipt IN ('partly', 'rejected'))
    ) AS troubled,
    (SELECT max(b.left_at_ms) FROM channel_bundle b
        WHERE b.tenant = c.tenant AND b.supplier = c.supplier) AS left_at_ms
FROM channel c WHERE c.tenant = $1
ORDER BY c.supplier
LIMIT $2

-- ways_to_read --
-- Ways with an inbox.
SELECT tenant, supplier, way FROM channel WHERE way ->> 'type' = 'x12'
ORDER BY tenant, supplier LIMIT $1

-- bundles_over --
-- Of these bundles of a supplier those that left, and none of whose orders is open any more.
SELECT b.control FROM channel_bundle b
WHERE b.tenant = $1 AND b.supplier = $2 AND b.control = ANY ($3::bigint[]) AND b.state = 'left'
    AND NOT EXISTS (
        SELECT FROM channel_letter l
        JOIN purchase_order p ON p.tenant = l.tenant AND p.id = l.purchase_order
            AND p.order_id = split_part(l.purchase_order, '/', 1)
        WHERE l.tenant = b.tenant AND l.supplier = b.supplier AND l.bundle = b.id
            AND p.status NOT IN ('shipped', 'delivered', 'refused', 'cancelled')
    )

-- letter --
-- Where a purchase order stands on its way.
SELECT state, number, lines, supplier, bundle FROM channel_letter
WHERE tenant = $1 AND purchase_order = $2

-- letter_by_number --
-- What a supplier means by a number: the short one, or the purchase order's own id.
SELECT purchase_order, lines FROM channel_letter
WHERE tenant = $1 AND supplier = $2 AND (number = $3 OR purchase_order = $3)
LIMIT 1

-- letters_of_order --
-- How the purchase orders of an order travel: by which way, when they are due, when they left.
SELECT o.id AS purchase_order, coalesce(b.kind, c.way ->> 'type') AS way, o.send_at_ms,
    l.number, l.state, l.left_at_ms, l.posted_at_ms + c.gather_ms AS due_at_ms,
    b.id AS bundle, b.state AS bundle_state, b.trouble, b.receipt
FROM purchase_order o
LEFT JOIN channel c ON c.tenant = o.tenant AND c.supplier = o.supplier
LEFT JOIN channel_letter l ON l.tenant = o.tenant AND l.purchase_order = o.id
LEFT JOIN channel_bundle b ON b.tenant = l.tenant AND b.id = l.bundle
WHERE o.tenant = $1 AND o.order_id = $2
ORDER BY o.id
LIMIT $3

-- bundle_by_control --
-- The bundle that a 997 speaks of.
SELECT id, letters FROM channel_bundle WHERE tenant = $1 AND supplier = $2 AND control = $3

-- bundles_newest --
-- What left, and what could not, the newest first.
SELECT b.id, b.version, b.supplier, b.control, b.kind, b.state, b.letters AS orders, b.trouble,
    b.tries, b.begun_at_ms, b.due_at_ms, b.left_at_ms, b.receipt
FROM channel_bundle b
WHERE b.tenant = $1 AND ($4::text IS NULL OR b.supplier = $4)
    AND ($2::bigint IS NULL OR (b.begun_at_ms, b.id) < ($2, $3::text))
ORDER BY b.begun_at_ms DESC, b.id DESC
LIMIT $5

-- invoices_in_state --
-- Bills, the newest first.
SELECT i.id, i.version, i.supplier, i.number, i.purchase_order, i.state, i.currency,
    i.total_minor, i.expected_minor, i.differences, i.note, i.received_at_ms
FROM supplier_invoice i
WHERE i.tenant = $1 AND ($4::text IS NULL OR i.state = $4)
    AND ($2::bigint IS NULL OR (i.received_at_ms, i.id) < ($2, $3::text))
ORDER BY i.received_at_ms DESC, i.id DESC
LIMIT $5

-- messages_in_state --
-- Texts that could not be used, the newest first.
SELECT m.id, m.version, m.supplier, m.own_id, m.name, m.state, m.reason, m.received_at_ms,
    m.tries, left(m.text, 20000) AS text,
    m.received_at_ms + CASE WHEN m.state IN ('applied', 'dismissed') THEN 2592000000
        ELSE 7776000000 END AS erased_at_ms
FROM channel_message m
WHERE m.tenant = $1 AND m.state = ANY ($4::text[])
    AND ($2::bigint IS NULL OR (m.received_at_ms, m.id) < ($2, $3::text))
ORDER BY m.received_at_ms DESC, m.id DESC
LIMIT $5

-- unreachable --
-- Suppliers who owe an answer to orders and have no way of their own.
SELECT o.supplier, count(*) AS orders FROM purchase_order o
WHERE o.tenant = $1 AND o.step IN ('planned', 'sending', 'timed_out', 'sent')
    AND o.status NOT IN ('cancelled', 'refused')
    AND NOT EXISTS (
        SELECT FROM channel c WHERE c.tenant = o.tenant AND c.supplier = o.supplier
    )
GROUP BY o.supplier ORDER BY o.supplier LIMIT $2

-- audit_letters --
-- Orders whose state is not that of the bundle that they are in.
SELECT l.tenant || '/' || l.purchase_order AS subject,
    concat_ws(' ', l.state, l.left_at_ms) AS found,
    concat_ws(' ', coalesce(b.state, 'no bundle'), b.left_at_ms) AS expected
FROM channel_letter l
LEFT JOIN channel_bundle b
    ON b.tenant = l.tenant AND b.id = l.bundle AND b.letters @> to_jsonb(l.purchase_order)
WHERE l.state IN ('bundled', 'left') AND (
    b.id IS NULL OR (l.state = 'left') IS DISTINCT FROM (b.state = 'left')
    OR l.left_at_ms IS DISTINCT FROM b.left_at_ms
)
LIMIT $1

-- audit_bundles --
-- Orders that stand in two bundles, or in none of those that they name.
SELECT b.tenant || '/' || named.purchase_order AS subject, count(*)::text AS found,
    '1' AS expected
FROM channel_bundle b
CROSS JOIN LATERAL jsonb_array_elements_text(b.letters) AS named (purchase_order)
GROUP BY b.tenant, named.purchase_order
HAVING count(*) <> 1
LIMIT $1

-- audit_channel_documents --
-- Ways whose document is not what their row gives.
SELECT c.tenant || '/' || c.supplier AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', c.version, w.body) AS expected
FROM channel c
CROSS JOIN LATERAL (
    SELECT jsonb_build_object(
        'supplier', c.supplier, 'way', c.way, 'gather_ms', c.gather_ms,
        'orders_max', c.orders_max, 'inbox_trouble', c.inbox_trouble
    ) AS body
) w
LEFT JOIN documents d ON d.tenant = c.tenant AND d.topic = 'channel:' || c.supplier
WHERE d.version IS DISTINCT FROM c.version OR d.body::jsonb IS DISTINCT FROM w.body
LIMIT $1

-- audit_bundle_documents --
-- Bundles whose document is not what their row gives.
SELECT b.tenant || '/' || b.id AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', b.version, w.body) AS expected
FROM channel_bundle b
CROSS JOIN LATERAL (
    SELECT to_jsonb(b) - 'tenant' - 'version' - 'letters' - 'way'
        || jsonb_build_object('orders', b.letters) AS body
) w
LEFT JOIN documents d ON d.tenant = b.tenant AND d.topic = 'bundle:' || b.id
WHERE d.version IS DISTINCT FROM b.version OR d.body::jsonb IS DISTINCT FROM w.body
LIMIT $1

-- audit_invoice_documents --
-- Bills whose document is not what their row gives.
SELECT i.tenant || '/' || i.id AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', i.version, w.body) AS expected
FROM supplier_invoice i
CROSS JOIN LATERAL (
    SELECT to_jsonb(i) - 'tenant' - 'version' - 'lines' - 'charges_minor' - 'tax_minor' AS body
) w
LEFT JOIN documents d ON d.tenant = i.tenant AND d.topic = 'invoice:' || i.id
WHERE d.version IS DISTINCT FROM i.version OR d.body::jsonb IS DISTINCT FROM w.body
LIMIT $1

-- audit_message_documents --
-- Kept texts whose document is not what their row gives.
SELECT m.tenant || '/' || m.id AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', m.version, w.body) AS expected
FROM channel_message m
CROSS JOIN LATERAL (
    SELECT to_jsonb(m) - 'tenant' - 'version' - 'text' - 'own_id' AS body
) w
LEFT JOIN documents d ON d.tenant = m.tenant AND d.topic = 'message:' || m.id
WHERE d.version IS DISTINCT FROM m.version OR d.body::jsonb IS DISTINCT FROM w.body
LIMIT $1

-- portal_orders --
-- A supplier's own purchase orders as their documents tell them, the newest first; one that it
-- cannot know of yet is none of them.
SELECT o.id, o.order_id, o.planned_at_ms, o.status, d.version, d.body, l.number
FROM purchase_order o
JOIN documents d ON d.tenant = o.tenant AND d.topic = 'purchase_order:' || o.id
LEFT JOIN channel_letter l ON l.tenant = o.tenant AND l.purchase_order = o.id
WHERE o.tenant = $1 AND o.supplier = $4 AND o.attempts > 0 AND o.status = ANY ($5::text[])
    AND ($2::bigint IS NULL OR (o.planned_at_ms, o.id) < ($2, $3::text))
ORDER BY o.planned_at_ms DESC, o.id DESC
LIMIT $6

-- portal_order --
-- One of a supplier's own purchase orders.
SELECT d.body FROM purchase_order o
JOIN documents d ON d.tenant = o.tenant AND d.topic = 'purchase_order:' || o.id
WHERE o.tenant = $1 AND o.supplier = $2 AND o.order_id = $3 AND o.id = $4 AND o.attempts > 0

-- doubted_bundle --
-- The bundle of an order, where it is not known to have arrived.
SELECT b.id, b.letters FROM channel_letter l
JOIN channel_bundle b ON b.tenant = l.tenant AND b.id = l.bundle
WHERE l.tenant = $1 AND l.purchase_order = $2 AND b.state IN ('releasing', 'doubtful')
