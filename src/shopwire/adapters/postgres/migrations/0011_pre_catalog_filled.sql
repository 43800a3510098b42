-- Which source tells a field that the product's own source leaves blank: without it the own
-- source's next feed would blank the field again, and the two would take turns for ever.

ALTER TABLE product ADD COLUMN filled jsonb NOT NULL DEFAULT '{}';
