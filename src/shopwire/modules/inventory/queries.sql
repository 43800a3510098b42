-- load_stock_item --
-- SKUs by group.
SELECT
    i.tenant, i.sku, i.version, i.buffer, i.low_threshold, i.backorder_max, i.preorder_until_ms,
    i.shopper_units_max, i.held_units_max, i.parts, i.sets, i.bundles
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN stock_item i USING (tenant, sku)

-- save_stock_item --
-- Inserts or replaces SKUs.
INSERT INTO stock_item (
    tenant, sku, version, buffer, low_threshold, backorder_max, preorder_until_ms,
    shopper_units_max, held_units_max, parts, sets, bundles
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::jsonb[], $11::bigint[], $12::jsonb[]
)
ON CONFLICT (tenant, sku) DO UPDATE SET
    version = excluded.version, buffer = excluded.buffer, low_threshold = excluded.low_threshold,
    backorder_max = excluded.backorder_max, preorder_until_ms = excluded.preorder_until_ms,
    shopper_units_max = excluded.shopper_units_max, held_units_max = excluded.held_units_max,
    parts = excluded.parts, sets = excluded.sets, bundles = excluded.bundles

-- load_stock_pool --
-- All pools of the wanted SKUs.
SELECT
    p.tenant, p.sku, p.supplier, p.reported, p.reserved, p.sold, p.backorder, p.shortfall,
    p.backorder_max, p.withheld, p.reports, p.as_of_ms, p.sequence, p.doubtful, p.seq, p.kept_back
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN stock_pool p USING (tenant, sku)

-- save_stock_pool --
-- Inserts or replaces pools; the constraints of the table are the limit of what can be sold.
INSERT INTO stock_pool (
    tenant, sku, supplier, reported, reserved, sold, backorder, shortfall, backorder_max, withheld,
    reports, as_of_ms, sequence, doubtful, seq, kept_back
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::boolean[], $15::bigint[], $16::bigint[]
)
ON CONFLICT (tenant, sku, supplier) DO UPDATE SET
    reported = excluded.reported, reserved = excluded.reserved, sold = excluded.sold,
    backorder = excluded.backorder, shortfall = excluded.shortfall,
    backorder_max = excluded.backorder_max, withheld = excluded.withheld,
    reports = excluded.reports, as_of_ms = excluded.as_of_ms, sequence = excluded.sequence,
    doubtful = excluded.doubtful, seq = excluded.seq, kept_back = excluded.kept_back

-- load_stock_hold --
-- Holds by their ids.
SELECT
    h.tenant, h.hold_id, h.state, h.shopper, h.reference, h.asked, h.taken, h.held_at_ms,
    h.expires_at_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, hold_id)
JOIN stock_hold h USING (tenant, hold_id)

-- save_stock_hold --
-- Inserts holds, or ends them: a trigger keeps everything else as it is.
INSERT INTO stock_hold (
    tenant, hold_id, state, shopper, reference, asked, taken, held_at_ms, expires_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[],
    $8::bigint[], $9::bigint[]
)
ON CONFLICT (tenant, hold_id) DO UPDATE SET
    state = excluded.state, shopper = excluded.shopper, asked = excluded.asked,
    taken = excluded.taken, expires_at_ms = excluded.expires_at_ms

-- load_stock_tally --
-- What shoppers have of SKUs, as far as it counts.
SELECT t.tenant, t.place, t.hold_id, t.quantity
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, place)
JOIN stock_tally t USING (tenant, place)
WHERE t.quantity > 0

-- save_stock_tally --
-- Inserts or replaces.
INSERT INTO stock_tally (tenant, place, hold_id, quantity)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
ON CONFLICT (tenant, place, hold_id) DO UPDATE SET quantity = excluded.quantity

-- load_stock_sale --
-- All parts of sales, by their reference.
SELECT
    s.tenant, s.sku, s.supplier, s.reference, s.part, s.quantity, s.backordered, s.shopper, s.seq,
    s.sold_at_ms, s.answer, s.booking, s.marked_at_ms, s.marked_sequence, s.state, s.reason
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, reference)
JOIN stock_sale s USING (tenant, reference)

