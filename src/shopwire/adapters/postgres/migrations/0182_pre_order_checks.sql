-- The same rules of an order's row, for a fraction of the time. An upsert checks a CHECK twice, for
-- the row that was proposed and for the row that comes of it, and an order's row is written at each
-- step of its life: so patterns become plain expressions, and what is worked out over JSON is
-- looked at once, where it changed.

ALTER TABLE customer_order
    DROP CONSTRAINT customer_order_order_id_check,
    DROP CONSTRAINT order_lives_with_its_cart,
    DROP CONSTRAINT order_total_is_its_lines,
    DROP CONSTRAINT order_lots_are_sound;

-- An order's id is its cart's, a point, and the number of an attempt without leading zeros.
ALTER TABLE customer_order
    ADD CONSTRAINT order_lives_with_its_cart
        CHECK (cart_id || '.' = rtrim(order_id, '0123456789')) NOT VALID,
    ADD CONSTRAINT order_id_is_an_attempt CHECK (
        length(order_id) - length(cart_id) BETWEEN 2 AND 10
        AND substr(order_id, length(cart_id) + 2, 1) <> '0'
    ) NOT VALID,
    ADD CONSTRAINT order_cart_is_a_name CHECK (
        length(cart_id) BETWEEN 8 AND 64
        AND translate(
            cart_id, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-', ''
        ) = ''
    ) NOT VALID;

CREATE FUNCTION order_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.total_minor IS DISTINCT FROM order_sum(NEW.lines) THEN
        RAISE EXCEPTION 'the lines of order % do not cost its total', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_total_is_its_lines';
    END IF;
    IF NEW.lots <> '[]' AND NOT order_lots_are_sound(NEW.lots) THEN
        RAISE EXCEPTION 'the units of order % do not add up', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_lots_are_sound';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER order_adds_up_at_first AFTER INSERT ON customer_order
    FOR EACH ROW EXECUTE FUNCTION order_adds_up();
CREATE TRIGGER order_adds_up AFTER UPDATE ON customer_order
    FOR EACH ROW WHEN (
        NEW.lots IS DISTINCT FROM OLD.lots OR NEW.lines IS DISTINCT FROM OLD.lines
        OR NEW.total_minor IS DISTINCT FROM OLD.total_minor
    )
    EXECUTE FUNCTION order_adds_up();
