-- Topics of which each transition counts can be read one after the other.

CREATE FUNCTION is_fact(topic text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT split_part(topic, ':', 1) IN (
        'order', 'shipment', 'return', 'payment', 'purchase_order', 'conflict', 'notice'
    )
$$;
COMMENT ON FUNCTION is_fact IS 'Whether each transition of a topic counts, not the newest alone.';

CREATE INDEX events_of_facts ON events (tenant, topic, version) WHERE is_fact(topic);
