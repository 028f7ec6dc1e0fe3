-- +goose Up

-- Events and how far their delivery is. Status 'sending' is a pending event that
-- is leased: it stands apart so that looking for due events never passes over
-- leased ones.
CREATE TABLE IF NOT EXISTS events (
    id            VARCHAR(64)  NOT NULL PRIMARY KEY,
    merchant_id   VARCHAR(64)  NOT NULL,
    type          VARCHAR(64)  NOT NULL,
    payment_id    VARCHAR(64),
    refund_id     VARCHAR(64),
    sequence      BIGINT,
    body          MEDIUMBLOB   NOT NULL,
    notify_url    VARCHAR(2048) NOT NULL,
    endpoint      VARCHAR(128) NOT NULL,
    created_at    BIGINT       NOT NULL,
    status        VARCHAR(16)  NOT NULL,
    reason        VARCHAR(255) NOT NULL DEFAULT '',
    attempts      INT          NOT NULL DEFAULT 0,
    step          INT          NOT NULL DEFAULT 0,
    early         TINYINT      NOT NULL DEFAULT 0,
    next_at       BIGINT       NOT NULL,
    delivered_at  BIGINT,
    last_error    VARCHAR(512) NOT NULL DEFAULT '',
    lease_owner   VARCHAR(255) NOT NULL DEFAULT '',
    lease_until   BIGINT       NOT NULL DEFAULT 0,
    fence         BIGINT       NOT NULL DEFAULT 0,
    resends_asked BIGINT       NOT NULL DEFAULT 0,
    resends_done  BIGINT       NOT NULL DEFAULT 0,
    KEY events_due (status, endpoint, next_at),
    UNIQUE KEY events_of_payment (payment_id, sequence),
    KEY events_of_merchant (merchant_id, created_at, id),
    KEY events_by_status (merchant_id, status, created_at, id),
    KEY events_by_type (merchant_id, type, created_at, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Every try to deliver an event.
CREATE TABLE IF NOT EXISTS deliveries (
    event_id    VARCHAR(64)  NOT NULL,
    number      INT          NOT NULL,
    at          BIGINT       NOT NULL,
    duration_ms BIGINT       NOT NULL,
    http_status INT          NOT NULL,
    error       VARCHAR(512) NOT NULL,
    response    VARCHAR(512) NOT NULL,
    PRIMARY KEY (event_id, number)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Endpoints that answered 410, until they are enabled again.
CREATE TABLE IF NOT EXISTS disabled_endpoints (
    endpoint    VARCHAR(128)  NOT NULL PRIMARY KEY,
    merchant_id VARCHAR(64)   NOT NULL,
    notify_url  VARCHAR(2048) NOT NULL,
    disabled_at BIGINT        NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Verified callbacks of the channels, raw and sealed.
CREATE TABLE IF NOT EXISTS notifications (
    id            VARCHAR(64)  NOT NULL PRIMARY KEY,
    channel       VARCHAR(32)  NOT NULL,
    account_id    VARCHAR(64)  NOT NULL,
    digest        VARCHAR(64)  NOT NULL,
    sealed_header MEDIUMBLOB   NOT NULL,
    sealed_body   MEDIUMBLOB   NOT NULL,
    attempt_id    VARCHAR(128) NOT NULL,
    payment_id    VARCHAR(64)  NOT NULL,
    verdict       VARCHAR(16)  NOT NULL,
    detail        VARCHAR(512) NOT NULL,
    copies        BIGINT       NOT NULL DEFAULT 1,
    received_at   BIGINT       NOT NULL,
    last_at       BIGINT       NOT NULL,
    UNIQUE KEY notifications_once (account_id, digest),
    KEY notifications_of_payment (payment_id, received_at),
    KEY notifications_by_verdict (account_id, verdict, received_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- A bounded sample of callbacks that failed verification, sealed.
CREATE TABLE IF NOT EXISTS rejected_notifications (
    id            VARCHAR(64) NOT NULL PRIMARY KEY,
    channel       VARCHAR(32) NOT NULL,
    account_id    VARCHAR(64) NOT NULL,
    sealed_header MEDIUMBLOB  NOT NULL,
    sealed_body   MEDIUMBLOB  NOT NULL,
    reason        VARCHAR(64) NOT NULL,
    received_at   BIGINT      NOT NULL,
    KEY rejected_notifications_of_account (account_id, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
