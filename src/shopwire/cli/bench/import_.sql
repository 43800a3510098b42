-- create_plain --
-- A table with the columns of the generated feed, and nothing else.
CREATE TABLE plain_feed (
    handle text, title text, brand text, category text, sku text PRIMARY KEY, option1_name text,
    option1_value text, gtin text, cost numeric, currency text, stock int, lead_time_days int
)

-- written --
-- Rows that were inserted, changed or deleted in each table since the database was made.
SELECT relname::text AS name, n_tup_ins + n_tup_upd + n_tup_del AS rows
FROM pg_stat_user_tables ORDER BY relname

-- sessions --
-- Other clients: each tells the statistics what it wrote when it ends.
SELECT count(*) AS open FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
