-- Payments, what moves of them, the ledger of money, and the webhooks that were received.
-- The constraints here are the last word on how much money can move.

CREATE TABLE payment (
    tenant text NOT NULL,
    order_id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    provider text NOT NULL,
    method text NOT NULL,
    reference text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint NOT NULL CHECK (amount_minor BETWEEN 1 AND 1000000000000),
    verdict text NOT NULL CHECK (verdict IN ('waiting', 'approved', 'declined', 'voided')),
    authorised_minor bigint NOT NULL,
    capturing_minor bigint NOT NULL CHECK (capturing_minor >= 0),
    captured_minor bigint NOT NULL,
    released_minor bigint NOT NULL CHECK (released_minor >= 0),
    refunding_minor bigint NOT NULL CHECK (refunding_minor >= 0),
    refunded_minor bigint NOT NULL,
    charged_back_minor bigint NOT NULL,
    voiding boolean NOT NULL,
    reason text NOT NULL,
    entries bigint NOT NULL CHECK (entries >= 0),
    context jsonb NOT NULL,
    opened_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, order_id),
    CONSTRAINT payment_bounds CHECK (
        0 <= refunded_minor AND refunded_minor <= captured_minor
        AND captured_minor <= authorised_minor AND authorised_minor <= amount_minor
    ),
    CONSTRAINT payment_takes_what_is_promised
        CHECK (captured_minor + capturing_minor + released_minor <= authorised_minor),
    CONSTRAINT payment_returns_what_is_there
        CHECK (refunded_minor + refunding_minor <= authorised_minor - released_minor),
    CONSTRAINT payment_charged_back CHECK (charged_back_minor BETWEEN 0 AND captured_minor),
    CONSTRAINT payment_promised CHECK (verdict = 'approved' OR authorised_minor = 0)
) WITH (fillfactor = 70);
COMMENT ON TABLE payment IS 'One payment of one order: the sums of its movements.';
CREATE INDEX payment_by_reference ON payment (tenant, provider, reference)
    WHERE reference <> '';

CREATE TABLE money_ledger (
    tenant text NOT NULL,
    order_id text NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    posting text NOT NULL,
    debit text NOT NULL,
    credit text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor BETWEEN 1 AND 1000000000000),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    command_id text NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, order_id, seq),
    -- What moved once is booked once.
    CONSTRAINT money_ledger_booked_once UNIQUE (tenant, order_id, posting, debit, credit),
    CONSTRAINT money_ledger_accounts CHECK (
        debit IN ('customer', 'provider_clearing', 'revenue', 'refunds', 'chargebacks')
        AND credit IN ('customer', 'provider_clearing', 'revenue', 'refunds', 'chargebacks')
    ),
    CONSTRAINT money_ledger_two_sides CHECK (debit <> credit)
);
COMMENT ON TABLE money_ledger IS
    'Each line has both sides: one amount in one currency leaves one account and enters another.'
    ' A posting that does not balance cannot be written down.';
CREATE TRIGGER money_ledger_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON money_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_kept();

CREATE TABLE payment_movement (
    tenant text NOT NULL,
    order_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('capture', 'void', 'refund', 'chargeback')),
    id text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor BETWEEN 1 AND 1000000000000),
    final boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('requested', 'done', 'failed', 'dropped', 'reversed')),
    reference text NOT NULL,
    reason text NOT NULL,
    posting bigint,
    asked_at_ms bigint NOT NULL,
    settled_at_ms bigint,
    PRIMARY KEY (tenant, order_id, kind, id),
    FOREIGN KEY (tenant, order_id) REFERENCES payment DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (tenant, order_id, posting) REFERENCES money_ledger (tenant, order_id, seq)
        DEFERRABLE INITIALLY DEFERRED,
    -- Money that moved is in the ledger, by the end of the same transaction.
    CONSTRAINT payment_movement_is_booked CHECK (
        CASE WHEN kind <> 'void' AND state IN ('done', 'reversed')
            THEN posting IS NOT NULL ELSE posting IS NULL END
    )
) WITH (fillfactor = 70);
COMMENT ON TABLE payment_movement IS 'A capture, void, refund or chargeback; once by its id.';
CREATE INDEX payment_movement_open ON payment_movement (kind, asked_at_ms, tenant, order_id, id)
    WHERE state = 'requested';

CREATE FUNCTION payment_movement_keeps_its_word() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.amount_minor, NEW.final, NEW.asked_at_ms)
        IS DISTINCT FROM (OLD.amount_minor, OLD.final, OLD.asked_at_ms)
        OR (OLD.posting IS NOT NULL AND NEW.posting IS DISTINCT FROM OLD.posting)
    THEN
        RAISE EXCEPTION 'a movement of % is not made another one', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_movement_is_kept';
    END IF;
    IF OLD.state <> NEW.state AND OLD.state <> 'requested'
        AND (OLD.state, NEW.state) NOT IN (
            ('failed', 'done'), ('dropped', 'done'), ('failed', 'reversed'),
            ('dropped', 'reversed'), ('done', 'reversed')
        )
    THEN
        RAISE EXCEPTION 'a movement of % goes from % to %', NEW.order_id, OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_movement_goes_on';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER payment_movement_keeps_its_word BEFORE UPDATE ON payment_movement
    FOR EACH ROW EXECUTE FUNCTION payment_movement_keeps_its_word();

-- What leaves the shop is summed up here once more: refunds are rare, and no row of theirs counts
-- unless the payment, whose constraints bound it, says the same.
CREATE FUNCTION payment_refunds_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    open_minor bigint;
    done_minor bigint;
BEGIN
    SELECT coalesce(sum(amount_minor) FILTER (WHERE state = 'requested'), 0),
        coalesce(sum(amount_minor) FILTER (WHERE state = 'done'), 0)
    INTO open_minor, done_minor
    FROM payment_movement
    WHERE tenant = NEW.tenant AND order_id = NEW.order_id AND kind = 'refund';
    PERFORM 1 FROM payment
    WHERE tenant = NEW.tenant AND order_id = NEW.order_id
        AND refunding_minor = open_minor AND refunded_minor = done_minor;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the refunds of % are not what its payment says', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_refunds_add_up';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER payment_refunds_add_up AFTER INSERT OR UPDATE ON payment_movement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'refund')
    EXECUTE FUNCTION payment_refunds_add_up();

CREATE TABLE webhook_received (
    tenant text NOT NULL,
    about text NOT NULL,
    provider text NOT NULL,
    id text NOT NULL,
    order_id text NOT NULL,
    name text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN (
        'applied', 'unchanged', 'early', 'unknown_kind', 'unknown_payment', 'refused'
    )),
    error text NOT NULL,
    event jsonb NOT NULL,
    raw text NOT NULL,
    tries bigint NOT NULL CHECK (tries > 0),
    received_at_ms bigint NOT NULL,
    settled_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, about, provider, id)
) WITH (fillfactor = 80);
COMMENT ON TABLE webhook_received IS 'Webhooks that were proved, and what came of each.';
CREATE INDEX webhook_received_by_age
    ON webhook_received (tenant, received_at_ms DESC, provider DESC, id DESC);
CREATE INDEX webhook_received_to_look_at
    ON webhook_received (tenant, received_at_ms DESC, provider DESC, id DESC)
    WHERE outcome NOT IN ('applied', 'unchanged');
