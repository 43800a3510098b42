-- load_fulfilment --
-- What shipping knows of orders.
-- Rows are looked up one by one in this file, whatever the planner believes of a table: it may
-- have known it as empty, and a join that walks over all of it would stay as it grows.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, plans, wishes, currency, shipments, returns, held
    FROM fulfilment WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) r

-- save_fulfilment --
-- Inserts or replaces.
INSERT INTO fulfilment (
    tenant, order_id, plans, wishes, currency, shipments, returns, held
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::jsonb[], $4::jsonb[], $5::text[], $6::bigint[], $7::bigint[],
    $8::boolean[]
)
ON CONFLICT (tenant, order_id) DO UPDATE SET
    plans = excluded.plans, wishes = excluded.wishes, currency = excluded.currency,
    shipments = excluded.shipments, returns = excluded.returns, held = excluded.held

-- load_cancel_ahead --
-- Cancellations before the plan.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, wish, reason, lines
    FROM cancel_ahead WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) r

-- save_cancel_ahead --
-- Inserts or replaces.
INSERT INTO cancel_ahead (
    tenant, order_id, wish, reason, lines
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[]
)
ON CONFLICT (tenant, order_id, wish) DO UPDATE SET
    reason = excluded.reason, lines = excluded.lines

-- load_purchase_order --
-- Purchase orders of the wanted orders.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, id, supplier, n, plan, version, step, status, attempts, answer, late,
        supplier_reference, reason, wish, acknowledge_within_ms, ship_within_ms, planned_at_ms,
        send_at_ms, due_at_ms, ask_at_ms, asks
    FROM purchase_order WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) r

-- save_purchase_order --
-- Inserts or replaces.
INSERT INTO purchase_order (
    tenant, order_id, id, supplier, n, plan, version, step, status, attempts, answer, late,
    supplier_reference, reason, wish, acknowledge_within_ms, ship_within_ms, planned_at_ms,
    send_at_ms, due_at_ms, ask_at_ms, asks
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[],
    $8::text[], $9::text[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[],
    $15::text[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[],
    $21::bigint[], $22::bigint[]
)
ON CONFLICT (tenant, order_id, id) DO UPDATE SET
    supplier = excluded.supplier, n = excluded.n, plan = excluded.plan,
    version = excluded.version, step = excluded.step, status = excluded.status,
    attempts = excluded.attempts, answer = excluded.answer, late = excluded.late,
    supplier_reference = excluded.supplier_reference, reason = excluded.reason,
    wish = excluded.wish, acknowledge_within_ms = excluded.acknowledge_within_ms,
    ship_within_ms = excluded.ship_within_ms, planned_at_ms = excluded.planned_at_ms,
    send_at_ms = excluded.send_at_ms, due_at_ms = excluded.due_at_ms,
    ask_at_ms = excluded.ask_at_ms, asks = excluded.asks

-- load_purchase_order_line --
-- Lines of the wanted orders.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, purchase_order, sku, reference, value_minor, cost_minor,
        cost_currency, ordered, sent, accepted, refused, cancelling, cancelled, shipped,
        delivered, coming_back, returned, supplier_sku
    FROM purchase_order_line WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) r

-- save_purchase_order_line --
-- Inserts or replaces.
INSERT INTO purchase_order_line (
    tenant, order_id, purchase_order, sku, reference, value_minor, cost_minor, cost_currency,
    ordered, sent, accepted, refused, cancelling, cancelled, shipped, delivered, coming_back,
    returned, supplier_sku
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
    $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::text[]
)
ON CONFLICT (tenant, order_id, purchase_order, sku) DO UPDATE SET
    reference = excluded.reference, value_minor = excluded.value_minor,
    cost_minor = excluded.cost_minor, cost_currency = excluded.cost_currency,
    ordered = excluded.ordered, sent = excluded.sent, accepted = excluded.accepted,
    refused = excluded.refused, cancelling = excluded.cancelling,
    cancelled = excluded.cancelled, shipped = excluded.shipped, delivered = excluded.delivered,
    coming_back = excluded.coming_back, returned = excluded.returned,
    supplier_sku = excluded.supplier_sku

-- load_supplier_reference --
-- Suppliers' own numbers.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, reference, supplier, purchase_order
    FROM supplier_reference WHERE tenant = wanted.tenant AND reference = wanted.key OFFSET 0
) r

-- save_supplier_reference --
-- Inserts; a number that means another purchase order already is refused by the key.
INSERT INTO supplier_reference (
    tenant, reference, supplier, purchase_order
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[]
)

