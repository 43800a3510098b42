-- use --
-- One row the first time, none after; what is too old goes, as far as nobody else is at it.
WITH gone AS (
    DELETE FROM ticket_used WHERE id IN (
        SELECT id FROM ticket_used WHERE until_ms < $3 AND id <> $1
        ORDER BY until_ms LIMIT $4 FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO ticket_used (id, until_ms) VALUES ($1, $2)
ON CONFLICT (id) DO NOTHING
RETURNING id
