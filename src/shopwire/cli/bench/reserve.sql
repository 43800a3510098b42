-- create_ways --
-- What a shop without our write path keeps: a number or unit rows, and the same bookkeeping.
CREATE TABLE way_stock (
    sku text PRIMARY KEY,
    available bigint NOT NULL CHECK (available >= 0)
);
CREATE TABLE way_unit (
    sku text NOT NULL,
    unit bigint NOT NULL,
    taken_by text,
    PRIMARY KEY (sku, unit)
);
CREATE INDEX way_unit_free ON way_unit (sku) WHERE taken_by IS NULL;
CREATE TABLE way_key (
    principal text NOT NULL,
    operation text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    answer json NOT NULL,
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '7 days',
    PRIMARY KEY (principal, operation, key)
);
CREATE TABLE way_ledger (
    id bigserial PRIMARY KEY,
    sku text NOT NULL,
    delta bigint NOT NULL,
    reference text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE way_event (
    id bigserial PRIMARY KEY,
    topic text NOT NULL,
    event_type text NOT NULL,
    document json NOT NULL,
    command_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
)

-- seed_stock --
-- As many units of each SKU as ours have.
INSERT INTO way_stock (sku, available) SELECT * FROM unnest($1::text[], $2::bigint[])

-- seed_units --
-- One row a unit.
INSERT INTO way_unit (sku, unit)
SELECT sku, unit
FROM unnest($1::text[], $2::bigint[]) AS seed (sku, units), generate_series(1, units) AS unit

-- conditional_update --
-- One statement, one round trip: the best that this way can be.
WITH claimed AS (
    INSERT INTO way_key (principal, operation, key, fingerprint, answer)
    VALUES ('bench', 'reserve', $1, $2, $3)
    ON CONFLICT DO NOTHING
    RETURNING key
), moved AS (
    UPDATE way_stock SET available = available - 1
    WHERE sku = $4 AND available >= 1 AND EXISTS (SELECT FROM claimed)
    RETURNING sku, available
), lined AS (
    INSERT INTO way_ledger (sku, delta, reference) SELECT sku, -1, $1 FROM moved
)
INSERT INTO way_event (topic, event_type, document, command_id)
SELECT 'stock:' || sku, 'reserved', json_build_object('sku', sku, 'available', available), $1
FROM moved
RETURNING id

-- lock_row --
-- The row is locked first, and the application decides by what it reads.
SELECT available FROM way_stock WHERE sku = $1 FOR UPDATE

-- skip_locked --
-- Any free unit that nobody else is taking right now.
WITH claimed AS (
    INSERT INTO way_key (principal, operation, key, fingerprint, answer)
    VALUES ('bench', 'reserve', $1, $2, $3)
    ON CONFLICT DO NOTHING
    RETURNING key
), picked AS (
    SELECT sku, unit FROM way_unit
    WHERE sku = $4 AND taken_by IS NULL AND EXISTS (SELECT FROM claimed)
    LIMIT 1
    FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE way_unit u SET taken_by = $1 FROM picked p
    WHERE u.sku = p.sku AND u.unit = p.unit
    RETURNING u.sku, u.unit
), lined AS (
    INSERT INTO way_ledger (sku, delta, reference) SELECT sku, -1, $1 FROM moved
)
INSERT INTO way_event (topic, event_type, document, command_id)
SELECT 'stock:' || sku, 'reserved', json_build_object('sku', sku, 'unit', unit), $1
FROM moved
RETURNING id

-- books_of_ways --
-- What the other ways wrote down.
SELECT count(*) AS lines FROM way_ledger

-- books --
-- Reserved by the pools, by the ledger, by the holds, and by what the screens were told.
SELECT
    (SELECT coalesce(sum(reserved), 0)::bigint FROM stock_pool) AS pools,
    (SELECT coalesce(sum(reserved_delta), 0)::bigint FROM stock_ledger) AS ledger,
    (SELECT count(*) FROM stock_hold WHERE state = 'pending') AS holds,
    (SELECT coalesce(sum(reported), 0)::bigint FROM stock_pool)
        - (SELECT coalesce(sum((body ->> 'available')::bigint), 0)::bigint
           FROM documents WHERE topic LIKE 'stock:%') AS shown,
    (SELECT count(*) FROM idempotency WHERE operation = 'inventory.hold_stock' AND status = 200)
        AS keys,
    (SELECT coalesce(sum(greatest(0, reserved + sold - reported)), 0)::bigint FROM stock_pool)
        AS oversold

-- deadlocks --
-- Deadlocks that the server had to break, over all databases of this run.
SELECT coalesce(sum(deadlocks), 0)::bigint FROM pg_stat_database