-- save_stock_sale --
-- Inserts parts or moves them on.
INSERT INTO stock_sale (
    tenant, sku, supplier, reference, part, quantity, backordered, shopper, seq, sold_at_ms,
    answer, booking, marked_at_ms, marked_sequence, state, reason
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
    $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::bigint[],
    $14::bigint[], $15::text[], $16::text[]
)
ON CONFLICT (tenant, reference, sku, supplier, part) DO UPDATE SET
    quantity = excluded.quantity, backordered = excluded.backordered, seq = excluded.seq,
    answer = excluded.answer, booking = excluded.booking, marked_at_ms = excluded.marked_at_ms,
    marked_sequence = excluded.marked_sequence, state = excluded.state, reason = excluded.reason

-- load_open_sale --
-- What a report may find in its count: the rows of stock_sale that wait for one.
SELECT
    s.tenant, s.sku, s.supplier, s.reference, s.part, s.quantity, s.backordered, s.shopper, s.seq,
    s.sold_at_ms, s.answer, s.booking, s.marked_at_ms, s.marked_sequence, s.state, s.reason
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN stock_sale s USING (tenant, sku)
WHERE s.state IN ('open', 'refused')

-- save_open_sale --
-- Nothing: the same rows come as sales, always.
SELECT FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
    $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::bigint[],
    $14::bigint[], $15::text[], $16::text[]
)
LIMIT 0

-- load_stock_ledger --
-- Lines are never loaded for a decision; this is for the conformance of the adapter.
SELECT l.* FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN stock_ledger l USING (tenant, sku)

-- save_stock_ledger --
-- Lines are only ever added.
INSERT INTO stock_ledger (
    tenant, sku, supplier, seq, kind, reported_delta, reserved_delta, sold_delta, backorder_delta,
    shortfall_delta, reported, reserved, sold, backorder, shortfall, backorder_max, reference,
    command_id, at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::bigint[], $16::bigint[], $17::text[], $18::text[], $19::bigint[]
)

-- pools_of_sku --
-- The pools that a page about a SKU shows.
SELECT
    p.supplier, p.reported, p.reserved, p.sold, p.backorder, p.shortfall, p.withheld, p.as_of_ms,
    p.sequence, p.doubtful, p.seq, least(p.kept_back, p.reported) AS kept_back, i.buffer,
    i.low_threshold, i.backorder_max,
    greatest(
        0, p.reported - p.reserved - p.sold - p.withheld - i.buffer - p.kept_back
    ) AS sellable
FROM stock_pool p
JOIN stock_item i USING (tenant, sku)
WHERE p.tenant = $1 AND p.sku = $2
ORDER BY p.supplier

-- skus_with_open_sales --
-- Of which SKUs even the same count is news: sales, or refusals, wait to be in it.
SELECT sku FROM stock_pool
WHERE tenant = $1 AND supplier = $2 AND sku = ANY ($3::text[]) AND (sold > 0 OR withheld > 0)

-- all_open_sales --
-- As skus_with_open_sales, all SKUs of a supplier.
SELECT sku FROM stock_pool
WHERE tenant = $1 AND supplier = $2 AND (sold > 0 OR withheld > 0)
LIMIT $3

-- skus_of_supplier --
-- What a supplier has a pool of, after a SKU.
SELECT sku FROM stock_pool
WHERE tenant = $1 AND supplier = $2 AND sku > $3
ORDER BY sku
LIMIT $4

