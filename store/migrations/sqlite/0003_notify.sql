-- +goose Up

-- Events and how far their delivery is. Status 'sending' is a pending event that
-- is leased: it stands apart so that looking for due events never passes over
-- leased ones.
CREATE TABLE events (
    id            TEXT    NOT NULL PRIMARY KEY,
    merchant_id   TEXT    NOT NULL,
    type          TEXT    NOT NULL,
    payment_id    TEXT,
    refund_id     TEXT,
    sequence      INTEGER,
    body          BLOB    NOT NULL,
    notify_url    TEXT    NOT NULL,
    endpoint      TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    status        TEXT    NOT NULL,
    reason        TEXT    NOT NULL DEFAULT '',
    attempts      INTEGER NOT NULL DEFAULT 0,
    step          INTEGER NOT NULL DEFAULT 0,
    early         INTEGER NOT NULL DEFAULT 0,
    next_at       INTEGER NOT NULL,
    delivered_at  INTEGER,
    last_error    TEXT    NOT NULL DEFAULT '',
    lease_owner   TEXT    NOT NULL DEFAULT '',
    lease_until   INTEGER NOT NULL DEFAULT 0,
    fence         INTEGER NOT NULL DEFAULT 0,
    resends_asked INTEGER NOT NULL DEFAULT 0,
    resends_done  INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX events_due ON events (status, endpoint, next_at);
CREATE UNIQUE INDEX events_of_payment ON events (payment_id, sequence);
CREATE INDEX events_of_merchant ON events (merchant_id, created_at, id);
CREATE INDEX events_by_status ON events (merchant_id, status, created_at, id);
CREATE INDEX events_by_type ON events (merchant_id, type, created_at, id);

-- Every try to deliver an event.
CREATE TABLE deliveries (
    event_id    TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    http_status INTEGER NOT NULL,
    error       TEXT    NOT NULL,
    response    TEXT    NOT NULL,
    PRIMARY KEY (event_id, number)
) WITHOUT ROWID;

-- Endpoints that answered 410, until they are enabled again.
CREATE TABLE disabled_endpoints (
    endpoint    TEXT    NOT NULL PRIMARY KEY,
    merchant_id TEXT    NOT NULL,
    notify_url  TEXT    NOT NULL,
    disabled_at INTEGER NOT NULL
);

-- Verified callbacks of the channels, raw and sealed.
CREATE TABLE notifications (
    id            TEXT    NOT NULL PRIMARY KEY,
    channel       TEXT    NOT NULL,
    account_id    TEXT    NOT NULL,
    digest        TEXT    NOT NULL,
    sealed_header BLOB    NOT NULL,
    sealed_body   BLOB    NOT NULL,
    attempt_id    TEXT    NOT NULL,
    payment_id    TEXT    NOT NULL,
    verdict       TEXT    NOT NULL,
    detail        TEXT    NOT NULL,
    copies        INTEGER NOT NULL DEFAULT 1,
    received_at   INTEGER NOT NULL,
    last_at       INTEGER NOT NULL
);
CREATE UNIQUE INDEX notifications_once ON notifications (account_id, digest);
CREATE INDEX notifications_of_payment ON notifications (payment_id, received_at);
CREATE INDEX notifications_by_verdict ON notifications (account_id, verdict, received_at);

-- A bounded sample of callbacks that failed verification, sealed.
CREATE TABLE rejected_notifications (
    id            TEXT    NOT NULL PRIMARY KEY,
    channel       TEXT    NOT NULL,
    account_id    TEXT    NOT NULL,
    sealed_header BLOB    NOT NULL,
    sealed_body   BLOB    NOT NULL,
    reason        TEXT    NOT NULL,
    received_at   INTEGER NOT NULL
);
CREATE INDEX rejected_notifications_of_account ON rejected_notifications (account_id, id);
