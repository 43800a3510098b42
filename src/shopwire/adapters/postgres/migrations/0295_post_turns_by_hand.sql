-- A process goes on with the rows that it wrote last, as long as nobody has counted a turn of their
-- head since. Shopwire's own writers lock heads and count; whoever changes such rows by hand does so
-- here, before the first row is locked, so that no writer goes on with what was there before.

CREATE FUNCTION heads_count_a_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM head ORDER BY partition FOR NO KEY UPDATE;
    UPDATE head SET turn = turn + 1;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION heads_count_a_turn IS 'Locks all heads and counts a turn of each.';

CREATE TRIGGER stock_item_counts_a_turn BEFORE INSERT OR UPDATE OR DELETE ON stock_item
    WHEN (current_setting('shopwire.turns', true) IS DISTINCT FROM 'counted')
    EXECUTE FUNCTION heads_count_a_turn();
CREATE TRIGGER stock_pool_counts_a_turn BEFORE INSERT OR UPDATE OR DELETE ON stock_pool
    WHEN (current_setting('shopwire.turns', true) IS DISTINCT FROM 'counted')
    EXECUTE FUNCTION heads_count_a_turn();
CREATE TRIGGER stock_tally_counts_a_turn BEFORE INSERT OR UPDATE OR DELETE ON stock_tally
    WHEN (current_setting('shopwire.turns', true) IS DISTINCT FROM 'counted')
    EXECUTE FUNCTION heads_count_a_turn();
