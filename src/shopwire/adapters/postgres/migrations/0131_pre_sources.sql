-- Where suppliers' feeds come from, every run of them, and how suppliers' data stands.

CREATE TABLE source (
    tenant text NOT NULL,
    supplier text NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    place jsonb NOT NULL,
    schedule jsonb,
    profile text,
    encoding text,
    currency text NOT NULL,
    feed text CHECK (feed IN ('partial', 'full')),
    as_of text NOT NULL CHECK (as_of IN ('none', 'modified', 'fetched')),
    state text NOT NULL CHECK (state IN ('active', 'paused', 'removed')),
    anchor_ms bigint NOT NULL,
    due_ms bigint,
    why text CHECK (why IN ('schedule', 'retry', 'asked', 'push')),
    fence bigint NOT NULL CHECK (fence >= 0),
    began_ms bigint,
    lease_until_ms bigint,
    running_why text CHECK (running_why IN ('schedule', 'retry', 'asked', 'push')),
    failures bigint NOT NULL CHECK (failures >= 0),
    failed_at jsonb NOT NULL,
    marks jsonb NOT NULL,
    last jsonb,
    PRIMARY KEY (tenant, supplier, name),
    CONSTRAINT source_due CHECK (due_ms IS NULL OR (why IS NOT NULL AND state = 'active')),
    CONSTRAINT source_running CHECK (
        (began_ms IS NULL) = (lease_until_ms IS NULL) AND (began_ms IS NULL) = (running_why IS NULL)
    )
) WITH (fillfactor = 70);
COMMENT ON TABLE source IS 'A place that a supplier''s feed comes from; its lease and schedule.';
CREATE INDEX source_work ON source (due_ms) WHERE state = 'active';

CREATE TABLE source_fetch (
    tenant text NOT NULL,
    supplier text NOT NULL,
    name text NOT NULL,
    fence bigint NOT NULL CHECK (fence > 0),
    why text NOT NULL CHECK (why IN ('schedule', 'retry', 'asked', 'push')),
    began_ms bigint NOT NULL,
    ended_ms bigint NOT NULL,
    outcome text NOT NULL CHECK (
        outcome IN ('taken', 'unchanged', 'nothing_new', 'held', 'failed', 'lost')
    ),
    bytes bigint NOT NULL CHECK (bytes >= 0),
    rows bigint NOT NULL CHECK (rows >= 0),
    run text,
    file text NOT NULL,
    error text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (tenant, supplier, name, fence),
    CONSTRAINT source_fetch_in_order CHECK (ended_ms >= began_ms)
);
COMMENT ON TABLE source_fetch IS 'Every run of every source, when it was over.';

-- A run has one owner: the next begins when the one before is written down, and none comes again.
CREATE FUNCTION source_runs_one_at_a_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.fence NOT IN (OLD.fence, OLD.fence + 1) THEN
        RAISE EXCEPTION 'run % of source %/% cannot follow %',
            NEW.fence, NEW.supplier, NEW.name, OLD.fence
            USING ERRCODE = 'check_violation', CONSTRAINT = 'source_runs_in_order';
    END IF;
    IF NEW.fence > OLD.fence AND OLD.fence > 0 AND NOT EXISTS (
        SELECT FROM source_fetch f
        WHERE f.tenant = NEW.tenant AND f.supplier = NEW.supplier AND f.name = NEW.name
            AND f.fence = OLD.fence
    ) THEN
        RAISE EXCEPTION 'run % of source %/% has not ended', OLD.fence, NEW.supplier, NEW.name
            USING ERRCODE = 'check_violation', CONSTRAINT = 'source_runs_one_at_a_time';
    END IF;
    RETURN NULL;
END
$$;
-- Deferred, since one command writes the source and the line in any order.
CREATE CONSTRAINT TRIGGER source_runs_one_at_a_time AFTER UPDATE ON source
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.fence <> OLD.fence)
    EXECUTE FUNCTION source_runs_one_at_a_time();

CREATE TRIGGER source_fetch_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON source_fetch
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_kept();

CREATE TABLE supply (
    tenant text NOT NULL,
    supplier text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    rule jsonb NOT NULL,
    since_ms bigint NOT NULL,
    good_ms bigint,
    state text NOT NULL CHECK (state IN ('fresh', 'late', 'stale', 'failed', 'paused')),
    late_ms bigint,
    stale_ms bigint,
    caution jsonb NOT NULL,
    judge_ms bigint,
    breaker text NOT NULL CHECK (breaker IN ('closed', 'open', 'half_open')),
    breaker_reason text NOT NULL,
    breaker_failures bigint NOT NULL CHECK (breaker_failures >= 0),
    opened bigint NOT NULL CHECK (opened >= 0),
    retry_ms bigint,
    PRIMARY KEY (tenant, supplier),
    CONSTRAINT supply_breaker CHECK ((breaker = 'closed') = (retry_ms IS NULL))
) WITH (fillfactor = 70);
COMMENT ON TABLE supply IS 'How old a supplier''s data is, the breaker before its sources.';
CREATE INDEX supply_judgements ON supply (judge_ms) WHERE judge_ms IS NOT NULL;
