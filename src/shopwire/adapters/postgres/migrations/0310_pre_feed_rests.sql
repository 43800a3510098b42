-- Rows that only have other counts than last time are known again by all of their other cells.

ALTER TABLE feed_row ADD COLUMN rest bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN feed_row.rest IS
    'Mark of the rows'' cells but the counts, XORed with mark: a former release, which writes a new'
    ' mark and leaves this, ends it by that. 0: none.';
