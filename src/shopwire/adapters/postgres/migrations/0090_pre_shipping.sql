-- Purchase orders, shipments, returns. The constraints here are the last word on what can be
-- shipped, cancelled and sent back.

CREATE TABLE fulfilment (
    tenant text NOT NULL,
    order_id text NOT NULL,
    plans jsonb NOT NULL,
    wishes jsonb NOT NULL,
    currency text NOT NULL,
    shipments bigint NOT NULL CHECK (shipments >= 0),
    returns bigint NOT NULL CHECK (returns >= 0),
    PRIMARY KEY (tenant, order_id)
);
COMMENT ON TABLE fulfilment IS 'What shipping knows of an order as a whole.';

CREATE TABLE cancel_ahead (
    tenant text NOT NULL,
    order_id text NOT NULL,
    wish text NOT NULL,
    reason text NOT NULL,
    lines jsonb NOT NULL,
    PRIMARY KEY (tenant, order_id, wish)
);
COMMENT ON TABLE cancel_ahead IS 'Cancellations that came before the order was planned.';

CREATE TABLE purchase_order (
    tenant text NOT NULL,
    order_id text NOT NULL,
    id text NOT NULL,
    supplier text NOT NULL,
    n bigint NOT NULL CHECK (n > 0),
    plan text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    step text NOT NULL CHECK (step IN ('planned', 'sending', 'timed_out', 'sent', 'acknowledged')),
    status text NOT NULL CHECK (status IN (
        'planned', 'sending', 'timed_out', 'sent', 'acknowledged', 'partly_shipped', 'shipped',
        'delivered', 'refused', 'cancelling', 'cancelled'
    )),
    attempts bigint NOT NULL CHECK (attempts >= 0),
    answer text CHECK (answer IN ('accepted', 'partial', 'refused')),
    late text CHECK (late IN ('acknowledgement', 'shipment')),
    supplier_reference text,
    reason text NOT NULL,
    wish text NOT NULL,
    acknowledge_within_ms bigint NOT NULL CHECK (acknowledge_within_ms >= 0),
    ship_within_ms bigint NOT NULL CHECK (ship_within_ms >= 0),
    planned_at_ms bigint NOT NULL,
    send_at_ms bigint NOT NULL,
    due_at_ms bigint,
    ask_at_ms bigint,
    asks bigint NOT NULL CHECK (asks >= 0),
    PRIMARY KEY (tenant, order_id, id),
    CONSTRAINT purchase_order_planned_once UNIQUE (tenant, order_id, supplier, n),
    CONSTRAINT purchase_order_plan_once UNIQUE (tenant, order_id, plan, supplier),
    CONSTRAINT purchase_order_sent_by_attempt CHECK (step = 'planned' OR attempts > 0)
) WITH (fillfactor = 80);
COMMENT ON TABLE purchase_order IS 'What one supplier is asked to send for one order.';
CREATE UNIQUE INDEX purchase_order_supplier_reference
    ON purchase_order (tenant, supplier, supplier_reference) WHERE supplier_reference IS NOT NULL;
CREATE INDEX purchase_order_to_send ON purchase_order (send_at_ms)
    WHERE step = 'planned' AND status IN ('planned', 'cancelling');
CREATE INDEX purchase_order_sending ON purchase_order (send_at_ms) WHERE step = 'sending';
CREATE INDEX purchase_order_to_ask ON purchase_order (ask_at_ms) WHERE ask_at_ms IS NOT NULL;
CREATE INDEX purchase_order_newest ON purchase_order (tenant, planned_at_ms DESC, id DESC);
CREATE INDEX purchase_order_by_supplier
    ON purchase_order (tenant, supplier, planned_at_ms DESC, id DESC);
CREATE INDEX purchase_order_by_status
    ON purchase_order (tenant, status, planned_at_ms DESC, id DESC);