-- load_supplier_rules --
-- Rules of the wanted suppliers.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, supplier, send_after_ms, departures, acknowledge_within_ms, ship_within_ms
    FROM supplier_rules WHERE tenant = wanted.tenant AND supplier = wanted.key OFFSET 0
) r

-- save_supplier_rules --
-- Inserts or replaces.
INSERT INTO supplier_rules (
    tenant, supplier, send_after_ms, departures, acknowledge_within_ms, ship_within_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::bigint[], $6::bigint[]
)
ON CONFLICT (tenant, supplier) DO UPDATE SET
    send_after_ms = excluded.send_after_ms, departures = excluded.departures,
    acknowledge_within_ms = excluded.acknowledge_within_ms,
    ship_within_ms = excluded.ship_within_ms

-- load_offer_cost --
-- Costs of the wanted SKUs.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, sku, supplier, cost_minor, currency, active, supplier_sku
    FROM offer_cost WHERE tenant = wanted.tenant AND sku = wanted.key OFFSET 0
) r

-- save_offer_cost --
-- Inserts or replaces.
INSERT INTO offer_cost (
    tenant, sku, supplier, cost_minor, currency, active, supplier_sku
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::boolean[], $7::text[]
)
ON CONFLICT (tenant, sku, supplier) DO UPDATE SET
    cost_minor = excluded.cost_minor, currency = excluded.currency, active = excluded.active,
    supplier_sku = excluded.supplier_sku

-- load_shipment --
-- Parcels of the wanted orders.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, id, version, purchase_order, supplier, reference, carrier, tracking,
        lines, shipped_at_ms, status, progress, progress_at_ms, exception_at_ms, delivered_at_ms,
        returned_at_ms, events
    FROM shipment WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) r

-- save_shipment --
-- Inserts or replaces.
INSERT INTO shipment (
    tenant, order_id, id, version, purchase_order, supplier, reference, carrier, tracking,
    lines, shipped_at_ms, status, progress, progress_at_ms, exception_at_ms, delivered_at_ms,
    returned_at_ms, events
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::jsonb[], $11::bigint[], $12::text[], $13::text[],
    $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[]
)
ON CONFLICT (tenant, order_id, id) DO UPDATE SET
    version = excluded.version, purchase_order = excluded.purchase_order,
    supplier = excluded.supplier, reference = excluded.reference, carrier = excluded.carrier,
    tracking = excluded.tracking, lines = excluded.lines,
    shipped_at_ms = excluded.shipped_at_ms, status = excluded.status,
    progress = excluded.progress, progress_at_ms = excluded.progress_at_ms,
    exception_at_ms = excluded.exception_at_ms, delivered_at_ms = excluded.delivered_at_ms,
    returned_at_ms = excluded.returned_at_ms, events = excluded.events

-- load_tracking_event --
-- What carriers saw of the wanted orders.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, shipment, event, seq, status, at_ms, recorded_at_ms
    FROM tracking_event WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) r

-- save_tracking_event --
-- Inserts or replaces.
INSERT INTO tracking_event (
    tenant, order_id, shipment, event, seq, status, at_ms, recorded_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[],
    $8::bigint[]
)
ON CONFLICT (tenant, order_id, shipment, event) DO UPDATE SET
    seq = excluded.seq, status = excluded.status, at_ms = excluded.at_ms,
    recorded_at_ms = excluded.recorded_at_ms

-- load_return_order --
-- Returns of the wanted orders.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, id, version, status, reason, currency, value_minor, refund_minor,
        opened_at_ms
    FROM return_order WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) r

-- save_return_order --
-- Inserts or replaces.
INSERT INTO return_order (
    tenant, order_id, id, version, status, reason, currency, value_minor, refund_minor,
    opened_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::bigint[], $9::bigint[], $10::bigint[]
)
ON CONFLICT (tenant, order_id, id) DO UPDATE SET
    version = excluded.version, status = excluded.status, reason = excluded.reason,
    currency = excluded.currency, value_minor = excluded.value_minor,
    refund_minor = excluded.refund_minor, opened_at_ms = excluded.opened_at_ms

-- load_return_line --
-- Lines of the wanted orders' returns.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, return_id, purchase_order, sku, announced, received
    FROM return_line WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) r

-- save_return_line --
-- Inserts or replaces.
INSERT INTO return_line (
    tenant, order_id, return_id, purchase_order, sku, announced, received
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[]
)
ON CONFLICT (tenant, order_id, return_id, purchase_order, sku) DO UPDATE SET
    announced = excluded.announced, received = excluded.received

-- load_return_receipt --
-- Receipts of the wanted orders.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, return_id, n, lines, asked, restock, refund_minor, at_ms
    FROM return_receipt WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) r

