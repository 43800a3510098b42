-- Carts: what a shopper means to buy. A cart is bought once.

CREATE TABLE cart (
    tenant text NOT NULL,
    cart_id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    shopper text NOT NULL CHECK (shopper <> ''),
    status text NOT NULL CHECK (status IN ('open', 'checking_out', 'ordered')),
    order_id text,
    attempt bigint NOT NULL CHECK (attempt > 0),
    PRIMARY KEY (tenant, cart_id),
    CONSTRAINT cart_has_its_order CHECK ((status = 'open') = (order_id IS NULL)),
    CONSTRAINT cart_names_its_attempt CHECK (order_id = cart_id || '.' || attempt)
) WITH (fillfactor = 80);
COMMENT ON TABLE cart IS 'A cart; its id is the right to see it, and where its orders live.';

-- What is bought stays bought, and a checkout goes on or back: no path leads around these.
CREATE FUNCTION cart_is_bought_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'ordered' AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'cart % was bought and stays so', OLD.cart_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cart_is_bought_once';
    END IF;
    IF NEW.attempt NOT IN (OLD.attempt, OLD.attempt + 1)
        OR (NEW.attempt > OLD.attempt) <> (OLD.status = 'checking_out' AND NEW.status = 'open')
        OR (NEW.status = 'ordered' AND OLD.status = 'open') THEN
        RAISE EXCEPTION 'cart % goes from attempt % (%) to % (%)',
            OLD.cart_id, OLD.attempt, OLD.status, NEW.attempt, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cart_counts_attempts';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER cart_is_bought_once BEFORE UPDATE ON cart
    FOR EACH ROW EXECUTE FUNCTION cart_is_bought_once();

CREATE TABLE cart_line (
    tenant text NOT NULL,
    cart_id text NOT NULL,
    sku text NOT NULL,
    place bigint NOT NULL CHECK (place > 0),
    quantity bigint NOT NULL CHECK (quantity BETWEEN 0 AND 1000000000),
    accepted_minor bigint NOT NULL CHECK (accepted_minor BETWEEN 1 AND 1000000000000),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    parts jsonb NOT NULL,
    trail jsonb NOT NULL,
    PRIMARY KEY (tenant, cart_id, sku)
) WITH (fillfactor = 80);
COMMENT ON TABLE cart_line IS 'An article in a cart; quantity 0 was taken out.';
