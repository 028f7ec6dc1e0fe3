-- +goose Up

-- What a migration demands of binaries: one that takes something away inserts
-- its version with the newest schema version that binaries must know to go on
-- working. See docs/adr/0002-schema-range.md.
CREATE TABLE schema_floor (
    version       INTEGER NOT NULL PRIMARY KEY,
    oldest_binary INTEGER NOT NULL
);

-- Nonces of signed requests until they expire.
CREATE TABLE nonces (
    merchant_id TEXT    NOT NULL,
    nonce       TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, nonce)
) WITHOUT ROWID;
CREATE INDEX nonces_expired ON nonces (expires_at);

CREATE TABLE payments (
    id                 TEXT    NOT NULL PRIMARY KEY,
    merchant_id        TEXT    NOT NULL,
    merchant_order_no  TEXT    NOT NULL,
    amount_minor       INTEGER NOT NULL CHECK (amount_minor > 0),
    currency           TEXT    NOT NULL,
    subject            TEXT    NOT NULL,
    scene              TEXT    NOT NULL,
    pinned_channel     TEXT    NOT NULL,
    payer_id           BLOB,
    client_ip          BLOB,
    return_url         TEXT    NOT NULL,
    notify_url         TEXT    NOT NULL,
    customer_id        TEXT    NOT NULL,
    region             TEXT    NOT NULL,
    metadata           TEXT,
    late_policy        TEXT    NOT NULL,
    request_hash       TEXT    NOT NULL,
    status             TEXT    NOT NULL,
    channel            TEXT    NOT NULL,
    account_id         TEXT    NOT NULL,
    channel_trade_no   TEXT    NOT NULL,
    current_attempt_id TEXT    NOT NULL,
    counted_attempt_id TEXT    NOT NULL,
    action             TEXT,
    action_expires_at  INTEGER,
    failure            TEXT,
    close_requested    INTEGER NOT NULL,
    paid_minor         INTEGER NOT NULL CHECK (paid_minor >= 0),
    reserved_minor     INTEGER NOT NULL DEFAULT 0 CHECK (reserved_minor >= 0),
    refunded_minor     INTEGER NOT NULL CHECK (refunded_minor >= 0),
    fee_minor          INTEGER NOT NULL,
    sequence           INTEGER NOT NULL,
    version            INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER,
    paid_at            INTEGER,
    closed_at          INTEGER,
    late_until         INTEGER
);
CREATE UNIQUE INDEX payments_order_no ON payments (merchant_id, merchant_order_no);
CREATE INDEX payments_newest ON payments (merchant_id, created_at, id);
CREATE INDEX payments_by_status ON payments (merchant_id, status, created_at, id);
CREATE INDEX payments_by_channel ON payments (merchant_id, channel, created_at, id);
CREATE INDEX payments_by_customer ON payments (merchant_id, customer_id, created_at, id);

CREATE TABLE attempts (
    id               TEXT    NOT NULL PRIMARY KEY,
    payment_id       TEXT    NOT NULL,
    merchant_id      TEXT    NOT NULL,
    channel          TEXT    NOT NULL,
    account_id       TEXT    NOT NULL,
    scene            TEXT    NOT NULL,
    amount_minor     INTEGER NOT NULL,
    currency         TEXT    NOT NULL,
    status           TEXT    NOT NULL,
    counted          INTEGER NOT NULL,
    channel_trade_no TEXT    NOT NULL,
    failure          TEXT,
    decision         TEXT    NOT NULL,
    owner            TEXT    NOT NULL,
    deadline         INTEGER,
    submitted_at     INTEGER,
    expires_at       INTEGER,
    late_until       INTEGER,
    next_check_at    INTEGER,
    checks           INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    paid_at          INTEGER,
    updated_at       INTEGER,
    lease_owner      TEXT    NOT NULL DEFAULT '',
    lease_until      INTEGER NOT NULL DEFAULT 0,
    fence            INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX attempts_of_payment ON attempts (payment_id, created_at, id);
CREATE INDEX attempts_due ON attempts (next_check_at, id) WHERE next_check_at IS NOT NULL;
CREATE INDEX attempts_of_account ON attempts (account_id, created_at);

CREATE TABLE refunds (
    id                 TEXT    NOT NULL PRIMARY KEY,
    payment_id         TEXT    NOT NULL,
    attempt_id         TEXT    NOT NULL,
    merchant_id        TEXT    NOT NULL,
    channel            TEXT    NOT NULL,
    account_id         TEXT    NOT NULL,
    merchant_refund_no TEXT,
    auto_key           TEXT,
    initiator          TEXT    NOT NULL,
    amount_minor       INTEGER NOT NULL CHECK (amount_minor > 0),
    currency           TEXT    NOT NULL,
    reason             TEXT    NOT NULL,
    notify_url         TEXT    NOT NULL,
    request_hash       TEXT    NOT NULL,
    status             TEXT    NOT NULL,
    channel_refund_no  TEXT    NOT NULL,
    failure            TEXT,
    reserved           INTEGER NOT NULL,
    owner              TEXT    NOT NULL,
    deadline           INTEGER,
    submitted_at       INTEGER,
    next_check_at      INTEGER,
    checks             INTEGER NOT NULL,
    version            INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    succeeded_at       INTEGER,
    updated_at         INTEGER,
    lease_owner        TEXT    NOT NULL DEFAULT '',
    lease_until        INTEGER NOT NULL DEFAULT 0,
    fence              INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX refunds_refund_no ON refunds (merchant_id, merchant_refund_no);
CREATE UNIQUE INDEX refunds_auto_key ON refunds (auto_key);
CREATE INDEX refunds_of_payment ON refunds (payment_id, created_at, id);
CREATE INDEX refunds_newest ON refunds (merchant_id, created_at, id);
CREATE INDEX refunds_by_status ON refunds (merchant_id, status, created_at, id);
CREATE INDEX refunds_due ON refunds (next_check_at, id) WHERE next_check_at IS NOT NULL;
CREATE INDEX refunds_of_account ON refunds (account_id, created_at);

-- The history of a payment with its attempts and refunds.
CREATE TABLE changes (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_id  TEXT    NOT NULL,
    attempt_id  TEXT    NOT NULL,
    refund_id   TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    from_status TEXT    NOT NULL,
    to_status   TEXT    NOT NULL,
    cause       TEXT    NOT NULL,
    detail      TEXT    NOT NULL,
    at          INTEGER NOT NULL
);
CREATE INDEX changes_of_payment ON changes (payment_id, number);

-- Differences that the core found; one per kind and attempt (or refund).
CREATE TABLE discrepancies (
    kind            TEXT    NOT NULL,
    subject_id      TEXT    NOT NULL,
    merchant_id     TEXT    NOT NULL,
    payment_id      TEXT    NOT NULL,
    attempt_id      TEXT    NOT NULL,
    refund_id       TEXT    NOT NULL,
    account_id      TEXT    NOT NULL,
    ours_minor      INTEGER,
    ours_currency   TEXT,
    theirs_minor    INTEGER,
    theirs_currency TEXT,
    detail          TEXT    NOT NULL,
    at              INTEGER NOT NULL,
    PRIMARY KEY (subject_id, kind)
) WITHOUT ROWID;
CREATE INDEX discrepancies_of_account ON discrepancies (account_id, at);
CREATE INDEX discrepancies_of_payment ON discrepancies (payment_id);