-- save_return_receipt --
-- Inserts or replaces.
INSERT INTO return_receipt (
    tenant, order_id, return_id, n, lines, asked, restock, refund_minor, at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::jsonb[], $6::jsonb[], $7::boolean[],
    $8::bigint[], $9::bigint[]
)
ON CONFLICT (tenant, order_id, return_id, n) DO UPDATE SET
    lines = excluded.lines, asked = excluded.asked, restock = excluded.restock,
    refund_minor = excluded.refund_minor, at_ms = excluded.at_ms

-- load_notice_box --
-- Boxes of the wanted sources.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, source, waiting
    FROM notice_box WHERE tenant = wanted.tenant AND source = wanted.key OFFSET 0
) r

-- save_notice_box --
-- Inserts or replaces.
INSERT INTO notice_box (
    tenant, source, waiting
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[]
)
ON CONFLICT (tenant, source) DO UPDATE SET
    waiting = excluded.waiting

-- load_kept_notice --
-- Notices of the wanted ids.
SELECT r.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, id, source, version, status, carrier, tracking, notice, because, kept_at_ms,
        replays
    FROM kept_notice WHERE tenant = wanted.tenant AND id = wanted.key OFFSET 0
) r

-- save_kept_notice --
-- Inserts or replaces.
INSERT INTO kept_notice (
    tenant, id, source, version, status, carrier, tracking, notice, because, kept_at_ms, replays
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::jsonb[], $9::text[], $10::bigint[], $11::bigint[]
)
ON CONFLICT (tenant, id, source) DO UPDATE SET
    version = excluded.version, status = excluded.status, carrier = excluded.carrier,
    tracking = excluded.tracking, notice = excluded.notice, because = excluded.because,
    kept_at_ms = excluded.kept_at_ms, replays = excluded.replays

-- due_begin --
-- Purchase orders whose time to leave comes, unless a person is to look or all of it is cancelled.
-- Where a supplier's departure is full, those that wait for it leave without waiting any longer.
-- Suppliers without such a number, which most are, are read in the index's order: as many as are
-- asked for, however many wait.
SELECT w.id || '#' || w.attempts AS id, w.tenant, w.due_ms,
    jsonb_build_object('purchase_order', w.id, 'attempts', w.attempts) AS payload
FROM (
    (
        SELECT o.id, o.attempts, o.tenant, o.send_at_ms AS due_ms
        FROM purchase_order o
        WHERE o.step = 'planned' AND o.status IN ('planned', 'cancelling')
            AND NOT EXISTS (
                SELECT FROM supplier_rules r
                WHERE (r.tenant, r.supplier) = (o.tenant, o.supplier)
                    AND (r.departures ->> 'orders')::bigint > 0
            )
            AND EXISTS (
                SELECT FROM purchase_order_line l
                WHERE (l.tenant, l.order_id, l.purchase_order) = (o.tenant, o.order_id, o.id)
                    AND l.ordered - l.refused - l.cancelled - l.shipped > l.cancelling
            )
            AND NOT EXISTS (
                SELECT FROM fulfilment f
                WHERE (f.tenant, f.order_id) = (o.tenant, o.order_id) AND f.held
            )
        ORDER BY o.send_at_ms, o.tenant, o.id
        LIMIT $1
    )
    UNION ALL
    SELECT o.id, o.attempts, o.tenant,
        CASE WHEN d.place <= d.total / d.orders * d.orders
            THEN least(o.send_at_ms, o.planned_at_ms + r.send_after_ms) ELSE o.send_at_ms
        END
    FROM supplier_rules r
    JOIN purchase_order o ON (o.tenant, o.supplier) = (r.tenant, r.supplier)
    CROSS JOIN LATERAL (
        SELECT (r.departures ->> 'orders')::bigint AS orders, count(*) AS total,
            count(*) FILTER (
                WHERE (b.planned_at_ms, b.id) <= (o.planned_at_ms, o.id)
            ) AS place
        FROM purchase_order b
        WHERE (b.tenant, b.supplier, b.send_at_ms) = (o.tenant, o.supplier, o.send_at_ms)
            AND b.status <> 'cancelled'
    ) d
    WHERE (r.departures ->> 'orders')::bigint > 0
        AND o.step = 'planned' AND o.status IN ('planned', 'cancelling')
        AND EXISTS (
            SELECT FROM purchase_order_line l
            WHERE (l.tenant, l.order_id, l.purchase_order) = (o.tenant, o.order_id, o.id)
                AND l.ordered - l.refused - l.cancelled - l.shipped > l.cancelling
        )
        AND NOT EXISTS (
            SELECT FROM fulfilment f
            WHERE (f.tenant, f.order_id) = (o.tenant, o.order_id) AND f.held
        )
) w
ORDER BY w.due_ms, w.tenant, w.id
LIMIT $1

