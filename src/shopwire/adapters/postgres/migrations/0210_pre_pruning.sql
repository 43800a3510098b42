-- What only an undo or a mend needs goes once neither is offered any more.

ALTER TABLE import_run ADD COLUMN pruned_to bigint NOT NULL DEFAULT 0 CHECK (pruned_to >= 0);
COMMENT ON COLUMN import_run.pruned_to IS
    'Changes and quarantined rows up to this number are kept no more; 0: all are.';
CREATE INDEX import_run_to_prune ON import_run (finished_at_ms, tenant, id)
    WHERE finished_at_ms IS NOT NULL AND pruned_to < greatest(altered, kept);

CREATE FUNCTION import_run_prunes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.pruned_to < OLD.pruned_to THEN
        RAISE EXCEPTION 'what import % kept up to % does not come back', NEW.id, OLD.pruned_to
            USING ERRCODE = 'check_violation', CONSTRAINT = 'import_run_prunes';
    END IF;
    DELETE FROM import_change WHERE tenant = NEW.tenant AND run = NEW.id
        AND seq > OLD.pruned_to AND seq <= NEW.pruned_to;
    DELETE FROM import_quarantine WHERE tenant = NEW.tenant AND run = NEW.id
        AND seq > OLD.pruned_to AND seq <= NEW.pruned_to;
    DELETE FROM import_held WHERE tenant = NEW.tenant AND run = NEW.id AND data = '';
    DELETE FROM import_intent WHERE tenant = NEW.tenant AND groups = '[]'
        AND (run = NEW.id OR starts_with(run, NEW.id || '#'));
    RETURN NULL;
END
$$;
CREATE TRIGGER import_run_prunes AFTER UPDATE OF pruned_to ON import_run
    FOR EACH ROW WHEN (NEW.pruned_to IS DISTINCT FROM OLD.pruned_to)
    EXECUTE FUNCTION import_run_prunes();

-- Of a source its last 2,000 runs are kept: SOURCE_RUNS_KEPT.
CREATE FUNCTION source_fetch_prunes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM source_fetch WHERE tenant = NEW.tenant AND supplier = NEW.supplier
        AND name = NEW.name AND fence <= NEW.fence - 2000;
    RETURN NULL;
END
$$;
CREATE TRIGGER source_fetch_prunes AFTER INSERT ON source_fetch
    FOR EACH ROW EXECUTE FUNCTION source_fetch_prunes();
-- Whoever else would take a line away is still refused.
DROP TRIGGER source_fetch_is_kept ON source_fetch;
CREATE TRIGGER source_fetch_is_kept BEFORE UPDATE OR TRUNCATE ON source_fetch
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_kept();
CREATE TRIGGER source_fetch_lines_are_kept BEFORE DELETE ON source_fetch
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger_is_kept();
