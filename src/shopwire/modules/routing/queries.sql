-- load_routing_rules --
-- The rules of the wanted shops.
-- Rows are looked up one by one in this file, whatever the planner believes of a table: it may
-- have known it as empty, and a join that walks over all of it would stay as it grows.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, id, version, rules
    FROM routing_rules WHERE tenant = wanted.tenant AND id = wanted.key OFFSET 0
) r

-- save_routing_rules --
-- Inserts or replaces rules.
INSERT INTO routing_rules (tenant, id, version, rules)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[])
ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, rules = excluded.rules

-- load_routing_terms --
-- Shipping terms by supplier.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, supplier, version, currency, parcel_minor, unit_minor, handling_minor,
        countries
    FROM routing_terms WHERE tenant = wanted.tenant AND supplier = wanted.key OFFSET 0
) r

-- save_routing_terms --
-- Inserts or replaces terms.
INSERT INTO routing_terms (
    tenant, supplier, version, currency, parcel_minor, unit_minor, handling_minor, countries
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::jsonb[]
)
ON CONFLICT (tenant, supplier) DO UPDATE SET
    version = excluded.version, currency = excluded.currency,
    parcel_minor = excluded.parcel_minor, unit_minor = excluded.unit_minor,
    handling_minor = excluded.handling_minor, countries = excluded.countries

-- load_routing_route --
-- Choices by order.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, version, state, currency, choice, shares, moves, "left",
        chosen_at_ms, released_at_ms, note
    FROM routing_route WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) r

-- save_routing_route --
-- Inserts or replaces choices; what was chosen never changes.
INSERT INTO routing_route (
    tenant, order_id, version, state, currency, choice, shares, moves, "left", chosen_at_ms,
    released_at_ms, note
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[],
    $8::jsonb[], $9::jsonb[], $10::bigint[], $11::bigint[], $12::text[]
)
ON CONFLICT (tenant, order_id) DO UPDATE SET
    version = excluded.version, state = excluded.state, shares = excluded.shares,
    moves = excluded.moves, "left" = excluded."left", released_at_ms = excluded.released_at_ms,
    note = excluded.note

-- load_routing_question --
-- Units in question by conflict.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, conflict_id, order_id, sku, supplier, quantity, reason, state, opened_at_ms
    FROM routing_question WHERE tenant = wanted.tenant AND conflict_id = wanted.key OFFSET 0
) r

-- save_routing_question --
-- Inserts or replaces questions.
INSERT INTO routing_question (
    tenant, conflict_id, order_id, sku, supplier, quantity, reason, state, opened_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[],
    $8::text[], $9::bigint[]
)
ON CONFLICT (tenant, conflict_id) DO UPDATE SET
    quantity = excluded.quantity, reason = excluded.reason, state = excluded.state

-- load_routing_watch --
-- What scores know of purchase orders.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, purchase_order, supplier, lead_ms, sent_at_ms, answer_due_ms, answered_at_ms,
        ship_due_ms, shipped_at_ms, answer_counted, parcel_counted, planned, accepted, refused,
        short
    FROM routing_watch WHERE tenant = wanted.tenant AND purchase_order = wanted.key OFFSET 0
) r

-- save_routing_watch --
-- Inserts or replaces.
INSERT INTO routing_watch (
    tenant, purchase_order, supplier, lead_ms, sent_at_ms, answer_due_ms, answered_at_ms,
    ship_due_ms, shipped_at_ms, answer_counted, parcel_counted, planned, accepted, refused, short
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::boolean[], $11::boolean[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::bigint[]
)
ON CONFLICT (tenant, purchase_order) DO UPDATE SET
    lead_ms = excluded.lead_ms, sent_at_ms = excluded.sent_at_ms,
    answer_due_ms = excluded.answer_due_ms, answered_at_ms = excluded.answered_at_ms,
    ship_due_ms = excluded.ship_due_ms, shipped_at_ms = excluded.shipped_at_ms,
    answer_counted = excluded.answer_counted, parcel_counted = excluded.parcel_counted,
    planned = excluded.planned, accepted = excluded.accepted, refused = excluded.refused,
    short = excluded.short

-- load_routing_score --
-- Scores by supplier.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, supplier, version, score, day, tallies
    FROM routing_score WHERE tenant = wanted.tenant AND supplier = wanted.key OFFSET 0
) r

-- save_routing_score --
-- Inserts or replaces scores.
INSERT INTO routing_score (tenant, supplier, version, score, day, tallies)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::jsonb[]
)
ON CONFLICT (tenant, supplier) DO UPDATE SET
    version = excluded.version, score = excluded.score, day = excluded.day,
    tallies = excluded.tallies

