-- A run whose process ended before its feed did is told from one whose feed was bad.
ALTER TABLE import_run DROP CONSTRAINT import_run_status_check;
ALTER TABLE import_run ADD CONSTRAINT import_run_status_check CHECK (
    status IN (
        'running', 'held', 'rejected', 'finished', 'failed', 'interrupted', 'undoing', 'undone'
    )
);
