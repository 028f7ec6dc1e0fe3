-- +goose Up

-- Data definition commits by itself here, so every statement can be repeated
-- after a crash between two of them.

-- What a migration demands of binaries: one that takes something away inserts
-- its version with the newest schema version that binaries must know to go on
-- working. See docs/adr/0002-schema-range.md.
CREATE TABLE IF NOT EXISTS schema_floor (
    version            BIGINT          NOT NULL PRIMARY KEY,
    oldest_binary      BIGINT          NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Nonces of signed requests until they expire.
CREATE TABLE IF NOT EXISTS nonces (
    merchant_id        VARCHAR(64)     NOT NULL,
    nonce              VARCHAR(128)    NOT NULL,
    expires_at         BIGINT          NOT NULL,
    PRIMARY KEY (merchant_id, nonce),
    KEY nonces_expired (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS payments (
    id                 VARCHAR(64)     NOT NULL PRIMARY KEY,
    merchant_id        VARCHAR(64)     NOT NULL,
    merchant_order_no  VARCHAR(128)    NOT NULL,
    amount_minor       BIGINT          NOT NULL CHECK (amount_minor > 0),
    currency           CHAR(3)         NOT NULL,
    subject            VARCHAR(255)    NOT NULL,
    scene              VARCHAR(32)     NOT NULL,
    pinned_channel     VARCHAR(32)     NOT NULL,
    payer_id           VARBINARY(1024),
    client_ip          VARBINARY(1024),
    return_url         VARCHAR(2048)   NOT NULL,
    notify_url         VARCHAR(2048)   NOT NULL,
    customer_id        VARCHAR(128)    NOT NULL,
    region             VARCHAR(128)    NOT NULL,
    metadata           MEDIUMTEXT,
    late_policy        VARCHAR(32)     NOT NULL,
    request_hash       VARCHAR(64)     NOT NULL,
    status             VARCHAR(32)     NOT NULL,
    channel            VARCHAR(32)     NOT NULL,
    account_id         VARCHAR(64)     NOT NULL,
    channel_trade_no   VARCHAR(255)    NOT NULL,
    current_attempt_id VARCHAR(64)     NOT NULL,
    counted_attempt_id VARCHAR(64)     NOT NULL,
    action             MEDIUMTEXT,
    action_expires_at  BIGINT,
    failure            MEDIUMTEXT,
    close_requested    TINYINT         NOT NULL,
    paid_minor         BIGINT          NOT NULL CHECK (paid_minor >= 0),
    reserved_minor     BIGINT          NOT NULL DEFAULT 0 CHECK (reserved_minor >= 0),
    refunded_minor     BIGINT          NOT NULL CHECK (refunded_minor >= 0),
    fee_minor          BIGINT          NOT NULL,
    sequence           BIGINT          NOT NULL,
    version            BIGINT          NOT NULL,
    created_at         BIGINT          NOT NULL,
    expires_at         BIGINT,
    paid_at            BIGINT,
    closed_at          BIGINT,
    late_until         BIGINT,
    UNIQUE KEY payments_order_no (merchant_id, merchant_order_no),
    KEY payments_newest (merchant_id, created_at, id),
    KEY payments_by_status (merchant_id, status, created_at, id),
    KEY payments_by_channel (merchant_id, channel, created_at, id),
    KEY payments_by_customer (merchant_id, customer_id, created_at, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS attempts (
    id                 VARCHAR(64)     NOT NULL PRIMARY KEY,
    payment_id         VARCHAR(64)     NOT NULL,
    merchant_id        VARCHAR(64)     NOT NULL,
    channel            VARCHAR(32)     NOT NULL,
    account_id         VARCHAR(64)     NOT NULL,
    scene              VARCHAR(32)     NOT NULL,
    amount_minor       BIGINT          NOT NULL,
    currency           CHAR(3)         NOT NULL,
    status             VARCHAR(32)     NOT NULL,
    counted            TINYINT         NOT NULL,
    channel_trade_no   VARCHAR(255)    NOT NULL,
    failure            MEDIUMTEXT,
    decision           MEDIUMTEXT      NOT NULL,
    owner              VARCHAR(255)    NOT NULL,
    deadline           BIGINT,
    submitted_at       BIGINT,
    expires_at         BIGINT,
    late_until         BIGINT,
    next_check_at      BIGINT,
    checks             INT             NOT NULL,
    created_at         BIGINT          NOT NULL,
    paid_at            BIGINT,
    updated_at         BIGINT,
    lease_owner        VARCHAR(255)    NOT NULL DEFAULT '',
    lease_until        BIGINT          NOT NULL DEFAULT 0,
    fence              BIGINT          NOT NULL DEFAULT 0,
    KEY attempts_of_payment (payment_id, created_at, id),
    KEY attempts_due (next_check_at, id),
    KEY attempts_of_account (account_id, created_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS refunds (
    id                 VARCHAR(64)     NOT NULL PRIMARY KEY,
    payment_id         VARCHAR(64)     NOT NULL,
    attempt_id         VARCHAR(64)     NOT NULL,
    merchant_id        VARCHAR(64)     NOT NULL,
    channel            VARCHAR(32)     NOT NULL,
    account_id         VARCHAR(64)     NOT NULL,
    merchant_refund_no VARCHAR(128),
    auto_key           VARCHAR(128),
    initiator          VARCHAR(32)     NOT NULL,
    amount_minor       BIGINT          NOT NULL CHECK (amount_minor > 0),
    currency           CHAR(3)         NOT NULL,
    reason             VARCHAR(255)    NOT NULL,
    notify_url         VARCHAR(2048)   NOT NULL,
    request_hash       VARCHAR(64)     NOT NULL,
    status             VARCHAR(32)     NOT NULL,
    channel_refund_no  VARCHAR(255)    NOT NULL,
    failure            MEDIUMTEXT,
    reserved           TINYINT         NOT NULL,
    owner              VARCHAR(255)    NOT NULL,
    deadline           BIGINT,
    submitted_at       BIGINT,
    next_check_at      BIGINT,
    checks             INT             NOT NULL,
    version            BIGINT          NOT NULL,
    created_at         BIGINT          NOT NULL,
    succeeded_at       BIGINT,
    updated_at         BIGINT,
    lease_owner        VARCHAR(255)    NOT NULL DEFAULT '',
    lease_until        BIGINT          NOT NULL DEFAULT 0,
    fence              BIGINT          NOT NULL DEFAULT 0,
    UNIQUE KEY refunds_refund_no (merchant_id, merchant_refund_no),
    UNIQUE KEY refunds_auto_key (auto_key),
    KEY refunds_of_payment (payment_id, created_at, id),
    KEY refunds_newest (merchant_id, created_at, id),
    KEY refunds_by_status (merchant_id, status, created_at, id),
    KEY refunds_due (next_check_at, id),
    KEY refunds_of_account (account_id, created_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- The history of a payment with its attempts and refunds.
CREATE TABLE IF NOT EXISTS changes (
    number             BIGINT          NOT NULL PRIMARY KEY AUTO_INCREMENT,
    payment_id         VARCHAR(64)     NOT NULL,
    attempt_id         VARCHAR(64)     NOT NULL,
    refund_id          VARCHAR(64)     NOT NULL,
    kind               VARCHAR(32)     NOT NULL,
    from_status        VARCHAR(32)     NOT NULL,
    to_status          VARCHAR(32)     NOT NULL,
    cause              VARCHAR(255)    NOT NULL,
    detail             TEXT            NOT NULL,
    at                 BIGINT          NOT NULL,
    KEY changes_of_payment (payment_id, number)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Differences that the core found; one per kind and attempt (or refund).
CREATE TABLE IF NOT EXISTS discrepancies (
    kind               VARCHAR(32)     NOT NULL,
    subject_id         VARCHAR(64)     NOT NULL,
    merchant_id        VARCHAR(64)     NOT NULL,
    payment_id         VARCHAR(64)     NOT NULL,
    attempt_id         VARCHAR(64)     NOT NULL,
    refund_id          VARCHAR(64)     NOT NULL,
    account_id         VARCHAR(64)     NOT NULL,
    ours_minor         BIGINT,
    ours_currency      CHAR(3),
    theirs_minor       BIGINT,
    theirs_currency    CHAR(3),
    detail             TEXT            NOT NULL,
    at                 BIGINT          NOT NULL,
    PRIMARY KEY (subject_id, kind),
    KEY discrepancies_of_account (account_id, at),
    KEY discrepancies_of_payment (payment_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
