-- Reservations, and sales as rows. The constraints here are the last word on what can be sold.

ALTER TABLE stock_item
    ADD COLUMN backorder_max bigint NOT NULL DEFAULT 0
        CHECK (backorder_max BETWEEN 0 AND 1000000000),
    ADD COLUMN preorder_until_ms bigint,
    ADD COLUMN shopper_units_max bigint CHECK (shopper_units_max BETWEEN 0 AND 1000000000),
    ADD COLUMN held_units_max bigint CHECK (held_units_max BETWEEN 0 AND 1000000000),
    ADD COLUMN parts jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN sets bigint NOT NULL DEFAULT 0 CHECK (sets >= 0),
    ADD COLUMN bundles jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN stock_item.parts IS 'What a set is made of; empty for an article with stock.';
COMMENT ON COLUMN stock_item.bundles IS 'Sets that have this article in them.';
CREATE INDEX stock_item_preorders ON stock_item (preorder_until_ms)
    WHERE preorder_until_ms IS NOT NULL;

ALTER TABLE stock_pool
    ADD COLUMN backorder bigint NOT NULL DEFAULT 0 CHECK (backorder >= 0),
    ADD COLUMN backorder_max bigint NOT NULL DEFAULT 0
        CHECK (backorder_max BETWEEN 0 AND 1000000000),
    ADD COLUMN withheld bigint NOT NULL DEFAULT 0 CHECK (withheld BETWEEN 0 AND 1000000000),
    ADD COLUMN sequence bigint,
    ALTER COLUMN unreflected SET DEFAULT '[]',
    DROP CONSTRAINT stock_pool_limit,
    DROP CONSTRAINT stock_pool_shortfall_exact,
    ADD CONSTRAINT stock_pool_limit
        CHECK (reserved + sold <= reported + backorder + shortfall),
    ADD CONSTRAINT stock_pool_backorder_max CHECK (backorder <= backorder_max),
    -- More would be room for further sales.
    ADD CONSTRAINT stock_pool_beyond_exact
        CHECK (backorder + shortfall <= greatest(0, reserved + sold - reported));
COMMENT ON COLUMN stock_pool.backorder IS 'Promised beyond the count, as the buyer was told.';
COMMENT ON COLUMN stock_pool.shortfall IS 'Promised beyond the count, against the promise.';
COMMENT ON COLUMN stock_pool.withheld IS 'Refused by the supplier since its count.';

-- Without this a hold could make room for itself by raising what backorder may rise to.
CREATE FUNCTION stock_pool_keeps_to_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM stock_item i
        WHERE i.tenant = NEW.tenant AND i.sku = NEW.sku AND i.backorder_max >= NEW.backorder_max
    ) THEN
        RAISE EXCEPTION 'no policy allows % units of backorder of % at %',
            NEW.backorder_max, NEW.sku, NEW.supplier
            USING ERRCODE = 'check_violation', CONSTRAINT = 'stock_pool_backorder_by_policy';
    END IF;
    RETURN NULL;
END
$$;
-- Deferred, since one command writes the policy and the pools in any order.
CREATE CONSTRAINT TRIGGER stock_pool_keeps_to_policy AFTER UPDATE ON stock_pool
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.backorder_max > OLD.backorder_max)
    EXECUTE FUNCTION stock_pool_keeps_to_policy();
CREATE CONSTRAINT TRIGGER stock_pool_begins_by_policy AFTER INSERT ON stock_pool
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.backorder_max > 0)
    EXECUTE FUNCTION stock_pool_keeps_to_policy();

-- The same rule as before, asked only where it may be broken.
DROP TRIGGER stock_pool_keeps_its_limit ON stock_pool;
CREATE TRIGGER stock_pool_keeps_its_limit BEFORE UPDATE ON stock_pool
    FOR EACH ROW WHEN (NEW.shortfall > OLD.shortfall AND NEW.reports = OLD.reports)
    EXECUTE FUNCTION stock_pool_keeps_its_limit();

