-- +goose Up

-- The customers of the gateway.
CREATE TABLE merchants (
    id               TEXT    NOT NULL PRIMARY KEY,
    name             TEXT    NOT NULL,
    status           TEXT    NOT NULL,
    notify_url       TEXT    NOT NULL,
    late_policy      TEXT    NOT NULL,
    answer_algorithm TEXT    NOT NULL,
    created_at       INTEGER NOT NULL
);

-- Their public keys. A serial is unique in the installation: the signed text
-- does not name the merchant, so a key must.
CREATE TABLE merchant_keys (
    serial      TEXT    NOT NULL PRIMARY KEY,
    merchant_id TEXT    NOT NULL,
    public_key  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER
);
CREATE INDEX merchant_keys_of_merchant ON merchant_keys (merchant_id, created_at, serial);

-- What signs their webhooks, sealed. Until retired_at a replaced one signs too.
CREATE TABLE webhook_secrets (
    id          TEXT    NOT NULL PRIMARY KEY,
    merchant_id TEXT    NOT NULL,
    secret      BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    retired_at  INTEGER
);
CREATE INDEX webhook_secrets_of_merchant ON webhook_secrets (merchant_id, created_at, id);

-- Their accounts at channels; the credentials are sealed and counted by version.
CREATE TABLE accounts (
    id           TEXT    NOT NULL PRIMARY KEY,
    merchant_id  TEXT    NOT NULL,
    channel      TEXT    NOT NULL,
    enabled      INTEGER NOT NULL,
    weight       INTEGER NOT NULL,
    fee_rate_ppm INTEGER NOT NULL,
    min_amount   INTEGER NOT NULL,
    max_amount   INTEGER NOT NULL,
    scenes       TEXT    NOT NULL,
    identity     TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    credentials  BLOB    NOT NULL,
    created_at   INTEGER NOT NULL
);
CREATE UNIQUE INDEX accounts_identity ON accounts (channel, identity);
CREATE INDEX accounts_of_merchant ON accounts (merchant_id, created_at, id);

-- The gateway's own keys, which sign its answers, sealed. The generation keeps
-- replicas that start together from making several.
CREATE TABLE platform_keys (
    serial      TEXT    NOT NULL PRIMARY KEY,
    algorithm   TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    private_key BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    retired_at  INTEGER
);
CREATE UNIQUE INDEX platform_keys_generation ON platform_keys (algorithm, generation);
