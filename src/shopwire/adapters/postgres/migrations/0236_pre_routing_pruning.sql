-- What routing needs of a purchase order or a conflict only while it is under way goes half a year
-- after it began (ROUTING_KEPT_MS: 15552000000), a few rows with each new one: what comes in bounds
-- what is kept. Scores hold what was counted, routes and conflicts what was decided.

CREATE INDEX routing_watch_by_age ON routing_watch (tenant, sent_at_ms)
    WHERE sent_at_ms IS NOT NULL;
CREATE INDEX routing_question_over ON routing_question (tenant, opened_at_ms)
    WHERE state <> 'open';

CREATE FUNCTION routing_watch_prunes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- One whose purchase order is open may still count; 200 such in a row hold the others up.
    DELETE FROM routing_watch w USING (
        SELECT tenant, purchase_order FROM routing_watch
        WHERE tenant = NEW.tenant AND sent_at_ms < NEW.sent_at_ms - 15552000000
        ORDER BY sent_at_ms LIMIT 200
    ) gone
    JOIN purchase_order p ON p.tenant = gone.tenant AND p.id = gone.purchase_order
        AND p.order_id = split_part(gone.purchase_order, '/', 1)
        AND p.status IN ('shipped', 'delivered', 'refused', 'cancelled')
    WHERE w.tenant = gone.tenant AND w.purchase_order = gone.purchase_order;
    RETURN NULL;
END
$$;
CREATE TRIGGER routing_watch_prunes AFTER UPDATE ON routing_watch
    FOR EACH ROW WHEN (NEW.sent_at_ms IS DISTINCT FROM OLD.sent_at_ms)
    EXECUTE FUNCTION routing_watch_prunes();

CREATE FUNCTION routing_question_prunes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM routing_question q USING (
        SELECT tenant, conflict_id FROM routing_question
        WHERE tenant = NEW.tenant AND state <> 'open'
            AND opened_at_ms < NEW.opened_at_ms - 15552000000
        ORDER BY opened_at_ms LIMIT 200
    ) gone
    WHERE q.tenant = gone.tenant AND q.conflict_id = gone.conflict_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER routing_question_prunes AFTER INSERT ON routing_question
    FOR EACH ROW EXECUTE FUNCTION routing_question_prunes();