-- market --
-- All that a choice needs to know of some SKUs, in one read: offers, pools, terms, scores, rules.
-- Each SKU comes once. Rows are looked up one by one, and how many SKUs there are is hidden: where
-- the planner sees that there are two, it makes a plan for two each time, for longer than it runs.
SELECT json_build_object(
    'candidates', coalesce((
        SELECT json_agg(json_build_object(
            'sku', p.sku, 'supplier', p.supplier,
            'free', p.reported - p.reserved - p.sold - p.withheld - p.kept_back
                - coalesce(i.buffer, 0),
            'backorder_max', CASE
                WHEN i.preorder_until_ms IS NULL OR $3 < i.preorder_until_ms
                THEN coalesce(i.backorder_max, 0) ELSE 0 END,
            'doubtful', p.doubtful, 'as_of_ms', p.as_of_ms, 'seq', p.seq,
            'cost_minor', o.cost_minor, 'currency', coalesce(o.currency, ''),
            'lead_time_days', o.lead_time_days, 'least', coalesce(o.order_min, 1),
            'most', o.order_max, 'paused', coalesce(s.status = 'paused', false),
            'score', c.score,
            'terms', CASE WHEN t.supplier IS NOT NULL THEN json_build_object(
                'currency', t.currency, 'parcel_minor', t.parcel_minor,
                'unit_minor', t.unit_minor, 'handling_minor', t.handling_minor,
                'countries', t.countries) END
        ))
        FROM unnest((SELECT $2::text[])) AS w (sku)
        CROSS JOIN LATERAL (
            SELECT * FROM stock_pool WHERE tenant = $1 AND sku = w.sku OFFSET 0
        ) p
        LEFT JOIN LATERAL (
            SELECT * FROM stock_item WHERE tenant = $1 AND sku = w.sku OFFSET 0
        ) i ON true
        LEFT JOIN LATERAL (
            -- By the SKU first: all offers of a supplier are many.
            SELECT * FROM (
                SELECT * FROM offer WHERE tenant = $1 AND sku = w.sku OFFSET 0
            ) of_sku
            WHERE of_sku.supplier = p.supplier AND of_sku.active
        ) o ON true
        LEFT JOIN LATERAL (
            SELECT * FROM supplier WHERE tenant = $1 AND id = p.supplier OFFSET 0
        ) s ON true
        LEFT JOIN LATERAL (
            SELECT * FROM routing_terms WHERE tenant = $1 AND supplier = p.supplier OFFSET 0
        ) t ON true
        LEFT JOIN LATERAL (
            SELECT * FROM routing_score WHERE tenant = $1 AND supplier = p.supplier OFFSET 0
        ) c ON true
    ), '[]'),
    'rules', (SELECT rules FROM routing_rules WHERE tenant = $1 AND id = 'default'),
    'rules_version', (SELECT version FROM routing_rules WHERE tenant = $1 AND id = 'default'),
    'categories', coalesce((
        SELECT json_object_agg(w.sku, g.lineage)
        FROM unnest((SELECT $2::text[])) AS w (sku)
        CROSS JOIN LATERAL (
            SELECT product_id FROM sku_owner WHERE tenant = $1 AND sku = w.sku OFFSET 0
        ) u
        CROSS JOIN LATERAL (
            SELECT lineage FROM product WHERE tenant = $1 AND id = u.product_id OFFSET 0
        ) g
    ), '{}')
)::text AS market

-- due_questions --
-- Units for which another supplier is looked for, the oldest first.
SELECT conflict_id AS id, tenant, opened_at_ms AS due_ms,
    jsonb_build_object('quantity', quantity) AS payload
FROM routing_question
WHERE state = 'open'
ORDER BY opened_at_ms, tenant, conflict_id
LIMIT $1

-- question --
-- One question, what was paid for its units, where they go, and who let this order down before.
SELECT q.order_id, q.sku, q.supplier, q.quantity, q.reason, o.currency, o.total_minor,
    c.address::jsonb ->> 'country' AS country,
    l.value_minor, l.ordered, l.late, l.status, coalesce(l.unanswered, 0) AS unanswered, (
        SELECT coalesce(json_agg(DISTINCT lot ->> 'supplier'), '[]')
        FROM jsonb_array_elements(o.lots) lot
        WHERE lot ->> 'sku' = q.sku
            AND (lot ->> 'supplier' = q.supplier
                OR coalesce((lot ->> 'refused')::bigint, 0) > 0
                OR coalesce((lot ->> 'cancelling')::bigint, 0) > 0
                OR coalesce((lot ->> 'swapped')::bigint, 0) > 0)
    )::text AS avoid
FROM routing_question q
JOIN customer_order o ON o.tenant = q.tenant AND o.order_id = q.order_id
LEFT JOIN order_contact c ON c.tenant = q.tenant AND c.order_id = q.order_id
LEFT JOIN LATERAL (
    SELECT n.value_minor, n.ordered, p.late, p.status,
        n.ordered - n.accepted - n.refused - n.cancelled - n.cancelling AS unanswered
    FROM purchase_order p
    JOIN purchase_order_line n ON (n.tenant, n.order_id, n.purchase_order)
        = (p.tenant, p.order_id, p.id) AND n.sku = q.sku
    WHERE p.tenant = q.tenant AND p.order_id = q.order_id AND p.supplier = q.supplier
    ORDER BY p.n DESC LIMIT 1
) l ON true
WHERE q.tenant = $1 AND q.conflict_id = $2 AND q.state = 'open'

