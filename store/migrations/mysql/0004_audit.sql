-- +goose Up

-- What people did: appended to, never changed or removed.
CREATE TABLE IF NOT EXISTS audit (
    id          VARCHAR(64)  NOT NULL PRIMARY KEY,
    at          BIGINT       NOT NULL,
    actor       VARCHAR(255) NOT NULL,
    action      VARCHAR(64)  NOT NULL,
    merchant_id VARCHAR(64)  NOT NULL,
    subject     VARCHAR(255) NOT NULL,
    detail      TEXT         NOT NULL,
    KEY audit_by_time (at, id),
    KEY audit_of_merchant (merchant_id, at, id),
    KEY audit_of_subject (subject, at, id),
    KEY audit_by_actor (actor, at, id),
    KEY audit_by_action (action, at, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
