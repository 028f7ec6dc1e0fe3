-- +goose Up

-- Business days are written 2006-01-02; see the SQLite form for what the tables are.

-- Business days of accounts: how far each is, and who works on it. Days are
-- written 2006-01-02.
CREATE TABLE IF NOT EXISTS reconcile_days (
    account_id           VARCHAR(64)   NOT NULL,
    day                  CHAR(10)      NOT NULL,
    merchant_id          VARCHAR(64)   NOT NULL,
    channel              VARCHAR(32)   NOT NULL,
    -- planned: the schedule has taken the day up; a run by hand has not.
    planned              BIGINT        NOT NULL DEFAULT 0,
    next_try_at          BIGINT,
    tries                BIGINT        NOT NULL DEFAULT 0,
    -- late_at is when the alarm of a bill that does not come was raised.
    late_at              BIGINT,
    finished_at          BIGINT,
    -- waiting: rows at the beginning of the day wait for the day before.
    waiting              BIGINT        NOT NULL DEFAULT 0,
    -- statement_due: the merchant's statement is older than the result.
    statement_due        BIGINT        NOT NULL DEFAULT 0,
    lease_owner          VARCHAR(255)  NOT NULL DEFAULT '',
    lease_until          BIGINT        NOT NULL DEFAULT 0,
    fence                BIGINT        NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, day),
    KEY reconcile_days_due (next_try_at),
    KEY reconcile_days_of_merchant (merchant_id, day),
    KEY reconcile_days_statements (statement_due, merchant_id, day)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Results, in versions; an old version is never changed.
