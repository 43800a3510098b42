-- The same rules of an order's row once more, for less: what an order is called, and what its lines
-- cost, is looked at when it is made and when its lines change. Its id never changes
-- (order_keeps_its_word) and its cart's follows from it (order_lives_with_its_cart); the look at
-- each letter of it took a quarter of what an order costs here.

CREATE OR REPLACE FUNCTION order_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    total bigint := 0;
BEGIN
    IF TG_OP = 'INSERT' AND (
        length(NEW.cart_id) NOT BETWEEN 8 AND 64
        -- Each letter is looked for from the left: what most names are made of comes first.
        OR translate(
            NEW.cart_id, '0123456789abcdef-ghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ', ''
        ) <> ''
    ) THEN
        RAISE EXCEPTION 'order % has no cart''s name', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_cart_is_a_name';
    END IF;
    IF TG_OP = 'INSERT' OR NEW.lines <> OLD.lines OR NEW.total_minor <> OLD.total_minor THEN
        -- Most orders have few lines, and a query costs more than the sum.
        IF jsonb_array_length(NEW.lines) <= 8 THEN
            FOR at IN 0 .. jsonb_array_length(NEW.lines) - 1 LOOP
                total := total + (NEW.lines -> at ->> 'quantity')::bigint
                    * (NEW.lines -> at ->> 'price_minor')::bigint;
            END LOOP;
        ELSE
            total := order_sum(NEW.lines);
        END IF;
        IF NEW.total_minor IS DISTINCT FROM total THEN
            RAISE EXCEPTION 'the lines of order % do not cost its total', NEW.order_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'order_total_is_its_lines';
        END IF;
    END IF;
    -- Of most lots nobody has said anything yet: such a one has nothing but its units and their
    -- worth to add up. Everything else is for the whole rule.
    IF jsonb_path_exists(NEW.lots, '$[*] ? (
        !(@.quantity > 0) || !(@.value_minor >= 0)
        || (@.quantity > 0) is unknown || (@.value_minor >= 0) is unknown
        || exists(@.accepted) || exists(@.refused) || exists(@.cancelling)
        || exists(@.cancelled) || exists(@.shipped) || exists(@.delivered)
        || exists(@.returned) || exists(@.questioned) || exists(@.waiting)
        || exists(@.asked) || exists(@.backlog) || exists(@.dropped) || exists(@.moved)
        || exists(@.swapped) || exists(@.replaced) || exists(@.surplus) || exists(@.recall)
    )') AND NOT order_lots_are_sound(NEW.lots) THEN
        RAISE EXCEPTION 'the units of order % do not add up', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_lots_are_sound';
    END IF;
    RETURN NULL;
END
$$;
ALTER TABLE customer_order DROP CONSTRAINT order_cart_is_a_name;
