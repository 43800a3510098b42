-- Orders: one row each, whole. What an order may never become is refused here, whoever writes.

CREATE FUNCTION order_sum(lines jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(sum((l ->> 'quantity')::bigint * (l ->> 'price_minor')::bigint), 0)::bigint
    FROM jsonb_array_elements(lines) l
$$;
COMMENT ON FUNCTION order_sum IS 'What the lines of an order cost together.';

-- The fields of a lot that are not there are 0: see Lot.broken in modules/orders/lots.py.
CREATE FUNCTION order_lots_are_sound(lots jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT NOT EXISTS (
        SELECT FROM (
            SELECT quantity,
                coalesce(accepted, 0) AS accepted, coalesce(refused, 0) AS refused,
                coalesce(cancelling, 0) AS cancelling, coalesce(cancelled, 0) AS cancelled,
                coalesce(shipped, 0) AS shipped, coalesce(delivered, 0) AS delivered,
                coalesce(returned, 0) AS returned, coalesce(questioned, 0) AS questioned,
                coalesce(waiting, 0) AS waiting, coalesce(asked, 0) AS asked,
                coalesce(backlog, 0) AS backlog, coalesce(dropped, 0) AS dropped,
                coalesce(moved, 0) AS moved, coalesce(swapped, 0) AS swapped,
                coalesce(replaced, 0) AS replaced, coalesce(surplus, 0) AS surplus,
                coalesce(recall, 0) AS recall, value_minor
            FROM jsonb_to_recordset(lots) AS l (
                quantity bigint, accepted bigint, refused bigint, cancelling bigint,
                cancelled bigint, shipped bigint, delivered bigint, returned bigint,
                questioned bigint, waiting bigint, asked bigint, backlog bigint, dropped bigint,
                moved bigint, swapped bigint, replaced bigint, surplus bigint, recall bigint,
                value_minor bigint
            )
        ) lot
        WHERE NOT coalesce(
            least(
                accepted, refused, cancelling, cancelled, shipped, delivered, returned,
                questioned, waiting, asked, backlog, dropped, moved, swapped, replaced, surplus,
                recall, value_minor
            ) >= 0
            AND quantity > 0
            AND accepted + refused + cancelled <= quantity
            AND delivered <= shipped AND shipped <= accepted AND returned <= shipped
            AND cancelling <= quantity - refused - cancelled - shipped
            AND questioned + waiting <= quantity - refused - cancelled - accepted
            AND refused = asked + backlog + dropped + moved
            AND swapped <= quantity - refused - cancelled - shipped
            AND replaced <= cancelled AND greatest(recall, surplus) <= quantity,
            false
        )
    )
$$;
COMMENT ON FUNCTION order_lots_are_sound IS 'Whether the units of every lot add up.';

CREATE TABLE customer_order (
    tenant text NOT NULL,
    order_id text NOT NULL CHECK (order_id ~ '^[A-Za-z0-9_-]{8,64}[.][1-9][0-9]{0,8}$'),
    cart_id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    number text NOT NULL,
    status text NOT NULL CHECK (status IN (
        'checking_out', 'placed', 'in_fulfilment', 'partly_shipped', 'shipped', 'delivered',
        'failed', 'cancelled'
    )),
    shopper text NOT NULL,
    provider text NOT NULL,
    has_cart boolean NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    lines jsonb NOT NULL CHECK (jsonb_array_length(lines) BETWEEN 1 AND 100),
    awaited jsonb NOT NULL,
    lots jsonb NOT NULL,
    skus jsonb NOT NULL,
    total_minor bigint NOT NULL CHECK (total_minor BETWEEN 1 AND 1000000000000),
    refunded_minor bigint NOT NULL CHECK (refunded_minor BETWEEN 0 AND total_minor),
    payment text NOT NULL,
    shipments jsonb NOT NULL,
    receipts jsonb NOT NULL,
    conflicts bigint NOT NULL CHECK (conflicts >= 0),
    cuts bigint NOT NULL CHECK (cuts >= 0),
    started_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL CHECK (expires_at_ms > started_at_ms),
    ask_at_ms bigint NOT NULL,
    asks bigint NOT NULL CHECK (asks >= 0),
    placed_at_ms bigint,
    reason text,
    answer_status bigint CHECK (answer_status BETWEEN 200 AND 499),
    answer_body text,
    origin text NOT NULL,
    PRIMARY KEY (tenant, order_id),
    CONSTRAINT order_lives_with_its_cart CHECK (cart_id = regexp_replace(order_id, '[.][0-9]+$', '')),
    CONSTRAINT order_total_is_its_lines CHECK (total_minor = order_sum(lines)),
    CONSTRAINT order_lots_are_sound CHECK (lots = '[]' OR order_lots_are_sound(lots)),
    CONSTRAINT order_is_placed_once
        CHECK (status NOT IN ('checking_out', 'failed') OR (placed_at_ms IS NULL AND lots = '[]')),
    CONSTRAINT order_is_placed CHECK (
        placed_at_ms IS NOT NULL OR status IN ('checking_out', 'failed', 'cancelled')
    ),
    CONSTRAINT order_is_asked_in_time CHECK (ask_at_ms <= expires_at_ms OR asks > 0),
    CONSTRAINT order_answer_is_whole CHECK ((answer_status IS NULL) = (answer_body IS NULL))
) WITH (fillfactor = 60);
COMMENT ON TABLE customer_order IS 'One order; who bought it is in order_contact alone.';
CREATE INDEX customer_order_by_age ON customer_order (tenant, started_at_ms DESC, order_id DESC);
CREATE INDEX customer_order_open ON customer_order (ask_at_ms) WHERE status = 'checking_out';

-- What is over stays over, what was bought stays what it was, and the first answer is the answer.
CREATE FUNCTION order_keeps_its_word() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status IN ('failed', 'cancelled') AND NEW.status <> OLD.status
        AND NOT (OLD.status = 'cancelled' AND OLD.placed_at_ms IS NOT NULL)
        OR OLD.placed_at_ms IS NOT NULL AND NEW.placed_at_ms IS DISTINCT FROM OLD.placed_at_ms
        OR NEW.version < OLD.version
        OR (NEW.order_id, NEW.total_minor, NEW.currency, NEW.shopper, NEW.started_at_ms,
            NEW.expires_at_ms)
            IS DISTINCT FROM (OLD.order_id, OLD.total_minor, OLD.currency, OLD.shopper,
            OLD.started_at_ms, OLD.expires_at_ms)
        OR OLD.answer_status IS NOT NULL AND (NEW.answer_status, NEW.answer_body)
            IS DISTINCT FROM (OLD.answer_status, OLD.answer_body)
    THEN
        RAISE EXCEPTION 'order % cannot go from % to %', OLD.order_id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_keeps_its_word';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER order_keeps_its_word BEFORE UPDATE ON customer_order
    FOR EACH ROW EXECUTE FUNCTION order_keeps_its_word();

CREATE TABLE order_contact (
    tenant text NOT NULL,
    order_id text NOT NULL,
    email text NOT NULL,
    address jsonb NOT NULL,
    method text NOT NULL,
    PRIMARY KEY (tenant, order_id)
);
COMMENT ON TABLE order_contact IS 'Whom an order goes to. Nothing else in the database knows.';
COMMENT ON COLUMN order_contact.method IS 'The provider''s token, for the sweep that asks again.';

CREATE TABLE order_conflict (
    tenant text NOT NULL,
    order_id text NOT NULL,
    conflict_id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    plan text NOT NULL,
    line text NOT NULL,
    sku text NOT NULL,
    supplier text NOT NULL,
    reference text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    reason text NOT NULL CHECK (reason IN ('overpromised', 'refused')),
    status text NOT NULL CHECK (status IN ('open', 'settled', 'lifted')),
    choice text CHECK (choice IN ('wait', 'cancel', 'replace')),
    by text CHECK (by IN ('shopper', 'operator')),
    opened_at_ms bigint NOT NULL,
    settled_at_ms bigint,
    decided_at_ms bigint,
    decided_sequence bigint,
    again_at_ms bigint,
    PRIMARY KEY (tenant, order_id, conflict_id),
    CONSTRAINT conflict_is_settled CHECK ((status = 'settled') = (choice IS NOT NULL)),
    CONSTRAINT conflict_has_its_moment CHECK ((status = 'open') = (settled_at_ms IS NULL)),
    CONSTRAINT conflict_waits CHECK (again_at_ms IS NULL OR choice = 'wait')
) WITH (fillfactor = 80);
COMMENT ON TABLE order_conflict IS 'Units that were promised and a supplier does not have.';
CREATE INDEX order_conflict_open ON order_conflict (tenant, opened_at_ms, conflict_id)
    WHERE status = 'open';
CREATE INDEX order_conflict_by_age ON order_conflict (tenant, opened_at_ms DESC, conflict_id DESC);
CREATE INDEX order_conflict_waiting ON order_conflict (again_at_ms) WHERE again_at_ms IS NOT NULL;

-- Whoever is first decides: a choice is never replaced by another.
CREATE FUNCTION conflict_is_settled_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'settled' AND (NEW.status, NEW.choice, NEW."by", NEW.quantity)
        IS DISTINCT FROM (OLD.status, OLD.choice, OLD."by", OLD.quantity) THEN
        RAISE EXCEPTION 'conflict % was settled', OLD.conflict_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'conflict_is_settled_once';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER conflict_is_settled_once BEFORE UPDATE ON order_conflict
    FOR EACH ROW EXECUTE FUNCTION conflict_is_settled_once();
