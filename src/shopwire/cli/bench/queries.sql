-- create_plain --
-- The usual table of events: a sequence numbers the rows.
CREATE TABLE plain_events (
    id bigserial PRIMARY KEY,
    tenant text NOT NULL,
    topic text NOT NULL,
    version bigint NOT NULL,
    event_type text NOT NULL,
    document json NOT NULL,
    facts json NOT NULL,
    command_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
)

-- bigserial --
-- No lock at all: the fastest simple way, and a reader that follows the ids loses events.
INSERT INTO plain_events (tenant, topic, version, event_type, document, facts, command_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- advisory_lock --
-- One writer at a time by an advisory lock that ends with the commit; one round trip.
WITH alone AS MATERIALIZED (SELECT pg_advisory_xact_lock(4242))
INSERT INTO plain_events (tenant, topic, version, event_type, document, facts, command_id)
SELECT $1, $2, $3, $4, $5, $6, $7 FROM alone

-- lock_table --
-- One writer at a time by locking the table, as event stores on PostgreSQL do.
BEGIN; LOCK TABLE plain_events IN EXCLUSIVE MODE
