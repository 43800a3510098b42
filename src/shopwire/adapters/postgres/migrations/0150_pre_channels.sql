-- How purchase orders reach suppliers. The constraints here are the last word on what leaves once.

CREATE TABLE channel (
    tenant text NOT NULL,
    supplier text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    way jsonb NOT NULL,
    gather_ms bigint NOT NULL CHECK (gather_ms >= 0),
    orders_max bigint NOT NULL CHECK (orders_max > 0),
    letters bigint NOT NULL CHECK (letters >= 0),
    bundles bigint NOT NULL CHECK (bundles >= 0),
    PRIMARY KEY (tenant, supplier)
) WITH (fillfactor = 80);
COMMENT ON TABLE channel IS 'How a supplier is reached, and the numbers that were given out there.';

CREATE TABLE channel_letter (
    tenant text NOT NULL,
    purchase_order text NOT NULL,
    supplier text NOT NULL,
    number text NOT NULL CHECK (number <> ''),
    state text NOT NULL CHECK (state IN (
        'queued', 'bundled', 'left', 'recalled', 'direct'
    )),
    bundle text,
    lines jsonb NOT NULL,
    posted_at_ms bigint NOT NULL,
    left_at_ms bigint,
    PRIMARY KEY (tenant, purchase_order),
    CONSTRAINT channel_letter_number UNIQUE (tenant, supplier, number),
    CONSTRAINT channel_letter_bundled
        CHECK ((bundle IS NOT NULL) = (state IN ('bundled', 'left'))),
    CONSTRAINT channel_letter_left CHECK ((left_at_ms IS NOT NULL) = (state = 'left'))
) WITH (fillfactor = 80);
COMMENT ON TABLE channel_letter IS 'Purchase orders that the shop itself sees leave once.';
CREATE INDEX channel_letter_queued ON channel_letter (tenant, supplier, posted_at_ms)
    WHERE state = 'queued';

CREATE TABLE channel_bundle (
    tenant text NOT NULL,
    id text NOT NULL,
    supplier text NOT NULL,
    control bigint NOT NULL CHECK (control > 0),
    version bigint NOT NULL CHECK (version > 0),
    kind text NOT NULL,
    way jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('staging', 'releasing', 'left', 'doubtful')),
    letters jsonb NOT NULL,
    trouble text NOT NULL,
    tries bigint NOT NULL CHECK (tries >= 0),
    begun_at_ms bigint NOT NULL,
    due_at_ms bigint NOT NULL,
    left_at_ms bigint,
    receipt text NOT NULL CHECK (receipt IN ('none', 'accepted', 'partly', 'rejected')),
    PRIMARY KEY (tenant, id),
    CONSTRAINT channel_bundle_control UNIQUE (tenant, supplier, control),
    CONSTRAINT channel_bundle_left CHECK ((left_at_ms IS NOT NULL) = (state = 'left'))
) WITH (fillfactor = 80);
COMMENT ON TABLE channel_bundle IS 'Purchase orders that leave together.';
CREATE INDEX channel_bundle_open ON channel_bundle (due_at_ms)
    WHERE state IN ('staging', 'releasing');
CREATE INDEX channel_bundle_newest ON channel_bundle (tenant, begun_at_ms DESC, id DESC);

-- An order is in one bundle for ever, and what left or was held back stays so.
CREATE FUNCTION channel_letter_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.supplier, NEW.number, NEW.lines) IS DISTINCT FROM (OLD.supplier, OLD.number, OLD.lines)
        OR (OLD.bundle IS NOT NULL AND NEW.bundle IS DISTINCT FROM OLD.bundle)
        OR (OLD.state IN ('left', 'recalled', 'direct') AND NEW.state <> OLD.state)
    THEN
        RAISE EXCEPTION 'purchase order % would leave twice', NEW.purchase_order
            USING ERRCODE = 'check_violation', CONSTRAINT = 'channel_letter_once';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER channel_letter_keeps BEFORE UPDATE ON channel_letter
    FOR EACH ROW EXECUTE FUNCTION channel_letter_keeps();

CREATE FUNCTION channel_bundle_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.supplier, NEW.control, NEW.letters)
            IS DISTINCT FROM (OLD.supplier, OLD.control, OLD.letters)
        OR (OLD.state = 'left' AND NEW.state <> 'left')
        OR (OLD.state = 'staging' AND NEW.state NOT IN ('staging', 'releasing', 'doubtful'))
    THEN
        RAISE EXCEPTION 'bundle % would leave twice, or without a commit before', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'channel_bundle_once';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER channel_bundle_keeps BEFORE UPDATE ON channel_bundle
    FOR EACH ROW EXECUTE FUNCTION channel_bundle_keeps();

CREATE TABLE supplier_invoice (
    tenant text NOT NULL,
    id text NOT NULL,
    supplier text NOT NULL,
    number text NOT NULL,
    purchase_order text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    state text NOT NULL CHECK (state IN ('matched', 'differs', 'accepted', 'disputed')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    lines jsonb NOT NULL,
    charges_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    total_minor bigint NOT NULL,
    expected_minor bigint,
    differences jsonb NOT NULL,
    note text NOT NULL,
    received_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, purchase_order, id),
    CONSTRAINT supplier_invoice_number UNIQUE (tenant, supplier, number),
    CONSTRAINT supplier_invoice_matched
        CHECK (state <> 'matched' OR differences = '[]'::jsonb)
) WITH (fillfactor = 80);
COMMENT ON TABLE supplier_invoice IS 'Bills of suppliers, beside what was ordered.';
CREATE INDEX supplier_invoice_newest
    ON supplier_invoice (tenant, state, received_at_ms DESC, id DESC);

CREATE TABLE channel_message (
    tenant text NOT NULL,
    id text NOT NULL,
    supplier text NOT NULL,
    own_id text NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    state text NOT NULL CHECK (state IN ('open', 'reading', 'applied', 'dismissed')),
    reason text NOT NULL,
    text text NOT NULL,
    received_at_ms bigint NOT NULL,
    tries bigint NOT NULL CHECK (tries >= 0),
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);
COMMENT ON TABLE channel_message IS 'What suppliers sent and could not be used.';
CREATE INDEX channel_message_newest
    ON channel_message (tenant, state, received_at_ms DESC, id DESC);