CREATE TABLE purchase_order_line (
    tenant text NOT NULL,
    order_id text NOT NULL,
    purchase_order text NOT NULL,
    sku text NOT NULL,
    reference text NOT NULL,
    value_minor bigint NOT NULL CHECK (value_minor BETWEEN 0 AND 1000000000000),
    cost_minor bigint CHECK (cost_minor >= 0),
    cost_currency text,
    ordered bigint NOT NULL CHECK (ordered BETWEEN 1 AND 1000000000),
    sent bigint NOT NULL,
    accepted bigint NOT NULL,
    refused bigint NOT NULL CHECK (refused >= 0),
    cancelling bigint NOT NULL,
    cancelled bigint NOT NULL CHECK (cancelled >= 0),
    shipped bigint NOT NULL,
    delivered bigint NOT NULL,
    coming_back bigint NOT NULL CHECK (coming_back >= 0),
    returned bigint NOT NULL CHECK (returned >= 0),
    PRIMARY KEY (tenant, order_id, purchase_order, sku),
    CONSTRAINT purchase_order_line_cost CHECK ((cost_minor IS NULL) = (cost_currency IS NULL)),
    CONSTRAINT purchase_order_line_units CHECK (accepted + refused + cancelled <= ordered),
    CONSTRAINT purchase_order_line_sent CHECK (sent BETWEEN 0 AND ordered),
    CONSTRAINT purchase_order_line_shipped CHECK (shipped BETWEEN 0 AND accepted),
    CONSTRAINT purchase_order_line_delivered CHECK (delivered BETWEEN 0 AND shipped),
    CONSTRAINT purchase_order_line_cancelling
        CHECK (cancelling BETWEEN 0 AND ordered - refused - cancelled - shipped),
    CONSTRAINT purchase_order_line_returned CHECK (coming_back + returned <= shipped)
) WITH (fillfactor = 80);
COMMENT ON TABLE purchase_order_line IS 'Units of one SKU at one supplier, and what became of them.';
COMMENT ON COLUMN purchase_order_line.value_minor IS 'What the shopper paid for all of it.';
CREATE INDEX purchase_order_line_cancelling
    ON purchase_order_line (tenant, order_id, purchase_order) WHERE cancelling > 0;

-- What happened to units stays happened, whatever the code before it says.
CREATE FUNCTION purchase_order_line_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.ordered, NEW.reference, NEW.value_minor)
            IS DISTINCT FROM (OLD.ordered, OLD.reference, OLD.value_minor)
        OR (OLD.sent > 0 AND NEW.sent <> OLD.sent)
        OR NEW.shipped < OLD.shipped OR NEW.delivered < OLD.delivered
        OR NEW.refused < OLD.refused OR NEW.cancelled < OLD.cancelled
        OR NEW.returned < OLD.returned
    THEN
        RAISE EXCEPTION 'units of % in % go back', NEW.sku, NEW.purchase_order
            USING ERRCODE = 'check_violation', CONSTRAINT = 'purchase_order_line_keeps';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER purchase_order_line_keeps BEFORE UPDATE ON purchase_order_line
    FOR EACH ROW EXECUTE FUNCTION purchase_order_line_keeps();

CREATE FUNCTION purchase_order_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.supplier, NEW.n, NEW.plan) IS DISTINCT FROM (OLD.supplier, OLD.n, OLD.plan)
        OR NEW.attempts < OLD.attempts
        OR (OLD.supplier_reference IS NOT NULL
            AND NEW.supplier_reference IS DISTINCT FROM OLD.supplier_reference)
    THEN
        RAISE EXCEPTION 'purchase order % becomes another one', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'purchase_order_keeps';
    END IF;
    -- Once the supplier has it, it is never handed over again.
    IF NEW.step IN ('planned', 'sending') AND OLD.step IN ('sent', 'acknowledged') THEN
        RAISE EXCEPTION 'purchase order % would be sent again', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'purchase_order_sent_once';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER purchase_order_keeps BEFORE UPDATE ON purchase_order
    FOR EACH ROW EXECUTE FUNCTION purchase_order_keeps();