-- ledger_of_sku --
-- The newest lines of a SKU, before a (moment, supplier, number) if one is given: $3 to $5; $6 is
-- how many. In a pool the time grows with the number, so where a page begins in each is found by
-- halving, and no index by time has to grow with each line.
WITH RECURSIVE pools AS (
    SELECT tenant, sku, supplier, seq FROM stock_pool WHERE tenant = $1 AND sku = $2
), halved AS (
    -- Lines up to `low` are before the place, those from `high` on are not.
    SELECT
        tenant, sku, supplier, CASE WHEN $3::bigint IS NULL THEN seq ELSE 0 END AS low,
        CASE WHEN supplier = $4::text THEN least(seq + 1, $5::bigint) ELSE seq + 1 END AS high
    FROM pools
    UNION ALL
    SELECT
        h.tenant, h.sku, h.supplier, CASE WHEN l.before THEN l.seq ELSE h.low END,
        CASE WHEN l.before THEN h.high ELSE l.seq END
    FROM halved h
    CROSS JOIN LATERAL (
        SELECT m.seq, (m.at_ms, m.supplier, m.seq) < ($3::bigint, $4::text, $5::bigint) AS before
        FROM stock_ledger m
        WHERE m.tenant = h.tenant AND m.sku = h.sku AND m.supplier = h.supplier
            AND m.seq = (h.low + h.high) / 2
    ) l
    WHERE h.high - h.low > 1
), begun AS (
    SELECT tenant, sku, supplier, max(low) AS seq FROM halved GROUP BY tenant, sku, supplier
)
SELECT
    l.supplier, l.seq, l.kind, l.reported_delta, l.reserved_delta, l.sold_delta, l.backorder_delta,
    l.shortfall_delta, l.reported, l.reserved, l.sold, l.backorder, l.shortfall, l.reference,
    l.command_id, l.at_ms
FROM begun b
CROSS JOIN LATERAL (
    SELECT * FROM stock_ledger o
    WHERE o.tenant = b.tenant AND o.sku = b.sku AND o.supplier = b.supplier AND o.seq <= b.seq
    ORDER BY o.seq DESC
    LIMIT $6
) l
ORDER BY l.at_ms DESC, l.supplier DESC, l.seq DESC
LIMIT $6

-- holds_of_sku --
-- Reservations that wait for their payment, those that end first before the others.
SELECT
    h.hold_id AS hold, coalesce(nullif(h.reference, ''), h.hold_id) AS reference,
    one ->> 'supplier' AS supplier, (one ->> 'quantity')::bigint AS quantity,
    coalesce((one ->> 'backordered')::bigint, 0) AS backordered, h.held_at_ms, h.expires_at_ms
FROM stock_hold h
CROSS JOIN LATERAL jsonb_array_elements(h.taken) AS one
WHERE h.state = 'pending' AND h.tenant = $1 AND one ->> 'sku' = $2
    AND h.taken @> jsonb_build_array(jsonb_build_object('sku', $2::text))
ORDER BY h.expires_at_ms, h.hold_id
LIMIT $3

-- open_sales_of_sku --
-- Sales that the supplier's count does not contain, the newest first.
SELECT
    reference, supplier, quantity, backordered, sold_at_ms, answer, marked_at_ms, marked_sequence,
    state, reason
FROM stock_sale
WHERE tenant = $1 AND sku = $2 AND state IN ('open', 'refused')
ORDER BY sold_at_ms DESC, reference, part
LIMIT $3

-- holds_to_expire --
-- Pending holds as jobs, up to 200 of one moment together, the earliest first.
WITH soonest AS (
    SELECT tenant, hold_id, (expires_at_ms + 249) / 250 * 250 AS due_ms, (
        SELECT jsonb_agg(DISTINCT one -> 'sku') FROM jsonb_array_elements(taken) AS one
    ) AS skus
    FROM stock_hold
    WHERE state = 'pending'
    ORDER BY expires_at_ms
    LIMIT 5000
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY tenant, due_ms ORDER BY skus, hold_id) AS number
    FROM soonest
)
SELECT min(hold_id) AS id, tenant, due_ms,
    jsonb_build_object(
        'holds',
        jsonb_agg(jsonb_build_object('hold_id', hold_id, 'skus', skus) ORDER BY number),
        'at_ms', (extract(epoch FROM clock_timestamp()) * 1000)::bigint
    ) AS payload
