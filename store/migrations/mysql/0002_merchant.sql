-- +goose Up

-- The customers of the gateway.
CREATE TABLE IF NOT EXISTS merchants (
    id               VARCHAR(64)   NOT NULL PRIMARY KEY,
    name             VARCHAR(64)   NOT NULL,
    status           VARCHAR(16)   NOT NULL,
    notify_url       VARCHAR(2048) NOT NULL,
    late_policy      VARCHAR(16)   NOT NULL,
    answer_algorithm VARCHAR(16)   NOT NULL,
    created_at       BIGINT        NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Their public keys. A serial is unique in the installation: the signed text
-- does not name the merchant, so a key must.
CREATE TABLE IF NOT EXISTS merchant_keys (
    serial      VARCHAR(64) NOT NULL PRIMARY KEY,
    merchant_id VARCHAR(64) NOT NULL,
    public_key  TEXT        NOT NULL,
    created_at  BIGINT      NOT NULL,
    revoked_at  BIGINT,
    KEY merchant_keys_of_merchant (merchant_id, created_at, serial)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- What signs their webhooks, sealed. Until retired_at a replaced one signs too.
CREATE TABLE IF NOT EXISTS webhook_secrets (
    id          VARCHAR(64) NOT NULL PRIMARY KEY,
    merchant_id VARCHAR(64) NOT NULL,
    secret      MEDIUMBLOB  NOT NULL,
    created_at  BIGINT      NOT NULL,
    retired_at  BIGINT,
    KEY webhook_secrets_of_merchant (merchant_id, created_at, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Their accounts at channels; the credentials are sealed and counted by version.
CREATE TABLE IF NOT EXISTS accounts (
    id           VARCHAR(64)  NOT NULL PRIMARY KEY,
    merchant_id  VARCHAR(64)  NOT NULL,
    channel      VARCHAR(32)  NOT NULL,
    enabled      TINYINT      NOT NULL,
    weight       INT          NOT NULL,
    fee_rate_ppm BIGINT       NOT NULL,
    min_amount   BIGINT       NOT NULL,
    max_amount   BIGINT       NOT NULL,
    scenes       VARCHAR(255) NOT NULL,
    identity     VARCHAR(190) NOT NULL,
    version      BIGINT       NOT NULL,
    credentials  MEDIUMBLOB   NOT NULL,
    created_at   BIGINT       NOT NULL,
    UNIQUE KEY accounts_identity (channel, identity),
    KEY accounts_of_merchant (merchant_id, created_at, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- The gateway's own keys, which sign its answers, sealed. The generation keeps
-- replicas that start together from making several.
CREATE TABLE IF NOT EXISTS platform_keys (
    serial      VARCHAR(64) NOT NULL PRIMARY KEY,
    algorithm   VARCHAR(16) NOT NULL,
    generation  BIGINT      NOT NULL,
    private_key MEDIUMBLOB  NOT NULL,
    created_at  BIGINT      NOT NULL,
    retired_at  BIGINT,
    UNIQUE KEY platform_keys_generation (algorithm, generation)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
