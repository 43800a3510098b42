-- log_meta --
-- What this log is, and the epoch that a writer is bound to from now on.
SELECT m.partitions, m.log_id::text AS log_id, min(h.epoch) AS epoch, m.hint_key
FROM log_meta m CROSS JOIN head h
GROUP BY m.partitions, m.log_id, m.hint_key

-- lock_heads --
-- The head is the lock. The time is taken after it, so that it never goes back in a partition.
-- Whoever locks it counts a turn, also one that will write rows only, or nothing.
WITH held AS (
    SELECT partition FROM head WHERE partition = ANY ($1::integer[])
    ORDER BY partition FOR NO KEY UPDATE
)
UPDATE head h SET turn = h.turn + 1
FROM held WHERE h.partition = held.partition
RETURNING
    h.partition, h.epoch, h.turn, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms

-- look_heads --
-- The turns that a decision without the locks stands on, read with its rows by one statement.
SELECT json_build_array(
    json_object_agg(partition, turn), min(epoch), max(epoch),
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint
) FROM head WHERE partition = ANY ($1::integer[])

-- now_ms --
-- The time, for a transaction that holds no head.
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms

-- append --
-- Offsets, events and documents in one statement; no row comes back where the epoch is another one.
-- `since` is the first version of a topic in this batch, at the row of its newest event, else 0. A
-- topic that begins and is there already is refused by its key: to look for it first costs more.
-- $7 is a hint that others get with the commit, but for its offset, its time and their seal.
WITH place AS (
    UPDATE head SET next = next + $3
    WHERE partition = $1 AND epoch = $2
    RETURNING
        next - $3 AS first,
        coalesce($4::bigint, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) AS now_ms
), incoming AS (
    SELECT p.first, p.now_ms, i.*
    FROM place p, unnest($5::log_incoming[]) WITH ORDINALITY AS i (
        tenant, topic, version, event_type, document, facts, command_id, since, n
    )
), logged AS (
    INSERT INTO events (
        partition, "offset", epoch, tenant, topic, version, event_type, document, facts,
        command_id, recorded_at_ms
    )
    SELECT
        $1, first + n - 1, $2, tenant, topic, version, event_type, document, facts,
        command_id, now_ms
    FROM incoming
), born AS (
    INSERT INTO documents (tenant, topic, version, body, changed_at_ms, partition)
    SELECT tenant, topic, version, document, now_ms, $1
    FROM incoming WHERE since = 1
    RETURNING 1
), grown AS (
    UPDATE documents d
    SET version = i.version, body = i.document, changed_at_ms = i.now_ms
    FROM incoming i
    WHERE i.since > 1 AND d.tenant = i.tenant AND d.topic = i.topic
        AND d.version = i.since - 1 AND d.partition = $1
    RETURNING 1
)
SELECT CASE
    WHEN (SELECT count(*) FROM born) + (SELECT count(*) FROM grown) = $6 THEN p.first
    ELSE log_refuse('a version does not follow the one before it')
END AS first, p.now_ms, CASE WHEN $7::text IS NOT NULL THEN (
    SELECT pg_notify('shopwire_log', t.told || ':' || encode(
        sha256(m.hint_key || convert_to(t.told, 'UTF8') || m.hint_key), 'hex'
    ))
    FROM log_meta m, (SELECT concat_ws(':', $7, p.first, p.now_ms) AS told) t
) END
FROM place p

-- append_wide --
-- The same for several partitions, each only if its head's turn is the given one; ends all of it
-- where one is not. $1 and $2 are the partitions, in order, and their turns, $3 how many events
-- each gets, $4 the epoch, $7 and $8 the partition of each event and its place there.
WITH held AS (
    SELECT partition FROM head WHERE partition = ANY ($1::integer[])
    ORDER BY partition FOR NO KEY UPDATE
), place AS (
    UPDATE head h SET next = h.next + w.grows, turn = h.turn + 1
    FROM held JOIN unnest($1::integer[], $2::bigint[], $3::integer[])
        AS w (partition, turn, grows) USING (partition)
    WHERE h.partition = held.partition AND h.epoch = $4 AND h.turn = w.turn
    RETURNING h.partition, h.next - w.grows AS first
), incoming AS (
    SELECT p.partition, p.first + i.place AS "offset", i.*
    FROM unnest($6::log_incoming[], $7::integer[], $8::integer[]) AS i (
        tenant, topic, version, event_type, document, facts, command_id, since, home, place
    ) JOIN place p ON p.partition = i.home
), logged AS (
    INSERT INTO events (
        partition, "offset", epoch, tenant, topic, version, event_type, document, facts,
        command_id, recorded_at_ms
    )
    SELECT
        partition, "offset", $4, tenant, topic, version, event_type, document, facts,
        command_id, $5::bigint
    FROM incoming
), born AS (
    INSERT INTO documents (tenant, topic, version, body, changed_at_ms, partition)
    SELECT tenant, topic, version, document, $5::bigint, partition
    FROM incoming WHERE since = 1
    RETURNING 1
), grown AS (
    UPDATE documents d
    SET version = i.version, body = i.document, changed_at_ms = $5::bigint
    FROM incoming i
    WHERE i.since > 1 AND d.tenant = i.tenant AND d.topic = i.topic
        AND d.version = i.since - 1 AND d.partition = i.partition
    RETURNING 1
)
SELECT CASE
    WHEN (SELECT count(*) FROM place) <> cardinality($1::integer[]) THEN turn_refuse()
    WHEN (SELECT count(*) FROM born) + (SELECT count(*) FROM grown) = $9 THEN 0
    ELSE log_refuse('a version does not follow the one before it')
