-- What a part of a feed is about to change, so that a crash in the middle of it can be undone, too.

CREATE TABLE import_intent (
    tenant text NOT NULL,
    run text NOT NULL,
    groups jsonb NOT NULL,
    PRIMARY KEY (tenant, run)
) WITH (fillfactor = 70);
COMMENT ON TABLE import_intent IS 'What is about to change; empty once it is written down.';
