-- +goose Up

-- The staff who log in to the console. The secrets of the second step are
-- sealed; the password is a hash.
CREATE TABLE console_users (
    id            TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    merchant_id   TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    totp_secret   BLOB,
    totp_pending  BLOB,
    totp_step     INTEGER NOT NULL,
    disabled      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    last_login_at INTEGER,
    version       INTEGER NOT NULL
);
CREATE UNIQUE INDEX console_users_name ON console_users (name);
CREATE INDEX console_users_of_merchant ON console_users (merchant_id, name);

-- Their logins, by the hash of the browser's token.
CREATE TABLE console_sessions (
    hash       TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL,
    stage      TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX console_sessions_of_user ON console_sessions (user_id);
CREATE INDEX console_sessions_by_end ON console_sessions (expires_at);

-- Tries to log in, counted in windows.
CREATE TABLE console_tries (
    name    TEXT    NOT NULL PRIMARY KEY,
    tries   INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
);
CREATE INDEX console_tries_by_end ON console_tries (ends_at);

-- A payment is looked for by the channel's numbers too.
CREATE INDEX attempts_by_channel_no ON attempts (channel_trade_no) WHERE channel_trade_no <> '';
CREATE INDEX refunds_by_channel_no ON refunds (channel_refund_no) WHERE channel_refund_no <> '';
