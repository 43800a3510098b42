-- Routing: rules, shipping terms, the choice of each order, units in question, suppliers' scores.

CREATE TABLE routing_rules (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    rules jsonb NOT NULL,
    PRIMARY KEY (tenant, id)
);
COMMENT ON TABLE routing_rules IS 'How suppliers are weighed, and what a merchant wants besides.';

CREATE TABLE routing_terms (
    tenant text NOT NULL,
    supplier text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    parcel_minor bigint NOT NULL CHECK (parcel_minor >= 0),
    unit_minor bigint NOT NULL CHECK (unit_minor BETWEEN 0 AND parcel_minor),
    handling_minor bigint NOT NULL CHECK (handling_minor >= 0),
    countries jsonb NOT NULL,
    PRIMARY KEY (tenant, supplier)
);
COMMENT ON TABLE routing_terms IS 'What sending with a supplier costs, and where it sends to.';

CREATE TABLE routing_route (
    tenant text NOT NULL,
    order_id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    state text NOT NULL CHECK (state IN ('chosen', 'waiting', 'released')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    choice jsonb NOT NULL,
    shares jsonb NOT NULL,
    moves jsonb NOT NULL,
    "left" jsonb NOT NULL,
    chosen_at_ms bigint NOT NULL,
    released_at_ms bigint,
    note text NOT NULL,
    PRIMARY KEY (tenant, order_id),
    CONSTRAINT route_is_released CHECK ((state = 'released') = (released_at_ms IS NOT NULL)),
    -- What a person has to look at is never silently let go.
    CONSTRAINT route_is_looked_at CHECK (state <> 'chosen' OR choice -> 'reviews' IS NULL),
    CONSTRAINT route_is_bounded CHECK (
        (choice -> 'bound_minor')::bigint <= (choice -> 'sums' -> 'total_minor')::bigint
    )
) WITH (fillfactor = 80);
COMMENT ON TABLE routing_route IS 'Who sends what of an order, why, and what else there was.';
CREATE INDEX routing_route_waiting ON routing_route (tenant, chosen_at_ms, order_id)
    WHERE state = 'waiting';

CREATE TABLE routing_question (
    tenant text NOT NULL,
    conflict_id text NOT NULL,
    order_id text NOT NULL,
    sku text NOT NULL,
    supplier text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    reason text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'moved', 'left', 'closed')),
    opened_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, conflict_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE routing_question IS 'Units for which another supplier is looked for.';
CREATE INDEX routing_question_open ON routing_question (opened_at_ms, tenant, conflict_id)
    WHERE state = 'open';

CREATE TABLE routing_watch (
    tenant text NOT NULL,
    purchase_order text NOT NULL,
    supplier text NOT NULL,
    lead_ms bigint,
    sent_at_ms bigint,
    answer_due_ms bigint,
    answered_at_ms bigint,
    ship_due_ms bigint,
    shipped_at_ms bigint,
    answer_counted boolean NOT NULL,
    parcel_counted boolean NOT NULL,
    planned bigint NOT NULL CHECK (planned >= 0),
    accepted bigint NOT NULL CHECK (accepted >= 0),
    refused bigint NOT NULL CHECK (refused >= 0),
    short bigint NOT NULL CHECK (short >= 0),
    PRIMARY KEY (tenant, purchase_order)
) WITH (fillfactor = 80);
COMMENT ON TABLE routing_watch IS 'What of a purchase order is in its supplier''s score already.';

CREATE TABLE routing_score (
    tenant text NOT NULL,
    supplier text NOT NULL,
    version bigint NOT NULL CHECK (version >= 0),
    score bigint NOT NULL CHECK (score BETWEEN 0 AND 1000),
    day bigint NOT NULL,
    tallies jsonb NOT NULL,
    PRIMARY KEY (tenant, supplier)
) WITH (fillfactor = 80);
COMMENT ON TABLE routing_score IS 'How well a supplier keeps its word; what it did fades.';

-- An order's purchase orders may wait for a person.
ALTER TABLE fulfilment ADD COLUMN held boolean NOT NULL DEFAULT false;

-- Units may also move because a supplier is late, or because somebody chose another one.
ALTER TABLE order_conflict
    DROP CONSTRAINT order_conflict_reason_check,
    ADD CONSTRAINT order_conflict_reason_check
        CHECK (reason IN ('overpromised', 'refused', 'late', 'moved')),
    DROP CONSTRAINT order_conflict_by_check,
    ADD CONSTRAINT order_conflict_by_check CHECK ("by" IN ('shopper', 'operator', 'routing'));