-- due_send --
-- Purchase orders that are being handed over, with the message; their time has come already.
SELECT o.id || '#' || o.attempts AS id, o.tenant, o.planned_at_ms AS due_ms,
    jsonb_build_object(
        'purchase_order', o.id, 'order_id', o.order_id, 'supplier', o.supplier,
        'attempts', o.attempts, 'lines', m.lines
    ) AS payload
FROM (
    SELECT tenant, order_id, id, supplier, attempts, planned_at_ms, send_at_ms
    FROM purchase_order WHERE step = 'sending' ORDER BY send_at_ms, tenant, id LIMIT $1
) o
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'sku', l.sku, 'quantity', l.sent, 'cost_minor', l.cost_minor,
        'currency', l.cost_currency, 'supplier_sku', l.supplier_sku
    ) ORDER BY l.sku) AS lines
    FROM purchase_order_line l
    WHERE (l.tenant, l.order_id, l.purchase_order) = (o.tenant, o.order_id, o.id) AND l.sent > 0
) m
ORDER BY o.send_at_ms, o.tenant, o.id

-- due_ask --
-- Purchase orders whose supplier is to be asked: after a call without an answer, or overdue.
SELECT o.id || '#' || o.ask_at_ms AS id, o.tenant, o.ask_at_ms AS due_ms,
    jsonb_build_object(
        'purchase_order', o.id, 'supplier', o.supplier, 'asked', o.ask_at_ms
    ) AS payload
FROM purchase_order o
WHERE o.ask_at_ms IS NOT NULL AND o.step IN ('timed_out', 'sent', 'acknowledged')
ORDER BY o.ask_at_ms, o.tenant, o.id
LIMIT $1

-- due_cancel --
-- Units that a supplier is to be asked not to ship, in total since the order was sent. Where it is
-- unknown whether the supplier has the order, a part waits until it is known.
SELECT o.id || '#' || m.asked AS id, o.tenant, o.planned_at_ms AS due_ms,
    jsonb_build_object(
        'purchase_order', o.id, 'supplier', o.supplier, 'lines', m.lines
    ) AS payload
FROM (
    SELECT DISTINCT tenant, order_id, purchase_order FROM purchase_order_line WHERE cancelling > 0
) c
JOIN purchase_order o ON (o.tenant, o.order_id, o.id) = (c.tenant, c.order_id, c.purchase_order)
CROSS JOIN LATERAL (
    SELECT sum(l.cancelled - (l.ordered - l.sent) + l.cancelling) AS asked,
        bool_and(l.ordered - l.refused - l.cancelled - l.shipped = l.cancelling) AS whole,
        jsonb_agg(jsonb_build_object(
            'sku', l.sku, 'quantity', l.cancelled - (l.ordered - l.sent) + l.cancelling
        ) ORDER BY l.sku) FILTER (WHERE l.cancelling > 0) AS lines
    FROM purchase_order_line l
    WHERE (l.tenant, l.order_id, l.purchase_order) = (o.tenant, o.order_id, o.id)
) m
WHERE o.step IN ('sent', 'acknowledged') OR (m.whole AND o.step IN ('planned', 'timed_out'))
ORDER BY o.send_at_ms, o.tenant, o.id
LIMIT $1

-- purchase_orders_newest --
-- Purchase orders as their documents tell them, the newest first.
SELECT o.id, o.planned_at_ms, d.version, d.body
FROM purchase_order o
JOIN documents d ON d.tenant = o.tenant AND d.topic = 'purchase_order:' || o.id
WHERE o.tenant = $1 AND ($2::bigint IS NULL OR (o.planned_at_ms, o.id) < ($2, $3::text))
ORDER BY o.planned_at_ms DESC, o.id DESC
LIMIT $4

-- purchase_orders_of_supplier --
-- The same of one supplier, in any state or in one.
SELECT o.id, o.planned_at_ms, d.version, d.body
FROM purchase_order o
JOIN documents d ON d.tenant = o.tenant AND d.topic = 'purchase_order:' || o.id
WHERE o.tenant = $1 AND ($2::bigint IS NULL OR (o.planned_at_ms, o.id) < ($2, $3::text))
    AND o.supplier = $5 AND ($6::text IS NULL OR o.status = $6)
ORDER BY o.planned_at_ms DESC, o.id DESC
LIMIT $4

