-- What was done, by whom: each row carries the hash of the row before it, so that none can be changed or taken out unseen.
CREATE TABLE act (
    number BIGINT NOT NULL PRIMARY KEY CHECK (number > 0),
    at BIGINT NOT NULL,
    concerns TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_tenant TEXT NOT NULL,
    source TEXT NOT NULL,
    request_id TEXT NOT NULL,
    verb TEXT NOT NULL,
    target TEXT NOT NULL,
    -- JSON, without secrets.
    detail TEXT NOT NULL,
    previous BYTEA NOT NULL CHECK (length(previous) = 32),
    hash BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32)
);
CREATE INDEX act_by_tenant ON act (concerns, number);
CREATE FUNCTION act_is_append_only() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER act_keeps_its_rows BEFORE UPDATE ON act FOR EACH ROW EXECUTE FUNCTION act_is_append_only();
CREATE TRIGGER act_loses_no_row BEFORE DELETE ON act FOR EACH ROW EXECUTE FUNCTION act_is_append_only();
CREATE TRIGGER act_is_not_emptied BEFORE TRUNCATE ON act FOR EACH STATEMENT EXECUTE FUNCTION act_is_append_only();
