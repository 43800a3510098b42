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