-- purchase_orders_of_order --
-- The same of one order: few.
SELECT o.id, o.planned_at_ms, d.version, d.body
FROM purchase_order o
JOIN documents d ON d.tenant = o.tenant AND d.topic = 'purchase_order:' || o.id
WHERE o.tenant = $1 AND ($2::bigint IS NULL OR (o.planned_at_ms, o.id) < ($2, $3::text))
    AND o.order_id = $5
ORDER BY o.planned_at_ms DESC, o.id DESC
LIMIT $4

-- purchase_orders_in_status --
-- The same of all suppliers in one state.
SELECT o.id, o.planned_at_ms, d.version, d.body
FROM purchase_order o
JOIN documents d ON d.tenant = o.tenant AND d.topic = 'purchase_order:' || o.id
WHERE o.tenant = $1 AND ($2::bigint IS NULL OR (o.planned_at_ms, o.id) < ($2, $3::text))
    AND o.status = $5
ORDER BY o.planned_at_ms DESC, o.id DESC
LIMIT $4

-- purchase_order --
-- One purchase order: its document, and how the conversation with the supplier stands.
SELECT d.version, d.body, o.n, o.plan, o.step, o.attempts, o.asks, o.ask_at_ms, o.send_at_ms
FROM purchase_order o
JOIN documents d ON d.tenant = o.tenant AND d.topic = 'purchase_order:' || o.id
WHERE o.tenant = $1 AND o.order_id = $2 AND o.id = $3

-- shipments_of_order --
-- Parcels of an order in the order in which they left, after a number.
SELECT s.id, d.version, d.body, split_part(s.id, '/S', 2)::bigint AS number
FROM shipment s
JOIN documents d ON d.tenant = s.tenant AND d.topic = 'shipment:' || s.id
WHERE s.tenant = $1 AND s.order_id = $2 AND split_part(s.id, '/S', 2)::bigint > $3
ORDER BY number
LIMIT $4

-- returns_of_order --
-- Returns of an order in the order in which they were opened, after a number.
SELECT r.id, d.version, d.body, split_part(r.id, '/R', 2)::bigint AS number
FROM return_order r
JOIN documents d ON d.tenant = r.tenant AND d.topic = 'return:' || r.id
WHERE r.tenant = $1 AND r.order_id = $2 AND split_part(r.id, '/R', 2)::bigint > $3
ORDER BY number
LIMIT $4

-- returns_newest --
-- Returns of all orders, the newest first, in any state or in one.
SELECT r.id, r.opened_at_ms, d.version, d.body
FROM return_order r
JOIN documents d ON d.tenant = r.tenant AND d.topic = 'return:' || r.id
WHERE r.tenant = $1 AND ($2::bigint IS NULL OR (r.opened_at_ms, r.id) < ($2, $3::text))
    AND ($5::text IS NULL OR r.status = $5)
ORDER BY r.opened_at_ms DESC, r.id DESC
LIMIT $4

-- notices_in_status --
-- Kept notices in one state, the newest first.
SELECT n.id, n.source, n.kept_at_ms, d.version, d.body
FROM kept_notice n
JOIN documents d ON d.tenant = n.tenant AND d.topic = 'notice:' || n.source || '/' || n.id
WHERE n.tenant = $1 AND n.status = $6
    AND ($2::bigint IS NULL OR (n.kept_at_ms, n.id, n.source) < ($2, $3::text, $4::text))
ORDER BY n.kept_at_ms DESC, n.id DESC, n.source DESC
LIMIT $5

-- shipments_by_tracking --
-- Which parcels a carrier speaks of; a number may be used again after years.
SELECT id, purchase_order FROM shipment
WHERE tenant = $1 AND carrier = $2 AND tracking = $3
ORDER BY shipped_at_ms DESC
LIMIT $4

-- notices_by_tracking --
-- Notices about a parcel that was not known when they came.
SELECT id, source, notice FROM kept_notice
WHERE tenant = $1 AND carrier = $2 AND tracking = $3 AND status = 'open'
ORDER BY kept_at_ms, id
LIMIT $4

-- supplier_of_purchase_order --
-- Whose it is: a supplier speaks of its own purchase orders only.
SELECT supplier FROM purchase_order WHERE tenant = $1 AND order_id = $2 AND id = $3

-- audit_allocations --
-- Plans whose units are not those that the order allocated.
SELECT a.tenant || '/' || a.plan || '/' || a.supplier || '/' || a.sku AS subject,
    l.ordered::text AS found, a.quantity::text AS expected
