-- A batch may be decided before its partition's head is locked, on what was read at one turn of the
-- head. It is written only if nobody has locked the head since.

ALTER TABLE head ADD COLUMN turn bigint CHECK (turn >= 0);
COMMENT ON COLUMN head.turn IS 'How often the head was locked by a transaction that committed; '
    'null as long as a release may run that does not count.';

CREATE FUNCTION turn_refuse() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the head was locked since the batch was decided' USING ERRCODE = 'SW002';
END
$$;
COMMENT ON FUNCTION turn_refuse IS 'Ends a statement whose batch was decided on another turn.';
