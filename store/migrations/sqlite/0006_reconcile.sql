-- +goose Up

-- Business days of accounts: how far each is, and who works on it. Days are
-- written 2006-01-02.
CREATE TABLE reconcile_days (
    account_id        TEXT    NOT NULL,
    day               TEXT    NOT NULL,
    merchant_id       TEXT    NOT NULL,
    channel           TEXT    NOT NULL,
    -- planned: the schedule has taken the day up; a run by hand has not.
    planned           INTEGER NOT NULL DEFAULT 0,
    next_try_at       INTEGER,
    tries             INTEGER NOT NULL DEFAULT 0,
    -- late_at is when the alarm of a bill that does not come was raised.
    late_at           INTEGER,
    finished_at       INTEGER,
    -- waiting: rows at the beginning of the day wait for the day before.
    waiting           INTEGER NOT NULL DEFAULT 0,
    -- statement_due: the merchant's statement is older than the result.
    statement_due     INTEGER NOT NULL DEFAULT 0,
    lease_owner       TEXT    NOT NULL DEFAULT '',
    lease_until       INTEGER NOT NULL DEFAULT 0,
    fence             INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, day)
) WITHOUT ROWID;
CREATE INDEX reconcile_days_due ON reconcile_days (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX reconcile_days_of_merchant ON reconcile_days (merchant_id, day);
CREATE INDEX reconcile_days_statements ON reconcile_days (statement_due, merchant_id, day);

-- Results, in versions; an old version is never changed.
CREATE TABLE reconciliations (
    id                   TEXT    NOT NULL PRIMARY KEY,
    account_id           TEXT    NOT NULL,
    day                  TEXT    NOT NULL,
    version              INTEGER NOT NULL,
    merchant_id          TEXT    NOT NULL,
    channel              TEXT    NOT NULL,
    newest               INTEGER NOT NULL,
    status               TEXT    NOT NULL,
    matched              INTEGER NOT NULL,
    carried              INTEGER NOT NULL,
    open_count           INTEGER NOT NULL,
    repaired_count       INTEGER NOT NULL,
    resolved_count       INTEGER NOT NULL,
    currency             TEXT    NOT NULL,
    ours_payments        INTEGER NOT NULL,
    ours_refunds         INTEGER NOT NULL,
    ours_payment_minor   INTEGER NOT NULL,
    ours_refund_minor    INTEGER NOT NULL,
    ours_fee_minor       INTEGER NOT NULL,
    theirs_payments      INTEGER NOT NULL,
    theirs_refunds       INTEGER NOT NULL,
    theirs_payment_minor INTEGER NOT NULL,
    theirs_refund_minor  INTEGER NOT NULL,
    theirs_fee_minor     INTEGER NOT NULL,
    bills                TEXT    NOT NULL,
    failure              TEXT    NOT NULL,
    result_digest        TEXT    NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    finished_at          INTEGER
);
CREATE UNIQUE INDEX reconciliations_version ON reconciliations (account_id, day, version);
CREATE INDEX reconciliations_of_merchant ON reconciliations (merchant_id, day, account_id, version);
CREATE INDEX reconciliations_by_day ON reconciliations (day, account_id, version);

-- Differences, each once for its account, subject and kind, however often it is
-- found; what the core finds by itself stays in discrepancies and is taken over
-- by the run of its day.
CREATE TABLE reconcile_discrepancies (
    id                TEXT    NOT NULL PRIMARY KEY,
    account_id        TEXT    NOT NULL,
    subject_id        TEXT    NOT NULL,
    kind              TEXT    NOT NULL,
    reconciliation_id TEXT    NOT NULL,
    day               TEXT    NOT NULL,
    merchant_id       TEXT    NOT NULL,
    channel           TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    ours              TEXT,
    theirs            TEXT,
    detail            TEXT    NOT NULL,
    evidence          TEXT    NOT NULL,
    assignee          TEXT    NOT NULL,
    proposed_by       TEXT    NOT NULL,
    approved_by       TEXT    NOT NULL,
    resolution        TEXT    NOT NULL,
    found_at          INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    resolved_at       INTEGER,
    version           INTEGER NOT NULL
);
CREATE UNIQUE INDEX reconcile_discrepancies_once ON reconcile_discrepancies (account_id, subject_id, kind);
CREATE INDEX reconcile_discrepancies_newest ON reconcile_discrepancies (found_at, id);
CREATE INDEX reconcile_discrepancies_of_merchant ON reconcile_discrepancies (merchant_id, found_at, id);
CREATE INDEX reconcile_discrepancies_by_status ON reconcile_discrepancies (merchant_id, status, found_at, id);
CREATE INDEX reconcile_discrepancies_of_day ON reconcile_discrepancies (account_id, day);

-- Which version found which differences. When a version is followed by another,
-- status keeps how each stood then; until then it is empty.
CREATE TABLE reconcile_found (
    reconciliation_id TEXT NOT NULL,
    discrepancy_id    TEXT NOT NULL,
    status            TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (reconciliation_id, discrepancy_id)
) WITHOUT ROWID;

CREATE TABLE reconcile_comments (
    id             TEXT    NOT NULL PRIMARY KEY,
    discrepancy_id TEXT    NOT NULL,
    author         TEXT    NOT NULL,
    text           TEXT    NOT NULL,
    at             INTEGER NOT NULL
);
CREATE INDEX reconcile_comments_of_discrepancy ON reconcile_comments (discrepancy_id, at, id);

-- Rows of ours whose own day and whose bill's day are two: bill_day is empty
-- while the next day's bill is still to decide.
CREATE TABLE reconcile_pool (
    account_id TEXT    NOT NULL,
    subject_id TEXT    NOT NULL,
    refund     INTEGER NOT NULL,
    home_day   TEXT    NOT NULL,
    bill_day   TEXT    NOT NULL,
    PRIMARY KEY (account_id, subject_id)
) WITHOUT ROWID;
CREATE INDEX reconcile_pool_home ON reconcile_pool (account_id, home_day);
CREATE INDEX reconcile_pool_bill ON reconcile_pool (account_id, bill_day);

CREATE TABLE statements (
    merchant_id TEXT    NOT NULL,
    day         TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    csv_digest  TEXT    NOT NULL,
    csv_size    INTEGER NOT NULL,
    xlsx_digest TEXT    NOT NULL,
    xlsx_size   INTEGER NOT NULL,
    row_count   INTEGER NOT NULL,
    rows_digest TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, day, version)
) WITHOUT ROWID;

-- Files by the SHA-256 of their bytes, in sealed pieces. A file without
-- completed_at is still being written, or its writer died.
CREATE TABLE archive_files (
    digest       TEXT    NOT NULL PRIMARY KEY,
    class        TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    size         INTEGER NOT NULL,
    chunk_size   INTEGER NOT NULL,
    stored_at    INTEGER NOT NULL,
    completed_at INTEGER
);
CREATE INDEX archive_files_by_age ON archive_files (class, stored_at);

CREATE TABLE archive_chunks (
    id     TEXT NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL
);

-- A day's movements of an account, page by page.
CREATE INDEX attempts_paid ON attempts (account_id, paid_at, id) WHERE paid_at IS NOT NULL;
CREATE INDEX refunds_succeeded ON refunds (account_id, succeeded_at, id) WHERE succeeded_at IS NOT NULL;
CREATE INDEX refunds_submitted ON refunds (account_id, submitted_at, id) WHERE submitted_at IS NOT NULL;
