-- Accounts: who may log in, which sessions are over, what programs were granted.

CREATE TABLE access_account (
    tenant text NOT NULL,
    account text NOT NULL CHECK (account ~ '^(shopper|operator|supplier|service):.'),
    version bigint NOT NULL CHECK (version > 0),
    closed boolean NOT NULL,
    password_hash text NOT NULL CHECK (password_hash = '' OR password_hash LIKE '$argon2id$%'),
    void_before_ms bigint NOT NULL CHECK (void_before_ms >= 0),
    grants jsonb NOT NULL CHECK (jsonb_typeof(grants) = 'array'),
    PRIMARY KEY (tenant, account)
);
COMMENT ON TABLE access_account IS 'What was decided about somebody who comes with a token.';
COMMENT ON COLUMN access_account.password_hash IS 'Argon2id; empty for an account without one.';
