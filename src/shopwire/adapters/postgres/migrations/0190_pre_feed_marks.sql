-- How the rows were read that said what a supplier said last, so that they are known again unmapped.

ALTER TABLE feed_row
    ADD COLUMN mark bigint NOT NULL DEFAULT 0,
    ADD COLUMN aside text NOT NULL DEFAULT '';
COMMENT ON COLUMN feed_row.mark IS 'Of the rows that said it and of how they were read; 0: none.';
COMMENT ON COLUMN feed_row.aside IS 'What these rows count for beside their number.';