FROM (
    SELECT e.tenant, coalesce(e.facts ->> 'plan', substr(e.topic, length('order:') + 1)) AS plan,
        substr(e.topic, length('order:') + 1) AS order_id, one.supplier, one.sku,
        sum(one.quantity)::bigint AS quantity
    FROM events e
    LEFT JOIN consumer_position p ON p.consumer = 'shipping.orders' AND p.partition = e.partition
    CROSS JOIN LATERAL json_to_recordset(e.facts -> 'allocations') AS one (
        supplier text, sku text, quantity bigint
    )
    WHERE e.event_type = 'orders.order_allocated'
        AND (e."offset" < p.next OR (e.facts ->> 'planned')::boolean)
    GROUP BY 1, 2, 3, 4, 5
) a
LEFT JOIN (
    SELECT o.tenant, o.order_id, o.plan, o.supplier, l.sku, l.ordered
    FROM purchase_order o
    JOIN purchase_order_line l
        ON (l.tenant, l.order_id, l.purchase_order) = (o.tenant, o.order_id, o.id)
) l USING (tenant, order_id, plan, supplier, sku)
WHERE l.ordered IS DISTINCT FROM a.quantity
LIMIT $1

-- audit_units --
-- Lines whose shipped, delivered and returned units are not those of their parcels and returns.
SELECT l.tenant || '/' || l.purchase_order || '/' || l.sku AS subject,
    concat_ws(' ', l.shipped, l.delivered, l.coming_back, l.returned) AS found,
    concat_ws(' ', coalesce(s.shipped, 0), coalesce(s.delivered, 0), coalesce(r.coming_back, 0),
        coalesce(r.returned, 0)) AS expected
FROM purchase_order_line l
FULL JOIN (
    SELECT s.tenant, s.order_id, s.purchase_order, part.sku,
        sum(part.quantity)::bigint AS shipped,
        coalesce(sum(part.quantity) FILTER (WHERE s.delivered_at_ms IS NOT NULL), 0)::bigint
            AS delivered
    FROM shipment s
    CROSS JOIN LATERAL jsonb_to_recordset(s.lines) AS part (sku text, quantity bigint)
    GROUP BY 1, 2, 3, 4
) s USING (tenant, order_id, purchase_order, sku)
FULL JOIN (
    SELECT line.tenant, line.order_id, line.purchase_order, line.sku,
        coalesce(sum(line.announced - line.received) FILTER (
            WHERE r.status IN ('announced', 'partly_received')
        ), 0)::bigint AS coming_back,
        sum(line.received)::bigint AS returned
    FROM return_line line
    JOIN return_order r
        ON (r.tenant, r.order_id, r.id) = (line.tenant, line.order_id, line.return_id)
    GROUP BY 1, 2, 3, 4
) r USING (tenant, order_id, purchase_order, sku)
WHERE (l.shipped, l.delivered, l.coming_back, l.returned) IS DISTINCT FROM (
    coalesce(s.shipped, 0), coalesce(s.delivered, 0), coalesce(r.coming_back, 0),
    coalesce(r.returned, 0)
)
LIMIT $1

-- audit_receipts --
-- Returns whose received units or refund are not the sum of their receipts.
SELECT r.tenant || '/' || r.id AS subject,
    concat_ws(' ', r.refund_minor, line.received) AS found,
    concat_ws(' ', coalesce(c.refund_minor, 0), coalesce(c.received, 0)) AS expected
FROM return_order r
LEFT JOIN (
    SELECT tenant, order_id, return_id AS id, sum(received)::bigint AS received
    FROM return_line GROUP BY 1, 2, 3
) line USING (tenant, order_id, id)
LEFT JOIN (
    SELECT tenant, order_id, return_id AS id, sum(refund_minor)::bigint AS refund_minor,
        sum((
            SELECT sum(part.quantity)
            FROM jsonb_to_recordset(receipt.lines) AS part (sku text, quantity bigint)
        ))::bigint AS received
    FROM return_receipt receipt GROUP BY 1, 2, 3
) c USING (tenant, order_id, id)
WHERE (r.refund_minor, line.received)
    IS DISTINCT FROM (coalesce(c.refund_minor, 0), coalesce(c.received, 0))
LIMIT $1

-- audit_refunds --
-- Receipts whose money nobody asked the payment to give back.
SELECT e.tenant || '/' || (e.facts ->> 'receipt') AS subject, d.body ->> 'state' AS found,
    'a refund of ' || (e.facts ->> 'refund_minor') AS expected
FROM events e
JOIN consumer_position p ON p.consumer = 'shipping.refunds' AND p.partition = e.partition
LEFT JOIN documents d
    ON d.tenant = e.tenant AND d.topic = 'payment:' || (e.facts ->> 'order_id')