FROM numbered
GROUP BY tenant, due_ms, (number - 1) / 200
ORDER BY due_ms
LIMIT $1

-- preorders_to_end --
-- SKUs that are sold as a preorder, whose time is over first before the others.
SELECT sku || '@' || preorder_until_ms AS id, tenant, preorder_until_ms AS due_ms,
    jsonb_build_object('sku', sku, 'until_ms', preorder_until_ms) AS payload
FROM stock_item
WHERE preorder_until_ms IS NOT NULL
ORDER BY preorder_until_ms
LIMIT $1

-- audit_pools --
-- Pools whose balances are not the sum of their ledger lines, or whose lines have a hole.
SELECT p.tenant || '/' || p.sku || '/' || p.supplier AS subject,
    concat_ws(' ', p.reported, p.reserved, p.sold, p.backorder, p.shortfall, p.seq) AS found,
    concat_ws(' ', l.reported, l.reserved, l.sold, l.backorder, l.shortfall, l.lines) AS expected
FROM stock_pool p
LEFT JOIN (
    SELECT tenant, sku, supplier, sum(reported_delta)::bigint AS reported,
        sum(reserved_delta)::bigint AS reserved, sum(sold_delta)::bigint AS sold,
        sum(backorder_delta)::bigint AS backorder, sum(shortfall_delta)::bigint AS shortfall,
        count(*) AS lines
    FROM stock_ledger GROUP BY tenant, sku, supplier
) l USING (tenant, sku, supplier)
WHERE (p.reported, p.reserved, p.sold, p.backorder, p.shortfall, p.seq)
    IS DISTINCT FROM (l.reported, l.reserved, l.sold, l.backorder, l.shortfall, l.lines)
LIMIT $1

-- audit_sales --
-- Pools whose sales, or refusals, are not the open rows.
SELECT tenant || '/' || sku || '/' || supplier AS subject,
    concat_ws(' ', coalesce(p.sold, 0), coalesce(p.withheld, 0)) AS found,
    concat_ws(' ', coalesce(s.sold, 0), coalesce(s.withheld, 0)) AS expected
FROM (
    SELECT tenant, sku, supplier,
        coalesce(sum(quantity) FILTER (WHERE state = 'open'), 0)::bigint AS sold,
        coalesce(sum(quantity) FILTER (WHERE state = 'refused'), 0)::bigint AS withheld
    FROM stock_sale WHERE state IN ('open', 'refused')
    GROUP BY tenant, sku, supplier
) s
FULL JOIN stock_pool p USING (tenant, sku, supplier)
WHERE (coalesce(p.sold, 0), coalesce(p.withheld, 0))
    <> (coalesce(s.sold, 0), coalesce(s.withheld, 0))
LIMIT $1

-- audit_holds --
-- Pools whose reserved units are not those of the pending holds.
SELECT tenant || '/' || sku || '/' || supplier AS subject,
    coalesce(p.reserved, 0)::text AS found, coalesce(h.reserved, 0)::text AS expected
FROM (
    SELECT h.tenant, one ->> 'sku' AS sku, one ->> 'supplier' AS supplier,
        sum((one ->> 'quantity')::bigint)::bigint AS reserved
    FROM stock_hold h CROSS JOIN LATERAL jsonb_array_elements(h.taken) AS one
    WHERE h.state = 'pending'
    GROUP BY 1, 2, 3
) h
FULL JOIN stock_pool p USING (tenant, sku, supplier)
WHERE coalesce(p.reserved, 0) <> coalesce(h.reserved, 0)
LIMIT $1

-- audit_hold_sales --
-- Holds that were posted and whose units are not the units of their sales.
SELECT h.tenant || '/' || h.hold_id || ' ' || h.sku || '/' || h.supplier AS subject,
    coalesce(s.quantity, 0)::text AS found, h.quantity::text AS expected
