-- load_import_run --
-- Runs by id.
SELECT
    r.tenant, r.id, r.version, r.supplier, r.profile, r.source, r.status, r.kind, r.reading,
    r.rows, r.changed, r.unchanged, r.quarantined, r.kept, r.mended, r.dropped, r.discontinued,
    r.altered, r.undone_to, r.restored, r.stayed, r.hold, r.pruned_to, r.held_parts,
    r.decided_by, r.notes, r.started_at_ms, r.finished_at_ms, r.error
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN import_run r USING (tenant, id)

-- save_import_run --
-- Inserts or replaces runs.
INSERT INTO import_run (
    tenant, id, version, supplier, profile, source, status, kind, reading, rows, changed,
    unchanged, quarantined, kept, mended, dropped, discontinued, altered, undone_to, restored,
    stayed, hold, pruned_to, held_parts, decided_by, notes, started_at_ms, finished_at_ms, error
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::jsonb[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[],
    $20::bigint[], $21::bigint[], $22::jsonb[], $23::bigint[], $24::bigint[], $25::text[],
    $26::jsonb[], $27::bigint[], $28::bigint[], $29::text[]
)
ON CONFLICT (tenant, id) DO UPDATE SET
    version = excluded.version, status = excluded.status, rows = excluded.rows,
    changed = excluded.changed, unchanged = excluded.unchanged,
    quarantined = excluded.quarantined, kept = excluded.kept, mended = excluded.mended,
    dropped = excluded.dropped, discontinued = excluded.discontinued, altered = excluded.altered,
    undone_to = excluded.undone_to, restored = excluded.restored, stayed = excluded.stayed,
    hold = excluded.hold, pruned_to = excluded.pruned_to, held_parts = excluded.held_parts,
    decided_by = excluded.decided_by, notes = excluded.notes,
    finished_at_ms = excluded.finished_at_ms, error = excluded.error

-- load_import_recent --
-- The latest runs of the wanted shops.
SELECT r.tenant, r.id, r.version, r.runs
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN import_recent r USING (tenant, id)

-- save_import_recent --
-- Inserts or replaces lists of the latest runs.
INSERT INTO import_recent (tenant, id, version, runs)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[])
ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, runs = excluded.runs

-- load_import_quarantine --
-- Never loaded for a decision; this is for the conformance of the adapter.
SELECT q.* FROM unnest($1::text[], $2::text[]) AS wanted (tenant, run)
JOIN import_quarantine q USING (tenant, run)

-- save_import_quarantine --
-- Rows are only ever added.
INSERT INTO import_quarantine (
    tenant, run, seq, line, column_name, code, reason, remedy, raw, cells
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::jsonb[]
)

-- load_import_mend --
-- What became of quarantined rows.
SELECT m.tenant, m.place, m.run, m.seq, m.outcome, m.by, m.at_ms, m.raw
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, place)
JOIN import_mend m USING (tenant, place)

-- save_import_mend --
-- Each row is settled once.
INSERT INTO import_mend (tenant, place, run, seq, outcome, by, at_ms, raw)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[],
    $8::text[]
)

-- load_import_change --
-- Never loaded for a decision; this is for the conformance of the adapter.
SELECT c.tenant, c.run, c.seq, c.entity, c.altered::json AS altered,
    c.said_was::json AS said_was, c.said_now::json AS said_now
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, run)
JOIN import_change c USING (tenant, run)

-- save_import_change --
-- Rows are only ever added.
INSERT INTO import_change (tenant, run, seq, entity, altered, said_was, said_now)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[]
)

-- load_import_intent --
-- Never loaded for a decision; this is for the conformance of the adapter.
SELECT i.tenant, i.run, i.groups::json AS groups
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, run)
JOIN import_intent i USING (tenant, run)

-- save_import_intent --
-- Inserts or replaces what a run is about to change.
INSERT INTO import_intent (tenant, run, groups)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT (tenant, run) DO UPDATE SET groups = excluded.groups

-- load_import_left --
-- Never loaded for a decision; this is for the conformance of the adapter.
SELECT l.* FROM unnest($1::text[], $2::text[]) AS wanted (tenant, run)
JOIN import_left l USING (tenant, run)

-- save_import_left --
-- Rows are only ever added.
INSERT INTO import_left (tenant, run, seq, kept)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[])