CREATE TABLE supplier_reference (
    tenant text NOT NULL,
    reference text NOT NULL,
    supplier text NOT NULL,
    purchase_order text NOT NULL,
    PRIMARY KEY (tenant, reference, supplier)
);
COMMENT ON TABLE supplier_reference IS 'One number of a supplier, one purchase order.';

CREATE TABLE supplier_rules (
    tenant text NOT NULL,
    supplier text NOT NULL,
    send_after_ms bigint NOT NULL CHECK (send_after_ms >= 0),
    acknowledge_within_ms bigint NOT NULL CHECK (acknowledge_within_ms >= 0),
    ship_within_ms bigint NOT NULL CHECK (ship_within_ms >= 0),
    PRIMARY KEY (tenant, supplier)
);
COMMENT ON TABLE supplier_rules IS 'How long a supplier may take.';

CREATE TABLE offer_cost (
    tenant text NOT NULL,
    sku text NOT NULL,
    supplier text NOT NULL,
    cost_minor bigint NOT NULL CHECK (cost_minor >= 0),
    currency text NOT NULL,
    active boolean NOT NULL,
    PRIMARY KEY (tenant, sku, supplier)
);
COMMENT ON TABLE offer_cost IS 'What a unit costs at a supplier; follows its offers.';

CREATE TABLE shipment (
    tenant text NOT NULL,
    order_id text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    purchase_order text NOT NULL,
    supplier text NOT NULL,
    reference text NOT NULL,
    carrier text NOT NULL,
    tracking text NOT NULL,
    lines jsonb NOT NULL,
    shipped_at_ms bigint NOT NULL,
    status text NOT NULL CHECK (status IN (
        'label', 'picked_up', 'in_transit', 'out_for_delivery', 'exception', 'delivered',
        'returned_to_sender'
    )),
    progress text NOT NULL CHECK (
        progress IN ('label', 'picked_up', 'in_transit', 'out_for_delivery')
    ),
    progress_at_ms bigint NOT NULL,
    exception_at_ms bigint,
    delivered_at_ms bigint,
    returned_at_ms bigint,
    events bigint NOT NULL CHECK (events >= 0),
    PRIMARY KEY (tenant, order_id, id),
    CONSTRAINT shipment_once UNIQUE (tenant, order_id, purchase_order, reference)
) WITH (fillfactor = 80);
COMMENT ON TABLE shipment IS 'A parcel. What is in it never changes.';
CREATE INDEX shipment_by_tracking ON shipment (tenant, carrier, tracking);

CREATE FUNCTION shipment_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.purchase_order, NEW.reference, NEW.carrier, NEW.tracking, NEW.lines)
            IS DISTINCT FROM
            (OLD.purchase_order, OLD.reference, OLD.carrier, OLD.tracking, OLD.lines)
        OR (OLD.delivered_at_ms IS NOT NULL AND NEW.delivered_at_ms IS NULL)
        OR (OLD.returned_at_ms IS NOT NULL AND NEW.returned_at_ms IS NULL)
        OR array_position(ARRAY['label', 'picked_up', 'in_transit', 'out_for_delivery'],
            NEW.progress)
            < array_position(ARRAY['label', 'picked_up', 'in_transit', 'out_for_delivery'],
                OLD.progress)
    THEN
        RAISE EXCEPTION 'parcel % goes back', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'shipment_keeps';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER shipment_keeps BEFORE UPDATE ON shipment
    FOR EACH ROW EXECUTE FUNCTION shipment_keeps();

CREATE TABLE tracking_event (
    tenant text NOT NULL,
    order_id text NOT NULL,
    shipment text NOT NULL,
    event text NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    status text NOT NULL,
    at_ms bigint NOT NULL,
    recorded_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, order_id, shipment, event),
    UNIQUE (tenant, order_id, shipment, seq)
);
COMMENT ON TABLE tracking_event IS 'What carriers saw, in the order in which it came.';

