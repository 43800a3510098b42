-- Stock pools as a ledger. The constraints here are the last word on what can be sold.

CREATE TABLE stock_item (
    tenant text NOT NULL,
    sku text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    buffer bigint NOT NULL CHECK (buffer BETWEEN 0 AND 1000000000),
    low_threshold bigint NOT NULL CHECK (low_threshold BETWEEN 0 AND 1000000000),
    PRIMARY KEY (tenant, sku)
) WITH (fillfactor = 80);
COMMENT ON TABLE stock_item IS 'A SKU: version of its public document, and the policy for it.';

CREATE TABLE stock_pool (
    tenant text NOT NULL,
    sku text NOT NULL,
    supplier text NOT NULL,
    reported bigint NOT NULL CHECK (reported BETWEEN 0 AND 1000000000),
    reserved bigint NOT NULL CHECK (reserved >= 0),
    sold bigint NOT NULL CHECK (sold >= 0),
    shortfall bigint NOT NULL CHECK (shortfall >= 0),
    reports bigint NOT NULL CHECK (reports >= 0),
    as_of_ms bigint,
    doubtful boolean NOT NULL,
    unreflected jsonb NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    PRIMARY KEY (tenant, sku, supplier),
    CONSTRAINT stock_pool_limit CHECK (reserved + sold <= reported + shortfall)
) WITH (fillfactor = 80);
COMMENT ON TABLE stock_pool IS 'One SKU at one supplier; the sum of its ledger lines.';
COMMENT ON COLUMN stock_pool.shortfall IS 'Promised beyond what the supplier says it has.';

-- Without this a sale could make room for itself by raising the shortfall.
CREATE FUNCTION stock_pool_keeps_its_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.shortfall > OLD.shortfall AND NEW.reports = OLD.reports THEN
        RAISE EXCEPTION 'only a report may raise the shortfall of % at %', NEW.sku, NEW.supplier
            USING ERRCODE = 'check_violation', CONSTRAINT = 'stock_pool_shortfall_by_report';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER stock_pool_keeps_its_limit BEFORE UPDATE ON stock_pool
    FOR EACH ROW EXECUTE FUNCTION stock_pool_keeps_its_limit();

CREATE TABLE stock_ledger (
    tenant text NOT NULL,
    sku text NOT NULL,
    supplier text NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    kind text NOT NULL CHECK (kind IN ('report', 'sale')),
    reported_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    sold_delta bigint NOT NULL,
    shortfall_delta bigint NOT NULL,
    reported bigint NOT NULL CHECK (reported >= 0),
    reserved bigint NOT NULL CHECK (reserved >= 0),
    sold bigint NOT NULL CHECK (sold >= 0),
    shortfall bigint NOT NULL CHECK (shortfall >= 0),
    reference text NOT NULL,
    command_id text NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, sku, supplier, seq)
);
COMMENT ON TABLE stock_ledger IS 'Every movement of every pool, with the balances after it.';
CREATE INDEX stock_ledger_by_time ON stock_ledger (tenant, sku, at_ms DESC, supplier DESC, seq DESC);

CREATE FUNCTION ledger_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'lines of a ledger are never changed' USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER stock_ledger_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_kept();
