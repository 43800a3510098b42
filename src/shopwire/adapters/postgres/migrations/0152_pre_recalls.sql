-- An order may be held back as long as surely nothing of its bundle left; a bundle that holds none
-- any more is void.

ALTER TABLE channel_letter DROP CONSTRAINT channel_letter_bundled;
ALTER TABLE channel_letter ADD CONSTRAINT channel_letter_bundled CHECK (
    CASE WHEN state IN ('bundled', 'left') THEN bundle IS NOT NULL
        WHEN state IN ('queued', 'direct') THEN bundle IS NULL ELSE true END
);

ALTER TABLE channel_bundle DROP CONSTRAINT channel_bundle_state_check;
ALTER TABLE channel_bundle ADD CONSTRAINT channel_bundle_state_check CHECK (
    state IN ('staging', 'releasing', 'left', 'doubtful', 'void')
);
ALTER TABLE channel_bundle ADD CONSTRAINT channel_bundle_void CHECK (
    (state = 'void') = (letters = '[]'::jsonb)
);

CREATE OR REPLACE FUNCTION channel_bundle_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.supplier, NEW.control) IS DISTINCT FROM (OLD.supplier, OLD.control)
        OR NEW.letters IS DISTINCT FROM OLD.letters AND NOT (
            OLD.state = 'staging' AND NEW.state IN ('staging', 'void')
            AND NEW.letters <@ OLD.letters
        )
        OR (OLD.state IN ('left', 'void') AND NEW.state <> OLD.state)
        OR (OLD.state = 'staging' AND NEW.state NOT IN ('staging', 'releasing', 'doubtful', 'void'))
        OR (OLD.state IN ('releasing', 'doubtful') AND NEW.state = 'void')
    THEN
        RAISE EXCEPTION 'bundle % would leave twice, or without a commit before', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'channel_bundle_once';
    END IF;
    RETURN NEW;
END
$$;