CREATE TABLE return_order (
    tenant text NOT NULL,
    order_id text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    status text NOT NULL CHECK (status IN ('announced', 'partly_received', 'received', 'closed')),
    reason text NOT NULL,
    currency text NOT NULL,
    value_minor bigint NOT NULL CHECK (value_minor >= 0),
    refund_minor bigint NOT NULL CHECK (refund_minor >= 0),
    opened_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, order_id, id)
) WITH (fillfactor = 80);
COMMENT ON TABLE return_order IS 'Units that a shopper sends back.';
CREATE INDEX return_order_newest ON return_order (tenant, opened_at_ms DESC, id DESC);

CREATE TABLE return_line (
    tenant text NOT NULL,
    order_id text NOT NULL,
    return_id text NOT NULL,
    purchase_order text NOT NULL,
    sku text NOT NULL,
    announced bigint NOT NULL CHECK (announced > 0),
    received bigint NOT NULL,
    PRIMARY KEY (tenant, order_id, return_id, purchase_order, sku),
    CONSTRAINT return_line_received CHECK (received BETWEEN 0 AND announced)
) WITH (fillfactor = 80);
COMMENT ON TABLE return_line IS 'Units of one purchase order that come back.';

CREATE TABLE return_receipt (
    tenant text NOT NULL,
    order_id text NOT NULL,
    return_id text NOT NULL,
    n bigint NOT NULL CHECK (n > 0),
    lines jsonb NOT NULL,
    asked jsonb NOT NULL,
    restock boolean NOT NULL,
    refund_minor bigint NOT NULL CHECK (refund_minor >= 0),
    at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, order_id, return_id, n)
);
COMMENT ON TABLE return_receipt IS 'A parcel of a return that arrived; each is refunded once.';

-- Rows that remember what happened; an equal one may be written again, never another.
CREATE FUNCTION shipping_row_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'a row of % is never changed', TG_TABLE_NAME
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_is_kept';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER supplier_reference_is_kept BEFORE UPDATE ON supplier_reference
    FOR EACH ROW EXECUTE FUNCTION shipping_row_is_kept();
CREATE TRIGGER tracking_event_is_kept BEFORE UPDATE ON tracking_event
    FOR EACH ROW EXECUTE FUNCTION shipping_row_is_kept();
CREATE TRIGGER return_receipt_is_kept BEFORE UPDATE ON return_receipt
    FOR EACH ROW EXECUTE FUNCTION shipping_row_is_kept();
CREATE TRIGGER cancel_ahead_is_kept BEFORE UPDATE ON cancel_ahead
    FOR EACH ROW EXECUTE FUNCTION shipping_row_is_kept();

CREATE TABLE notice_box (
    tenant text NOT NULL,
    source text NOT NULL,
    waiting bigint NOT NULL CHECK (waiting >= 0),
    PRIMARY KEY (tenant, source)
) WITH (fillfactor = 80);
COMMENT ON TABLE notice_box IS 'How many notices of a source wait for somebody.';

CREATE TABLE kept_notice (
    tenant text NOT NULL,
    id text NOT NULL,
    source text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    status text NOT NULL CHECK (status IN ('open', 'applied', 'dismissed')),
    carrier text NOT NULL,
    tracking text NOT NULL,
    notice jsonb NOT NULL,
    because text NOT NULL,
    kept_at_ms bigint NOT NULL,
    replays bigint NOT NULL CHECK (replays >= 0),
    PRIMARY KEY (tenant, id, source)
) WITH (fillfactor = 80);
COMMENT ON TABLE kept_notice IS 'Signed notices of carriers and suppliers that did not fit.';
CREATE INDEX kept_notice_newest ON kept_notice (tenant, status, kept_at_ms DESC, id DESC, source);
CREATE INDEX kept_notice_by_tracking ON kept_notice (tenant, carrier, tracking)
    WHERE status = 'open';
