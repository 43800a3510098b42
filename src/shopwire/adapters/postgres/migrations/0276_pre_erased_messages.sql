-- What suppliers sent and could not be used may name shoppers: its text goes after a while, and what
-- was known of it besides stays.
ALTER TABLE channel_message DROP CONSTRAINT channel_message_state_check;
ALTER TABLE channel_message ADD CONSTRAINT channel_message_state_check CHECK (
    state IN ('open', 'reading', 'applied', 'dismissed', 'erased')
);
ALTER TABLE channel_message ADD CONSTRAINT channel_message_erased CHECK (
    state <> 'erased' OR text = ''
);
CREATE INDEX channel_message_texts ON channel_message (received_at_ms) WHERE state <> 'erased';
