-- A lease ends with the process that holds it: each keeps an advisory lock under a name of its own
-- on its connection for hints, which is gone with it, and a lease says under which name it is held.

CREATE TABLE lease_holder (
    tenant text COLLATE "C" NOT NULL,
    principal text COLLATE "C" NOT NULL,
    operation text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fence bigint NOT NULL,
    holder text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, principal, operation, key)
);
COMMENT ON TABLE lease_holder IS 'By leased key: which process took it, at which fence.';

CREATE FUNCTION process_gone(holder text) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    -- After a restart of the database itself every process has a moment to take its lock again.
    SELECT holder <> ''
        AND clock_timestamp() > pg_postmaster_start_time() + interval '3 seconds'
        AND NOT EXISTS (
            SELECT FROM pg_locks l, hashtextextended('shopwire/process/' || holder, 0) AS h
            WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND l.classid::bigint = (h >> 32) & 4294967295
                AND l.objid::bigint = h & 4294967295
        )
$$;
COMMENT ON FUNCTION process_gone IS 'Whether a process that held a lock under a name is no more.';