-- load_import_held --
-- Never loaded for a decision; this is for the conformance of the adapter.
SELECT h.tenant, h.run, h.part, h.data
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, run)
JOIN import_held h USING (tenant, run)

-- save_import_held --
-- Inserts a piece, or empties it.
INSERT INTO import_held (tenant, run, part, data)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
ON CONFLICT (tenant, run, part) DO UPDATE SET data = excluded.data

-- load_feed_limits --
-- Limits of the wanted suppliers.
SELECT
    l.tenant, l.supplier, l.version, l.zeroed_percent, l.price_moved_percent,
    l.price_move_percent, l.shrunk_percent, l.skus_min, l.price_factor
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, supplier)
JOIN feed_limits l USING (tenant, supplier)

-- save_feed_limits --
-- Inserts or replaces limits.
INSERT INTO feed_limits (
    tenant, supplier, version, zeroed_percent, price_moved_percent, price_move_percent,
    shrunk_percent, skus_min, price_factor
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[]
)
ON CONFLICT (tenant, supplier) DO UPDATE SET
    version = excluded.version, zeroed_percent = excluded.zeroed_percent,
    price_moved_percent = excluded.price_moved_percent,
    price_move_percent = excluded.price_move_percent,
    shrunk_percent = excluded.shrunk_percent, skus_min = excluded.skus_min,
    price_factor = excluded.price_factor

-- load_feed_row --
-- What suppliers said last of the wanted products.
SELECT f.tenant, f.entity, f.supplier, f.product, f.offers, f.stock, f.mark, f.aside,
    f.rest
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, entity)
JOIN feed_row f USING (tenant, entity)

-- save_feed_row --
-- Inserts or replaces what was said last.
INSERT INTO feed_row (tenant, entity, supplier, product, offers, stock, mark, aside, rest)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::text[], $9::bigint[]
)
ON CONFLICT (tenant, entity, supplier) DO UPDATE SET
    product = excluded.product, offers = excluded.offers, stock = excluded.stock,
    mark = excluded.mark, aside = excluded.aside, rest = excluded.rest

-- load_feed_text --
-- Never loaded for a decision; this is for the conformance of the adapter.
SELECT t.tenant, t.supplier, t.kind, t.piece, t.reading, t.data
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, supplier)
JOIN feed_text t USING (tenant, supplier)

-- save_feed_text --
-- Inserts or replaces pieces.
INSERT INTO feed_text (tenant, supplier, kind, piece, reading, data)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[]
)
ON CONFLICT (tenant, supplier, kind, piece) DO UPDATE SET
    reading = excluded.reading, data = excluded.data

-- texts_said --
-- Pieces that are kept of a supplier's feeds of a kind; blank where they are of another reading.
SELECT piece, CASE WHEN reading = $4 THEN data ELSE '' END AS data FROM feed_text
WHERE tenant = $1 AND supplier = $2 AND kind = $3 AND data <> ''
ORDER BY piece

-- said_last --
-- What one supplier said last of some products; names come as JSON, see _names_of in store.py.
SELECT entity AS key, product, offers, stock, mark, aside,
    CASE WHEN rest = 0 THEN 0 ELSE rest # mark END AS rest
FROM feed_row
WHERE tenant = $1 AND supplier = $2
    AND entity = ANY (ARRAY(SELECT json_array_elements_text($3::text::json)))

