-- +goose Up

-- How the differences of a version stood when another version followed it: what
-- is found later, and what people do later, changes nothing of an old version.
CREATE TABLE reconcile_former (
    reconciliation_id TEXT    NOT NULL,
    discrepancy_id    TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    ours              TEXT,
    theirs            TEXT,
    detail            TEXT    NOT NULL,
    evidence          TEXT    NOT NULL,
    proposed_by       TEXT    NOT NULL,
    approved_by       TEXT    NOT NULL,
    resolution        TEXT    NOT NULL,
    resolved_at       INTEGER,
    PRIMARY KEY (reconciliation_id, discrepancy_id)
) WITHOUT ROWID;
