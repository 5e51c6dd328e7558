-- The table that each service has among its own.
CREATE TABLE act (
    number INTEGER NOT NULL PRIMARY KEY CHECK (number > 0),
    at INTEGER NOT NULL,
    concerns TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_tenant TEXT NOT NULL,
    source TEXT NOT NULL,
    request_id TEXT NOT NULL,
    verb TEXT NOT NULL,
    target TEXT NOT NULL,
    -- JSON, without secrets.
    detail TEXT NOT NULL,
    previous BLOB NOT NULL CHECK (length(previous) = 32),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX act_by_tenant ON act (concerns, number);
CREATE TRIGGER act_keeps_its_rows BEFORE UPDATE ON act BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER act_loses_no_row BEFORE DELETE ON act BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
