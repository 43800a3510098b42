-- What stretches of text of a supplier's feeds were found to be: known again without being parsed.
CREATE TABLE feed_text (
    tenant text NOT NULL,
    supplier text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('full', 'partial')),
    piece bigint NOT NULL CHECK (piece >= 0),
    reading text NOT NULL,
    data text NOT NULL,
    PRIMARY KEY (tenant, supplier, kind, piece)
);
-- It is packed before it comes.
ALTER TABLE feed_text ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE feed_text IS 'Stretches of text that a supplier sent, by what they are; may be lost.';
