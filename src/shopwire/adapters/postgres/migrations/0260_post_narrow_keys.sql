-- What each hold, sale and answer has to write besides its row.

-- A ledger's page is found by the numbers of its pools' lines, in which the time grows as well.
DROP INDEX stock_ledger_by_time;

-- Nearly all answers have their shop, their principal and their operation in common: compared last,
-- they cost nothing. The columns are the same, so whoever names them finds this key as before.
ALTER TABLE idempotency
    DROP CONSTRAINT idempotency_pkey,
    ADD PRIMARY KEY (key, operation, principal, tenant);
