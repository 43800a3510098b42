-- The words of a product as the search compares them, made once a change and not once a search.

ALTER TABLE product ADD COLUMN search tsvector
    GENERATED ALWAYS AS (to_tsvector('simple', search_text)) STORED;
DROP INDEX product_search;
CREATE INDEX product_search ON product USING gin (search);
