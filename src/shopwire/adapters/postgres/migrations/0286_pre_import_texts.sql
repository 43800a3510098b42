-- What a run changes, or is about to, is only ever read as a whole: as text it is not taken apart
-- when it is written, which cost more than all else of a note. Imports wait while the rows of the
-- last 30 days are written anew. Whoever still sends jsonb has it cast.

ALTER TABLE import_intent ALTER COLUMN groups TYPE text USING groups::text;
ALTER TABLE import_change
    ALTER COLUMN altered TYPE text USING altered::text,
    ALTER COLUMN said_was TYPE text USING said_was::text,
    ALTER COLUMN said_now TYPE text USING said_now::text;
COMMENT ON COLUMN import_intent.groups IS 'As JSON; [] once it is written down.';
COMMENT ON COLUMN import_change.altered IS 'As JSON: fields before and after.';