END AS first, (SELECT array_agg(first ORDER BY partition) FROM place) AS firsts

-- read --
-- Events of one partition from an offset on.
SELECT
    "offset", epoch, tenant, topic, version, event_type, document, facts, command_id,
    recorded_at_ms
FROM events
WHERE partition = $1 AND "offset" >= $2
ORDER BY "offset"
LIMIT $3

-- heads --
-- Where every partition ends, of one moment.
SELECT partition, next, epoch FROM head ORDER BY partition

-- documents --
-- Latest public documents of those topics that exist.
SELECT topic, version, body, changed_at_ms
FROM documents
WHERE tenant = $1 AND topic = ANY ($2::text[])

-- transitions --
-- States of one topic in their order; the index is over those of which `is_fact` is true.
SELECT version, document AS body, recorded_at_ms
FROM events
WHERE tenant = $1 AND topic = $2 AND version > $3 AND is_fact(topic)
ORDER BY version LIMIT $4

-- position --
-- The next offset that a consumer has to take.
SELECT next FROM consumer_position WHERE consumer = $1 AND partition = $2

-- advance --
-- Moves a position from where it must be; no row comes back where it is elsewhere.
INSERT INTO consumer_position (consumer, partition, next)
SELECT $1, $2, $4
WHERE $3::bigint = 0
    OR EXISTS (SELECT FROM consumer_position WHERE consumer = $1 AND partition = $2)
ON CONFLICT (consumer, partition) DO UPDATE SET next = excluded.next
    WHERE consumer_position.next = $3::bigint
RETURNING next

-- advance_all --
-- The same for several at once, locked in one order; the numbers of those that moved come back.
WITH moves AS (
    SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
        AS w (consumer, partition, expected, next, n)
), positions AS (
    SELECT c.consumer, c.partition, c.next AS at
    FROM consumer_position c JOIN moves w USING (consumer, partition)
    ORDER BY c.consumer, c.partition
    FOR UPDATE OF c
), moved AS (
    UPDATE consumer_position c SET next = w.next
    FROM moves w JOIN positions l USING (consumer, partition)
    WHERE c.consumer = w.consumer AND c.partition = w.partition AND l.at = w.expected
    RETURNING w.n
), begun AS (
    INSERT INTO consumer_position (consumer, partition, next)
    SELECT w.consumer, w.partition, w.next FROM moves w
    WHERE w.expected = 0 AND NOT EXISTS (
        SELECT FROM consumer_position c
        WHERE c.consumer = w.consumer AND c.partition = w.partition
    )
    ON CONFLICT (consumer, partition) DO NOTHING
    RETURNING consumer, partition
)
SELECT n FROM moved
UNION ALL
SELECT w.n FROM moves w JOIN begun b USING (consumer, partition)

-- claim --
-- What is known of these keys: answered or leased, also where that time is over. One JSON text.
SELECT json_agg(json_build_array(
    c.n, encode(i.fingerprint, 'hex'), i.status, encode(i.body, 'hex'), i.until_ms
))
FROM unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::text[])
    WITH ORDINALITY AS c (tenant, principal, operation, key, n)
JOIN idempotency i USING (tenant, principal, operation, key)

-- answer --
-- Takes the keys with their answers, in one order everywhere. A key that is held gives no row.
INSERT INTO idempotency AS held (
    tenant, principal, operation, key, fingerprint, status, body, until_ms
)
SELECT tenant, principal, operation, key, fingerprint, status, body, $2
FROM unnest($1::idempotency_answer[])
ON CONFLICT (tenant, principal, operation, key) DO UPDATE
SET fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body,
    until_ms = excluded.until_ms, fence = held.fence + 1
WHERE held.until_ms <= $3

-- answer_free --
-- The same for keys of which the table knew nothing; a transaction that was faster refuses it.
INSERT INTO idempotency (tenant, principal, operation, key, fingerprint, status, body, until_ms)
SELECT tenant, principal, operation, key, fingerprint, status, body, $2
FROM unnest($1::idempotency_answer[])

