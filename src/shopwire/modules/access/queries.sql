-- load_access_account --
-- Accounts by name.
SELECT a.tenant, a.account, a.version, a.closed, a.password_hash, a.void_before_ms, a.grants
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, account)
JOIN access_account a USING (tenant, account)

-- save_access_account --
-- Inserts or replaces accounts.
INSERT INTO access_account (
    tenant, account, version, closed, password_hash, void_before_ms, grants
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::boolean[], $5::text[], $6::bigint[], $7::jsonb[]
)
ON CONFLICT (tenant, account) DO UPDATE SET
    version = excluded.version, closed = excluded.closed, password_hash = excluded.password_hash,
    void_before_ms = excluded.void_before_ms, grants = excluded.grants

-- accounts_decided_about --
-- Everything that keeps a caller out or lets a program in; without the passwords.
SELECT account, closed, void_before_ms, grants::text AS grants FROM access_account WHERE tenant = $1

-- accounts --
-- Accounts for the console and the command line, by name.
SELECT
    account, version, closed, password_hash <> '' AS has_password, void_before_ms,
    grants::text AS grants
FROM access_account WHERE tenant = $1 ORDER BY account LIMIT $2

-- password_of --
-- The hash of an account that is open.
SELECT password_hash FROM access_account WHERE tenant = $1 AND account = $2 AND NOT closed

-- audit_access_documents --
-- Accounts whose document is not what their row gives.
SELECT a.tenant || '/' || a.account AS subject,
    concat_ws(' ', d.version, d.body) AS found, concat_ws(' ', a.version, a.document) AS expected
FROM (
    SELECT tenant, account, version, jsonb_build_object(
        'account', account, 'closed', closed, 'has_password', password_hash <> '',
        'void_before_ms', void_before_ms, 'grants', grants
    ) AS document
    FROM access_account
) a
LEFT JOIN documents d ON d.tenant = a.tenant AND d.topic = 'access:' || a.account
WHERE d.version IS DISTINCT FROM a.version OR d.body::jsonb IS DISTINCT FROM a.document
LIMIT $1
