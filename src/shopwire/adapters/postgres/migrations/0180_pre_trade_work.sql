-- What is to be done next is read in the order of these indexes, as much as is asked for: a sort of
-- everything that waits, at each look, grows with the backlog that it is to work off.
CREATE INDEX purchase_order_due ON purchase_order (send_at_ms, tenant, id)
    WHERE step = 'planned' AND status IN ('planned', 'cancelling');
CREATE INDEX purchase_order_leaving ON purchase_order (send_at_ms, tenant, id)
    WHERE step = 'sending';
CREATE INDEX purchase_order_asking ON purchase_order (ask_at_ms, tenant, id)
    WHERE ask_at_ms IS NOT NULL AND step IN ('timed_out', 'sent', 'acknowledged');