-- prices --
-- What SKUs cost now, as their documents say.
SELECT body ->> 'sku' AS sku, (body ->> 'amount_minor')::bigint AS amount_minor,
    body ->> 'currency' AS currency
FROM documents
WHERE tenant = $1 AND topic IN (SELECT 'price:' || sku FROM unnest($2::text[]) sku)
    AND body::jsonb <> 'null'

-- route_of_order --
-- An order's choice, as its document.
SELECT topic, version, body::text AS body, changed_at_ms FROM documents
WHERE tenant = $1 AND topic = 'route:' || $2

-- routes_waiting --
-- Orders that wait for a person, the oldest first, after a (moment, id).
SELECT r.order_id AS id, r.chosen_at_ms, d.topic, d.version, d.body::text AS body, d.changed_at_ms,
    o.number, o.status
FROM routing_route r
JOIN documents d ON d.tenant = r.tenant AND d.topic = 'route:' || r.order_id
JOIN customer_order o ON o.tenant = r.tenant AND o.order_id = r.order_id
WHERE r.tenant = $1 AND r.state = 'waiting' AND o.placed_at_ms IS NOT NULL
    AND o.status <> 'cancelled'
    AND ($2::bigint IS NULL OR (r.chosen_at_ms, r.order_id) > ($2::bigint, $3::text))
ORDER BY r.chosen_at_ms, r.order_id
LIMIT $4

-- scores --
-- All suppliers that are known, with score and terms as their documents, the worst first.
SELECT s.id, s.name, c.body::text AS score, t.body::text AS terms, c.version AS score_version,
    t.version AS terms_version
FROM supplier s
LEFT JOIN documents c ON c.tenant = s.tenant AND c.topic = 'score:' || s.id
LEFT JOIN documents t ON t.tenant = s.tenant AND t.topic = 'terms:' || s.id
WHERE s.tenant = $1
ORDER BY (c.body ->> 'score')::bigint NULLS LAST, s.id
LIMIT $2

-- rules_document --
-- The rules as they hold.
SELECT version, body::text AS body FROM documents WHERE tenant = $1 AND topic = 'routing:default'

-- audit_routes --
-- Choices whose document is not what their row gives, or whose sums are not those of their picks.
SELECT r.tenant || '/' || r.order_id AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', r.version, r.document) AS expected
FROM (
    SELECT tenant, order_id, version, to_jsonb(routing_route) - 'tenant' - 'version' AS document, (
        SELECT sum((pick ->> 'quantity')::bigint * (pick ->> 'cost_minor')::bigint)
        FROM jsonb_array_elements(choice -> 'picks') pick
    ) AS cost, (choice -> 'sums' ->> 'cost_minor')::bigint AS told
    FROM routing_route
) r
LEFT JOIN documents d ON d.tenant = r.tenant AND d.topic = 'route:' || r.order_id
WHERE d.version IS DISTINCT FROM r.version OR d.body::jsonb IS DISTINCT FROM r.document
    OR r.cost IS DISTINCT FROM r.told
LIMIT $1

-- audit_route_moves --
-- Units that moved, and the order knows of no conflict that was settled so.
SELECT r.tenant || '/' || r.order_id AS subject, coalesce(c.status, 'none') AS found,
    'settled by replacing ' || (move ->> 'quantity') AS expected
FROM routing_route r
CROSS JOIN LATERAL jsonb_array_elements(r.moves) move
LEFT JOIN order_conflict c ON c.tenant = r.tenant AND c.order_id = r.order_id
    AND c.conflict_id = move ->> 'conflict_id'
WHERE c.choice IS DISTINCT FROM 'replace' OR c.quantity <> (move ->> 'quantity')::bigint
LIMIT $1

-- audit_waiting --
-- Orders that wait for a person and whose purchase orders do not, or the other way round.
SELECT r.tenant || '/' || r.order_id AS subject, f.held::text AS found, r.state AS expected
FROM routing_route r
JOIN fulfilment f ON f.tenant = r.tenant AND f.order_id = r.order_id
WHERE f.held <> (r.state = 'waiting')
LIMIT $1

-- audit_scores --
-- Scores whose document is not the row's.
SELECT r.tenant || '/' || r.supplier AS subject,
    concat_ws(' ', d.version, d.body ->> 'score') AS found,
    concat_ws(' ', r.version, r.score) AS expected
FROM routing_score r
LEFT JOIN documents d ON d.tenant = r.tenant AND d.topic = 'score:' || r.supplier
WHERE d.version IS DISTINCT FROM r.version OR (d.body ->> 'score')::bigint IS DISTINCT FROM r.score
LIMIT $1

-- audit_terms --
-- Terms whose document is not the row's.
SELECT r.tenant || '/' || r.supplier AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', r.version, r.document) AS expected
FROM (
    SELECT tenant, supplier, version, to_jsonb(routing_terms) - 'tenant' - 'version' AS document
    FROM routing_terms
) r
LEFT JOIN documents d ON d.tenant = r.tenant AND d.topic = 'terms:' || r.supplier
WHERE d.version IS DISTINCT FROM r.version OR d.body::jsonb IS DISTINCT FROM r.document
LIMIT $1