WHERE e.event_type = 'shipping.return_received' AND e."offset" < p.next
    AND (e.facts ->> 'refund_minor')::bigint > 0
    AND d.body ->> 'state' IS DISTINCT FROM 'voided'
    AND NOT EXISTS (
        SELECT FROM json_array_elements(d.body -> 'movements') AS movement
        WHERE movement ->> 'kind' = 'refund' AND movement ->> 'id' = e.facts ->> 'receipt'
    )
LIMIT $1

-- audit_statuses --
-- Purchase orders whose status does not follow from their step and their units.
SELECT o.tenant || '/' || o.id AS subject, o.status AS found, s.status AS expected
FROM purchase_order o
LEFT JOIN (
    SELECT o.tenant, o.order_id, o.id,
        CASE
            WHEN sum(l.cancelling) > 0 THEN 'cancelling'
            WHEN sum(l.ordered - l.refused - l.cancelled) = 0 THEN
                CASE WHEN sum(l.cancelled) > 0 THEN 'cancelled' ELSE 'refused' END
            WHEN sum(l.shipped) = 0 THEN o.step
            WHEN sum(l.shipped) < sum(l.ordered - l.refused - l.cancelled) THEN 'partly_shipped'
            WHEN sum(l.delivered) = sum(l.shipped) THEN 'delivered'
            ELSE 'shipped'
        END AS status
    FROM purchase_order o
    JOIN purchase_order_line l
        ON (l.tenant, l.order_id, l.purchase_order) = (o.tenant, o.order_id, o.id)
    GROUP BY o.tenant, o.order_id, o.id
) s USING (tenant, order_id, id)
WHERE o.status IS DISTINCT FROM s.status
LIMIT $1

-- audit_parcels --
-- Parcels whose status does not follow from what the carrier saw. One of which more was told than
-- is kept has seen at least what is kept.
SELECT s.tenant || '/' || s.id AS subject,
    concat_ws(' ', s.events, s.status) AS found, concat_ws(' ', e.events, e.status) AS expected
FROM shipment s
CROSS JOIN LATERAL (
    SELECT count(*) AS events,
        CASE
            WHEN count(*) FILTER (WHERE t.status = 'returned_to_sender') > 0
                THEN 'returned_to_sender'
            WHEN count(*) FILTER (WHERE t.status = 'delivered') > 0 THEN 'delivered'
            WHEN max(t.at_ms) FILTER (WHERE t.status = 'exception')
                >= coalesce(max(t.at_ms) FILTER (
                    WHERE t.status IN ('label', 'picked_up', 'in_transit', 'out_for_delivery')
                ), 0)
                THEN 'exception'
            ELSE (ARRAY['label', 'picked_up', 'in_transit', 'out_for_delivery'])[coalesce(max(
                array_position(
                    ARRAY['label', 'picked_up', 'in_transit', 'out_for_delivery'], t.status
                )
            ), 1)]
        END AS status
    FROM tracking_event t
    WHERE (t.tenant, t.order_id, t.shipment) = (s.tenant, s.order_id, s.id)
) e
WHERE s.events <> e.events OR (s.status <> e.status AND e.events < 200)
LIMIT $1

-- audit_references --
-- Suppliers' numbers that are not kept for exactly the purchase order that carries them.
SELECT coalesce(o.tenant, r.tenant) || '/' || coalesce(o.supplier, r.supplier) || ' '
        || coalesce(o.supplier_reference, r.reference) AS subject,
    r.purchase_order AS found, o.id AS expected
FROM (SELECT * FROM purchase_order WHERE supplier_reference IS NOT NULL) o
FULL JOIN supplier_reference r
    ON (r.tenant, r.supplier, r.reference) = (o.tenant, o.supplier, o.supplier_reference)
WHERE o.id IS DISTINCT FROM r.purchase_order
LIMIT $1

-- audit_boxes --
-- Sources whose waiting notices are not as many as are counted.
SELECT coalesce(b.tenant, n.tenant) || '/' || coalesce(b.source, n.source) AS subject,
    b.waiting::text AS found, coalesce(n.waiting, 0)::text AS expected
FROM notice_box b
FULL JOIN (
    SELECT tenant, source, count(*) AS waiting FROM kept_notice WHERE status = 'open' GROUP BY 1, 2
) n USING (tenant, source)
WHERE b.waiting IS DISTINCT FROM coalesce(n.waiting, 0)
LIMIT $1