-- marks_said --
-- Marks of what one supplier said last, in order, by what their rows count for; see migration 0310.
SELECT aside, string_agg(int8send(mark), ''::bytea ORDER BY mark) AS marks,
    coalesce(
        string_agg(int8send(rest # mark), ''::bytea ORDER BY rest # mark) FILTER (WHERE rest <> 0),
        ''
    ) AS rests
FROM feed_row
WHERE tenant = $1 AND supplier = $2 AND mark <> 0
GROUP BY aside
ORDER BY count(*) DESC, aside
LIMIT $3

-- keys_said --
-- Products that a supplier said something of, after a key, in order: one row of all their keys.
SELECT coalesce(array_agg(entity), '{}') AS names FROM (
    SELECT entity FROM feed_row
    WHERE tenant = $1 AND supplier = $2 AND entity > $3
        AND (product <> '' OR offers <> '' OR stock <> '')
    ORDER BY entity
    LIMIT $4
) page

-- offered_skus --
-- SKUs that a supplier offers, after a SKU, in order: one row of all of them.
SELECT coalesce(array_agg(sku), '{}') AS names FROM (
    SELECT sku FROM offer
    WHERE tenant = $1 AND supplier = $2 AND active AND sku > $3
    ORDER BY sku
    LIMIT $4
) page

-- stocked_skus --
-- SKUs that a supplier has stock of, after a SKU, in order: one row of all of them.
SELECT coalesce(array_agg(sku), '{}') AS names FROM (
    SELECT sku FROM stock_pool
    WHERE tenant = $1 AND supplier = $2 AND reported > 0 AND sku > $3
    ORDER BY sku
    LIMIT $4
) page

-- skus_held --
-- Of some SKUs whether a supplier offers them, and how many it reports.
SELECT wanted.sku, o.sku IS NOT NULL AS offered, coalesce(p.reported, 0) AS reported
FROM unnest($3::text[]) WITH ORDINALITY AS wanted (sku, place)
LEFT JOIN offer o ON o.tenant = $1 AND o.supplier = $2 AND o.sku = wanted.sku AND o.active
LEFT JOIN stock_pool p ON p.tenant = $1 AND p.supplier = $2 AND p.sku = wanted.sku
ORDER BY wanted.place

-- size_of_supplier --
-- How many SKUs a supplier offers, has stock of, and either of both.
SELECT offered, stocked, offered + alone AS either
FROM (
    SELECT count(*) AS offered FROM offer WHERE tenant = $1 AND supplier = $2 AND active
) offers
CROSS JOIN (
    SELECT count(*) AS stocked, count(*) FILTER (WHERE o.sku IS NULL) AS alone
    FROM stock_pool p
    LEFT JOIN offer o ON o.tenant = $1 AND o.supplier = $2 AND o.active AND o.sku = p.sku
    WHERE p.tenant = $1 AND p.supplier = $2 AND p.reported > 0
) pools

-- offers_before --
-- The offers of SKUs from suppliers. By names in arrays, since for a join with pairs all offers of
-- the shop were read where it has few of these.
SELECT
    o.sku, o.supplier, o.cost_minor, o.currency, o.lead_time_days, o.order_min, o.order_max,
    o.map_minor, o.msrp_minor, o.active, o.supplier_sku
FROM offer o
WHERE o.tenant = $1 AND o.sku = ANY (ARRAY(SELECT json_array_elements_text($2::text::json)))
    AND o.supplier = ANY ($3::text[])

-- counts_before --
-- What one supplier has reported of SKUs.
SELECT sku, reported, as_of_ms, sequence, withheld, doubtful, sold FROM stock_pool
WHERE tenant = $1 AND supplier = $2
    AND sku = ANY (ARRAY(SELECT json_array_elements_text($3::text::json)))

-- products_before --
-- Products as they stand, as JSON, by id.
SELECT id, (to_jsonb(p) - 'search')::text AS product FROM product p
WHERE tenant = $1 AND id = ANY (ARRAY(SELECT json_array_elements_text($2::text::json)))

-- counts_since --
-- Of counts that a run reported, of several the last with the wanted number: units of sales that
-- have gone into them and into later ones, by how much the count differs for later ones that are
-- undone, whether a newer one came, and how many statements the pool has taken over.
SELECT own.sku, p.reports, p.withheld,
    coalesce(-sum(l.sold_delta) FILTER (WHERE l.kind IN ('report', 'book')), 0)::bigint
        AS taken_in,
    coalesce(sum(l.reported_delta) FILTER (WHERE l.seq > own.seq AND undone.yes), 0)::bigint
        AS net,
    coalesce(bool_or(l.kind = 'report' AND l.seq > own.seq AND NOT undone.yes), false) AS newer
FROM (
    SELECT DISTINCT ON (r.sku) r.sku, r.seq
    FROM unnest($3::text[], $5::bigint[]) AS wanted (sku, counted)
    JOIN stock_ledger r ON r.tenant = $1 AND r.supplier = $2 AND r.sku = wanted.sku
        AND r.reference = $4 AND r.kind = 'report'
    JOIN stock_pool was ON was.tenant = $1 AND was.sku = r.sku AND was.supplier = $2
    CROSS JOIN LATERAL (
        SELECT was.reported - coalesce(sum(l.reported_delta), 0) AS counted FROM stock_ledger l
        WHERE l.tenant = $1 AND l.sku = r.sku AND l.supplier = $2 AND l.seq > r.seq
    ) after
    ORDER BY r.sku, (after.counted = wanted.counted) DESC NULLS LAST, r.seq DESC
) own
JOIN stock_pool p ON p.tenant = $1 AND p.sku = own.sku AND p.supplier = $2
JOIN stock_ledger l
    ON l.tenant = $1 AND l.sku = own.sku AND l.supplier = $2 AND l.seq >= own.seq
CROSS JOIN LATERAL (
    SELECT l.reference LIKE 'undo %' OR EXISTS (
        SELECT FROM import_run r
        WHERE r.tenant = $1 AND r.status IN ('undoing', 'undone')
            AND l.reference = 'import ' || r.id AND r.id = substr(l.reference, 8)
    ) AS yes
) undone
GROUP BY own.sku, p.reports, p.withheld

-- limits_of --
-- The limits of one supplier.
SELECT
    supplier, version, zeroed_percent, price_moved_percent, price_move_percent, shrunk_percent,
    skus_min, price_factor
FROM feed_limits WHERE tenant = $1 AND supplier = $2

-- intent_of_run --
-- What a run, by its lanes, or a mend was about to change.
SELECT groups FROM import_intent WHERE tenant = $1 AND run = ANY ($2::text[])
ORDER BY run

-- mends_begun --
-- Rows of a run whose mend was begun and not written down, by their place.
SELECT run AS place FROM import_intent
WHERE tenant = $1 AND starts_with(run, $2 || '#') AND groups <> '[]'
ORDER BY run

-- due_approved --
-- Runs whose file is kept, and that have not ended, each due when nobody is at it: at once where
-- the process of its lease is gone, else when that runs out, which a process that lives puts off.
SELECT r.id, r.tenant,
    CASE WHEN process_gone(h.holder) THEN r.started_at_ms
        ELSE greatest(r.started_at_ms, i.until_ms) END AS due_ms,
    jsonb_build_object('run', r.id) AS payload
FROM import_run r
LEFT JOIN idempotency i ON i.tenant = r.tenant AND i.principal = 'alone'
    AND i.operation = 'feeds.run' AND i.key = r.id
LEFT JOIN lease_holder h ON h.tenant = i.tenant AND h.principal = i.principal
    AND h.operation = i.operation AND h.key = i.key AND h.fence = i.fence
WHERE r.status = 'running' AND r.held_parts > 0
ORDER BY due_ms, r.id
LIMIT $1

-- due_cut_off --
-- Runs that go on, each due at once where its process is gone, else when the lease of its process
-- runs out, which a process that lives puts off again and again; one that never had a lease is of a
-- former release, and has an hour.
SELECT r.id, r.tenant,
    CASE WHEN process_gone(h.holder) THEN r.started_at_ms
        ELSE coalesce(i.until_ms, r.started_at_ms + 3600000) END AS due_ms,
    jsonb_build_object('run', r.id) AS payload
FROM import_run r
LEFT JOIN idempotency i ON i.tenant = r.tenant AND i.principal = 'alone'
    AND i.operation = 'feeds.run' AND i.key = r.id
LEFT JOIN lease_holder h ON h.tenant = i.tenant AND h.principal = i.principal
    AND h.operation = i.operation AND h.key = i.key AND h.fence = i.fence
WHERE r.status = 'running' AND r.held_parts = 0
ORDER BY due_ms, r.id
LIMIT $1

-- due_pruning --
-- Runs of which something is kept that only an undo or a mend needs, each due when neither is
-- offered any more: UNDO_KEPT_MS after its end.
SELECT id, tenant, finished_at_ms + 2592000000 AS due_ms,
    jsonb_build_object('run', id, 'from', pruned_to) AS payload
FROM import_run
WHERE finished_at_ms IS NOT NULL AND pruned_to < greatest(altered, kept)
    AND status IN ('finished', 'failed', 'interrupted', 'undone', 'rejected')
ORDER BY finished_at_ms, tenant, id
LIMIT $1

-- quarantined_lines --
-- Lines of the file that a run has in quarantine already.
SELECT line, code FROM import_quarantine WHERE tenant = $1 AND run = $2

-- export_mark --
-- What changes with everything that an export tells of: a document's version only grows, and one
-- that is gone keeps its row. A log that was restored has another epoch.
SELECT
    (SELECT log_id::text FROM log_meta) AS log, (SELECT min(epoch) FROM head) AS epoch,
    count(*) AS count, coalesce(sum(version), 0)::bigint AS versions
FROM documents
WHERE tenant = $1 AND (
    (topic >= 'category:' AND topic < 'category;') OR (topic >= 'offer:' AND topic < 'offer;')
    OR (topic >= 'price:' AND topic < 'price;') OR (topic >= 'product:' AND topic < 'product;')
    OR (topic >= 'stock:' AND topic < 'stock;')
)

-- export_page --
-- Variants of some products after a product's id, with the cheapest offer (of one supplier, where
-- one is named), the price and what is there.
SELECT p.id, p.title, p.description, p.brand, p.status, p.tags::text AS tags,
    p.images::text AS images, p.categories::text AS categories, v.number = 1 AS first,
    jsonb_array_length(p.variants) = 1 AS alone,
    v.one #>> '{variant,sku}' AS sku, coalesce(v.one #>> '{variant,title}', '') AS variant,
    coalesce(v.one #> '{variant,options}', '{}')::text AS options,
    v.one #>> '{variant,gtin}' AS gtin, v.one #>> '{variant,mpn}' AS mpn,
    o.cost_minor, o.currency AS cost_currency, o.msrp_minor, o.map_minor, o.lead_time_days,
    o.order_min, o.order_max,
    (price.body ->> 'amount_minor')::bigint AS price_minor,
    price.body ->> 'currency' AS price_currency,
    greatest(0, coalesce(s.units, 0))::bigint AS quantity
FROM (
    SELECT * FROM product WHERE tenant = $1 AND id > $3 AND status <> 'archived'
    ORDER BY id LIMIT $4
) p
CROSS JOIN LATERAL jsonb_array_elements(p.variants) WITH ORDINALITY AS v (one, number)
LEFT JOIN LATERAL (
    SELECT * FROM offer
    WHERE tenant = $1 AND sku = v.one #>> '{variant,sku}' AND active
        AND ($2::text IS NULL OR supplier = $2)
    ORDER BY cost_minor, supplier LIMIT 1
) o ON true
LEFT JOIN documents price
    ON price.tenant = $1 AND price.topic = 'price:' || (v.one #>> '{variant,sku}')
LEFT JOIN LATERAL (
    SELECT sum(reported - reserved - sold) AS units FROM stock_pool
    WHERE tenant = $1 AND sku = v.one #>> '{variant,sku}'
        AND ($2::text IS NULL OR supplier = $2)
) s ON true
ORDER BY p.id, v.number

-- held_part --
-- One kept piece of a held feed.
SELECT data FROM import_held WHERE tenant = $1 AND run = $2 AND part = $3

-- latest_runs --
-- Runs for the console, newest first, before a (moment, id) if one is given.
SELECT
    id, supplier, profile, source, status, kind, rows, changed, unchanged, quarantined, mended,
    dropped, discontinued, altered, restored, stayed, hold::text, decided_by, notes::text,
    started_at_ms, finished_at_ms, error, held_parts > 0 AS kept, pruned_to, version
FROM import_run
WHERE tenant = $1
    AND ($2::text IS NULL OR supplier = $2)
    AND (NOT $4::boolean OR status IN ('running', 'held', 'undoing'))
ORDER BY started_at_ms DESC, id DESC
LIMIT $3

-- one_run --
-- One run.
SELECT
    id, supplier, profile, source, status, kind, rows, changed, unchanged, quarantined, mended,
    dropped, discontinued, altered, restored, stayed, hold::text, decided_by, notes::text,
    started_at_ms, finished_at_ms, error, held_parts > 0 AS kept, pruned_to, version
FROM import_run WHERE tenant = $1 AND id = $2

-- open_runs --
-- Runs that go on or wait, of all suppliers: a name may be written in several ways.
SELECT id, supplier, status, source, kind, rows, changed, unchanged, quarantined, held_parts,
    started_at_ms
FROM import_run
WHERE tenant = $1 AND status IN ('running', 'held')
ORDER BY started_at_ms
LIMIT $2

-- category_names --
-- Names of all categories that are above some, or are these, by slug.
WITH RECURSIVE up AS (
    SELECT slug, name, parent FROM category WHERE tenant = $1 AND slug = ANY ($2::text[])
    UNION
    SELECT c.slug, c.name, c.parent
    FROM category c JOIN up ON c.tenant = $1 AND c.slug = up.parent
)
SELECT slug, name, parent FROM up

-- reading_of_run --
-- How a run was read, and how far it and its undo are.
SELECT supplier, status, kind, altered, undone_to, held_parts, reading::text
FROM import_run WHERE tenant = $1 AND id = $2

-- quarantined_rows --
-- Bad rows of a run in the order of the file, after a number, with what became of them.
SELECT q.seq, q.line, q.column_name AS "column", q.code, q.reason, q.remedy, q.raw,
    q.cells::text AS cells, m.outcome, m.by AS settled_by, m.at_ms AS settled_at_ms
FROM import_quarantine q
LEFT JOIN import_mend m ON m.tenant = q.tenant AND m.place = q.run || '#' || q.seq
WHERE q.tenant = $1 AND q.run = $2 AND q.seq > $3
ORDER BY q.seq
LIMIT $4

-- changes_up --
-- What a run changed, in order, after a number.
SELECT seq, entity AS key, altered FROM import_change
WHERE tenant = $1 AND run = $2 AND seq > $3
ORDER BY seq
LIMIT $4

-- changes_down --
-- What a run changed, newest first, before a number.
SELECT
    seq, entity AS key, altered, said_was, said_now
FROM import_change
WHERE tenant = $1 AND run = $2 AND seq < $3
ORDER BY seq DESC
LIMIT $4

-- left_by_undo --
-- What an undo left as it was, after a number.
SELECT seq, kept::text AS kept FROM import_left
WHERE tenant = $1 AND run = $2 AND seq > $3
ORDER BY seq
LIMIT $4

-- audit_runs --
-- Runs whose rows do not add up, or whose quarantine, mends or changes are not what they say.
SELECT r.tenant || '/' || r.id AS subject,
    concat_ws(' ', r.rows, r.kept, r.mended, r.dropped, r.altered) AS found,
    concat_ws(
        ' ', r.changed + r.unchanged + r.quarantined, q.kept, m.mended, m.dropped, c.altered,
        nullif(r.pruned_to, 0)
    ) AS expected
FROM import_run r
LEFT JOIN (
    SELECT tenant, run AS id, count(*) AS kept FROM import_quarantine GROUP BY tenant, run
) q USING (tenant, id)
LEFT JOIN (
    SELECT tenant, run AS id, count(*) FILTER (WHERE outcome = 'mended') AS mended,
        count(*) FILTER (WHERE outcome = 'dropped') AS dropped
    FROM import_mend GROUP BY tenant, run
) m USING (tenant, id)
LEFT JOIN (
    SELECT tenant, run AS id, count(*) AS altered FROM import_change GROUP BY tenant, run
) c USING (tenant, id)
WHERE r.rows <> r.changed + r.unchanged + r.quarantined
    OR (r.kept, r.mended, r.dropped, r.altered) <> (
        coalesce(q.kept, 0) + least(r.pruned_to, r.kept), coalesce(m.mended, 0),
        coalesce(m.dropped, 0), coalesce(c.altered, 0) + least(r.pruned_to, r.altered)
    )
LIMIT $1

-- audit_undone --
-- Undone runs of which an entry of the changes is not put back, or more is left than is told.
SELECT r.tenant || '/' || r.id AS subject,
    concat_ws(' ', r.undone_to, r.stayed) AS found, concat_ws(' ', 1, l.stayed) AS expected
FROM import_run r
LEFT JOIN (
    SELECT tenant, run AS id, count(*) AS stayed FROM import_left GROUP BY tenant, run
) l USING (tenant, id)
WHERE (r.status = 'undone' AND r.undone_to > 1) OR coalesce(l.stayed, 0) > r.stayed
LIMIT $1