ALTER TABLE stock_ledger
    ADD COLUMN backorder_delta bigint NOT NULL DEFAULT 0,
    ADD COLUMN backorder bigint NOT NULL DEFAULT 0 CHECK (backorder >= 0),
    ADD COLUMN backorder_max bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT stock_ledger_kind_check,
    DROP CONSTRAINT stock_ledger_limit,
    DROP CONSTRAINT stock_ledger_shortfall_by_report,
    DROP CONSTRAINT stock_ledger_sale,
    ADD CONSTRAINT stock_ledger_kind CHECK (
        kind IN ('report', 'sale', 'hold', 'post', 'void', 'expire', 'book', 'release')
    ),
    ADD CONSTRAINT stock_ledger_limit
        CHECK (reserved + sold <= reported + backorder + shortfall),
    ADD CONSTRAINT stock_ledger_backorder_max CHECK (backorder <= backorder_max),
    ADD CONSTRAINT stock_ledger_reported_by_report CHECK (kind = 'report' OR reported_delta = 0),
    ADD CONSTRAINT stock_ledger_shortfall_by_supplier
        CHECK (kind IN ('report', 'book') OR shortfall_delta <= 0),
    ADD CONSTRAINT stock_ledger_movement CHECK (CASE kind
        WHEN 'report' THEN reserved_delta = 0
        WHEN 'sale' THEN reserved_delta = 0 AND sold_delta > 0
        WHEN 'hold' THEN reserved_delta > 0 AND sold_delta = 0
        WHEN 'post' THEN reserved_delta < 0 AND sold_delta = -reserved_delta
        WHEN 'void' THEN reserved_delta < 0 AND sold_delta = 0
        WHEN 'expire' THEN reserved_delta < 0 AND sold_delta = 0
        WHEN 'book' THEN reserved_delta = 0
        ELSE reserved_delta = 0 AND sold_delta <= 0
    END);
-- A hold gives back what it took of a pool once.
CREATE UNIQUE INDEX stock_ledger_hold_ends_once ON stock_ledger (tenant, reference, sku, supplier)
    WHERE kind IN ('post', 'void', 'expire');

CREATE TABLE stock_hold (
    tenant text NOT NULL,
    hold_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'posted', 'voided', 'expired')),
    shopper text NOT NULL,
    reference text NOT NULL,
    asked jsonb NOT NULL,
    taken jsonb NOT NULL CHECK (jsonb_array_length(taken) > 0),
    held_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL CHECK (expires_at_ms > held_at_ms),
    PRIMARY KEY (tenant, hold_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE stock_hold IS 'Units reserved together; the pending ones are what pools reserve.';
CREATE INDEX stock_hold_pending ON stock_hold (expires_at_ms, tenant) WHERE state = 'pending';

-- A hold ends once, and what it holds never changes.
CREATE FUNCTION stock_hold_goes_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'holds are kept' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'stock_hold_is_kept';
    END IF;
    IF OLD.state <> 'pending' OR NEW.state = 'pending' THEN
        RAISE EXCEPTION 'hold % is % and cannot become %', OLD.hold_id, OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'stock_hold_goes_forward';
    END IF;
    IF (NEW.taken, NEW.asked, NEW.shopper, NEW.expires_at_ms)
        IS DISTINCT FROM (OLD.taken, OLD.asked, OLD.shopper, OLD.expires_at_ms)
    THEN
        RAISE EXCEPTION 'the lines of hold % never change', OLD.hold_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'stock_hold_lines_are_kept';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER stock_hold_goes_forward BEFORE UPDATE OR DELETE ON stock_hold
    FOR EACH ROW EXECUTE FUNCTION stock_hold_goes_forward();

CREATE TABLE stock_tally (
    tenant text NOT NULL,
    place text NOT NULL,
    hold_id text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity >= 0),
    PRIMARY KEY (tenant, place, hold_id)
);
COMMENT ON TABLE stock_tally IS 'Units of a SKU that a shopper has by a hold, where it is limited.';

