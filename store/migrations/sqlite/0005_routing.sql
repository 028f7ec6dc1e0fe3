-- +goose Up

-- The merchants' routing rules: every version is kept, the highest one holds.
CREATE TABLE routing_rules (
    merchant_id TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    document    TEXT    NOT NULL,
    actor       TEXT    NOT NULL,
    note        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, version)
) WITHOUT ROWID;
CREATE UNIQUE INDEX routing_rules_generation ON routing_rules (generation);

-- One row: the generation of the newest rules of all. Its lock puts changes in
-- one order, so that a reader who knows a generation misses none before it.
CREATE TABLE routing_generation (
    id         INTEGER NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL
);
INSERT INTO routing_generation (id, generation) VALUES (1, 0);

-- When accounts take payments; an account without a row always does.
CREATE TABLE account_hours (
    account_id TEXT NOT NULL PRIMARY KEY,
    hours      TEXT NOT NULL
);
