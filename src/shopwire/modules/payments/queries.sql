-- load_payment --
-- Payments by order.
-- Rows are looked up one by one in this file, whatever the planner believes of a table: it may
-- have known it as empty, and a join that walks over all of it would stay as it grows.
SELECT p.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, version, provider, method, reference, currency, amount_minor,
        verdict, authorised_minor, capturing_minor, captured_minor, released_minor,
        refunding_minor, refunded_minor, charged_back_minor, voiding, reason, entries, context,
        opened_at_ms
    FROM payment WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) p

-- save_payment --
-- Inserts or replaces payments; the constraints of the table bound what can move.
INSERT INTO payment (
    tenant, order_id, version, provider, method, reference, currency, amount_minor, verdict,
    authorised_minor, capturing_minor, captured_minor, released_minor, refunding_minor,
    refunded_minor, charged_back_minor, voiding, reason, entries, context, opened_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::bigint[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::bigint[], $16::bigint[], $17::boolean[], $18::text[], $19::bigint[],
    $20::jsonb[], $21::bigint[]
)
ON CONFLICT (tenant, order_id) DO UPDATE SET
    version = excluded.version, reference = excluded.reference, verdict = excluded.verdict,
    authorised_minor = excluded.authorised_minor, capturing_minor = excluded.capturing_minor,
    captured_minor = excluded.captured_minor, released_minor = excluded.released_minor,
    refunding_minor = excluded.refunding_minor, refunded_minor = excluded.refunded_minor,
    charged_back_minor = excluded.charged_back_minor, voiding = excluded.voiding,
    reason = excluded.reason, entries = excluded.entries

-- load_payment_movement --
-- All movements of the wanted payments.
SELECT m.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, order_id, kind, id, amount_minor, final, state, reference, reason, posting,
        asked_at_ms, settled_at_ms
    FROM payment_movement WHERE tenant = wanted.tenant AND order_id = wanted.key OFFSET 0
) m

-- save_payment_movement --
-- Inserts movements, or says what came of them; a trigger refuses to make one another.
INSERT INTO payment_movement (
    tenant, order_id, kind, id, amount_minor, final, state, reference, reason, posting,
    asked_at_ms, settled_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::text[],
    $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[]
)
ON CONFLICT (tenant, order_id, kind, id) DO UPDATE SET
    amount_minor = excluded.amount_minor, final = excluded.final, state = excluded.state,
    reference = excluded.reference, reason = excluded.reason, posting = excluded.posting,
    asked_at_ms = excluded.asked_at_ms, settled_at_ms = excluded.settled_at_ms

-- load_money_ledger --
-- Lines are never loaded for a decision; this is for the conformance of the adapter.
SELECT l.* FROM unnest($1::text[], $2::text[]) AS wanted (tenant, order_id)
JOIN money_ledger l USING (tenant, order_id)

-- save_money_ledger --
-- Lines are only ever added.
INSERT INTO money_ledger (
    tenant, order_id, seq, posting, debit, credit, amount_minor, currency, command_id, at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::text[], $9::text[], $10::bigint[]
)

-- load_webhook_received --
-- What was received about the wanted payments.
SELECT w.*
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, key)
CROSS JOIN LATERAL (
    SELECT tenant, about, provider, id, order_id, name, outcome, error, event, raw, tries,
        received_at_ms, settled_at_ms
    FROM webhook_received WHERE tenant = wanted.tenant AND about = wanted.key OFFSET 0
) w

