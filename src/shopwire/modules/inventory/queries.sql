-- load_stock_item --
-- SKUs by group.
SELECT i.tenant, i.sku, i.version, i.buffer, i.low_threshold
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN stock_item i USING (tenant, sku)

-- save_stock_item --
-- Inserts or replaces SKUs.
INSERT INTO stock_item (tenant, sku, version, buffer, low_threshold)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
ON CONFLICT (tenant, sku) DO UPDATE SET
    version = excluded.version, buffer = excluded.buffer, low_threshold = excluded.low_threshold

-- load_stock_pool --
-- All pools of the wanted SKUs.
SELECT
    p.tenant, p.sku, p.supplier, p.reported, p.reserved, p.sold, p.shortfall, p.reports,
    p.as_of_ms, p.doubtful, p.unreflected, p.seq
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN stock_pool p USING (tenant, sku)

-- save_stock_pool --
-- Inserts or replaces pools; the constraints of the table are the limit of what can be sold.
INSERT INTO stock_pool (
    tenant, sku, supplier, reported, reserved, sold, shortfall, reports, as_of_ms, doubtful,
    unreflected, seq
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::boolean[], $11::jsonb[], $12::bigint[]
)
ON CONFLICT (tenant, sku, supplier) DO UPDATE SET
    reported = excluded.reported, reserved = excluded.reserved, sold = excluded.sold,
    shortfall = excluded.shortfall, reports = excluded.reports, as_of_ms = excluded.as_of_ms,
    doubtful = excluded.doubtful, unreflected = excluded.unreflected, seq = excluded.seq

-- load_stock_ledger --
-- Lines are never loaded for a decision; this is for the conformance of the adapter.
SELECT l.* FROM unnest($1::text[], $2::text[]) AS wanted (tenant, sku)
JOIN stock_ledger l USING (tenant, sku)

-- save_stock_ledger --
-- Lines are only ever added.
INSERT INTO stock_ledger (
    tenant, sku, supplier, seq, kind, reported_delta, reserved_delta, sold_delta, shortfall_delta,
    reported, reserved, sold, shortfall, reference, command_id, at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::text[], $15::text[], $16::bigint[]
)

-- pools_of_sku --
-- The pools that a page about a SKU shows.
SELECT
    p.supplier, p.reported, p.reserved, p.sold, p.shortfall, p.as_of_ms, p.doubtful, p.seq,
    i.buffer, i.low_threshold,
    greatest(0, p.reported - p.reserved - p.sold - i.buffer) AS sellable
FROM stock_pool p
JOIN stock_item i USING (tenant, sku)
WHERE p.tenant = $1 AND p.sku = $2
ORDER BY p.supplier

-- skus_with_open_sales --
-- Which of these SKUs have sales that the supplier's count does not contain yet.
SELECT sku FROM stock_pool
WHERE tenant = $1 AND supplier = $2 AND sku = ANY ($3::text[]) AND sold > 0

-- ledger_of_sku --
-- The newest lines of a SKU, before a (moment, supplier, number) if one is given.
SELECT
    supplier, seq, kind, reported_delta, reserved_delta, sold_delta, shortfall_delta,
    reported, reserved, sold, shortfall, reference, command_id, at_ms
FROM stock_ledger
WHERE tenant = $1 AND sku = $2
    AND ($3::bigint IS NULL OR (at_ms, supplier, seq) < ($3::bigint, $4::text, $5::bigint))
ORDER BY at_ms DESC, supplier DESC, seq DESC
LIMIT $6

-- audit_pools --
-- Pools whose balances are not the sum of their ledger lines, or whose lines have a hole.
SELECT p.tenant || '/' || p.sku || '/' || p.supplier AS subject,
    concat_ws(' ', p.reported, p.reserved, p.sold, p.shortfall, p.seq) AS found,
    concat_ws(' ', l.reported, l.reserved, l.sold, l.shortfall, l.lines) AS expected
