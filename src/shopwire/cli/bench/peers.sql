-- table --
-- The truth of every peer: one row a topic, `n` counts all changes of the run.
CREATE TABLE stock (
  topic text PRIMARY KEY, n bigint NOT NULL, available int NOT NULL, price int NOT NULL
);

-- seed --
INSERT INTO stock (topic, n, available, price)
SELECT 'stock:' || number, number + 1, 1, 1999 FROM generate_series(0, $1::int - 1) AS number;

-- change --
UPDATE stock SET n = $2, available = $3 WHERE topic = $1;

-- notify --
-- What a hand-written gateway listens to: the topic and the row, told by the commit itself.
CREATE FUNCTION tell_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('stock', NEW.topic || ' ' || row_to_json(NEW)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER tell_stock AFTER INSERT OR UPDATE ON stock
  FOR EACH ROW EXECUTE FUNCTION tell_stock();

-- outbox --
-- What Centrifugo follows: rows of its outbox, written by the same transaction.
CREATE TABLE centrifugo_outbox (
  id bigserial PRIMARY KEY, method text NOT NULL, payload json NOT NULL,
  partition bigint NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION tell_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO centrifugo_outbox (method, payload) VALUES
    ('publish', json_build_object('channel', NEW.topic, 'data', row_to_json(NEW)));
  PERFORM pg_notify('centrifugo_partition_change', '0');
  RETURN NULL;
END $$;
CREATE TRIGGER tell_stock AFTER INSERT OR UPDATE ON stock
  FOR EACH ROW EXECUTE FUNCTION tell_stock();

-- replica --
-- What Zero replicates: this table alone.
CREATE PUBLICATION peers_stock FOR TABLE stock;