-- save_webhook_received --
-- Inserts webhooks, or says what came of them at last.
INSERT INTO webhook_received (
    tenant, about, provider, id, order_id, name, outcome, error, event, raw, tries,
    received_at_ms, settled_at_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::jsonb[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[]
)
ON CONFLICT (tenant, about, provider, id) DO UPDATE SET
    outcome = excluded.outcome, error = excluded.error, raw = excluded.raw,
    tries = excluded.tries, settled_at_ms = excluded.settled_at_ms

-- due_capture --
-- Captures that were asked for, the oldest first.
SELECT m.order_id || '/' || m.id AS id, m.tenant, m.asked_at_ms AS due_ms,
    json_build_object(
        'order_id', m.order_id, 'movement_id', m.id, 'movement_minor', m.amount_minor,
        'final', m.final, 'provider', p.provider, 'method', p.method, 'reference', p.reference,
        'amount_minor', p.amount_minor, 'currency', p.currency
    ) AS payload
FROM payment_movement m
JOIN payment p USING (tenant, order_id)
WHERE m.state = 'requested' AND m.kind = 'capture'
ORDER BY m.asked_at_ms, m.tenant, m.order_id, m.id
LIMIT $1

-- due_void --
-- Promises to be given back, the oldest first; also where none has come yet.
SELECT m.order_id || '/' || m.id AS id, m.tenant, m.asked_at_ms AS due_ms,
    json_build_object(
        'order_id', m.order_id, 'movement_id', m.id, 'movement_minor', m.amount_minor,
        'final', m.final, 'provider', p.provider, 'method', p.method, 'reference', p.reference,
        'amount_minor', p.amount_minor, 'currency', p.currency
    ) AS payload
FROM payment_movement m
JOIN payment p USING (tenant, order_id)
WHERE m.state = 'requested' AND m.kind = 'void'
ORDER BY m.asked_at_ms, m.tenant, m.order_id, m.id
LIMIT $1

-- due_refund --
-- Refunds whose money has been taken, the oldest first; others wait for their capture.
SELECT m.order_id || '/' || m.id AS id, m.tenant, m.asked_at_ms AS due_ms,
    json_build_object(
        'order_id', m.order_id, 'movement_id', m.id, 'movement_minor', m.amount_minor,
        'final', m.final, 'provider', p.provider, 'method', p.method, 'reference', p.reference,
        'amount_minor', p.amount_minor, 'currency', p.currency
    ) AS payload
FROM payment_movement m
JOIN payment p USING (tenant, order_id)
WHERE m.state = 'requested' AND m.kind = 'refund'
    AND m.amount_minor <= p.captured_minor - p.refunded_minor
ORDER BY m.asked_at_ms, m.tenant, m.order_id, m.id
LIMIT $1

-- payment_of_order --
-- A payment as its page shows it; the token of the shopper's card is not on it.
SELECT order_id, version, provider, reference, currency, amount_minor, verdict,
    authorised_minor, capturing_minor, captured_minor, released_minor, refunding_minor,
    refunded_minor, charged_back_minor, voiding, reason, opened_at_ms
FROM payment
WHERE tenant = $1 AND order_id = $2

-- movements_of_order --
-- Everything that was to move, in the order in which it was asked for.
SELECT kind, id, amount_minor, final, state, reference, reason, posting, asked_at_ms,
    settled_at_ms
FROM payment_movement
WHERE tenant = $1 AND order_id = $2
ORDER BY asked_at_ms, kind, id

-- ledger_of_order --
-- Every line of a payment's ledger.
SELECT seq, posting, debit, credit, amount_minor, currency, command_id, at_ms
FROM money_ledger
WHERE tenant = $1 AND order_id = $2
ORDER BY seq

-- balances_of_order --
-- What each account has of this payment: debits less credits.
SELECT side.account, l.currency, sum(side.amount_minor)::bigint AS balance_minor
FROM money_ledger l
CROSS JOIN LATERAL (
    VALUES (l.debit, l.amount_minor), (l.credit, -l.amount_minor)
) AS side (account, amount_minor)
WHERE l.tenant = $1 AND l.order_id = $2
GROUP BY side.account, l.currency
ORDER BY side.account

-- webhooks_of_order --
-- What its provider told, in the order in which it came.
SELECT provider, id, name, outcome, error, tries, received_at_ms, settled_at_ms
FROM webhook_received
WHERE tenant = $1 AND about = $2
ORDER BY received_at_ms, id
LIMIT $3

-- order_of_reference --
-- The payment that a provider's own id stands for.
SELECT order_id FROM payment
WHERE tenant = $1 AND provider = $2 AND reference = $3
ORDER BY order_id
LIMIT 1

-- webhooks_received --
-- The newest webhooks before a place, all of them.
SELECT provider, id, order_id, name, outcome, error, event, raw, tries, received_at_ms,
    settled_at_ms
FROM webhook_received
WHERE tenant = $1
    AND ($2::bigint IS NULL OR (received_at_ms, provider, id) < ($2::bigint, $3::text, $4::text))
ORDER BY received_at_ms DESC, provider DESC, id DESC
LIMIT $5

-- webhooks_to_look_at --
-- The newest webhooks before a place that nothing came of yet.
SELECT provider, id, order_id, name, outcome, error, event, raw, tries, received_at_ms,
    settled_at_ms
FROM webhook_received
WHERE tenant = $1 AND outcome NOT IN ('applied', 'unchanged')
    AND ($2::bigint IS NULL OR (received_at_ms, provider, id) < ($2::bigint, $3::text, $4::text))
ORDER BY received_at_ms DESC, provider DESC, id DESC
LIMIT $5

-- audit_movements --
-- Payments whose sums are not those of their movements.
SELECT p.tenant || '/' || p.order_id AS subject,
    concat_ws(' ', p.capturing_minor, p.captured_minor, p.refunding_minor, p.refunded_minor,
        p.charged_back_minor, p.voiding) AS found,
    concat_ws(' ', m.capturing, m.captured, m.refunding, m.refunded, m.charged_back,
        m.voiding) AS expected
FROM payment p
LEFT JOIN (
    SELECT tenant, order_id,
        coalesce(sum(amount_minor) FILTER (
            WHERE kind = 'capture' AND state = 'requested'), 0)::bigint AS capturing,
        coalesce(sum(amount_minor) FILTER (
            WHERE kind = 'capture' AND state = 'done'), 0)::bigint AS captured,
        coalesce(sum(amount_minor) FILTER (
            WHERE kind = 'refund' AND state = 'requested'), 0)::bigint AS refunding,
        coalesce(sum(amount_minor) FILTER (
            WHERE kind = 'refund' AND state = 'done'), 0)::bigint AS refunded,
        coalesce(sum(amount_minor) FILTER (
            WHERE kind = 'chargeback' AND state = 'done'), 0)::bigint AS charged_back,
        count(*) FILTER (WHERE kind = 'void' AND state = 'requested') > 0 AS voiding
    FROM payment_movement GROUP BY tenant, order_id
) m USING (tenant, order_id)
WHERE (p.capturing_minor, p.captured_minor, p.refunding_minor, p.refunded_minor,
        p.charged_back_minor, p.voiding)
    IS DISTINCT FROM (coalesce(m.capturing, 0), coalesce(m.captured, 0),
        coalesce(m.refunding, 0), coalesce(m.refunded, 0), coalesce(m.charged_back, 0),
        coalesce(m.voiding, false))
LIMIT $1

-- audit_ledger --
-- Payments whose sums are not the balances of their ledger, or whose lines have a hole.
SELECT tenant || '/' || order_id AS subject,
    concat_ws(' ', p.entries, p.captured_minor, p.refunded_minor, p.charged_back_minor, 0,
        p.captured_minor - p.refunded_minor - p.charged_back_minor, p.currency) AS expected,
    concat_ws(' ', l.lines, l.revenue, l.refunds, l.chargebacks, l.customer, l.clearing,
        l.currencies) AS found
FROM payment p
FULL JOIN (
    SELECT tenant, order_id, count(*) AS lines, max(seq) AS last,
        string_agg(DISTINCT currency, ' ') FILTER (WHERE debit <> 'purchases') AS currencies,
        sum(CASE 'revenue' WHEN credit THEN amount_minor WHEN debit THEN -amount_minor
            ELSE 0 END)::bigint AS revenue,
        sum(CASE 'refunds' WHEN debit THEN amount_minor WHEN credit THEN -amount_minor
            ELSE 0 END)::bigint AS refunds,
        sum(CASE 'chargebacks' WHEN debit THEN amount_minor WHEN credit THEN -amount_minor
            ELSE 0 END)::bigint AS chargebacks,
        sum(CASE 'customer' WHEN debit THEN amount_minor WHEN credit THEN -amount_minor
            ELSE 0 END)::bigint AS customer,
        sum(CASE 'provider_clearing' WHEN debit THEN amount_minor WHEN credit THEN -amount_minor
            ELSE 0 END)::bigint AS clearing
    FROM money_ledger GROUP BY tenant, order_id
) l USING (tenant, order_id)
WHERE (p.entries, p.entries, p.captured_minor, p.refunded_minor, p.charged_back_minor, 0::bigint,
        p.captured_minor - p.refunded_minor - p.charged_back_minor)
    IS DISTINCT FROM (coalesce(l.lines, 0), coalesce(l.last, 0), coalesce(l.revenue, 0),
        coalesce(l.refunds, 0), coalesce(l.chargebacks, 0), coalesce(l.customer, 0),
        coalesce(l.clearing, 0))
    OR l.currencies <> p.currency
LIMIT $1

-- audit_postings --
-- Movements of money that are not booked as their kind is, with both of its lines.
SELECT m.tenant || '/' || m.order_id || ' ' || m.kind || '/' || m.id AS subject,
    concat_ws(' ', count(l.seq), string_agg(l.debit || '>' || l.credit, ' ' ORDER BY l.seq))
        AS found,
    concat_ws(' ', CASE m.state WHEN 'reversed' THEN 4 ELSE 2 END, 'of', m.kind) AS expected
FROM payment_movement m
LEFT JOIN money_ledger l ON l.tenant = m.tenant AND l.order_id = m.order_id
    AND l.posting IN (m.kind || '/' || m.id, m.kind || '/' || m.id || '/reversed')
    AND l.amount_minor = m.amount_minor
WHERE m.kind <> 'void'
GROUP BY m.tenant, m.order_id, m.kind, m.id, m.state
HAVING count(l.seq) <> CASE m.state WHEN 'reversed' THEN 4 WHEN 'done' THEN 2 ELSE 0 END
LIMIT $1

-- audit_events --
-- Lines of the ledger that no event of the log tells of.
SELECT l.tenant || '/' || l.order_id || ' ' || l.posting AS subject,
    l.command_id AS found,
    'an event of ' || l.posting AS expected
FROM (
    SELECT DISTINCT tenant, order_id, posting, command_id FROM money_ledger
) l
LEFT JOIN (
    SELECT e.tenant, substr(e.topic, length('payment:') + 1) AS order_id, e.command_id,
        (e.facts ->> 'kind') || '/' || (e.facts ->> 'movement_id') AS posting
    FROM events e
    WHERE e.event_type IN ('payments.payment_captured', 'payments.payment_refunded',
        'payments.payment_failed', 'payments.payment_charged_back', 'payments.supplier_owed')
) told ON told.tenant = l.tenant AND told.order_id = l.order_id
    AND told.command_id = l.command_id
    AND l.posting IN (told.posting, told.posting || '/reversed')
WHERE told.order_id IS NULL
LIMIT $1

-- audit_payment_documents --
-- Documents whose amounts are not those of the rows.
SELECT p.tenant || '/' || p.order_id AS subject,
    concat_ws(' ', d.version, d.body ->> 'authorised_minor', d.body ->> 'captured_minor',
        d.body ->> 'refunded_minor', d.body ->> 'released_minor') AS found,
    concat_ws(' ', p.version, p.authorised_minor, p.captured_minor, p.refunded_minor,
        p.released_minor) AS expected
FROM payment p
LEFT JOIN documents d ON d.tenant = p.tenant AND d.topic = 'payment:' || p.order_id
WHERE (d.version, d.body ->> 'authorised_minor', d.body ->> 'captured_minor',
        d.body ->> 'refunded_minor', d.body ->> 'released_minor')
    IS DISTINCT FROM (p.version, p.authorised_minor::text, p.captured_minor::text,
        p.refunded_minor::text, p.released_minor::text)
LIMIT $1
