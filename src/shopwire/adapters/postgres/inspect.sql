-- server_facts --
-- What a doctor has to know of a server, whoever runs it.
SELECT
    current_setting('server_version') AS version,
    current_setting('server_version_num')::integer / 10000 AS major,
    current_setting('fsync') = 'on' AS fsync,
    current_setting('full_page_writes') = 'on' AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('max_connections')::integer AS connections_max,
    pg_is_in_recovery() AS standby,
    has_schema_privilege('public', 'CREATE') AS may_create

-- has_log --
-- Whether this database is a shop's.
SELECT to_regclass('head') IS NOT NULL AND to_regclass('log_meta') IS NOT NULL AS present

-- suppliers_facts --
-- Suppliers who may not get their orders. Only of a schema that is up to date.
SELECT
    ARRAY(
        SELECT DISTINCT o.supplier FROM purchase_order o
        WHERE o.step IN ('planned', 'sending', 'timed_out', 'sent')
            AND o.status NOT IN ('cancelled', 'refused')
            AND NOT EXISTS (
                SELECT FROM channel c WHERE c.tenant = o.tenant AND c.supplier = o.supplier
            )
        ORDER BY 1 LIMIT 20
    ) AS unreached,
    ARRAY(
        SELECT b.supplier FROM channel_bundle b
        WHERE b.state = 'doubtful' OR b.trouble <> '' OR b.receipt IN ('partly', 'rejected')
        UNION SELECT c.supplier FROM channel c WHERE c.inbox_trouble <> ''
        ORDER BY 1 LIMIT 20
    ) AS troubled

-- work_facts --
-- What of sources, channels and logins waits for somebody. Only of a schema that is up to date.
SELECT
    ARRAY(
        SELECT s.supplier || '/' || s.name FROM source s
        WHERE s.state = 'active' AND s.due_ms < t.now_ms - $1 AND s.began_ms IS NULL
        ORDER BY 1 LIMIT 20
    ) AS overdue,
    ARRAY(
        SELECT s.supplier || '/' || s.name FROM source s
        WHERE s.lease_until_ms < t.now_ms - $1 ORDER BY 1 LIMIT 20
    ) AS left_alone,
    ARRAY(
        SELECT y.supplier FROM supply y
        WHERE y.breaker <> 'closed' OR y.state IN ('stale', 'failed')
        ORDER BY 1 LIMIT 20
    ) AS stopped,
    ARRAY(
        SELECT r.id FROM import_run r WHERE r.status = 'held'
        ORDER BY r.started_at_ms LIMIT 20
    ) AS held,
    ARRAY(
        SELECT b.id FROM channel_bundle b
        WHERE b.state IN ('staging', 'releasing') AND b.due_at_ms < t.now_ms - $1
        ORDER BY 1 LIMIT 20
    ) AS waiting,
    (
        SELECT count(*)::integer FROM access_account a
        WHERE a.account LIKE 'operator:%' AND NOT a.closed AND a.password_hash <> ''
    ) AS operators
FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms) t
