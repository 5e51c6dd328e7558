-- The table that each service with secrets has among its own, and one with a secret.
CREATE TABLE data_key (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id > 0),
    wrapped BYTEA NOT NULL,
    master_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE phone (
    id BIGINT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
);
