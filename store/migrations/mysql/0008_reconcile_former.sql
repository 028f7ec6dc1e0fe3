-- +goose Up

-- How the differences of a version stood when another version followed it; see
-- the SQLite form.
CREATE TABLE IF NOT EXISTS reconcile_former (
    reconciliation_id    VARCHAR(96)   NOT NULL,
    discrepancy_id       VARCHAR(96)   NOT NULL,
    status               VARCHAR(16)   NOT NULL,
    ours                 MEDIUMTEXT,
    theirs               MEDIUMTEXT,
    detail               VARCHAR(1024) NOT NULL,
    evidence             VARCHAR(2048) NOT NULL,
    proposed_by          VARCHAR(128)  NOT NULL,
    approved_by          VARCHAR(128)  NOT NULL,
    resolution           TEXT          NOT NULL,
    resolved_at          BIGINT,
    PRIMARY KEY (reconciliation_id, discrepancy_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
