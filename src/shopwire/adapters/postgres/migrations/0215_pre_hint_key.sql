-- Hints carry events; NOTIFY has no rights of its own. This key is known to who may read the log.

ALTER TABLE log_meta ADD COLUMN hint_key bytea NOT NULL
    DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
    CHECK (length(hint_key) = 32);
COMMENT ON COLUMN log_meta.hint_key IS 'Seals the events that hints between processes carry.';
