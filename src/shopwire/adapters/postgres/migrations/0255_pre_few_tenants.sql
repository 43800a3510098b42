-- Almost every index begins with the tenant, and a database has one, or few. Until a table is
-- analysed for the first time the planner takes each of 200 tenants to have 0.5% of the rows, so
-- that an index by age seems as good for finding one row as the primary key, and a plan that was
-- made for an empty table walks over all rows of the shop, for each row that it looks up. This says
-- so from the start; the first real analysis replaces it.

CREATE FUNCTION tenants_are_few() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    unknown record;
BEGIN
    IF current_setting('server_version_num')::integer < 180000 THEN
        RETURN; -- statistics can be given since PostgreSQL 18; others wait for their analysis
    END IF;
    FOR unknown IN
        SELECT c.relname FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
        WHERE a.attname = 'tenant' AND c.relnamespace = current_schema()::regnamespace
            AND NOT EXISTS (
                SELECT FROM pg_statistic s WHERE s.starelid = c.oid AND s.staattnum = a.attnum
            )
    LOOP
        PERFORM pg_restore_attribute_stats(
            'schemaname', current_schema()::text, 'relname', unknown.relname::text,
            'attname', 'tenant', 'inherited', false,
            'null_frac', 0::real, 'avg_width', 5, 'n_distinct', 1::real
        );
    END LOOP;
END
$$;
COMMENT ON FUNCTION tenants_are_few IS
    'Tells the planner of tables that were never analysed; for each migration that makes tables.';

SELECT tenants_are_few();
