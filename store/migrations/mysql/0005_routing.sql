-- +goose Up

-- The merchants' routing rules: every version is kept, the highest one holds.
CREATE TABLE IF NOT EXISTS routing_rules (
    merchant_id VARCHAR(64)  NOT NULL,
    version     BIGINT       NOT NULL,
    generation  BIGINT       NOT NULL,
    document    MEDIUMTEXT   NOT NULL,
    actor       VARCHAR(128) NOT NULL,
    note        VARCHAR(1024) NOT NULL,
    created_at  BIGINT       NOT NULL,
    PRIMARY KEY (merchant_id, version),
    UNIQUE KEY routing_rules_generation (generation)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row: the generation of the newest rules of all. Its lock puts changes in
-- one order, so that a reader who knows a generation misses none before it.
CREATE TABLE IF NOT EXISTS routing_generation (
    id         INT    NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
INSERT IGNORE INTO routing_generation (id, generation) VALUES (1, 0);

-- When accounts take payments; an account without a row always does.
CREATE TABLE IF NOT EXISTS account_hours (
    account_id VARCHAR(64)  NOT NULL PRIMARY KEY,
    hours      VARCHAR(255) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
