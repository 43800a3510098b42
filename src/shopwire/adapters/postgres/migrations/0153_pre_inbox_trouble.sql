-- Why a supplier's folder could not be read the last time; empty where it could.

ALTER TABLE channel ADD COLUMN inbox_trouble text NOT NULL DEFAULT '';
COMMENT ON COLUMN channel.inbox_trouble IS 'Why its folder cannot be read; empty where it can.';