-- audit_purchase_order_documents --
-- Purchase orders whose document is not what their rows give. One that is older than suppliers' own
-- SKUs says nothing of them: what is null may be left out.
SELECT o.tenant || '/' || o.id AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', o.version, w.body) AS expected
FROM purchase_order o
CROSS JOIN LATERAL (
    SELECT jsonb_build_object(
        'id', o.id, 'order_id', o.order_id, 'supplier', o.supplier, 'status', o.status,
        'answer', o.answer, 'late', o.late, 'supplier_reference', o.supplier_reference,
        'reason', o.reason, 'planned_at_ms', o.planned_at_ms, 'due_at_ms', o.due_at_ms,
        'lines', jsonb_agg(jsonb_build_object(
            'sku', l.sku, 'ordered', l.ordered, 'accepted', l.accepted, 'refused', l.refused,
            'cancelling', l.cancelling, 'cancelled', l.cancelled, 'shipped', l.shipped,
            'delivered', l.delivered, 'cost_minor', l.cost_minor,
            'cost_currency', l.cost_currency, 'supplier_sku', l.supplier_sku
        ) ORDER BY l.sku COLLATE "C")
    ) AS body
    FROM purchase_order_line l
    WHERE (l.tenant, l.order_id, l.purchase_order) = (o.tenant, o.order_id, o.id)
) w
LEFT JOIN documents d ON d.tenant = o.tenant AND d.topic = 'purchase_order:' || o.id
WHERE d.version IS DISTINCT FROM o.version
    OR jsonb_strip_nulls(d.body::jsonb) IS DISTINCT FROM jsonb_strip_nulls(w.body)
LIMIT $1

-- audit_shipment_documents --
-- Parcels whose document is not what their rows give.
SELECT s.tenant || '/' || s.id AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', s.version, w.body) AS expected
FROM shipment s
CROSS JOIN LATERAL (
    SELECT jsonb_build_object(
        'id', s.id, 'order_id', s.order_id, 'carrier', s.carrier, 'tracking', s.tracking,
        'status', s.status, 'lines', s.lines, 'shipped_at_ms', s.shipped_at_ms,
        'delivered_at_ms', s.delivered_at_ms,
        'history', coalesce(jsonb_agg(
            jsonb_build_object('status', t.status, 'at_ms', t.at_ms)
            ORDER BY t.at_ms DESC, t.seq DESC
        ), '[]')
    ) AS body
    FROM (
        SELECT status, at_ms, seq FROM tracking_event t
        WHERE (t.tenant, t.order_id, t.shipment) = (s.tenant, s.order_id, s.id)
        ORDER BY at_ms DESC, seq DESC
        LIMIT 20
    ) t
) w
LEFT JOIN documents d ON d.tenant = s.tenant AND d.topic = 'shipment:' || s.id
WHERE d.version IS DISTINCT FROM s.version OR d.body::jsonb IS DISTINCT FROM w.body
LIMIT $1

-- audit_return_documents --
-- Returns whose document is not what their rows give.
SELECT r.tenant || '/' || r.id AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', r.version, w.body) AS expected
FROM return_order r
CROSS JOIN LATERAL (
    SELECT jsonb_build_object(
        'id', r.id, 'order_id', r.order_id, 'status', r.status, 'reason', r.reason,
        'value_minor', r.value_minor, 'refund_minor', r.refund_minor, 'currency', r.currency,
        'opened_at_ms', r.opened_at_ms,
        'lines', jsonb_agg(jsonb_build_object(
            'sku', l.sku, 'announced', l.announced, 'received', l.received
        ) ORDER BY l.sku COLLATE "C")
    ) AS body
    FROM (
        SELECT sku, sum(announced) AS announced, sum(received) AS received
        FROM return_line l
        WHERE (l.tenant, l.order_id, l.return_id) = (r.tenant, r.order_id, r.id)
        GROUP BY sku
    ) l
) w
LEFT JOIN documents d ON d.tenant = r.tenant AND d.topic = 'return:' || r.id
WHERE d.version IS DISTINCT FROM r.version OR d.body::jsonb IS DISTINCT FROM w.body
LIMIT $1

-- audit_notice_documents --
-- Kept notices whose document is not what their row gives.
SELECT n.tenant || '/' || n.source || '/' || n.id AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', n.version, w.body) AS expected
FROM kept_notice n
CROSS JOIN LATERAL (
    SELECT jsonb_build_object(
        'id', n.id, 'source', n.source, 'status', n.status, 'notice', n.notice,
        'because', n.because, 'kept_at_ms', n.kept_at_ms, 'replays', n.replays
    ) AS body
) w
LEFT JOIN documents d ON d.tenant = n.tenant AND d.topic = 'notice:' || n.source || '/' || n.id
WHERE d.version IS DISTINCT FROM n.version OR d.body::jsonb IS DISTINCT FROM w.body
LIMIT $1