CREATE TABLE IF NOT EXISTS reconciliations (
    id                   VARCHAR(96)   NOT NULL PRIMARY KEY,
    account_id           VARCHAR(64)   NOT NULL,
    day                  CHAR(10)      NOT NULL,
    version              BIGINT        NOT NULL,
    merchant_id          VARCHAR(64)   NOT NULL,
    channel              VARCHAR(32)   NOT NULL,
    newest               BIGINT        NOT NULL,
    status               VARCHAR(16)   NOT NULL,
    matched              BIGINT        NOT NULL,
    carried              BIGINT        NOT NULL,
    open_count           BIGINT        NOT NULL,
    repaired_count       BIGINT        NOT NULL,
    resolved_count       BIGINT        NOT NULL,
    currency             CHAR(3)       NOT NULL,
    ours_payments        BIGINT        NOT NULL,
    ours_refunds         BIGINT        NOT NULL,
    ours_payment_minor   BIGINT        NOT NULL,
    ours_refund_minor    BIGINT        NOT NULL,
    ours_fee_minor       BIGINT        NOT NULL,
    theirs_payments      BIGINT        NOT NULL,
    theirs_refunds       BIGINT        NOT NULL,
    theirs_payment_minor BIGINT        NOT NULL,
    theirs_refund_minor  BIGINT        NOT NULL,
    theirs_fee_minor     BIGINT        NOT NULL,
    bills                MEDIUMTEXT    NOT NULL,
    failure              VARCHAR(1024) NOT NULL,
    result_digest        CHAR(64)      NOT NULL,
    created_at           BIGINT        NOT NULL,
    updated_at           BIGINT        NOT NULL,
    finished_at          BIGINT,
    UNIQUE KEY reconciliations_version (account_id, day, version),
    KEY reconciliations_of_merchant (merchant_id, day, account_id, version),
    KEY reconciliations_by_day (day, account_id, version)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Differences, each once for its account, subject and kind, however often it is
-- found; what the core finds by itself stays in discrepancies and is taken over
-- by the run of its day.
CREATE TABLE IF NOT EXISTS reconcile_discrepancies (
    id                   VARCHAR(96)   NOT NULL PRIMARY KEY,
    account_id           VARCHAR(64)   NOT NULL,
    subject_id           VARCHAR(255)  NOT NULL,
    kind                 VARCHAR(32)   NOT NULL,
    reconciliation_id    VARCHAR(96)   NOT NULL,
    day                  CHAR(10)      NOT NULL,
    merchant_id          VARCHAR(64)   NOT NULL,
    channel              VARCHAR(32)   NOT NULL,
    status               VARCHAR(16)   NOT NULL,
    ours                 MEDIUMTEXT,
    theirs               MEDIUMTEXT,
    detail               VARCHAR(1024) NOT NULL,
    evidence             VARCHAR(2048) NOT NULL,
    assignee             VARCHAR(128)  NOT NULL,
    proposed_by          VARCHAR(128)  NOT NULL,
    approved_by          VARCHAR(128)  NOT NULL,
    resolution           TEXT          NOT NULL,
    found_at             BIGINT        NOT NULL,
    updated_at           BIGINT        NOT NULL,
    resolved_at          BIGINT,
    version              BIGINT        NOT NULL,
    UNIQUE KEY reconcile_discrepancies_once (account_id, subject_id, kind),
    KEY reconcile_discrepancies_newest (found_at, id),
    KEY reconcile_discrepancies_of_merchant (merchant_id, found_at, id),
    KEY reconcile_discrepancies_by_status (merchant_id, status, found_at, id),
    KEY reconcile_discrepancies_of_day (account_id, day)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Which version found which differences. When a version is followed by another,
-- status keeps how each stood then; until then it is empty.
CREATE TABLE IF NOT EXISTS reconcile_found (
    reconciliation_id    VARCHAR(96)   NOT NULL,
    discrepancy_id       VARCHAR(96)   NOT NULL,
    status               VARCHAR(16)   NOT NULL DEFAULT '',
    PRIMARY KEY (reconciliation_id, discrepancy_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reconcile_comments (
    id                   VARCHAR(96)   NOT NULL PRIMARY KEY,
    discrepancy_id       VARCHAR(96)   NOT NULL,
    author               VARCHAR(128)  NOT NULL,
    text                 TEXT          NOT NULL,
    at                   BIGINT        NOT NULL,
    KEY reconcile_comments_of_discrepancy (discrepancy_id, at, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Rows of ours whose own day and whose bill's day are two: bill_day is empty
-- while the next day's bill is still to decide.
CREATE TABLE IF NOT EXISTS reconcile_pool (
    account_id           VARCHAR(64)   NOT NULL,
    subject_id           VARCHAR(255)  NOT NULL,
    refund               BIGINT        NOT NULL,
    home_day             CHAR(10)      NOT NULL,
    bill_day             CHAR(10)      NOT NULL,
    PRIMARY KEY (account_id, subject_id),
    KEY reconcile_pool_home (account_id, home_day),
    KEY reconcile_pool_bill (account_id, bill_day)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS statements (
    merchant_id          VARCHAR(64)   NOT NULL,
    day                  CHAR(10)      NOT NULL,
    version              BIGINT        NOT NULL,
    csv_digest           CHAR(64)      NOT NULL,
    csv_size             BIGINT        NOT NULL,
    xlsx_digest          CHAR(64)      NOT NULL,
    xlsx_size            BIGINT        NOT NULL,
    row_count            BIGINT        NOT NULL,
    rows_digest          CHAR(64)      NOT NULL,
    created_at           BIGINT        NOT NULL,
    PRIMARY KEY (merchant_id, day, version)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Files by the SHA-256 of their bytes, in sealed pieces. A file without
-- completed_at is still being written, or its writer died.
CREATE TABLE IF NOT EXISTS archive_files (
    digest               CHAR(64)      NOT NULL PRIMARY KEY,
    class                VARCHAR(16)   NOT NULL,
    name                 VARCHAR(255)  NOT NULL,
    content_type         VARCHAR(128)  NOT NULL,
    size                 BIGINT        NOT NULL,
    chunk_size           BIGINT        NOT NULL,
    stored_at            BIGINT        NOT NULL,
    completed_at         BIGINT,
    KEY archive_files_by_age (class, stored_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS archive_chunks (
    id                   VARCHAR(96)   NOT NULL PRIMARY KEY,
    sealed               MEDIUMBLOB    NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- MySQL knows no CREATE INDEX IF NOT EXISTS.
SET @paymux_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE attempts ADD INDEX attempts_paid (account_id, paid_at, id)', 'DO 0')
    FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'attempts' AND index_name = 'attempts_paid');
PREPARE paymux_add FROM @paymux_add;
EXECUTE paymux_add;
DEALLOCATE PREPARE paymux_add;

SET @paymux_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE refunds ADD INDEX refunds_succeeded (account_id, succeeded_at, id)', 'DO 0')
    FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'refunds' AND index_name = 'refunds_succeeded');
PREPARE paymux_add FROM @paymux_add;
EXECUTE paymux_add;
DEALLOCATE PREPARE paymux_add;

SET @paymux_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE refunds ADD INDEX refunds_submitted (account_id, submitted_at, id)', 'DO 0')
    FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'refunds' AND index_name = 'refunds_submitted');
PREPARE paymux_add FROM @paymux_add;
EXECUTE paymux_add;
DEALLOCATE PREPARE paymux_add;