FROM (
    SELECT h.tenant, h.hold_id, one ->> 'sku' AS sku, one ->> 'supplier' AS supplier,
        sum((one ->> 'quantity')::bigint)::bigint AS quantity
    FROM stock_hold h CROSS JOIN LATERAL jsonb_array_elements(h.taken) AS one
    WHERE h.state = 'posted'
    GROUP BY 1, 2, 3, 4
) h
LEFT JOIN (
    SELECT tenant, reference AS hold_id, sku, supplier, sum(quantity)::bigint AS quantity
    FROM stock_sale WHERE part = '' OR part LIKE '+%'
    GROUP BY 1, 2, 3, 4
) s USING (tenant, hold_id, sku, supplier)
WHERE h.quantity <> coalesce(s.quantity, 0)
LIMIT $1

-- audit_tallies --
-- What shoppers are counted to have, where it is not what their holds and sales say.
SELECT tenant || '/' || place || '/' || hold_id AS subject,
    coalesce(t.quantity, 0)::text AS found, coalesce(n.quantity, 0)::text AS expected
FROM (
    SELECT h.tenant, counted.sku || chr(31) || h.shopper AS place, h.hold_id,
        CASE h.state
            WHEN 'pending' THEN counted.quantity
            WHEN 'posted' THEN (
                SELECT coalesce(sum(s.quantity), 0) FROM stock_sale s
                WHERE s.tenant = h.tenant AND s.reference = h.hold_id AND s.sku = counted.sku
                    AND s.shopper <> '' AND s.state IN ('open', 'reflected')
            )
            ELSE 0
        END::bigint AS quantity
    FROM stock_hold h
    CROSS JOIN LATERAL (
        SELECT one ->> 'sku' AS sku, sum((one ->> 'quantity')::bigint) AS quantity
        FROM jsonb_array_elements(h.taken) AS one
        WHERE one ->> 'counted' = 'true'
        GROUP BY 1
    ) counted
) n
FULL JOIN stock_tally t USING (tenant, place, hold_id)
WHERE coalesce(t.quantity, 0) <> coalesce(n.quantity, 0)
LIMIT $1

-- audit_bundles --
-- Articles of sets that do not know their set, so that it would not be counted with them.
SELECT i.tenant || '/' || i.sku || '/' || (part ->> 'sku') AS subject,
    coalesce(own.bundles::text, 'no article') AS found, i.sku AS expected
FROM stock_item i
CROSS JOIN LATERAL jsonb_array_elements(i.parts) AS part
LEFT JOIN stock_item own ON own.tenant = i.tenant AND own.sku = part ->> 'sku'
WHERE own.sku IS NULL
    OR NOT own.bundles @> jsonb_build_array(jsonb_build_object('sku', i.sku))
LIMIT $1

-- audit_lines --
-- Ledger lines whose balances do not follow from the line before them.
SELECT tenant || '/' || sku || '/' || supplier || ' line ' || seq AS subject,
    concat_ws(' ', seq, reported, reserved, sold, backorder, shortfall) AS found,
    concat_ws(
        ' ', before_seq + 1, before_reported + reported_delta, before_reserved + reserved_delta,
        before_sold + sold_delta, before_backorder + backorder_delta,
        before_shortfall + shortfall_delta
    ) AS expected
FROM (
    SELECT l.*,
        coalesce(lag(seq) OVER pool, 0) AS before_seq,
        coalesce(lag(reported) OVER pool, 0) AS before_reported,
        coalesce(lag(reserved) OVER pool, 0) AS before_reserved,
        coalesce(lag(sold) OVER pool, 0) AS before_sold,
        coalesce(lag(backorder) OVER pool, 0) AS before_backorder,
        coalesce(lag(shortfall) OVER pool, 0) AS before_shortfall
    FROM stock_ledger l
    WINDOW pool AS (PARTITION BY tenant, sku, supplier ORDER BY seq)
) line
WHERE (seq, reported, reserved, sold, backorder, shortfall) IS DISTINCT FROM (
    before_seq + 1, before_reported + reported_delta, before_reserved + reserved_delta,
    before_sold + sold_delta, before_backorder + backorder_delta,
    before_shortfall + shortfall_delta
)
LIMIT $1