CREATE TABLE stock_sale (
    tenant text NOT NULL,
    sku text NOT NULL,
    supplier text NOT NULL,
    reference text NOT NULL,
    part text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    backordered bigint NOT NULL CHECK (backordered BETWEEN 0 AND quantity),
    shopper text NOT NULL,
    seq bigint NOT NULL,
    sold_at_ms bigint NOT NULL,
    answer text NOT NULL CHECK (answer IN ('none', 'booked', 'rest')),
    booking text NOT NULL,
    marked_at_ms bigint,
    marked_sequence bigint,
    state text NOT NULL CHECK (state IN ('open', 'reflected', 'refused', 'released')),
    reason text CHECK (reason IN ('cancelled', 'refused', 'returned')),
    PRIMARY KEY (tenant, reference, sku, supplier, part),
    CONSTRAINT stock_sale_reason CHECK ((reason IS NULL) = (state IN ('open', 'reflected')))
) WITH (fillfactor = 80);
COMMENT ON TABLE stock_sale IS 'Units sold; the open ones are not in the supplier''s count.';
CREATE INDEX stock_sale_open ON stock_sale (tenant, sku, supplier)
    WHERE state IN ('open', 'refused');

-- What is over stays over, nothing is sold twice, and a part only ever becomes smaller, by a part
-- beside it.
CREATE FUNCTION stock_sale_goes_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'sales are kept' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'stock_sale_is_kept';
    END IF;
    IF OLD.state = 'released' OR (OLD.state = 'refused' AND NEW.state <> 'released')
        OR NEW.quantity > OLD.quantity OR NEW.seq <> OLD.seq
    THEN
        RAISE EXCEPTION 'sale % of % at % cannot go from % to %',
            OLD.reference, OLD.sku, OLD.supplier, OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'stock_sale_goes_forward';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER stock_sale_goes_forward BEFORE UPDATE OR DELETE ON stock_sale
    FOR EACH ROW EXECUTE FUNCTION stock_sale_goes_forward();

-- The sales that pools kept as a list. As long as the former release runs it goes on writing that
-- list, so each write of it carries over what it changed; a statement that leaves it out does not.
CREATE FUNCTION stock_pool_carries_sales_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE stock_sale s SET state = 'reflected'
    WHERE s.tenant = NEW.tenant AND s.sku = NEW.sku AND s.supplier = NEW.supplier
        AND s.part LIKE 'list/%' AND s.state = 'open'
        AND NOT EXISTS (
            SELECT FROM jsonb_array_elements(NEW.unreflected) AS sale
            WHERE s.part = 'list/' || (sale ->> 0) || '/' || (sale ->> 1)
        );
    INSERT INTO stock_sale (
        tenant, sku, supplier, reference, part, quantity, backordered, shopper, seq, sold_at_ms,
        answer, booking, marked_at_ms, state
    )
    SELECT NEW.tenant, NEW.sku, NEW.supplier, 'earlier sales',
        'list/' || (sale ->> 0) || '/' || (sale ->> 1), (sale ->> 1)::bigint, 0, '', 0,
        (sale ->> 0)::bigint, 'booked', '', (sale ->> 0)::bigint, 'open'
    FROM jsonb_array_elements(NEW.unreflected) AS sale
    ON CONFLICT (tenant, reference, sku, supplier, part) DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER stock_pool_carries_first_sales_over AFTER INSERT ON stock_pool
    FOR EACH ROW WHEN (NEW.unreflected <> '[]')
    EXECUTE FUNCTION stock_pool_carries_sales_over();
CREATE TRIGGER stock_pool_carries_sales_over AFTER UPDATE OF unreflected ON stock_pool
    FOR EACH ROW EXECUTE FUNCTION stock_pool_carries_sales_over();
UPDATE stock_pool SET unreflected = unreflected WHERE unreflected <> '[]';
