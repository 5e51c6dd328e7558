-- The table that each service with secrets has among its own, and one with a secret.
CREATE TABLE data_key (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id > 0),
    wrapped BLOB NOT NULL,
    master_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE phone (
    id INTEGER NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT;