-- audit_events --
-- Movements that the log tells and the ledger does not, or with other balances.
SELECT told.tenant || '/' || told.sku || '/' || told.supplier || ' line ' || told.seq AS subject,
    concat_ws(
        ' ', l.reported, l.reserved, l.sold, l.backorder, l.shortfall, l.command_id
    ) AS found,
    concat_ws(
        ' ', told.reported, told.reserved, told.sold, told.backorder, told.shortfall,
        told.command_id
    ) AS expected
FROM (
    SELECT e.tenant, substr(e.topic, length('stock:') + 1) AS sku, e.command_id, moved.supplier,
        moved.seq, moved.reported, moved.reserved, moved.sold, moved.shortfall,
        coalesce(moved.backorder, 0) AS backorder
    FROM events e
    CROSS JOIN LATERAL json_to_recordset(e.facts -> 'moved') AS moved (
        supplier text, seq bigint, reported bigint, reserved bigint, sold bigint,
        shortfall bigint, backorder bigint
    )
    WHERE e.event_type IN (
        'inventory.stock_reported', 'inventory.stock_sold', 'inventory.stock_held',
        'inventory.stock_held_briefly', 'inventory.hold_posted', 'inventory.hold_voided',
        'inventory.holds_expired', 'inventory.sales_booked', 'inventory.sale_released'
    )
) told
LEFT JOIN stock_ledger l USING (tenant, sku, supplier, seq)
WHERE (told.reported, told.reserved, told.sold, told.backorder, told.shortfall, told.command_id)
    IS DISTINCT FROM (l.reported, l.reserved, l.sold, l.backorder, l.shortfall, l.command_id)
LIMIT $1

-- audit_stock_documents --
-- Public numbers and states that are not what the pools and the policy give.
SELECT i.tenant || '/' || i.sku AS subject,
    concat_ws(
        ' ', d.version, d.body ->> 'available', d.body ->> 'backorder', d.body ->> 'status',
        d.body ->> 'preorder_until_ms'
    ) AS found,
    concat_ws(
        ' ', i.version, s.available, s.beyond, s.status, i.preorder_until_ms
    ) AS expected
FROM stock_item i
JOIN (
    SELECT item.tenant, item.sku, n.available, n.beyond,
        CASE
            WHEN n.available > item.low_threshold THEN 'in_stock'
            WHEN n.available > 0 THEN 'low'
            WHEN n.beyond > 0 AND item.preorder_until_ms IS NULL THEN 'backorder'
            WHEN n.beyond > 0 THEN 'preorder'
            ELSE 'out'
        END AS status
    FROM stock_item item
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN item.parts = '[]' THEN coalesce(sum(greatest(0, free)), 0)
                ELSE item.sets END::bigint AS available,
            CASE WHEN item.parts = '[]'
                THEN coalesce(
                    sum(greatest(0, free + item.backorder_max) - greatest(0, free)), 0
                )
                ELSE 0 END::bigint AS beyond
        FROM (
            SELECT p.reported - p.reserved - p.sold - p.withheld - item.buffer - p.kept_back
                AS free
            FROM stock_pool p WHERE p.tenant = item.tenant AND p.sku = item.sku
        ) pool
    ) n
) s USING (tenant, sku)
LEFT JOIN documents d ON d.tenant = i.tenant AND d.topic = 'stock:' || i.sku
WHERE (
    d.version, d.body ->> 'available', coalesce(d.body ->> 'backorder', '0'), d.body ->> 'status',
    d.body ->> 'preorder_until_ms'
) IS DISTINCT FROM (
    i.version, s.available::text, s.beyond::text, s.status, i.preorder_until_ms::text
)
LIMIT $1