FROM stock_pool p
LEFT JOIN (
    SELECT tenant, sku, supplier, sum(reported_delta)::bigint AS reported,
        sum(reserved_delta)::bigint AS reserved, sum(sold_delta)::bigint AS sold,
        sum(shortfall_delta)::bigint AS shortfall, count(*) AS lines
    FROM stock_ledger GROUP BY tenant, sku, supplier
) l USING (tenant, sku, supplier)
WHERE (p.reported, p.reserved, p.sold, p.shortfall, p.seq)
    IS DISTINCT FROM (l.reported, l.reserved, l.sold, l.shortfall, l.lines)
    OR p.sold <> (
        SELECT coalesce(sum((sale ->> 1)::bigint), 0) FROM jsonb_array_elements(p.unreflected) sale
    )
LIMIT $1

-- audit_lines --
-- Ledger lines whose balances do not follow from the line before them.
SELECT tenant || '/' || sku || '/' || supplier || ' line ' || seq AS subject,
    concat_ws(' ', seq, reported, reserved, sold, shortfall) AS found,
    concat_ws(
        ' ', before_seq + 1, before_reported + reported_delta, before_reserved + reserved_delta,
        before_sold + sold_delta, before_shortfall + shortfall_delta
    ) AS expected
FROM (
    SELECT l.*,
        coalesce(lag(seq) OVER pool, 0) AS before_seq,
        coalesce(lag(reported) OVER pool, 0) AS before_reported,
        coalesce(lag(reserved) OVER pool, 0) AS before_reserved,
        coalesce(lag(sold) OVER pool, 0) AS before_sold,
        coalesce(lag(shortfall) OVER pool, 0) AS before_shortfall
    FROM stock_ledger l
    WINDOW pool AS (PARTITION BY tenant, sku, supplier ORDER BY seq)
) line
WHERE (seq, reported, reserved, sold, shortfall) IS DISTINCT FROM (
    before_seq + 1, before_reported + reported_delta, before_reserved + reserved_delta,
    before_sold + sold_delta, before_shortfall + shortfall_delta
)
LIMIT $1

-- audit_events --
-- Movements that the log tells and the ledger does not, or with other balances.
SELECT told.tenant || '/' || told.sku || '/' || told.supplier || ' line ' || told.seq AS subject,
    concat_ws(' ', l.reported, l.reserved, l.sold, l.shortfall, l.command_id) AS found,
    concat_ws(
        ' ', told.reported, told.reserved, told.sold, told.shortfall, told.command_id
    ) AS expected
FROM (
    SELECT e.tenant, substr(e.topic, length('stock:') + 1) AS sku, e.command_id, moved.supplier,
        moved.seq, moved.reported, moved.reserved, moved.sold, moved.shortfall
    FROM events e
    CROSS JOIN LATERAL json_to_recordset(e.facts -> 'moved') AS moved (
        supplier text, seq bigint, reported bigint, reserved bigint, sold bigint, shortfall bigint
    )
    WHERE e.event_type IN ('inventory.stock_reported', 'inventory.stock_sold')
) told
LEFT JOIN stock_ledger l USING (tenant, sku, supplier, seq)
WHERE (told.reported, told.reserved, told.sold, told.shortfall, told.command_id)
    IS DISTINCT FROM (l.reported, l.reserved, l.sold, l.shortfall, l.command_id)
LIMIT $1

-- audit_stock_documents --
-- Public numbers and states that are not what the pools and the policy give.
SELECT i.tenant || '/' || i.sku AS subject,
    concat_ws(' ', d.version, d.body ->> 'available', d.body ->> 'status') AS found,
    concat_ws(' ', i.version, s.available, s.status) AS expected
FROM stock_item i
JOIN (
    SELECT item.tenant, item.sku, n.available,
        CASE
            WHEN n.available = 0 THEN 'out'
            WHEN n.available <= item.low_threshold THEN 'low'
            ELSE 'in_stock'
        END AS status
    FROM stock_item item
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(
            greatest(0, p.reported - p.reserved - p.sold - item.buffer)
        ), 0)::bigint AS available
        FROM stock_pool p WHERE p.tenant = item.tenant AND p.sku = item.sku
    ) n
) s USING (tenant, sku)
LEFT JOIN documents d ON d.tenant = i.tenant AND d.topic = 'stock:' || i.sku
WHERE (d.version, d.body ->> 'available', d.body ->> 'status')
    IS DISTINCT FROM (i.version, s.available::text, s.status)
LIMIT $1
