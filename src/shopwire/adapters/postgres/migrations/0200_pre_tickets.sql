-- Tickets that were used: any process refuses one that any process has taken.

CREATE TABLE ticket_used (
    id text COLLATE "C" PRIMARY KEY CHECK (char_length(id) BETWEEN 16 AND 64),
    until_ms bigint NOT NULL CHECK (until_ms > 0)
);
COMMENT ON TABLE ticket_used IS 'Tickets that opened a connection, until none takes them for good.';
CREATE INDEX ticket_used_until ON ticket_used (until_ms);