-- take_lease --
-- Leases a free key, or one whose time is over or whose holder's process is gone; no row comes back
-- where it is held. A holder without a name ($7) is known by its time alone.
WITH taken AS (
    INSERT INTO idempotency AS held (
        tenant, principal, operation, key, fingerprint, fence, until_ms
    )
    VALUES (
        $1, $2, $3, $4, $5, 1,
        (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $6::bigint
    )
    ON CONFLICT (tenant, principal, operation, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, status = NULL, body = NULL,
        until_ms = excluded.until_ms, fence = held.fence + 1
    WHERE held.until_ms <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint
        OR (held.status IS NULL AND EXISTS (
            SELECT FROM lease_holder h
            WHERE h.tenant = held.tenant AND h.principal = held.principal
                AND h.operation = held.operation AND h.key = held.key AND h.fence = held.fence
                AND h.holder <> $7::text AND process_gone(h.holder)
        ))
    RETURNING fence, until_ms
), noted AS (
    INSERT INTO lease_holder (tenant, principal, operation, key, fence, holder)
    SELECT $1, $2, $3, $4, fence, $7::text FROM taken
    ON CONFLICT (tenant, principal, operation, key) DO UPDATE
    SET fence = excluded.fence, holder = excluded.holder
)
SELECT fence, until_ms FROM taken

-- held_key --
-- What is known of a key that could not be leased.
SELECT
    fingerprint, status, body,
    until_ms - (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS left_ms
FROM idempotency
WHERE tenant = $1 AND principal = $2 AND operation = $3 AND key = $4

-- move_lease --
-- Renews ($6 ms from now) or gives back (0) a lease that is still ours.
UPDATE idempotency
SET until_ms = CASE WHEN $6::bigint = 0 THEN 0
    ELSE (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $6::bigint END
WHERE tenant = $1 AND principal = $2 AND operation = $3 AND key = $4
    AND fence = $5 AND status IS NULL
RETURNING until_ms

-- finish_lease --
-- Answers a leased key, unless another worker has taken it over.
UPDATE idempotency
SET status = $6, body = $7,
    until_ms = (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $8::bigint
WHERE tenant = $1 AND principal = $2 AND operation = $3 AND key = $4
    AND fence = $5 AND status IS NULL
RETURNING until_ms

-- sweep --
-- Forgets answers whose time is over; an abandoned lease stays as long, since its fence must not
-- start anew while its former holder may still be there.
WITH now AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms), over AS (
    SELECT tenant, principal, operation, key
    FROM idempotency, now
    WHERE until_ms <= now.ms AND (status IS NOT NULL OR until_ms + $2::bigint <= now.ms)
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), unheld AS (
    DELETE FROM lease_holder h USING over o
    WHERE h.tenant = o.tenant AND h.principal = o.principal AND h.operation = o.operation
        AND h.key = o.key
)
DELETE FROM idempotency i USING over o
WHERE i.tenant = o.tenant AND i.principal = o.principal AND i.operation = o.operation
    AND i.key = o.key
RETURNING 1

-- new_epoch --
-- Fences every open writer and invalidates every cursor. An epoch is the second of its beginning:
-- counting on would repeat one that clients have seen, where an older backup is restored again.
UPDATE head
SET epoch = (
    SELECT greatest(max(epoch) + 1, extract(epoch FROM clock_timestamp())::bigint) FROM head
)
RETURNING epoch

-- hearing --
-- How full the queue of notifications is, from 0 to 1, and whether another process listens. Of
-- sessions of other roles the name is not shown: each of them may be one.
SELECT pg_notification_queue_usage() AS queued, EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND coalesce(application_name, $1) = $1
) AS heard

-- notify --
-- Tells other processes which partitions have grown, and by what.
SELECT pg_notify('shopwire_log', $1)

-- all_documents --
-- Every document, in the order of its key, a page at a time.
SELECT tenant, topic, version, body, changed_at_ms, partition
FROM documents
WHERE (tenant, topic) > ($1, $2)
ORDER BY tenant, topic
LIMIT $3

-- all_positions --
-- Where every consumer stands.
SELECT consumer, partition, next FROM consumer_position ORDER BY consumer, partition

-- beyond_head --
-- Events at or after a partition's end, and events of partitions that do not exist.
SELECT e.partition, min(e."offset") AS "offset", count(*) AS events
FROM events e LEFT JOIN head h USING (partition)
WHERE h.partition IS NULL OR e."offset" >= h.next
GROUP BY e.partition

-- forget_documents --
-- The first step of a rebuild; in one transaction with the rest.
DELETE FROM documents WHERE partition = $1

-- rebuild_documents --
-- Takes the newest event of each topic of a stretch of the log.
INSERT INTO documents (tenant, topic, version, body, changed_at_ms, partition)
SELECT DISTINCT ON (tenant, topic)
    tenant, topic, version, document, recorded_at_ms, partition
FROM events
WHERE partition = $1 AND "offset" >= $2 AND "offset" < $3
ORDER BY tenant, topic, "offset" DESC
ON CONFLICT (tenant, topic) DO UPDATE SET
    version = excluded.version, body = excluded.body, changed_at_ms = excluded.changed_at_ms,
    partition = excluded.partition

-- take_office --
-- Whether this session is the one that holds an office now; it ends with the session.
SELECT pg_try_advisory_lock(hashtextextended('shopwire/' || $1::text, 0))
