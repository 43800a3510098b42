-- Two parts of an import may be under way: the intent of the second lies beside that of the first,
-- and goes with it.

CREATE OR REPLACE FUNCTION import_run_prunes() RETURNS trigger LANGUAGE plpgsql AS $$
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
        AND (run IN (NEW.id, NEW.id || '+1') OR starts_with(run, NEW.id || '#'));
    RETURN NULL;
END
$$;
COMMENT ON COLUMN import_intent.run IS
    'A run; with +1 its second lane, with # and a number one of its mended rows.';
