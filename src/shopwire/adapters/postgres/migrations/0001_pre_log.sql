-- The log, its documents, the positions of those who follow it, the answers of commands.
-- Times are milliseconds since the Unix epoch, UTC.

CREATE TABLE log_meta (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    log_id uuid NOT NULL DEFAULT gen_random_uuid(),
    partitions integer NOT NULL CHECK (partitions BETWEEN 1 AND 1024)
);
COMMENT ON TABLE log_meta IS 'What this log is; the number of partitions never changes.';

CREATE TABLE head (
    partition integer PRIMARY KEY CHECK (partition >= 0),
    next bigint NOT NULL DEFAULT 0 CHECK (next >= 0),
    epoch bigint NOT NULL DEFAULT 1 CHECK (epoch > 0)
) WITH (fillfactor = 10);
COMMENT ON TABLE head IS 'Where each partition ends. Its row is the lock of the partition.';

INSERT INTO log_meta (partitions) VALUES (4);
INSERT INTO head (partition) SELECT generate_series(0, 3);

CREATE TABLE events (
    partition integer NOT NULL CHECK (partition >= 0),
    "offset" bigint NOT NULL CHECK ("offset" >= 0),
    epoch bigint NOT NULL CHECK (epoch > 0),
    tenant text COLLATE "C" NOT NULL CHECK (tenant <> ''),
    topic text COLLATE "C" NOT NULL CHECK (topic <> ''),
    version bigint NOT NULL CHECK (version > 0),
    event_type text NOT NULL,
    document json NOT NULL,
    facts json NOT NULL,
    command_id text NOT NULL,
    recorded_at_ms bigint NOT NULL CHECK (recorded_at_ms > 0),
    PRIMARY KEY (partition, "offset")
);
COMMENT ON TABLE events IS 'The log: contiguous offsets from 0 in each partition.';

CREATE TYPE log_incoming AS (
    tenant text,
    topic text,
    version bigint,
    event_type text,
    document json,
    facts json,
    command_id text,
    since bigint
);
COMMENT ON TYPE log_incoming IS 'An event as `append` takes it; one array of these is one batch.';

CREATE FUNCTION log_refuse(reason text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', reason USING ERRCODE = 'SW001';
END
$$;
COMMENT ON FUNCTION log_refuse IS 'Ends a statement that would break the log.';

CREATE FUNCTION log_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed' USING ERRCODE = 'SW001';
END
$$;

CREATE TRIGGER events_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION log_is_kept();

CREATE TABLE documents (
    tenant text COLLATE "C" NOT NULL CHECK (tenant <> ''),
    topic text COLLATE "C" NOT NULL CHECK (topic <> ''),
    version bigint NOT NULL CHECK (version > 0),
    body json NOT NULL,
    changed_at_ms bigint NOT NULL CHECK (changed_at_ms > 0),
    partition integer NOT NULL CHECK (partition >= 0),
    PRIMARY KEY (tenant, topic)
) WITH (fillfactor = 80);
COMMENT ON TABLE documents IS 'Latest public document of each topic; derived from events.';

CREATE TABLE consumer_position (
    consumer text COLLATE "C" NOT NULL CHECK (consumer <> ''),
    partition integer NOT NULL CHECK (partition >= 0),
    next bigint NOT NULL CHECK (next >= 0),
    PRIMARY KEY (consumer, partition)
) WITH (fillfactor = 10);
COMMENT ON TABLE consumer_position IS 'The next offset that a consumer takes; moves with its effect.';

CREATE TABLE idempotency (
    tenant text COLLATE "C" NOT NULL CHECK (tenant <> ''),
    principal text COLLATE "C" NOT NULL CHECK (principal <> ''),
    operation text COLLATE "C" NOT NULL CHECK (operation <> ''),
    key text COLLATE "C" NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
    fingerprint bytea NOT NULL,
    status integer CHECK (status BETWEEN 200 AND 499),
    body bytea,
    fence bigint NOT NULL DEFAULT 0 CHECK (fence >= 0),
    until_ms bigint NOT NULL,
    PRIMARY KEY (tenant, principal, operation, key),
    CHECK ((status IS NULL) = (body IS NULL)),
    CHECK (status IS NOT NULL OR fence > 0)
);
COMMENT ON TABLE idempotency IS 'One answer a key. Without an answer: leased.';
COMMENT ON COLUMN idempotency.until_ms IS 'End of the lease, or when the answer may be forgotten.';
CREATE INDEX idempotency_until ON idempotency USING brin (until_ms);

CREATE TYPE idempotency_answer AS (
    tenant text,
    principal text,
    operation text,
    key text,
    fingerprint bytea,
    status integer,
    body bytea
);
COMMENT ON TYPE idempotency_answer IS 'A key, and its answer, as `claim` and `answer` take them.';
