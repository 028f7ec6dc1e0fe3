-- +goose Up

-- The staff who log in to the console. The secrets of the second step are
-- sealed; the password is a hash.
CREATE TABLE IF NOT EXISTS console_users (
    id            VARCHAR(64)  NOT NULL PRIMARY KEY,
    name          VARCHAR(64)  NOT NULL,
    role          VARCHAR(16)  NOT NULL,
    merchant_id   VARCHAR(64)  NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    totp_secret   VARBINARY(1024),
    totp_pending  VARBINARY(1024),
    totp_step     BIGINT       NOT NULL,
    disabled      TINYINT      NOT NULL,
    created_at    BIGINT       NOT NULL,
    updated_at    BIGINT       NOT NULL,
    last_login_at BIGINT,
    version       BIGINT       NOT NULL,
    UNIQUE KEY console_users_name (name),
    KEY console_users_of_merchant (merchant_id, name)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Their logins, by the hash of the browser's token.
CREATE TABLE IF NOT EXISTS console_sessions (
    hash       VARCHAR(64)  NOT NULL PRIMARY KEY,
    user_id    VARCHAR(64)  NOT NULL,
    stage      VARCHAR(16)  NOT NULL,
    address    VARCHAR(64)  NOT NULL,
    created_at BIGINT       NOT NULL,
    seen_at    BIGINT       NOT NULL,
    expires_at BIGINT       NOT NULL,
    KEY console_sessions_of_user (user_id),
    KEY console_sessions_by_end (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Tries to log in, counted in windows.
CREATE TABLE IF NOT EXISTS console_tries (
    name    VARCHAR(64) NOT NULL PRIMARY KEY,
    tries   INT         NOT NULL,
    ends_at BIGINT      NOT NULL,
    KEY console_tries_by_end (ends_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- A payment is looked for by the channel's numbers too.
SET @paymux_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE attempts ADD INDEX attempts_by_channel_no (channel_trade_no)', 'DO 0')
    FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'attempts' AND index_name = 'attempts_by_channel_no');
PREPARE paymux_add FROM @paymux_add;
EXECUTE paymux_add;
DEALLOCATE PREPARE paymux_add;

SET @paymux_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE refunds ADD INDEX refunds_by_channel_no (channel_refund_no)', 'DO 0')
    FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'refunds' AND index_name = 'refunds_by_channel_no');
PREPARE paymux_add FROM @paymux_add;
EXECUTE paymux_add;
DEALLOCATE PREPARE paymux_add;
